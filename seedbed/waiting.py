"""Where records wait while a stage reads to the end: on disk, so that memory holds only what it must know of each."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

import msgspec

from seedbed import jsonl
from seedbed.record import Record


class Waiting:
    """A file without a name in `folder` (the system's own place for such files may be small), gone once closed.

    Raises RunError when the disk is full or the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed in __exit__
        except OSError as error:
            raise jsonl.cannot_write(folder, error) from error

    def __enter__(self) -> Waiting:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def taking(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records as they come, each kept before it is handed on."""
        for record in records:
            try:
                self._file.write(msgspec.json.encode(record) + b"\n")
            except OSError as error:
                raise jsonl.cannot_write(self._folder, error) from error
            yield record

    def __iter__(self) -> Iterator[Record]:
        """All that were kept, in order; as often as wanted, one after the other."""
        try:
            self._file.flush()
            self._file.seek(0)
        except OSError as error:
            raise jsonl.cannot_write(self._folder, error) from error
        decoder = msgspec.json.Decoder(Record)
        for line in self._file:
            yield decoder.decode(line)
