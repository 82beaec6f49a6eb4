"""Records that wait on disk come back as they were, in order or one by one, and leave nothing behind."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from curate.waiting import WaitingRoom
from seedbed.errors import RunError
from seedbed.record import Record, chat, make

GIVEN = [
    chat("多久换一次油？", "每三个月。\n\x00", labels={"kind": "fact"}),
    Record(id="1" * 16, text="\ud800 lone"),
    make(text="x" * 100_000, extra={"big": 2**70, "object": Path("x")}),
    chat("And then?", "Stop.", extra={"deep": [{"a": None}]}),
]


def test_all_come_back_in_order_and_one_by_one(tmp_path: Path) -> None:
    with WaitingRoom(tmp_path) as waiting:
        for record in GIVEN:
            waiting.add(record)
        assert len(waiting) == 4
        assert list(waiting) == GIVEN == list(waiting)
        assert [waiting[number] for number in (3, 0, 2, 1)] == [GIVEN[3], GIVEN[0], GIVEN[2], GIVEN[1]]
        assert list(tmp_path.iterdir()) == []


def test_a_score_that_is_no_number_stays_none(tmp_path: Path) -> None:
    with WaitingRoom(tmp_path) as waiting:
        waiting.add(chat("q", "a", scores={"ppl": math.nan, "ifd": math.inf}))
        assert math.isnan(waiting[0].scores["ppl"]) and waiting[0].scores["ifd"] == math.inf


def test_none_at_all_and_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with WaitingRoom(tmp_path) as waiting:
        assert list(waiting) == []
    with pytest.raises(RunError, match="cannot be written: No such file"):
        WaitingRoom(tmp_path / "none")
