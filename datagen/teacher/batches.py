"""Which batches are under way, in the journal's own file: a run that is killed finds them again.

A batch is written down before it is created, under a token that goes into its metadata: so a run that died in the
moment between finds it in the endpoint's list, and nothing is bought twice.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from datagen.teacher.journal import explained, open_database

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    token TEXT PRIMARY KEY, endpoint TEXT NOT NULL, id TEXT NOT NULL, time REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch_calls (
    token TEXT NOT NULL, key TEXT NOT NULL, request BLOB NOT NULL, PRIMARY KEY (token, key)
) WITHOUT ROWID;
"""


class Wave(msgspec.Struct, frozen=True):
    """One batch: its token, its id at the endpoint (empty while nobody knows), when it was written down, and its calls
    (key -> what was asked, as in the journal)."""

    token: str
    id: str
    time: float
    calls: dict[str, bytes]


class Batches:
    """The open batches of one endpoint. Every method is one transaction of a connection of its own."""

    def __init__(self, path: Path, endpoint: str) -> None:
        self._path, self._endpoint = path, endpoint

    def open(self) -> list[Wave]:
        """All batches that were begun and not ended, the oldest first."""
        with self._database() as database:
            found = database.execute("SELECT token, id, time FROM batches WHERE endpoint = ? ORDER BY time, token",
                                     (self._endpoint,)).fetchall()
            query = "SELECT key, request FROM batch_calls WHERE token = ?"
            return [Wave(token, id_, when, dict(database.execute(query, (token,)))) for token, id_, when in found]

    def begin(self, token: str, calls: Sequence[tuple[str, bytes]]) -> None:
        """A batch of these calls is going to be created."""
        with self._database() as database:
            database.execute("INSERT INTO batches VALUES (?, ?, '', ?)", (token, self._endpoint, time.time()))
            database.executemany("INSERT INTO batch_calls VALUES (?, ?, ?)", [(token, *call) for call in calls])

    def created(self, token: str, id_: str) -> None:
        """It has been created, under that id."""
        with self._database() as database:
            database.execute("UPDATE batches SET id = ? WHERE token = ?", (id_, token))

    def end(self, token: str) -> None:
        """Its replies are in the journal, or there will be none."""
        with self._database() as database:
            database.execute("DELETE FROM batches WHERE token = ?", (token,))
            database.execute("DELETE FROM batch_calls WHERE token = ?", (token,))

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with explained(self._path):
            database = open_database(self._path, read_only=False)
            try:
                with database:
                    for statement in _SCHEMA.split(";")[:-1]:
                        database.execute(statement)
                    yield database
            finally:
                database.close()
