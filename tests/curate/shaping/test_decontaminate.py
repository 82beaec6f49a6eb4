"""What an evaluation set asks goes, whatever its rows look like; what only looks like it stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from curate.shaping.decontaminate import Options, decontaminate, watch
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.record import Message, Record, chat, make

LONG = {
    "en": "A farmer has a field of 120 by 80 metres and wants to fence it with posts that stand four metres apart. The gate on "
    "the short side is six metres wide and needs no post in its middle. How many posts does the farmer have to buy?",
    "zh": "一位农民有一块长一百二十米、宽八十米的田地，想用每隔四米立一根桩的方法把它围起来。短边上的大门宽六米，门中间不需要立桩。这位农民一共需要买多少根桩子？",
}
SHORT = {"en": "Which planet of the solar system has the most moons?", "zh": "哪颗行星的卫星最多？"}
OTHER = {"en": "Which bolt holds the flange of the pump?", "zh": "水泵的法兰用哪种螺栓固定？"}
BOTH = pytest.mark.parametrize("tongue", ["en", "zh"])


def write(path: Path, rows: list[Any]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def run(records: list[Record], paths: list[str], folder: Path, **options: Any) -> tuple[list[Record], dict[str, Any]]:
    context = Context(folder)
    return list(decontaminate(records, Options(paths=tuple(paths), **options), context)), context.figures


def reasons(records: list[Record]) -> list[str]:
    return [record.rejection.reason if record.rejection else "" for record in records]


@BOTH
def test_a_long_item_is_found_inside_any_part_of_a_record(tongue: str, tmp_path: Path) -> None:
    exam = write(tmp_path / "exam.jsonl", [{"question": SHORT[tongue]}, {"question": LONG[tongue], "answer": "98"}])
    pair = make(messages=chat("?", "fine").messages, rejected=Message("assistant", LONG[tongue]))
    records = [
        chat(f"Please solve: {LONG[tongue]}", "98"),
        chat("Give me an exercise. 出一道题。", LONG[tongue]),
        chat("Solve. 解题。", "98", input=LONG[tongue]),
        make(text=f"第三章 练习 Exercises\n\n{LONG[tongue]}\n\n"),
        pair,
        chat(OTHER[tongue], "M8."),
    ]
    results, figures = run(records, [exam], tmp_path)
    assert [r.id for r in results] == [r.id for r in records]
    assert reasons(results) == ["ngrams"] * 5 + [""]
    rejection = results[0].rejection
    assert rejection is not None and (rejection.stage, rejection.match, rejection.score) == ("decontaminate", "exam.jsonl:2", 1.0)
    assert "exam.jsonl:2, 100% of it stands here" in rejection.detail and LONG[tongue][:40] in rejection.detail
    assert figures == {
        "checked": 6, "passed_over": 0, "touched": 0, "items": 2, "files": 1,
        "sets": {"exam.jsonl": {"items": 2, "unusable": 0, "found": 1, "rejected": 5}},
    }  # fmt: skip


@BOTH
def test_half_of_an_item_is_enough_and_one_run_is_not_unless_asked_for(tongue: str, tmp_path: Path) -> None:
    exam = write(tmp_path / "exam.jsonl", [{"question": LONG[tongue]}])
    most, some = LONG[tongue][: int(len(LONG[tongue]) * 0.7)], LONG[tongue][: int(len(LONG[tongue]) * 0.4)]
    records = [chat(f"{part} … ?", "-") for part in (most, some)]
    results, figures = run(records, [exam], tmp_path)
    assert reasons(results) == ["ngrams", ""] and figures["touched"] == 1
    assert results[0].rejection and 0.5 < (results[0].rejection.score or 0) < 0.8
    assert reasons(run(records, [exam], tmp_path, coverage=0)[0]) == ["ngrams", "ngrams"]


@pytest.mark.parametrize(
    ("item", "asked", "goes"),
    [
        (SHORT["en"], SHORT["en"].lower().replace("?", " ?"), True),
        (SHORT["en"], "Which planet of our solar system has the most moons?", True),
        ("What is the capital of France?", "What is the capital of Norway?", False),
        ("How many days does February have in 2024?", "How many days does February have in 2025?", False),
        ("What is AI?", "What is AI?", True),
        ("What is AI?", "What is AI good for in a large hospital?", False),
        (SHORT["zh"], "请问哪颗行星的卫星最多?", True),
        ("法国的首都是哪座城市？", "挪威的首都是哪座城市？", False),
        ("2024年的二月份一共有多少天？", "2025年的二月份一共有多少天？", False),
        ("什么是人工智能？", "什么是人工智能", True),
        ("什么是人工智能？", "什么是人工智能在大医院里最有用的地方？", False),
    ],
)
def test_a_short_item_is_compared_whole_and_with_what_it_asks_about(item: str, asked: str, goes: bool, tmp_path: Path) -> None:
    exam = write(tmp_path / "exam.jsonl", [{"question": "Unrelated words 无关的话"}, {"question": item}])
    [result], _ = run([chat(asked, "-")], [exam], tmp_path)
    assert (result.rejection is not None) is goes
    if result.rejection:
        assert (result.rejection.reason, result.rejection.match) == ("item", "exam.jsonl:2")
        assert (result.rejection.score or 0) > 0.8


@BOTH
def test_every_turn_of_a_dialogue_is_looked_at_and_an_input_with_and_without_its_instruction(tongue: str, tmp_path: Path) -> None:
    exam = write(tmp_path / "exam.jsonl", [{"instruction": "翻译 Translate:", "input": SHORT[tongue], "output": "…"}])
    bare = write(tmp_path / "bare.jsonl", [{"text": SHORT[tongue]}])
    turns = (Message("user", OTHER[tongue]), Message("assistant", "M8."), Message("user", SHORT[tongue]), Message("assistant", "Saturn."))
    alpaca = chat("翻译 Translate:", "…", input=SHORT[tongue])
    wordy = chat("Answer the question below in one short sentence for children. 请用一句话为孩子回答下面的问题。", "…", input=SHORT[tongue])
    assert reasons(run([make(messages=turns), alpaca, wordy, chat("翻译 Translate:", "…", input=OTHER[tongue])], [bare], tmp_path)[0]) == ["item"] * 3 + [""]
    assert reasons(run([alpaca], [exam], tmp_path)[0]) != [""]


ROWS: list[dict[str, Any]] = [
    {"question": SHORT["en"], "choices": ["Mars", "Saturn"], "answer": 1},
    {"题目": SHORT["en"], "答案": "B"},
    {"problem": SHORT["en"], "solution": "…"},
    {"prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": SHORT["en"]}], "ideal": "Saturn"},
    {"conversations": [{"from": "human", "value": SHORT["en"]}, {"from": "gpt", "value": "Saturn"}]},
    {"messages": [{"role": "user", "content": SHORT["en"]}]},
    {"prompt": SHORT["en"], "chosen": "Saturn", "rejected": "Mars"},
    {"text": SHORT["en"]},
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: next(iter(row)))
def test_rows_of_any_shape(row: dict[str, Any], tmp_path: Path) -> None:
    exam = write(tmp_path / "exam.jsonl", [row])
    assert reasons(run([chat(SHORT["en"], "-")], [exam], tmp_path)[0]) == ["item"]


def test_a_column_of_another_name_and_a_row_that_asks_nothing(tmp_path: Path) -> None:
    exam = write(tmp_path / "exam.jsonl", [{"stem": SHORT["zh"], "key": "土星"}, {"stem": " "}, ["no object"]])
    with pytest.raises(InputError, match=r"exam\.jsonl: no row asks anything; the first.*columns: \{instruction: NAME\}"):
        run([], [exam], tmp_path)
    columns = {"instruction": "stem", "output": "key"}
    results, figures = run([chat(SHORT["zh"], "-")], [exam], tmp_path, columns=columns)
    assert reasons(results) == ["item"]
    assert figures["sets"]["exam.jsonl"] == {"items": 1, "unusable": 2, "found": 1, "rejected": 1}


def test_folders_and_saved_data_sets(tmp_path: Path) -> None:
    write(tmp_path / "eval" / "a" / "zh.jsonl", [{"question": SHORT["zh"]}])
    (tmp_path / "eval" / "en.csv").write_text(f"question,answer\n{SHORT['en']},Saturn\n", encoding="utf-8")
    results, figures = run([chat(SHORT["en"], "-"), chat(SHORT["zh"], "-")], [str(tmp_path / "eval")], tmp_path)
    assert [r.rejection.match for r in results if r.rejection] == ["en.csv:2", "a/zh.jsonl:1"]
    assert list(figures["sets"]) == ["a/zh.jsonl", "en.csv"]
    assert [path.name for path in watch(Options(paths=(str(tmp_path / "eval"),)))] == ["zh.jsonl", "en.csv"]


def test_test_records_pass_and_general_ones_do_not(tmp_path: Path) -> None:
    exam = write(tmp_path / "exam.jsonl", [{"question": SHORT["en"]}, {"question": LONG["zh"]}])
    bare = chat(SHORT["en"], "Saturn.")
    records = [msgspec.structs.replace(bare, split=split) for split in ("train", "", "validation", "test_seen", "test_general")]
    records.append(msgspec.structs.replace(bare, split="train", task="general"))
    results, figures = run(records, [exam], tmp_path)
    assert reasons(results) == ["item", "item", "item", "", "", "item"]
    assert (figures["checked"], figures["passed_over"]) == (4, 2)
    texts = [make(text=LONG["zh"])]
    assert reasons(run(texts, [exam], tmp_path)[0]) == ["ngrams"]
    results, figures = run(texts, [exam], tmp_path, also_text=False)
    assert reasons(results) == [""] and figures["passed_over"] == 1


@pytest.mark.parametrize(
    ("frame", "subjects"),
    [
        ("Read the text above with care and then decide which one of the following four statements is true of {}",
         "whales bread chess glass maple opera radio salt tides wool yeast".split()),
        ("请仔细阅读上面给出的文字材料，然后从下面的四个选项中选出一个说法正确的：{}", list("鲸米棋茶枫戏电盐潮毛酵")),
    ],
)  # fmt: skip
def test_the_frame_of_many_items_is_no_find(frame: str, subjects: list[str], tmp_path: Path) -> None:
    exam = write(tmp_path / "exam.jsonl", [{"question": frame.format(subject)} for subject in subjects])
    asked = [chat(frame.format(other), "-") for other in ("concrete", "瓷砖")]
    results, figures = run(asked, [exam], tmp_path, short=0)
    assert reasons(results) == ["", ""] and figures["touched"] == 0
    few = write(tmp_path / "few.jsonl", [{"question": frame.format(subject)} for subject in subjects[:3]])
    assert reasons(run(asked, [few], tmp_path, short=0)[0]) == ["ngrams", "ngrams"]


def test_odd_records_pass(tmp_path: Path) -> None:
    exam = write(tmp_path / "exam.jsonl", [{"question": SHORT["en"]}, {"question": LONG["en"]}])
    turns: list[tuple[Message, ...]] = [
        (), (Message("user", ""), Message("assistant", "")), (Message("assistant", "alone"),),
        (Message("user", "\ud800 ？"), Message("tool", "{}")), (Message("system", "你是助手"),),
    ]  # fmt: skip
    results, _ = run([Record(id="1", messages=messages) for messages in turns], [exam], tmp_path)
    assert reasons(results) == [""] * len(turns)
    assert run([], [exam], tmp_path)[1]["checked"] == 0


def test_the_same_whatever_the_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exam = write(tmp_path / "exam.jsonl", [{"question": q} for q in (*LONG.values(), *SHORT.values())])
    records = [chat(q, "-") for q in (*OTHER.values(), *LONG.values(), *SHORT.values())] * 3
    whole = run(records, [exam], tmp_path)
    monkeypatch.setattr("curate.shaping.decontaminate._BATCH", 2)
    assert run(records, [exam], tmp_path) == whole


def test_bad_options_and_missing_sets_are_told(tmp_path: Path) -> None:
    for options, told in ({"size": 2}, "size: expected"), ({"near": 1.5}, "near: expected"), ({"short": -1}, "short: expected"):
        with pytest.raises(ValueError, match=told):
            Options(paths=("x",), **options)
    with pytest.raises(InputError, match="no evaluation set is named"):
        run([], [], tmp_path)
    with pytest.raises(InputError, match="no such data file"):
        run([], [str(tmp_path / "nothing.jsonl")], tmp_path)
