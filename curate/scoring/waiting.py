"""Records that wait on disk while a stage that must see all of them decides; any of them can be read again."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from seedbed import jsonl
from seedbed.record import Record


class WaitingRoom:
    """A file without a name in `folder` (the system's own place for such files may be small), gone once closed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._starts = array("q")
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(Record)
        self._file = _opened(folder)

    def __enter__(self) -> WaitingRoom:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: int) -> Record:
        """The so many-th record, from 0."""
        self._file.seek(self._starts[number])
        return self._decoder.decode(self._file.readline())

    def __iter__(self) -> Iterator[Record]:
        """All of them, in the order in which they came. Nothing else may be read meanwhile."""
        self._file.seek(0)
        return map(self._decoder.decode, self._file)

    def add(self, record: Record) -> None:
        """One more, at the end. Raises RunError when the disk is full."""
        try:
            self._starts.append(self._file.tell())
            self._file.write(self._encoder.encode(record) + b"\n")
        except OSError as error:
            raise jsonl.cannot_write(self._folder, error) from error


def _opened(folder: Path) -> IO[bytes]:
    try:
        return tempfile.TemporaryFile(dir=folder)
    except OSError as error:
        raise jsonl.cannot_write(folder, error) from error
