"""How likely a text is to the student: what a stage that measures it is handed, as others are handed a teacher.

A measurement is worth keeping: a forward pass of a small student takes half a second on a CPU, and a job whose
thresholds are tried out asks for the same ones every time. `Remembered` keeps each in one file of the run. A slice of
texts is committed as a whole. Texts that share a batch are padded to one length, and the sums of another batch differ
in the last digits: a run killed in the middle of a slice measures all of it again, and so ends with the same bytes.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from seedbed.errors import RunError

_SCHEMA = "CREATE TABLE IF NOT EXISTS losses (key BLOB PRIMARY KEY, measured BLOB NOT NULL) WITHOUT ROWID"
_ASKED = 500  # keys in one query; SQLite takes 999 at least


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is measured: the last turn of `turns` (role and content, as templates take them), or running `text`."""

    turns: tuple[dict[str, str], ...] = ()
    text: str = ""


class Measured(msgspec.Struct, frozen=True, omit_defaults=True):
    """Mean token losses, in nats.

    given   of the answer, given the turns before it; of running text, its own
    alone   of the same answer with nothing before it, where that was asked for
    tokens  of the student, that count
    cut     whether these are only the beginning, because the window ends
    fault   why there is no measurement: a short stable name, and `why` in words; empty where there is one
    """

    given: float = 0.0
    alone: float | None = None
    tokens: int = 0
    cut: bool = False
    fault: str = ""
    why: str = ""


class Likelihood(Protocol):
    """A student that measures. `identity` changes when its measurements would."""

    @property
    def identity(self) -> str: ...

    def measure(self, several: Sequence[Said], alone: bool) -> list[Measured]: ...


class Remembered:
    """A student whose measurements are kept in the file at `path`. Raises RunError where that cannot be used."""

    def __init__(self, student: Likelihood, path: Path) -> None:
        self._student, self._path = student, path
        with _explained(path):
            self._rows = sqlite3.connect(path)
            self._rows.execute("PRAGMA journal_mode=WAL")
            self._rows.execute(_SCHEMA)

    def __enter__(self) -> Remembered:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()

    @property
    def identity(self) -> str:
        return self._student.identity

    def measure(self, several: Sequence[Said], alone: bool) -> list[Measured]:
        """One measurement for each, in order; those not known yet are made and committed together."""
        keys = [self._key(said) for said in several]
        known = self._known(keys, alone)
        missing = {key: said for key, said in zip(keys, several, strict=True) if key not in known}
        if missing:
            made = dict(zip(missing, self._student.measure(list(missing.values()), alone), strict=True))
            rows = [(key, msgspec.json.encode(measured)) for key, measured in made.items()]
            with _explained(self._path), self._rows:
                self._rows.executemany("INSERT OR REPLACE INTO losses VALUES (?, ?)", rows)
            known |= made
        return [known[key] for key in keys]

    def _key(self, said: Said) -> bytes:
        return hashlib.blake2b(self.identity.encode() + msgspec.json.encode(said), digest_size=16).digest()

    def _known(self, keys: list[bytes], alone: bool) -> dict[bytes, Measured]:
        """What is there; without a measurement of the answer alone only where nobody asks for it."""
        decode = msgspec.json.Decoder(Measured).decode
        found: dict[bytes, Measured] = {}
        for first in range(0, len(keys), _ASKED):
            asked = keys[first : first + _ASKED]
            query = f"SELECT key, measured FROM losses WHERE key IN ({', '.join('?' * len(asked))})"
            with _explained(self._path):
                found |= {key: decode(measured) for key, measured in self._rows.execute(query, asked)}
        return {key: one for key, one in found.items() if one.fault or not alone or one.alone is not None}


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, msgspec.DecodeError) as error:
        raise RunError(
            f"the student's measurements cannot be kept: {error}",
            where=str(path),
            next_step="Free some space or make the folder writable; a damaged file can be deleted: it is made anew",
        ) from error
