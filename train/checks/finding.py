"""What the checks look at, and what each of them finds."""

from __future__ import annotations

from typing import Literal

import msgspec

from train.checks.memory import Memory
from train.checks.talk import Talk
from train.options import Options
from train.rows.data import Counts
from train.students.model import Shape

Level = Literal["ok", "warning", "error"]


class Finding(msgspec.Struct, frozen=True):
    """One check: what was found, why it matters, and what to do where it is not ok."""

    level: Level
    name: str
    figure: str
    why: str
    remedy: str = ""

    def line(self) -> str:
        """As one line for a person."""
        tail = f" {self.remedy}." if self.remedy and self.level != "ok" else ""
        return f"{self.level:7} {self.name.replace('_', ' ')}: {self.figure}. {self.why}{tail}"


class Facts(msgspec.Struct, kw_only=True):
    """What the checks look at.

    longest     the most tokens that one row of a batch takes
    pad, end    the tokenizer's tokens; `end` is empty where it has none
    talk        how template and student go together; None where no template is used
    fault       why the template cannot be used at all, and `mend` what to do; then there are no rows
    memory      of one process, and `processes` how many of them share `free`; bytes, as `disk`
    """

    options: Options
    train: Counts
    validation: Counts
    general: int
    steps: int
    shape: Shape
    pad: str
    end: str
    longest: int
    memory: Memory
    free: int
    disk: int
    disk_free: int
    talk: Talk | None = None
    fault: str = ""
    mend: str = ""
    processes: int = 1
