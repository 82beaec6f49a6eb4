"""The source stage of a job that starts from data sets instead of documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import msgspec

from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.formats import FORMATS, read_records
from seedbed.jsonl import BadLine
from seedbed.record import Record, Source, make

VERSION = 1


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Data files, and their format where it should not be recognised."""

    PATHS: ClassVar[tuple[str, ...]] = ("paths",)
    paths: tuple[str, ...] = ()
    format: str | None = None

    def __post_init__(self) -> None:
        if self.format is not None and self.format not in FORMATS:
            raise ValueError(f"format: unknown {self.format!r}; known: {', '.join(FORMATS)}")


def watch(options: Options) -> list[Path]:
    """The data files: their content is part of the fingerprint."""
    missing = [path for path in options.paths if not Path(path).is_file()]
    if missing:
        raise InputError("no such data file", where=missing[0], next_step="Name a JSON, JSONL, CSV or Parquet file")
    return [Path(path) for path in options.paths]


def import_records(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every row of the files as a record; a row that fits no format is rejected with its line number."""
    for path in watch(options):
        bad: list[BadLine] = []
        yield from read_records(path, options.format, bad)
        for line in bad:
            source = Source(document=path.name, line=line.number)
            record = make(text=line.start, source=source)
            yield record.reject("import", "bad_line", f"{path}:{line.number}: {line.why}")
