"""Wording too close to an earlier record's is rejected with that record, the score and what was compared."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from curate.duplicates.rouge import Options, rouge
from seedbed.context import Context
from seedbed.record import Evidence, Record, Step, chat, make

EN = "How do I change the default port of the server?"
EN_TWIN = "How do I change the default port of the client?"  # 9 of 10 tokens
ZH = "怎样修改服务器的默认端口？"
ZH_TWIN = "怎样修改服务器的默认地址？"  # 10 of 12 characters


def run(records: list[Record], options: Options | None = None) -> tuple[list[Record], Context]:
    with TemporaryDirectory() as folder:
        context = Context(Path(folder))
        return list(rouge(records, options or Options(), context)), context


@pytest.mark.parametrize(("first", "twin", "score"), [(EN, EN_TWIN, 0.9), (ZH, ZH_TWIN, 0.8333)])
def test_the_later_twin_goes_and_names_the_first(first: str, twin: str, score: float) -> None:
    records = [chat(first, "In the file."), chat("为什么？ Why?", "…"), chat(twin, "Elsewhere.")]
    results, _ = run(records)
    assert [result.id for result in results] == [record.id for record in records]
    assert [result.rejection is None for result in results] == [True, True, False]
    rejection = results[2].rejection
    assert rejection is not None
    assert (rejection.stage, rejection.reason) == ("rouge", "rouge")
    assert (rejection.match, rejection.score) == (records[0].id, score)
    assert rejection.detail.startswith(f"its question is worded like that of {records[0].id}: ROUGE-L {score:.2f}")


@pytest.mark.parametrize("questions", [(EN, "Where is the log file of the server kept?"), (ZH, "日志保存在哪个目录？")])
def test_other_questions_stay(questions: tuple[str, str]) -> None:
    results, _ = run([chat(question, "Same answer, 同样的回答。") for question in questions])
    assert not any(result.rejection for result in results)


def test_exactly_the_threshold_passes() -> None:
    results, _ = run([chat(EN, "a"), chat(EN_TWIN, "b")], Options(threshold=0.9))
    assert results[1].rejection is None


def test_a_rejected_record_is_no_measure_for_later_ones() -> None:
    texts = ["a b c d e f g h i j", "a b c d e f g h x y", "a b c d e f z w x y"]
    results, _ = run([chat(text, "-") for text in texts])
    assert [result.rejection is None for result in results] == [True, False, True]


def test_the_input_counts_with_the_instruction() -> None:
    inputs = ("今天天气很好，我们去公园散步", "明年项目预算需要重新核算审批")
    results, _ = run([chat("翻译：", "-", input=text) for text in inputs])
    assert not any(result.rejection for result in results)


def test_on_answer_and_both() -> None:
    records = [chat(EN, "Set the port in the file and restart."), chat(ZH, "Set the port in the file and restart it.")]
    records = [make(messages=record.messages, language="en") for record in records]
    assert [result.rejection is None for result in run(records, Options(on="answer"))[0]] == [True, False]
    assert [result.rejection is None for result in run(records, Options(on="both"))[0]] == [True, True]


def test_languages_are_compared_apart_and_counted() -> None:
    twins = [(EN, "en"), (EN, "zh"), (ZH, "zh"), (EN_TWIN, "en")]
    results, context = run([chat(text, "-", language=language) for text, language in twins])
    assert [result.rejection is None for result in results] == [True, True, True, False]
    assert context.figures == {
        "threshold": 0.7, "floor": 0.6, "pairs": 1, "crowded": 0, "accepted": {"en": 1, "zh": 2}, "rejected": {"en": 1},
        "spared": 0, "wordings": 0, "outside": 0,
    }


def test_text_records_are_compared_by_their_text() -> None:
    results, _ = run([make(text=ZH), make(text=ZH_TWIN)])
    assert results[1].rejection is not None
    assert results[1].rejection.detail.startswith("its text is worded like")


@pytest.mark.parametrize(("question", "noisy"), [(EN, EN.replace("default", "defualt")), (ZH, ZH.replace("默认", "莫认"))])
def test_a_form_made_on_purpose_is_spared_beside_its_origin_and_its_other_forms(question: str, noisy: str) -> None:
    origin = chat(question, "In the file.")
    cleaned = origin.revised(Step(stage="clean", operation="clean"), messages=chat(question, "In the file").messages)
    forms = [
        origin.revised(Step(stage="augment", operation=kind), messages=chat(*words).messages)
        for kind, words in {"noise": (noisy, "In the file."), "polish": (question, "It stands in the file.")}.items()
    ]
    stranger = chat(noisy, "Elsewhere.")
    results, context = run([cleaned, *forms, stranger])
    assert [result.rejection is None for result in results] == [True, True, True, False]
    assert context.figures["spared"] == 2
    # Without its origin a form is judged like any other record.
    results, context = run([stranger, *forms])
    assert [result.rejection is None for result in results] == [True, False, False]
    assert context.figures["spared"] == 0


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.1])
def test_a_threshold_out_of_range_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold: expected"):
        Options(threshold=threshold)


@pytest.mark.parametrize("form", ["What does the code E0{} on the display mean?", "显示屏上的代码 E0{} 表示什么？"])
def test_grounded_questions_about_two_codes_are_no_twins(form: str) -> None:
    quote = (Evidence("…", 0, 1),)
    asked = [chat(form.format(n), f"Fault {n}.", evidence=quote) for n in (1, 2)]
    assert [r.rejection for r in run(asked)[0]] == [None, None]
    bare = [chat(form.format(n), f"Fault {n}.") for n in (1, 2)]
    assert [r.rejection is None for r in run(bare)[0]] == [True, False]
