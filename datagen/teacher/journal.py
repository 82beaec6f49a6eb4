"""Every call to a teacher, once: one SQLite row each, committed before the reply is used.

A row's key is a hash of all that decides the reply (model, messages, parameters, schema, sample number), so a run that
is started again finds what was already bought. Rejected replies are rows like any other and are never bought twice. No
key or header of the endpoint ever comes here. One process writes to a journal at a time; the run's lock sees to it.
"""

from __future__ import annotations

import asyncio
import hashlib
import queue
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from seedbed.chat import Reply, Request
from seedbed.errors import RunError

_APPLICATION = 0x5EEDBED  # SQLite's application_id: tells a journal from any other database
_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY, request BLOB NOT NULL, reply BLOB NOT NULL,
    calls INTEGER NOT NULL, tokens INTEGER NOT NULL, money REAL NOT NULL,
    time REAL NOT NULL, seconds REAL NOT NULL
) WITHOUT ROWID
"""
_BATCH = 256  # rows in one commit at most; one commit takes about as long as one row's


_REPLY = msgspec.json.Decoder(Reply)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One call: what was asked, what came back, what it cost, when it was answered and how long that took."""

    key: str
    request: dict[str, Any]
    reply: Reply
    tokens: int
    money: float
    time: float
    seconds: float


def canonical(model: str, request: Request, extra: dict[str, Any] | None = None) -> bytes:
    """All that decides a reply, as JSON with sorted keys. `extra` are parameters that the job adds to every request."""
    asked = {
        "model": model,
        "messages": [{"role": m.role, "content": m.content, **m.extra} for m in request.messages],
        "parameters": {
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "presence_penalty": request.presence_penalty,
            **({"logprobs": True} if request.logprobs else {}),
            **(extra or {}),
        },
        "schema": request.schema,
        "sample": request.sample,
    }
    return msgspec.json.encode(asked, order="sorted")


def key_of(asked: bytes) -> str:
    """32 hex digits of BLAKE2b over the canonical JSON."""
    return hashlib.blake2b(asked, digest_size=16).hexdigest()


class Journal:
    """The rows of one file. `get` and `row` may be called from any thread, `put` from any event loop."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._lock = threading.Lock()
        with explained(self.path):
            self._reader = open_database(path, read_only)
        self._queue: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        if not read_only:
            self._writer = threading.Thread(target=self._write_batches, name="seedbed-journal", daemon=True)
            self._writer.start()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Commits what is waiting, then closes the file."""
        if self._writer:
            self._queue.put(None)
            self._writer.join()
            self._writer = None
        self._reader.close()

    def get(self, key: str) -> Reply | None:
        """The reply of that call, if it was ever answered, with the money that was paid for it then."""
        found = self._one("SELECT reply, money FROM calls WHERE key = ?", key)
        return msgspec.structs.replace(_REPLY.decode(found[0]), money=found[1]) if found else None

    def row(self, key: str) -> Row | None:
        """All of one call, for `seedbed show`."""
        found = self._one("SELECT request, reply, tokens, money, time, seconds FROM calls WHERE key = ?", key)
        if not found:
            return None
        request, reply, tokens, money, when, seconds = found
        return Row(key=key, request=msgspec.json.decode(request), reply=msgspec.json.decode(reply, type=Reply),
                   tokens=tokens, money=money, time=when, seconds=seconds)

    def request(self, key: str) -> dict[str, Any] | None:
        """What was asked in that call: model, messages, parameters, schema, sample."""
        found = self.row(key)
        return found.request if found else None

    def spent(self) -> tuple[int, int, float]:
        """Calls, tokens and money of all rows."""
        found = self._one("SELECT TOTAL(calls), TOTAL(tokens), TOTAL(money) FROM calls")
        assert found is not None
        return int(found[0]), int(found[1]), float(found[2])

    async def put(self, asked: bytes, reply: Reply, seconds: float) -> None:
        """Returns when the row is committed. A key that is there already keeps its first reply.

        A verdict that the endpoint gave for nothing (finish "error") counts as no call.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        tokens = reply.prompt_tokens + reply.completion_tokens
        paid = 0 if reply.finish.startswith("error") else 1
        if self._writer is None or not self._writer.is_alive():
            raise RunError("the journal is closed", where=str(self.path), next_step="Run the same command again")
        row = (reply.key, asked, msgspec.json.encode(reply), paid, tokens, reply.money, time.time(), seconds)
        self._queue.put(_Pending(row, loop, done))
        await asyncio.shield(done)

    # ---- inside ----

    def _one(self, query: str, *values: str) -> tuple[Any, ...] | None:
        with explained(self.path), self._lock:
            found: tuple[Any, ...] | None = self._reader.execute(query, values).fetchone()
            return found

    def _write_batches(self) -> None:
        """The writer's thread: many rows arrive while one commit is under way, and the next commit takes them all."""
        writer: sqlite3.Connection | None = None
        while (first := self._queue.get()) is not None:
            batch, last = self._drain(first)
            error: RunError | None = None
            try:
                with explained(self.path):
                    writer = writer or open_database(self.path, read_only=False)
                    with writer:
                        writer.executemany("INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                                           [pending.row for pending in batch])
            except RunError as failed:
                error = failed
            _settle(batch, error)
            if last:
                break
        if writer:
            writer.close()

    def _drain(self, first: _Pending) -> tuple[list[_Pending], bool]:
        batch = [first]
        while len(batch) < _BATCH:
            try:
                more = self._queue.get_nowait()
            except queue.Empty:
                break
            if more is None:
                return batch, True
            batch.append(more)
        return batch, False


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into one line that says what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise RunError(f"the journal cannot be used: {error}", where=str(path),
                       next_step="Free some space, make the folder writable, or end the other run that uses it; "
                                 "then run the same command again") from error
    except sqlite3.DatabaseError as error:
        raise RunError(f"not a journal of seedbed, or a damaged one ({error})", where=str(path),
                       next_step="Move it away or choose another folder with --out") from error


class _Pending:
    """A row on its way to the disk, and who waits for it."""

    __slots__ = ("row", "loop", "done")

    def __init__(self, row: tuple[Any, ...], loop: asyncio.AbstractEventLoop, done: asyncio.Future[None]) -> None:
        self.row, self.loop, self.done = row, loop, done


def _settle(batch: list[_Pending], error: RunError | None) -> None:
    """Wakes all who wait for these rows, with one call into each event loop."""
    for loop in {pending.loop for pending in batch}:
        if not loop.is_closed():
            loop.call_soon_threadsafe(_wake, [p.done for p in batch if p.loop is loop], error)


def _wake(futures: list[asyncio.Future[None]], error: RunError | None) -> None:
    for future in futures:
        if future.cancelled():
            continue
        if error:
            future.set_exception(error)
        else:
            future.set_result(None)


def open_database(path: Path, read_only: bool) -> sqlite3.Connection:
    """The journal's file, made if need be. Raises sqlite3.DatabaseError for what is none."""
    if read_only:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False)
    else:
        connection = sqlite3.connect(path, check_same_thread=False, timeout=10)
    application, tables = connection.execute("SELECT (SELECT application_id FROM pragma_application_id()), "
                                             "(SELECT COUNT(*) FROM sqlite_master)").fetchone()
    if application != _APPLICATION and (read_only or tables):
        connection.close()
        raise sqlite3.DatabaseError("another program's database")
    if not read_only:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA application_id={_APPLICATION}")
        # FULL: a commit is on the disk before the reply is used, so that not even a power cut loses a call that was
        # paid for. The fsync is shared by all rows of a batch: 0.4 ms for one, 6 ms each at 3,000 a second (measured).
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(_SCHEMA)
    return connection
