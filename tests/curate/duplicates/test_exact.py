"""The first of equal records stays; the later ones name it."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.duplicates.compared import On
from curate.duplicates.exact import Options, exact
from seedbed.context import Context
from seedbed.record import Message, Record, chat, make


def matches(records: list[Record], on: On = "both") -> list[int | None]:
    """For each record the place of the one it repeats."""
    context = Context(Path("exact"))
    places = {record.id: place for place, record in reversed(list(enumerate(records)))}
    results = list(exact(records, Options(on=on), context))
    assert [result.id for result in results] == [record.id for record in records]
    return [places[result.rejection.match] if result.rejection else None for result in results]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (chat("What is the port?", "It is 5432."), chat("what is  the port?", "It is\n5432.")),
        (chat("默认端口是多少？", "是５４３２。"), chat("默认端口是多少?", "是5432。")),
        (make(text="ＡＰＩ 的说明"), make(text="api 的说明 ")),
    ],
)
def test_width_case_and_white_space_make_no_difference(first: Record, second: Record) -> None:
    assert matches([first, second]) == [None, 0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (chat("What is the port?", "It is 5432."), chat("What is the port?", "It is 5433.")),
        (chat("默认端口是多少？", "是5432。"), chat("默认端口是多少呢？", "是5432。")),
        (chat("Sort.", "1", input="b"), chat("Sort.", "1", input="c")),
        (chat("ab", "c"), chat("a", "bc")),
        (chat("问", "答", rejected=Message("assistant", "甲")), chat("问", "答", rejected=Message("assistant", "乙"))),
    ],
)
def test_near_neighbours_stay(first: Record, second: Record) -> None:
    assert matches([first, second]) == [None, None]


def test_the_match_is_the_first_even_for_the_third() -> None:
    records = [chat("问", f"答{mark}") for mark in ("。", "！", "。 ", "。\n")]
    last = list(exact(records, Options(), Context(Path("exact"))))[-1].rejection
    assert last and last.score == 1.0  # as every near duplicate tells how like its match it is
    assert matches(records) == [None, None, 0, 0]


def test_on_chooses_what_must_be_equal() -> None:
    records = [chat("Is it on?", "Yes."), chat("Is it off?", "Yes."), chat("Is it on?", "No.")]
    assert matches(records, "both") == [None, None, None]
    assert matches(records, "instruction") == [None, None, 0]
    assert matches(records, "answer") == [None, 0, None]


def test_later_turns_count() -> None:
    opening = (Message("user", "你好"), Message("assistant", "你好！"))
    closing = Message("assistant", "好。")
    dialogues = [make(messages=(*opening, Message("user", question), closing)) for question in ("坐车？", "走路？")]
    assert matches(dialogues, "instruction") == [None, None]


def test_nothing_to_compare_is_no_duplicate() -> None:
    records = [make(messages=(Message("user", question),)) for question in ("a", "b")]
    assert matches(records, "answer") == [None, None]


def test_the_rejection_says_what_was_equal() -> None:
    first, second = chat("What?", "This."), chat("what?", "this.")
    context = Context(Path("exact"))
    rejection = list(exact([first, second], Options(), context))[1].rejection
    assert context.figures == {"distinct": 1}
    assert rejection is not None
    assert (rejection.stage, rejection.reason, rejection.match) == ("exact", "exact", first.id)
    assert rejection.detail == f"the same question and answer as in {first.id}"


@pytest.mark.parametrize(("first", "second"), [("What is the port?", "what is  the PORT?"), ("默认端口？", "默认端口? ")])
def test_the_copy_that_the_policy_prefers_stays(tmp_path: Path, first: str, second: str) -> None:
    records = [chat(first, "5432", scores={"judge": 2.0}), chat(second, "5432", scores={"judge": 4.0}), chat("Else? 别的？", "-")]
    results = list(exact(records, Options(keep="best_score"), Context(tmp_path)))
    assert [r.rejection.match if r.rejection else None for r in results] == [records[1].id, None, None]
    results = list(exact(records, Options(keep="best_score", score="other"), Context(tmp_path)))
    assert [r.rejection.match if r.rejection else None for r in results] == [None, records[0].id, None]


def test_under_a_policy_records_with_nothing_to_compare_pass_too(tmp_path: Path) -> None:
    records = [make(messages=(Message("user", question),)) for question in ("a", "b")]
    context = Context(tmp_path)
    assert [r.rejection for r in exact(records, Options(on="answer", keep="longest"), context)] == [None, None]
    assert context.figures == {"distinct": 0}


def test_one_record_given_twice_stays_once(tmp_path: Path) -> None:
    record = chat("默认端口是多少？", "5432。")
    for options in (Options(), Options(keep="longest")):
        results = list(exact([record, record], options, Context(tmp_path)))
        assert [r.rejection is None for r in results] == [True, False]
