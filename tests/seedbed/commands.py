"""What the tests of the command line share: what a command said, and how it ended."""

from __future__ import annotations

from pathlib import Path

from seedbed import jsonl
from seedbed.record import Record


class Said:
    """What a command said and how it ended."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


def records(folder: Path, name: str = "kept") -> list[Record]:
    return list(jsonl.read(folder / f"{name}.jsonl"))


def one_line(said: Said, status: int = 2) -> str:
    assert (said.status, said.err.count("\n")) == (status, 1), said.err
    assert said.err.startswith("seedbed: ")
    return said.err.removeprefix("seedbed: ").strip()
