"""The records that a near-duplicate stage compares, while they wait on disk."""

from __future__ import annotations

import hashlib
import os
import tempfile
from array import array
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

import msgspec

from curate.duplicates.compared import On, text
from curate.duplicates.decide import Item, Keep
from seedbed import jsonl
from seedbed.kin import named
from seedbed.record import Record

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Terms of records that are looked at again and again; one text's are about 500 bytes.
_REMEMBERED = 65_536


class Material:
    """Records in order: what `decide` must know of each in memory, the records themselves in a file without a name.

    items   one for each record
    hash    of ids, groups and compared texts: equal for equal material
    Use it as a context manager; the file is gone once it is closed.
    """

    def __init__(self, folder: Path, on: On, keep: Keep = "first", score: str = "") -> None:
        self._on, self._keep, self._score, self._folder = on, keep, score, folder
        self.items: list[Item] = []
        self._ends = array("q", [0])
        self._odd: dict[int, Record] = {}
        self._hash = hashlib.blake2b(digest_size=16)
        self._decode = msgspec.json.Decoder(Record).decode
        self._terms = lru_cache(_REMEMBERED)(self.named)
        try:
            # In the stage's folder: the system's own place for such files may be small.
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  closed by __exit__
        except OSError as error:
            raise jsonl.cannot_write(folder, error) from error

    def __enter__(self) -> Material:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # on a full disk closing fails too, and the first error is the one to tell
            self._file.close()

    def __len__(self) -> int:
        return len(self.items)

    @property
    def hash(self) -> str:
        return self._hash.hexdigest()

    def add(self, record: Record) -> None:
        try:
            line = msgspec.json.encode(record) + b"\n"
        except UnicodeEncodeError:  # half a surrogate pair cannot be written; what becomes of it is not decided here
            line, self._odd[len(self.items)] = b"\n", record
        try:
            self._file.write(line)
        except OSError as error:
            raise jsonl.cannot_write(self._folder, error) from error
        self._ends.append(self._ends[-1] + len(line))
        compared = text(record, self._on)
        item = Item.of(record, compared, self._keep, self._score)
        self.items.append(item)
        entry = record.labels.get("entry", "")
        told = f"{item.id}\0{item.group}\0{item.language}\0{item.grounded}\0{entry}\0{compared}\0"
        self._hash.update(told.encode("utf-8", "surrogatepass"))

    def added(self) -> None:
        """Must be called after the last `add`."""
        try:
            self._file.flush()
        except OSError as error:
            raise jsonl.cannot_write(self._folder, error) from error

    def record(self, place: int) -> Record:
        if place in self._odd:
            return self._odd[place]
        start, end = self._ends[place], self._ends[place + 1]
        return self._decode(os.pread(self._file.fileno(), end - start, start))

    def named(self, place: int) -> frozenset[str]:
        """What the record at this place names to the letter (`seedbed.kin`)."""
        record = self.record(place)
        return named(record, text(record, self._on))

    def text(self, place: int) -> str:
        """What is compared of the record at this place; empty where there is nothing."""
        return text(self.record(place), self._on)

    def texts(self) -> Iterator[str]:
        """Of all records in order."""
        return (text(record, self._on) for record in self.records())

    def records(self) -> Iterator[Record]:
        """All records in order."""
        self._file.seek(0)
        for place, line in enumerate(self._file):
            yield self._odd[place] if place in self._odd else self._decode(line)

    def kinds(self) -> Array:
        """A number for each record; those of two numbers are never twins (see `apart`)."""
        import numpy as np

        known: dict[tuple[str, str], int] = {}
        numbers = (known.setdefault((item.group, item.language), len(known)) for item in self.items)
        return np.fromiter(numbers, np.int32, len(self.items))

    def apart(self, place: int, other: int) -> bool:
        """Whether two records are no twins, however similar: they are of two groups or languages, or have evidence and
        each names a figure or code that the other does not ("What does E01 mean?", "What does E02 mean?")."""
        one, two = self.items[place], self.items[other]
        if one.group != two.group or one.language != two.language:
            return True
        if not (one.grounded and two.grounded):
            return False
        terms, others = self._terms(place), self._terms(other)
        return bool(terms - others and others - terms)

