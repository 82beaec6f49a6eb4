"""The Batch API of OpenAI and its like: requests in a file, replies within a day, often at half the price.

    requests wait a moment for company ─▶ written down ─▶ file ─▶ batch ─▶ polled ─▶ output and error file ─▶ journal

A run that ends meanwhile leaves its batches behind, and the next one takes them up (`batches`). A row that failed as
5xx do, and what an expired batch left undone, is submitted once more; a row refused for what it asks is a verdict.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from datagen.teacher.batch_api import BatchApi, RefusedForGood, Row, failure
from datagen.teacher.batches import Batches
from datagen.teacher.books import Books, counted
from datagen.teacher.budget import Prices, Spent
from datagen.teacher.endpoint import BadRequest, Fault, Form, OpenAIEndpoint
from datagen.teacher.options import Pace, TeacherOptions
from datagen.teacher.patience import AGAIN
from datagen.teacher.pool import Flight, Notice
from seedbed.chat import Reply, Request
from seedbed.errors import SeedbedError, TeacherError
from seedbed.record import Message

if TYPE_CHECKING:
    from openai.types import Batch

_CHECK = "Check the options under teacher: in the job, and the account"
_LARGEST = 190_000_000  # bytes of one file; OpenAI takes 200 MB
_TURNS = 6  # submissions of one request at most, those counted in which an option was given up


@dataclass(eq=False)
class _Item:
    """One request, from its coming to its reply."""

    key: str
    asked: bytes
    request: Request
    reserved: Spent
    future: asyncio.Future[Reply]
    flight: Flight | None = None
    sent: bool = False
    again: int = 0
    turns: int = 0

    def done(self, reply: Reply | Exception) -> None:
        if self.future.done():
            return
        if isinstance(reply, Reply):
            self.future.set_result(reply)
        else:
            self.future.set_exception(reply)
            self.future.exception()  # seen, also when nobody waits any more


@dataclass
class BatchSource:
    """Answers calls of one model by batches at one endpoint. Use it on one event loop."""

    endpoint: OpenAIEndpoint
    options: TeacherOptions
    batches: Batches
    pace: Pace
    notice: Notice
    weight: float = 1.0
    patience: float = 0.0  # a batch goes on without us
    _items: dict[str, _Item] = field(default_factory=dict)
    _waiting: list[_Item] = field(default_factory=list)
    _carried: set[asyncio.Task[None]] = field(default_factory=set)
    _taking: set[asyncio.Task[None]] = field(default_factory=set)
    _ready: asyncio.Task[None] | None = None
    _gathering: asyncio.Task[None] | None = None
    _answered: bool = False

    def __post_init__(self) -> None:
        self.model, self.extra, self.prices = self.options.model, self.options.extra, self.options.prices or Prices()
        self._size, self._narrow = self.options.batch_size, False
        self._api = BatchApi(self.endpoint, self.options, self.pace)
        self._arrived = asyncio.Event()

    async def buy(self, flight: Flight, books: Books) -> Reply:
        """A reply, paid for and kept. Raises TeacherError, LimitReached or RunError."""
        if self._ready is None:
            self._ready = asyncio.create_task(self._take_up(books))
        await asyncio.shield(self._ready)
        item = self._items.get(flight.key)
        if item is None:
            if kept := books.journal.get(flight.key):  # it came while this waited for what an earlier run left behind
                return kept
            most = books.most(flight.request, self._dearest)
            await books.budget.reserve(most)
            item = self._new(flight.key, flight.asked, flight.request, most)
            self._queue([item])
        item.flight, item.request, flight.sent = flight, flight.request, item.sent
        try:
            return await asyncio.shield(item.future)
        except asyncio.CancelledError:
            if item in self._waiting:
                self._waiting.remove(item)
                await self._drop(item, books)
            raise

    async def aclose(self) -> None:
        """Leaves the open batches to the next run; what has come of them already is kept."""
        tasks = [*self._carried, *filter(None, (self._ready, self._gathering))]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*self._taking, return_exceptions=True)
        await self.endpoint.aclose()

    # ---- gathering ----

    def _new(self, key: str, asked: bytes, request: Request, reserved: Spent) -> _Item:
        item = self._items[key] = _Item(key, asked, request, reserved, asyncio.get_running_loop().create_future())
        return item

    def _queue(self, items: Sequence[_Item]) -> None:
        for item in items:
            item.sent = False
        self._waiting += items
        self._arrived.set()

    async def _take_up(self, books: Books) -> None:
        """Begins with what an earlier run left behind."""
        for wave in await asyncio.to_thread(self.batches.open):
            id_ = wave.id or await self._api.find(wave.token, wave.time)
            if not id_:
                await asyncio.to_thread(self.batches.end, wave.token)  # it was never created
                continue
            if not wave.id:
                await asyncio.to_thread(self.batches.created, wave.token, id_)
            items = [self._held(key, asked, books) for key, asked in wave.calls.items()
                     if books.journal.get(key) is None]
            self.notice(f"batch {id_} of an earlier run goes on: {len(wave.calls):,} calls")
            self._carry(items, self._follow(wave.token, id_, items, self.endpoint.form, books))
        self._gathering = asyncio.create_task(self._gather(books))

    def _held(self, key: str, asked: bytes, books: Books) -> _Item:
        """A call of an earlier run: its place in the budget is held, whatever the limit, for it is under way."""
        request = _request(asked)
        most = books.most(request, self._dearest)
        books.budget.hold(most)
        item = self._new(key, asked, request, most)
        item.sent = True
        return item

    async def _gather(self, books: Books) -> None:
        while True:
            await self._arrived.wait()
            seen = -1
            while seen != len(self._waiting) < self._size:
                seen = len(self._waiting)
                await asyncio.sleep(self.pace.gather)
            while self._narrow and self._carried:
                await asyncio.wait(self._carried, return_when=asyncio.FIRST_COMPLETED)
            items, self._waiting = self._waiting[: self._size], self._waiting[self._size :]
            if not self._waiting:
                self._arrived.clear()
            if items:
                self._carry(items, self._submit(items, books))

    # ---- one batch ----

    def _carry(self, items: Sequence[_Item], work: Coroutine[Any, Any, None]) -> None:
        """Does the work of a batch. Whoever waits for one that cannot be had is told why, whatever the reason."""

        async def carried() -> None:
            try:
                await work
            except Exception as error:
                for item in items:
                    item.done(error)

        _among(self._carried, carried())

    def _packed(self, items: list[_Item], form: Form) -> tuple[list[_Item], bytes]:
        """As many of them as fit into one file, and the file that asks for them."""
        lines: list[bytes] = []
        size = 0
        for item in items:
            body = self.endpoint.body(item.request, form)
            line = msgspec.json.encode(
                {"custom_id": item.key, "method": "POST", "url": "/v1/chat/completions", "body": body})
            size += len(line) + 1
            if lines and size > _LARGEST:
                break
            lines.append(line)
        return items[: len(lines)], b"\n".join(lines) + b"\n"

    async def _submit(self, waiting: list[_Item], books: Books) -> None:
        form, token = self.endpoint.form, secrets.token_hex(16)
        items, data = self._packed(waiting, form)
        if len(items) < len(waiting):
            self._queue(waiting[len(items) :])
        await asyncio.to_thread(self.batches.begin, token, [(item.key, item.asked) for item in items])
        for item in items:
            item.sent, item.turns = True, item.turns + 1
            if item.flight:
                item.flight.sent = True
        try:
            id_ = await self._api.create(token, data)
        except RefusedForGood as refusal:
            await asyncio.to_thread(self.batches.end, token)
            raise refusal.error from None
        await asyncio.to_thread(self.batches.created, token, id_)
        self.notice(f"batch {id_}: {len(items):,} calls")
        await self._follow(token, id_, items, form, books)

    async def _follow(self, token: str, id_: str, items: Sequence[_Item], form: Form, books: Books) -> None:
        """Waits for the end of a batch and takes what came of it."""
        batch = await self._api.finished(id_)
        rows = await self._api.rows(batch)
        await asyncio.shield(_among(self._taking, self._take(token, batch, rows, items, form, books)))

    async def _take(self, token: str, batch: Batch, rows: dict[str, Row], items: Sequence[_Item], form: Form,
                    books: Books) -> None:
        """Keeps what was answered; sees to it that the rest is asked again."""
        rest, verdicts = [], []
        seconds = float((batch.completed_at or batch.expired_at or batch.created_at) - batch.created_at)
        kept = [item for item in items if item.key in rows]
        outcomes = [self._read(rows[item.key], item, form) for item in kept]
        self._answered = self._answered or any(isinstance(o, Reply) for o in outcomes)
        for item, outcome in zip(kept, outcomes, strict=True):
            if isinstance(outcome, BadRequest) and (outcome.certain or self._answered):
                verdicts.append((item, Reply(text="", finish=f"error: {outcome.why}")))
            elif isinstance(outcome, Reply):
                verdicts.append((item, outcome))
            elif isinstance(outcome, BadRequest):  # nothing was ever answered: it is hardly this request's fault
                await self._fail(item, self._given_up(batch, outcome.why, _CHECK), books)
            elif isinstance(outcome, Fault):
                rest.append((item, outcome.why))
            else:
                await self._fail(item, outcome, books)
        rest += [(item, f"the batch {batch.status}") for item in items if item.key not in rows]
        await asyncio.gather(*(self._keep(item, reply, seconds, books) for item, reply in verdicts))
        self.notice(f"batch {batch.id}: {batch.status}, {len(verdicts):,} of {len(items):,} answered")
        await self._left_over(batch, rest, form, books)
        await asyncio.to_thread(self.batches.end, token)

    def _read(self, row: Row, item: _Item, form: Form) -> Reply | Fault | SeedbedError:
        """What a row says: a reply, a fault, or that the endpoint cannot be used."""
        if row.response is None:
            return Fault(str((row.error or {}).get("message") or "no reply"))
        try:
            if row.response.status_code == 200:
                return counted(self.endpoint.read(bytes(row.response.body)), item.request)
        except Fault as fault:
            return fault
        told = self.endpoint.explain(row.response.status_code, bytes(row.response.body), {})
        if isinstance(told, BadRequest) and self.endpoint.adapts(told, form, item.request) and item.turns < _TURNS:
            item.again -= 1  # asked in another form, which is no second try
            return Fault(told.why)
        return told

    async def _keep(self, item: _Item, reply: Reply, seconds: float, books: Books) -> None:
        reply = msgspec.structs.replace(reply, key=item.key, model=self.model)
        reserved, item.reserved = item.reserved, Spent()
        try:
            item.done(await books.enter(item.asked, reply, seconds, self.prices, reserved))
        finally:
            self._items.pop(item.key, None)

    async def _left_over(self, batch: Batch, rest: list[tuple[_Item, str]], form: Form, books: Books) -> None:
        """What was not answered: submitted once more, or given up."""
        why = failure(batch)
        too_much = batch.status == "failed" and "token_limit_exceeded" in why and len(rest) > 1
        if too_much:  # more than the account may have waiting: in smaller parts, one after the other
            self._size, self._narrow = max(1, len(rest) // 2), True
            self.notice(f"batch {batch.id}: too much at once for the account; on in parts of {self._size:,}")
        again = []
        for item, reason in rest:
            if item.flight is None or not item.flight.waiting:
                await self._drop(item, books)
            elif too_much or (batch.status not in ("failed", "cancelled") and item.again < 1):
                item.again += not too_much
                again.append(item)
            else:
                await self._fail(item, self._given_up(batch, why or reason, _CHECK if why else AGAIN), books)
        self._queue(again)

    def _given_up(self, batch: Batch, why: str, step: str) -> TeacherError:
        return TeacherError(f"batch {batch.id} {batch.status}: {why}", where=self.endpoint.name, next_step=step)

    async def _fail(self, item: _Item, error: SeedbedError, books: Books) -> None:
        item.done(error)
        await self._drop(item, books)

    async def _drop(self, item: _Item, books: Books) -> None:
        """Nobody waits for it, or it will not be answered: its money is free again."""
        self._items.pop(item.key, None)
        reserved, item.reserved = item.reserved, Spent()
        if reserved.calls:
            await books.budget.settle(reserved, Spent())

    def _dearest(self, prompt: int, completion: int) -> Prices:
        return self.prices

def _among(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """The work as a task that is in the set for as long as it runs."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task


def _request(asked: bytes) -> Request:
    """As much of a request as its cost depends on, from what the journal keeps."""
    kept = msgspec.json.decode(asked)
    messages = tuple(Message(m["role"], m["content"]) for m in kept["messages"])
    return Request(messages=messages, max_tokens=kept["parameters"]["max_tokens"], schema=kept["schema"])
