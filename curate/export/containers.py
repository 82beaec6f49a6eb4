"""Exported JSON lines as what else people ask for: one JSON array, CSV, Parquet.

Files are written as JSON lines first and turned into these afterwards, row by row, so that a million records take no
more memory than one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import msgspec

from curate.export.columns import Columns, Row
from seedbed import jsonl
from seedbed.errors import MissingExtra, RunError

Container = Literal["jsonl", "json", "csv", "parquet"]
_BATCH = 1024  # rows of a Parquet row group written at a time


def holds(container: Container, row: Row) -> bool:
    """Whether a container has room for the row: in a CSV loaders take a list for a text, and lose what it says."""
    return container != "csv" or not any(isinstance(value, list | dict) for value in row.values())


def turn_into(container: Container, path: Path, columns: Columns) -> None:
    """Replaces `path`, a file of JSON lines, by `path` with the container's suffix. Raises RunError, MissingExtra."""
    if container == "jsonl":
        return
    rows = jsonl.read_as(Row, path)
    target = path.with_suffix(f".{container}")
    if container == "json":
        _json(rows, target)
    elif container == "csv":
        _csv(rows, target, columns)
    else:
        _parquet(rows, target, columns)
    path.unlink()


def _json(rows: Iterator[Row], target: Path) -> None:
    with jsonl.Writer(target) as out:
        before = b"[\n"
        for row in rows:
            out.write_bytes(before + msgspec.json.encode(row, order="deterministic"))
            before = b",\n"
        out.write_bytes(b"\n]\n")


def _csv(rows: Iterator[Row], target: Path, columns: Columns) -> None:
    """The first line names the columns. Lists and objects have been refused before (see `holds`)."""
    with jsonl.Writer(target) as out:
        out.write_bytes(_line(columns.types))
        for row in rows:
            out.write_bytes(_line("" if row.get(name) is None else str(row[name]) for name in columns.types))


def _line(cells: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode("utf-8")


def _parquet(rows: Iterator[Row], target: Path, columns: Columns) -> None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("pyarrow", "parquet") from error
    schema = pyarrow.schema([(name, _arrow(kind, pyarrow)) for name, kind in columns.types.items()])
    partial = target.with_name(target.name + ".partial")
    try:
        with pyarrow.parquet.ParquetWriter(partial, schema) as out:
            while some := list(islice(rows, _BATCH)):
                out.write_batch(pyarrow.RecordBatch.from_pylist(some, schema=schema))
        partial.replace(target)
    except OSError as error:
        raise jsonl.cannot_write(target, error) from error
    except pyarrow.ArrowException as error:
        why = f"cannot be written as Parquet, for rows disagree on a column: {error}"
        raise RunError(why, where=str(target), next_step="Write `container: jsonl`") from error


def _arrow(kind: Any, pa: Any) -> Any:
    if isinstance(kind, dict):
        return pa.struct([(name, _arrow(inner, pa)) for name, inner in kind.items()])
    if isinstance(kind, list):
        return pa.list_(_arrow(kind[0], pa))
    scalars = {"bool": pa.bool_(), "int64": pa.int64(), "float64": pa.float64(), "string": pa.string()}
    return scalars.get(kind, pa.null())
