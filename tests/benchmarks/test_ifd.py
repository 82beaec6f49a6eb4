"""The benchmark of IFD: every answer with its own question and with another one's, counted right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from benchmarks import ifd
from seedbed.likelihood import Measured, Said


class Student:
    """Finds every answer easier with the question that it has met it with first."""

    def __init__(self) -> None:
        self.met: dict[str, str] = {}

    def measure(self, several: Sequence[Said], alone: bool) -> list[Measured]:
        found = []
        for said in several:
            question, answer = (turn["content"] for turn in said.turns)
            own = self.met.setdefault(answer, question) == question
            found.append(Measured(1.0 if own else 2.2, 2.0, len(answer)))
        return found


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_student_that_knows_what_belongs_together(tmp_path: Path, lang: str) -> None:
    found = ifd.measure(cast(Any, Student()), lang, 70, tmp_path)
    assert found.data == f"general.{lang}.jsonl" and len(found.own) == len(found.other) == 70
    cells = [cell.strip() for cell in ifd.row(found).split("|")[1:-1]]
    assert cells[3:6] == ["1.000 (1.000 to 1.000)", "1.000", "100.0%"] and cells[6:10] == ["0.50 (0.50 to 0.50)", "1.10", "0.0%", "100.0%"]
    assert [re.findall(r"\S+", line)[-2] for line in ifd.by_length(found)] == ["1.000"] * 3
