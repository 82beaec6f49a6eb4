"""What was measured once is not measured again, whatever the thresholds; a slice counts as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from seedbed.errors import RunError
from seedbed.likelihood import Measured, Remembered, Said

TEXTS = [Said(text="One."), Said(text="二。"), Said(turns=({"role": "user", "content": "?"}, {"role": "assistant", "content": "!"},))]


class Counting:
    """A student that measures lengths and remembers what it was asked."""

    def __init__(self, identity: str = "tiny", fails_at: int = 0) -> None:
        self.identity, self.fails_at = identity, fails_at
        self.asked: list[tuple[Said, bool]] = []

    def measure(self, several: Sequence[Said], alone: bool) -> list[Measured]:
        self.asked += [(said, alone) for said in several]
        if self.fails_at and len(self.asked) >= self.fails_at:
            raise KeyboardInterrupt
        return [Measured(given=1 / (1 + len(said.text)), alone=2.0 if alone and said.turns else None, tokens=3,
                         fault="template" if said.text == "二。" else "") for said in several]


def test_each_text_is_measured_once_also_by_a_later_run(tmp_path: Path) -> None:
    student = Counting()
    with Remembered(student, tmp_path / "losses.sqlite") as remembered:
        first = remembered.measure([*TEXTS, TEXTS[0]], alone=False)
    again = Counting()
    with Remembered(again, tmp_path / "losses.sqlite") as remembered:
        assert remembered.measure([TEXTS[0], *TEXTS], alone=False) == [first[0], *first[:3]]
    assert [said for said, _ in student.asked] == TEXTS and again.asked == []
    assert first[0] == first[3] == Measured(given=0.2, tokens=3) and first[1].fault == "template"


def test_what_was_measured_without_the_answer_alone_is_measured_again_with_it(tmp_path: Path) -> None:
    student = Counting()
    with Remembered(student, tmp_path / "losses.sqlite") as remembered:
        remembered.measure(TEXTS[1:], alone=False)
        found = remembered.measure(TEXTS[1:], alone=True)
        assert [one.alone for one in found] == [None, 2.0]
        assert student.asked[2:] == [(TEXTS[2], True)]  # a fault stays one
        remembered.measure(TEXTS[1:], alone=False)
    assert len(student.asked) == 3


def test_another_student_measures_anew(tmp_path: Path) -> None:
    for name in ("tiny", "other", "tiny"):
        student = Counting(name)
        with Remembered(student, tmp_path / "losses.sqlite") as remembered:
            remembered.measure(TEXTS, alone=False)
    assert student.asked == []


def test_a_slice_broken_off_leaves_nothing_behind(tmp_path: Path) -> None:
    student = Counting(fails_at=5)
    with Remembered(student, tmp_path / "losses.sqlite") as remembered:
        remembered.measure(TEXTS[:2], alone=False)
        with pytest.raises(KeyboardInterrupt):
            remembered.measure([Said(text="Three."), Said(text="四。"), Said(text="Five.")], alone=False)
    again = Counting()
    with Remembered(again, tmp_path / "losses.sqlite") as remembered:
        remembered.measure([TEXTS[0], Said(text="Three.")], alone=False)
    assert [said.text for said, _ in again.asked] == ["Three."]


def test_more_texts_than_one_query_takes(tmp_path: Path) -> None:
    texts = [Said(text="x" * n) for n in range(1200)]
    with Remembered(Counting(), tmp_path / "losses.sqlite") as remembered:
        first = remembered.measure(texts, alone=False)
        assert remembered.measure(texts, alone=False) == first and len(first) == 1200


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "losses.sqlite").write_bytes(b"no database at all, but long enough to be taken for one" * 40)
    with pytest.raises(RunError, match="can be deleted"):
        Remembered(Counting(), tmp_path / "losses.sqlite")
