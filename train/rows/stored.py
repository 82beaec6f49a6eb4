"""Rows on disk: made once, kept as an Arrow file named by a hash of everything that decides them, read by memory map.

Beside the file lie the counts with a checksum, written last: a file that was not finished, or was damaged since, is
made again.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from seedbed import jsonl
from seedbed.record import Record

_BLOCK = 1000  # rows an Arrow batch
C = TypeVar("C", bound=msgspec.Struct)


class _Noted(msgspec.Struct, frozen=True):
    """What lies beside an Arrow file."""

    counts: msgspec.Raw
    checksum: int


def key(made_by: str, records: Iterable[Record]) -> str:
    """The name of the file: a hash of what makes the rows, and of the records."""
    content = hashlib.blake2b(made_by.encode(), digest_size=10)
    for record in records:
        content.update(record.id.encode())  # an id is the hash of the record's content
        if record.extra.get("tools"):  # but not of what stood beside it
            content.update(msgspec.json.encode(record.extra["tools"]))
    return content.hexdigest()


def stored(
    folder: Path, name: str, columns: Sequence[str], counts: C, make: Callable[[C], Iterator[dict[str, Any]]]
) -> tuple[Any, C]:
    """`datasets.Dataset` of the lists of ids that `columns` names, with each row's record id; and the counts.

    Unless the file is there, `make` gives the rows and fills the empty `counts` that it is called with.
    """
    import datasets

    arrow, beside = folder / f"{name}.arrow", folder / f"{name}.json"
    noted = _whole(arrow, beside)
    if noted is None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            beside.unlink(missing_ok=True)
            checksum = _write(arrow, columns, make(counts))
        except OSError as error:
            raise jsonl.cannot_write(arrow, error) from error
        noted = _Noted(msgspec.Raw(msgspec.json.encode(counts)), checksum)
        jsonl.write_text(beside, msgspec.json.encode(noted).decode())
    return datasets.Dataset.from_file(str(arrow)), msgspec.json.decode(noted.counts, type=type(counts))


def _whole(arrow: Path, beside: Path) -> _Noted | None:
    """What was noted of a cached file, if it is there and is still as it was written."""
    try:
        noted = msgspec.json.decode(beside.read_bytes(), type=_Noted)
        return noted if _checksum(arrow) == noted.checksum else None
    except (OSError, msgspec.DecodeError):
        return None


def _checksum(path: Path) -> int:
    """CRC-32: against damage, which is all that a cache of one's own needs, and fast."""
    found = 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found = zlib.crc32(block, found)
    return found


def _write(path: Path, columns: Sequence[str], rows: Iterator[dict[str, Any]]) -> int:
    """Writes the rows, all or none, and returns the file's checksum."""
    import pyarrow as pa

    ids = pa.list_(pa.int32())
    schema = pa.schema({name: ids for name in columns} | {"record": pa.string()})
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with pa.OSFile(str(partial), "wb") as file, pa.ipc.new_stream(file, schema) as out:
        while block := list(islice(rows, _BLOCK)):
            out.write_batch(pa.RecordBatch.from_pylist(block, schema=schema))
    checksum = _checksum(partial)
    partial.replace(path)
    return checksum
