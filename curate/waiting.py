"""Where the texts of a data set wait while a stage that must see all of them decides.

A stage of scope `dataset` holds in memory what it decides by (ids, hashes, token ids) and leaves the texts in a file
without a name: it is gone once closed, and a run that is killed leaves nothing behind. MessagePack, not JSON: JSON has
no NaN, and a score that is none would come back as null.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec

from seedbed import jsonl
from seedbed.record import Record

_LENGTH = 8  # bytes before each record that say how many follow


class Waiting:
    """Records in the order in which they came; `folder` is where their file lies (the system's own place for such
    files may be small). Raises RunError where the disk is full. Not thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._encoder, self._decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Record)
        # What cannot be encoded (a lone surrogate, an object that a library left in `extra`) waits in memory.
        self._odd: dict[int, Record] = {}
        self._count = 0
        self._file = _nameless(folder)

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # on a full disk closing fails too, and the first error is the one to tell
            self._file.close()

    def keep(self, record: Record) -> None:
        """One more record at the end."""
        try:
            encoded = self._encoder.encode(record)
        except (UnicodeEncodeError, OverflowError, TypeError):
            self._odd[self._count] = record
            encoded = b""
        try:
            self._file.write(len(encoded).to_bytes(_LENGTH) + encoded)
        except OSError as error:
            raise jsonl.cannot_write(self._folder, error) from error
        self._count += 1

    def __iter__(self) -> Iterator[Record]:
        """All of them, from the first."""
        try:
            self._file.seek(0)  # writes what is left in the buffer
        except OSError as error:
            raise jsonl.cannot_write(self._folder, error) from error
        for number in range(self._count):
            encoded = self._file.read(int.from_bytes(self._file.read(_LENGTH)))
            yield self._odd[number] if number in self._odd else self._decoder.decode(encoded)


def _nameless(folder: Path) -> IO[bytes]:
    try:
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        raise jsonl.cannot_write(folder, error) from error
