"""JSON lines in and out: streaming, atomic, and a bad line is one bad line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import msgspec

from seedbed.errors import InputError, RunError
from seedbed.record import Record

T = TypeVar("T")


class BadLine(msgspec.Struct, frozen=True):
    """A line that could not be read: its number (from 1), why, and the first 200 characters of it."""

    number: int
    why: str
    start: str


def read(path: Path, bad: list[BadLine] | None = None) -> Iterator[Record]:
    """The records of `path`, one at a time. See `read_as` for what happens to bad lines."""
    return read_as(Record, path, bad)


def read_as(type_: type[T], path: Path, bad: list[BadLine] | None = None) -> Iterator[T]:
    """The lines of `path` as `type_`, one at a time.

    Blank lines are passed over. A line that does not fit is appended to `bad`; where no such list is given, it raises
    InputError with the line's number.
    """
    decoder = msgspec.json.Decoder(type_)
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    yield decoder.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    if bad is None:
                        raise InputError(
                            f"not a valid line: {error}", where=f"{path}:{number}", next_step="Mend or delete that line"
                        ) from error
                    bad.append(BadLine(number, str(error), line[:200].decode("utf-8", "replace").strip()))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from error


class Writer:
    """A file that appears whole or not at all: written beside its name, synced, then renamed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._partial = path.with_name(path.name + ".partial")
        self._encoder = msgspec.json.Encoder(order="deterministic")
        self.count = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._out = self._partial.open("wb")
        except OSError as error:
            raise cannot_write(path, error) from error

    def __enter__(self) -> Writer:
        return self

    def write(self, item: Any) -> None:
        """One more line. A lone surrogate, which UTF-8 has no bytes for, becomes U+FFFD."""
        try:
            line = self._encoder.encode(item)
        except UnicodeEncodeError:
            line = self._encoder.encode(_writable(msgspec.to_builtins(item)))
        self.write_bytes(line + b"\n")
        self.count += 1

    def write_bytes(self, data: bytes) -> None:
        """Raw bytes, for files that are not JSON lines."""
        try:
            self._out.write(data)
        except OSError as error:
            raise cannot_write(self._path, error) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._out.flush()
                os.fsync(self._out.fileno())
            self._out.close()
            if kind is None:
                self._partial.replace(self._path)
        except OSError as problem:
            raise cannot_write(self._path, problem) from problem


def write(path: Path, items: Iterable[Any]) -> int:
    """All `items` as the lines of `path`. Returns how many."""
    with Writer(path) as out:
        for item in items:
            out.write(item)
    return out.count


def write_text(path: Path, text: str) -> None:
    """`text` as UTF-8 into `path`, whole or not at all."""
    with Writer(path) as out:
        out.write_bytes(str(_writable(text)).encode("utf-8"))


def cannot_write(path: Path, error: OSError) -> RunError:
    """The one error for a full disk, a read-only folder and the like."""
    return RunError(
        f"cannot be written: {error.strerror or error}",
        where=str(path),
        next_step="Free some space or choose another folder with --out, then run the same command again",
    )


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_writable(name): _writable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(item) for item in value]
    return value
