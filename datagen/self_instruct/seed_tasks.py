"""Written tasks, from which generators start: seedbed's own in seeds/, or the user's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from seedbed import jsonl
from seedbed.errors import InputError
from seedbed.record import Record
from seedbed.resources import resource


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


def read_seeds(files: Iterable[Path]) -> list[Seed]:
    """The tasks of some files, in order. Raises InputError with the line that is none."""
    seeds: list[Seed] = []
    for path in files:
        seeds += [_seed(line, f"{path.name}:{n}") for n, line in enumerate(jsonl.read_as(dict[str, Any], path), 1)]
    return seeds


def _seed(line: dict[str, Any], where: str) -> Seed:
    """A line as a seed: a written task, or a record of an earlier run."""
    try:
        if "messages" in line:
            record = msgspec.convert(line, Record)
            labelled = record.labels.get("classification") == "yes"
            return Seed(record.instruction, record.input, record.answer, labelled, record.id)
        seed = msgspec.convert(line, Seed)
    except msgspec.MsgspecError as error:
        raise InputError(
            f"is no seed task: {error}", where=where, next_step='A line is {"instruction": …, "input": …, "output": …}'
        ) from error
    return msgspec.structs.replace(seed, id=seed.id or where)
