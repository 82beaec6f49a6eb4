"""Written tasks, from which generators start: seedbed's own in seeds/, or the user's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import msgspec

from seedbed.errors import InputError
from seedbed.jsonl import BadLine
from seedbed.record import Record, Source, make
from seedbed.resources import resource
from seedbed.rows import Row, rows


class Seed(msgspec.Struct):
    """A written task, as a line of seeds/tasks.en.jsonl has it."""

    instruction: str
    input: str = ""
    output: str = ""
    classification: bool = False
    id: str = ""


def own_files(languages: Iterable[str] = ("en", "zh")) -> list[Path]:
    """seedbed's own tasks, a file each language."""
    return [resource("seeds") / f"tasks.{name}.jsonl" for name in languages]


def read_seeds(files: Iterable[Path]) -> tuple[list[Seed], list[Record]]:
    """The tasks of some files, in order, and a rejected record for each line that is none.

    Raises InputError, with its first line that is none, where no line of a file is a task.
    """
    seeds: list[Seed] = []
    rejected: list[Record] = []
    for path in files:
        good, bad = _read(path)
        if not good:
            why = f"no line is a seed task; the first (line {bad[0].number}): {bad[0].why}" if bad else "holds no lines"
            step = 'A line is {"instruction": …, "input": …, "output": …}, or a record of an earlier run'
            raise InputError(why, where=str(path), next_step=step)
        seeds += good
        for line in bad:
            record = make(text=line.start, source=Source(document=path.name, line=line.number))
            rejected.append(record.reject("self_instruct", "bad_line", f"{path}:{line.number}: {line.why}"))
    return seeds, rejected


def _read(path: Path) -> tuple[list[Seed], list[BadLine]]:
    good: list[Seed] = []
    bad: list[BadLine] = []
    for item in rows(path):
        if isinstance(item, BadLine):
            bad.append(item)
            continue
        number, row = item
        try:
            good.append(_seed(row, f"{path.name}:{number}"))
        except ValueError as error:
            shown = json.dumps(row, ensure_ascii=False, default=str)[:200]
            bad.append(BadLine(number, f"is no seed task: {error}", shown))
    return good, bad


def _seed(row: Row, where: str) -> Seed:
    """A row as a seed: a written task, or a record of an earlier run. Raises ValueError where it is neither."""
    if "messages" in row:
        record = msgspec.convert(row, Record)
        labelled = record.labels.get("classification") == "yes"
        seed = Seed(record.instruction, record.input, record.answer, labelled, record.id)
    else:
        seed = msgspec.convert(row, Seed)
    if not seed.instruction.strip():
        raise ValueError("`instruction` is empty")
    return msgspec.structs.replace(seed, id=seed.id or where)
