"""The teacher: journal, budget and routing around the pools of its models.

    request ─▶ model ─▶ journal? ─▶ same call under way? ─▶ budget ─▶ pool or batch ─▶ journal ─▶ reply

Failures of infrastructure are retried in the pool and never seen by a stage; verdicts (an empty reply, one cut at the
token limit, a request the endpoint will not answer) are replies, kept in the journal like any other:

    finish   "stop", "length" (cut at max_tokens), "content_filter", "empty", "error: …" (a 400; the text is empty)

Where endpoints serve different models, the request itself decides which of them it goes to (weighted rendezvous
hashing, Schindelhauer & Schomaker 2005): equal jobs ask equal models, and a model that joins takes its share and moves
nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec

from datagen.teacher.books import Books, Stats
from datagen.teacher.budget import Budget, Spent
from datagen.teacher.endpoint import OpenAIEndpoint
from datagen.teacher.journal import Journal, canonical, key_of
from datagen.teacher.options import Pace, TeacherOptions
from datagen.teacher.pool import Flight, Lane, Notice, Pool, Transport, silent
from seedbed.chat import Loop, Reply, Request

# Seconds in which replies under way may still come in and be kept when somebody at the keyboard stops the run.
_STOPPING = 2.0


class Source(Protocol):
    """What answers calls of one model: a pool of endpoints, or batches."""

    model: str
    extra: dict[str, Any]

    @property
    def weight(self) -> float: ...

    @property
    def patience(self) -> float:
        """Seconds worth waiting for calls that were sent when the teacher is closed."""
        ...

    async def buy(self, flight: Flight, books: Books) -> Reply:
        """The reply, which is then in the books. Raises TeacherError or LimitReached."""
        ...

    async def aclose(self) -> None: ...


class Teacher:
    """A `Complete` over the sources of one or more models. Use it on one event loop.

    Raises TeacherError when the teacher cannot be used, LimitReached when the budget is spent and RunError when the
    journal cannot be written. A cancelled call that was sent already is finished and kept: it is paid for.
    """

    def __init__(self, sources: Sequence[Source], journal: Journal, budget: Budget,
                 max_tokens: int | None = None) -> None:
        self._sources, self._cap = sources, max_tokens
        self._books = Books(journal, budget)
        self._flights: dict[str, Flight] = {}
        budget.begin(Spent(*journal.spent()))

    @property
    def stats(self) -> Stats:
        return self._books.stats

    @property
    def model(self) -> str:
        """The model's name in the journal; all names where there are several (a `Reply` tells which one it was)."""
        return " | ".join(source.model for source in self._sources)

    async def __call__(self, request: Request) -> Reply:
        if self._cap and request.max_tokens > self._cap:
            request = msgspec.structs.replace(request, max_tokens=self._cap)
        source = self._sources[0] if len(self._sources) == 1 else _chosen(self._sources, request)
        asked = canonical(source.model, request, source.extra)
        key = key_of(asked)
        flight = self._flights.get(key)
        if flight is None or flight.task.cancelling():
            if kept := self._books.journal.get(key):
                self.stats.replayed += 1
                return kept
            flight = self._flights[key] = Flight(request, asked, key)
            flight.task = asyncio.create_task(source.buy(flight, self._books))
            flight.task.add_done_callback(partial(self._landed, flight))
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.sent:
                flight.task.cancel()

    async def aclose(self, patience: float | None = None) -> None:
        """Waits for what was sent, which is then in the journal, for `patience` seconds (a call's own time limit by
        default); drops what was not."""
        for flight in self._flights.values():
            if not flight.sent:
                flight.task.cancel()
        tasks = [flight.task for flight in self._flights.values()]
        if tasks:
            longest = max(source.patience for source in self._sources)
            _, late = await asyncio.wait(tasks, timeout=longest if patience is None else patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for source in self._sources:
            await source.aclose()

    # ---- one call ----

    def _landed(self, flight: Flight, task: asyncio.Task[Reply]) -> None:
        if self._flights.get(flight.key) is flight:
            del self._flights[flight.key]
        if not task.cancelled():
            task.exception()  # seen, also when nobody waits any more


def _chosen(sources: Sequence[Source], request: Request) -> Source:
    """The source whose share of all requests this one falls to."""
    asked = canonical("", request)

    def score(source: Source) -> float:
        name = f"{source.model}\0{msgspec.json.encode(source.extra, order='sorted').decode()}\0".encode()
        number = int.from_bytes(hashlib.blake2b(name + asked, digest_size=8).digest(), "big")
        return -math.log((number + 0.5) / 2**64) / source.weight

    return min(sources, key=score)


# ---- opening one ----


@contextmanager
def open_teacher(options: TeacherOptions, journal: Journal, budget: Budget, loop: Loop,
                 notice: Notice = silent) -> Iterator[Teacher]:
    """The teacher that `options` describe, on `loop`; a local model is served for as long as this is open.

    `notice` is told what happens to its endpoints. Raises TeacherError when it cannot be started and InputError when
    its files cannot be had.
    """
    with ExitStack() as stack:
        groups, options = _groups(options, stack)
        teacher = loop.run(_made(groups, journal, budget, options, notice))
        patience: float | None = None
        try:
            yield teacher
        except KeyboardInterrupt:
            patience = _STOPPING
            raise
        finally:
            loop.run(teacher.aclose(patience))


class _Way:
    """How to come to one endpoint: made on the event loop where it is used."""

    def __init__(self, make: Callable[[], Transport], options: TeacherOptions, weight: float = 1.0) -> None:
        self.make, self.options, self.weight = make, options, weight


Groups = dict[tuple[str, bytes], list[_Way]]


async def _made(groups: Groups, journal: Journal, budget: Budget, options: TeacherOptions, notice: Notice) -> Teacher:
    sources: list[Source] = []
    for (model, _), ways in groups.items():
        if options.batch:  # one endpoint a model: `TeacherOptions` sees to it
            sources.append(_batches(ways[0], model, journal, notice))
            continue
        lanes = [Lane(way.make(), way.options, way.weight) for way in ways]
        sources.append(Pool(lanes, model, ways[0].options, Pace(), notice))
    return Teacher(sources, journal, budget, options.max_tokens)


def _batches(way: _Way, model: str, journal: Journal, notice: Notice) -> Source:
    from datagen.teacher.batch import BatchSource
    from datagen.teacher.batches import Batches

    endpoint = way.make()
    assert isinstance(endpoint, OpenAIEndpoint)
    batches = Batches(journal.path, f"{endpoint.name} {model}")
    return BatchSource(endpoint, way.options, batches, Pace(), notice, way.weight)


def _groups(options: TeacherOptions, stack: ExitStack) -> tuple[Groups, TeacherOptions]:
    """The ways to the endpoints by what they serve, and the options as they hold for that model."""
    if options.model.startswith("scripted:") and not options.urls:
        from datagen.teacher.scripted import Script

        script = Script.load(Path(options.model.removeprefix("scripted:")))
        return {(script.name, b""): [_Way(lambda: script, options)]}, options
    if options.local:
        from datagen.teacher import embedded

        file, name = embedded.locate(options.model)
        server = embedded.ServerOptions(slots=options.slots, context=options.context, threads=options.threads)
        url = stack.enter_context(embedded.serving(file, server))
        # A local model is slow rather than stuck: four replies of 1,000 tokens at once take minutes on 2 cores.
        options = msgspec.structs.replace(options, concurrency=options.slots, timeout=max(options.timeout, 900.0))
        return {(name, b""): [_Way(partial(OpenAIEndpoint, url, options), options)]}, options
    groups: Groups = {}
    for weight, single in options.each:
        way = _Way(partial(OpenAIEndpoint, single.urls[0], single), single, weight)
        groups.setdefault(single.group, []).append(way)
    return groups, options
