"""Rows on disk: made once, kept as an Arrow file beside their counts, read by memory map.

The caller names the file by a hash of everything that decides its content, so what is there is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from seedbed import jsonl

_BLOCK = 1000  # rows an Arrow batch
C = TypeVar("C", bound=msgspec.Struct)


def stored(
    folder: Path, name: str, columns: Sequence[str], counts: C, make: Callable[[C], Iterator[dict[str, Any]]]
) -> tuple[Any, C]:
    """`datasets.Dataset` of the lists of ids that `columns` names, with each row's record id; and the counts.

    Unless the file is there, `make` gives the rows and fills the empty `counts` that it is called with.
    """
    import datasets

    arrow, noted = folder / f"{name}.arrow", folder / f"{name}.json"
    if not (arrow.exists() and noted.exists()):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write(arrow, columns, make(counts))
        except OSError as error:
            raise jsonl.cannot_write(arrow, error) from error
        jsonl.write_text(noted, msgspec.json.encode(counts).decode())
    return datasets.Dataset.from_file(str(arrow)), msgspec.json.decode(noted.read_bytes(), type=type(counts))


def _write(path: Path, columns: Sequence[str], rows: Iterator[dict[str, Any]]) -> None:
    import pyarrow as pa

    ids = pa.list_(pa.int32())
    schema = pa.schema({name: ids for name in columns} | {"record": pa.string()})
    partial = path.with_suffix(".partial")
    with pa.OSFile(str(partial), "wb") as file, pa.ipc.new_stream(file, schema) as out:
        while block := list(islice(rows, _BLOCK)):
            out.write_batch(pa.RecordBatch.from_pylist(block, schema=schema))
    partial.replace(path)
