"""Where the texts of a data set wait while a stage that must see all of them decides.

A stage of scope `dataset` holds in memory what it decides by (ids, hashes, token ids) and leaves the texts in a file
without a name: it is gone once closed, and a run that is killed leaves nothing behind. MessagePack, not JSON: JSON has
no NaN, and a score that is none would come back as null.
"""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec

from seedbed import jsonl
from seedbed.record import Record


class WaitingRoom:
    """Records in the order in which they came; any of them can be read again.

    `folder` is where their file lies: the system's own place for such files may be small. Raises RunError where the
    disk is full. Not thread-safe.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._encoder, self._decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Record)
        self._ends = array("q", [0])
        # What cannot be encoded (a lone surrogate, an object that a library left in `extra`) waits in memory.
        self._odd: dict[int, Record] = {}
        self._file = _nameless(folder)

    def __enter__(self) -> WaitingRoom:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # on a full disk closing fails too, and the first error is the one to tell
            self._file.close()

    def __len__(self) -> int:
        return len(self._ends) - 1

    def add(self, record: Record) -> None:
        """One more record at the end; not after reading has begun."""
        try:
            encoded = self._encoder.encode(record)
        except (UnicodeEncodeError, OverflowError, TypeError):
            self._odd[len(self)] = record
            encoded = b""
        try:
            self._file.write(encoded)
        except OSError as error:
            raise jsonl.cannot_write(self._folder, error) from error
        self._ends.append(self._ends[-1] + len(encoded))

    def taking(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records as they come, each kept before it is handed on."""
        for record in records:
            self.add(record)
            yield record

    def __getitem__(self, number: int) -> Record:
        """The so many-th record, from 0."""
        if number in self._odd:
            return self._odd[number]
        try:
            self._file.seek(self._ends[number])  # writes what is left in the buffer
        except OSError as error:
            raise jsonl.cannot_write(self._folder, error) from error
        return self._decoder.decode(self._file.read(self._ends[number + 1] - self._ends[number]))

    def __iter__(self) -> Iterator[Record]:
        """All of them, from the first."""
        return map(self.__getitem__, range(len(self)))


def _nameless(folder: Path) -> IO[bytes]:
    try:
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        raise jsonl.cannot_write(folder, error) from error
