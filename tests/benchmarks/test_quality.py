"""The benchmark of quality judges both of its sides alike, and says of each what was asked and what came."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.quality.__main__ import main
from benchmarks.quality.desk import desk
from benchmarks.quality.faults import faults
from datagen.teacher.options import TeacherOptions
from seedbed.record import Record, Source, Step, chat, make

TEXTS = {
    "en": "The KX-40 pump runs at 2.5 bar by default. The oil of the pump is changed every 500 hours of work.",
    "zh": "KX-40 离心泵的默认压力是 2.5 bar。离心泵的润滑油每运行 500 小时更换一次，由值班人员负责记录。",
}
GOOD = {
    "en": ("What is the default pressure of the KX-40 pump?", "By default it runs at 2.5 bar."),
    "zh": ("KX-40 离心泵的默认压力是多少？", "默认压力是 2.5 bar。"),
}
OIL = {
    "en": ("How often is the oil of the pump changed?", "Every 500 hours of work."),
    "zh": ("离心泵的润滑油多久更换一次？", "每运行 500 小时更换一次。"),
}
BOTH = pytest.mark.parametrize("lang", ["en", "zh"])


def judged(lang: str, *pairs: tuple[str, str]) -> list[list[str]]:
    passage = make(text=TEXTS[lang], language=lang, source=Source(document="pump.md", headings=("KX-40",)))
    step = Step(stage="naive", operation="pairs", parents=(passage.id,))
    records: list[Record] = [chat(q, a, language=lang, history=(step,)) for q, a in pairs]
    return list(faults(records, {passage.id: passage}, "pumps"))


@BOTH
def test_a_good_pair_has_no_fault_and_its_twin_is_one(lang: str) -> None:
    assert judged(lang, GOOD[lang], OIL[lang], GOOD[lang]) == [[], [], ["twin_question"]]


@pytest.mark.parametrize(
    ("lang", "question", "answer", "reasons"),
    [
        ("en", "What does the passage say about the oil of the pump?", "It is changed every 500 hours.", "leans_on_passage"),
        ("zh", "根据文档，离心泵的润滑油多久更换一次？", "每运行 500 小时更换一次。", "leans_on_passage"),
        ("en", "The oil of the pump is changed every 500 hours of work.", "It is changed every 900 hours.",
         "not_a_question unsupported_figure"),
        ("zh", "离心泵的润滑油每运行 500 小时更换一次。", "每运行 900 小时更换一次。", "not_a_question unsupported_figure"),
        ("zh", "离心泵的型号是什么？", "KX-40", ""),
        ("en", "Which pump runs at 2.5 bar?", "KX-40", ""),
        ("zh", "离心泵的型号是什么？", "KX-90", "unsupported_figure"),
        ("zh", "How often is the oil of the pump changed?", "Every 500 hours.", "wrong_language wrong_language"),
    ],
)
def test_faults_of_question_and_answer(lang: str, question: str, answer: str, reasons: str) -> None:
    assert judged(lang, (question, answer)) == [reasons.split()]


@BOTH
def test_passages_are_drawn_one_out_of_each_stretch(lang: str, tmp_path: Path) -> None:
    word = {"en": "The valve number {0} is opened by hand and closed by the clock {0}. " * 4,
            "zh": "{0} 号阀门由值班人员打开，到时间由 {0} 号时钟关闭，并且每次都要记录。" * 4}[lang]
    document = tmp_path / "valves.md"
    document.write_text("\n\n".join(f"# Valve 阀门 {n}\n\n{word.format(n)}" for n in range(30)), encoding="utf-8")
    rules = tmp_path / "rules.jsonl"
    rules.write_text('{"default": ""}\n')
    with desk(tmp_path / "run", lang, TeacherOptions(model=f"scripted:{rules}")) as at:
        drawn, again = at.passages(document, 5), at.passages(document, 5)
    starts = [record.source.start for record in drawn if record.source]
    edges = [len(document.read_text(encoding="utf-8")) * n // 5 for n in range(6)]
    assert drawn == again and len(starts) == 5
    assert all(low - 200 <= start < high for start, low, high in zip(starts, edges, edges[1:], strict=False))  # type: ignore[operator]


def reply(pair: tuple[str, str]) -> dict[str, object]:
    return {"question": pair[0], "answer": pair[1], "sentences": [1]}


def test_the_command_reports_both_sides_and_says_the_same_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rules: list[dict[str, object]] = [
        {"match": "three question-answer pairs", "json": [reply(GOOD["en"]), {"question": "The oil.", "answer": "500 hours"}]},
        {"match": "三个用于训练", "text": "对不起，我不能。"},
    ]
    marks = {"en": ("by default", "oil"), "zh": ("默认压力", "润滑油")}
    for lang in ("en", "zh"):
        rules += [{"match": marks[lang][0], "json": reply(GOOD[lang])}, {"match": marks[lang][1], "json": reply(OIL[lang])}]
        filler = {"en": "This holds for every shift, as it did for the shift before it. ", "zh": "这对每一班都一样，交班时由两个人一起检查。"}
        (tmp_path / f"{lang}.md").write_text(f"# KX-40\n\n{TEXTS[lang]}{filler[lang] * 3}", encoding="utf-8")
    script = tmp_path / "rules.jsonl"
    script.write_text("".join(json.dumps(rule, ensure_ascii=False) + "\n" for rule in rules), encoding="utf-8")
    asked = ["--documents-en", f"{tmp_path}/en.md", "--documents-zh", f"{tmp_path}/zh.md", "--out", f"{tmp_path}/out",
             "--result", f"{tmp_path}/result.md", "--model", f"scripted:{script}", "--parts", "doc_qa,naive"]
    main(asked)
    first = (tmp_path / "result.md").read_text(encoding="utf-8")
    rows = {line.split(" | ")[0].strip("| "): line.strip("| ").split(" | ")[1:] for line in first.splitlines()}
    assert rows["accepted"] == ["≥ 50 %", "100.0% (2 of 2)", "100.0% (2 of 2)", "100.0% (2 of 2)", "–"]
    unread = rows["replies that could not be read, after asking again"]
    assert unread == ["< 2 %", "0.0% (0 of 2)", "0.0% (0 of 2)", "0.0% (0 of 1)", "100.0% (1 of 1)"]
    assert rows["faultless by the checks below"][1:4] == ["100.0% (2 of 2)", "100.0% (2 of 2)", "50.0% (1 of 2)"]
    quoted = rows["accepted whose quotes stand in the document at their span"]
    assert quoted == ["100 %", "100.0% (2 of 2)", "100.0% (2 of 2)", "–", "–"]
    assert rows["refused"] == ["1"]
    assert OIL["zh"][0] in (tmp_path / "out" / "zh" / "02-doc_qa.txt").read_text(encoding="utf-8")
    main(asked)
    assert (tmp_path / "result.md").read_text(encoding="utf-8") == first
    capsys.readouterr()
