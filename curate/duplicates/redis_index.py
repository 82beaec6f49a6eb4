"""The standing index in Redis, for runs on several machines: datasketch's LSH index over seedbed's signatures.

`redis://HOST:PORT/DB?name=NAME`; the password comes from the variable REDIS_PASSWORD, never from a job. Beside
datasketch's own keys lie those of ours, all beginning with the name:

    NAME:about        scheme, `on` and rows of a band; another one is refused, for datasketch keeps no note of it
    NAME:owners       run -> its number in order of first use
    NAME:of:OWNER     the keys of a run's records, written down before they are inserted
    NAME:entries      key -> what is known of the record;    NAME:signatures   key -> its signature

As in `index`, a run is compared with those before it, and its records are inserted anew when it is done again.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from curate.duplicates.index import Entry, apart
from curate.duplicates.signatures import PERMUTATIONS, SCHEME
from seedbed.errors import InputError, MissingExtra

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SCHEMES = ("redis://", "rediss://")


def server(url: str) -> tuple[str, int, int]:
    """Host, port and number of the database. ValueError where one of the two is no such number."""
    parts = urlsplit(url)
    database = parts.path.strip("/")
    if database and not database.isdecimal():
        raise ValueError(f"expected the number of a database behind the host, got {database!r}")
    return parts.hostname or "localhost", parts.port or 6379, int(database or 0)


class _About(msgspec.Struct, frozen=True):
    scheme: str
    on: str
    rows: int


class RedisIndex:
    """`rows`: of a band; part of what is in Redis, so that one index has one floor."""

    def __init__(self, url: str, on: str, rows: int) -> None:
        try:
            import datasketch
            import redis
        except ImportError as error:
            raise MissingExtra(error.name or "datasketch", "index") from error
        parts = urlsplit(url)
        host, port, database = server(url)
        self._where = f"{parts.scheme}://{host}:{port}"
        self._about = _About(SCHEME, on, rows)
        self._name = parse_qs(parts.query).get("name", ["seedbed"])[0]
        self._server = {
            "host": host,
            "port": port,
            "db": database,
            "ssl": parts.scheme == "rediss",
            "password": os.environ.get("REDIS_PASSWORD"),
        }
        self._redis: Any = redis.Redis(**self._server)
        self._error: type[Exception] = redis.RedisError
        self._library: Any = datasketch

    def check(self) -> None:
        """InputError for a server that cannot be reached, and for an index of other signatures."""
        with self._reached():
            mine = msgspec.json.encode(self._about)
            there = mine if self._redis.set(self._key("about"), mine, nx=True) else self._redis.get(self._key("about"))
        if there != mine:
            raise InputError(
                f"holds signatures as {there.decode()}, not as {mine.decode()}",
                where=f"{self._where}, {self._name}",
                next_step="Give `against` another ?name=; signatures of two kinds cannot be compared",
            )

    def near(
        self, signatures: Array, entries: Sequence[Entry], least: float, own: str
    ) -> dict[int, tuple[str, float]]:
        """As `Index.near`."""
        import numpy as np

        found: dict[int, tuple[str, float]] = {}
        with self._reached():
            before = self._before(own)
            for place, row in enumerate(signatures):
                keys = [key for key in self._lsh.query(self._signed(row)) if key.partition(b"/")[0] in before]
                for key in sorted(keys, key=lambda key: (before[key.partition(b"/")[0]], key)):
                    entry = msgspec.json.decode(self._redis.hget(self._key("entries"), key), type=Entry)
                    stands = np.frombuffer(self._redis.hget(self._key("signatures"), key), np.uint32)
                    score = float(np.mean(row == stands))
                    better = score >= least and score > found.get(place, ("", 0.0))[1]
                    if better and not apart(entries[place], entry):
                        found[place] = (entry.id, score)
        return found

    def put(self, signatures: Array, entries: Sequence[Entry], own: str) -> None:
        """Takes out what stands there of `own`, and puts these in."""
        with self._reached():
            if not self._redis.hexists(self._key("owners"), own):
                self._redis.hsetnx(self._key("owners"), own, self._redis.incr(self._key("runs")))
            for key in self._redis.smembers(self._key(f"of:{own}")):
                if key in self._lsh:
                    self._lsh.remove(key)
                self._redis.srem(self._key(f"of:{own}"), key)
            for row, entry in zip(signatures, entries, strict=True):
                key = f"{own}/{entry.id}".encode("utf-8", "surrogatepass")
                self._redis.sadd(self._key(f"of:{own}"), key)
                self._redis.hset(self._key("entries"), key, msgspec.json.encode(entry))
                self._redis.hset(self._key("signatures"), key, row.tobytes())
                if key not in self._lsh:
                    self._lsh.insert(key, self._signed(row))

    def _before(self, own: str) -> dict[bytes, int]:
        """The runs before `own`, with their numbers."""
        numbers = {name: int(number) for name, number in self._redis.hgetall(self._key("owners")).items()}
        mine = numbers.get(own.encode(), math.inf)
        return {name: number for name, number in numbers.items() if number < mine}

    @cached_property
    def _lsh(self) -> Any:
        config = {"type": "redis", "basename": f"{self._name}:lsh".encode(), "redis": self._server}
        bands = PERMUTATIONS // self._about.rows
        # Keys as bytes: what others put into a server must not be unpickled.
        return self._library.MinHashLSH(
            num_perm=PERMUTATIONS, params=(bands, self._about.rows), storage_config=config, prepickle=False
        )

    def _signed(self, row: Array) -> Any:
        return self._library.MinHash(hashvalues=row, scheme="affine32")

    def _key(self, what: str) -> str:
        return f"{self._name}:{what}"

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            next_step = "Start the server, or name a folder with `against`; a password belongs into REDIS_PASSWORD"
            raise InputError(f"cannot be used: {error}", where=self._where, next_step=next_step) from error
