"""The endpoints that serve one model: calls wait in one line, and whichever endpoint has room takes the next.

So a slow or a capped endpoint holds up nobody: it takes what it can, and the others take the rest. Each has an adaptive
limit, caps and prices of its own. One that breaks down is left out, with a notice, and is tried again with single
calls until one of them is answered; with nobody else to ask, every call goes on trying by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from datagen.teacher.books import Books, counted, estimate
from datagen.teacher.budget import Prices, Spent
from datagen.teacher.endpoint import BadRequest, Broken, Fault, Refused, Unreachable
from datagen.teacher.limits import AdaptiveLimit
from datagen.teacher.options import Pace, TeacherOptions
from datagen.teacher.pacer import Pacer
from datagen.teacher.patience import Trial
from seedbed.chat import Reply, Request
from seedbed.errors import TeacherError

_DOWN = 5  # faults with no answer between them: 1 % of broken lines come to that once in 10^10 calls
_LONGEST = 60.0  # seconds that one which is down is left alone
Notice = Callable[[str], None]


def silent(line: str) -> None:
    """Tells nobody."""


class Transport(Protocol):
    """What carries a request to one endpoint. Raises a `Fault` or TeacherError."""

    name: str

    async def send(self, request: Request) -> Reply: ...

    async def aclose(self) -> None: ...


@dataclass
class Flight:
    """One call under way: what is asked, how many wait for it, and whether it has been sent (and so will be paid)."""

    request: Request
    asked: bytes
    key: str
    waiting: int = 0
    sent: bool = False
    task: asyncio.Task[Reply] = field(init=False)


class Lane:
    """One endpoint of a pool."""

    def __init__(self, transport: Transport, options: TeacherOptions, weight: float = 1.0) -> None:
        self.transport, self.weight, self.name = transport, weight, transport.name
        self.prices = options.prices or Prices()
        self.limit = AdaptiveLimit(options.concurrency)
        self.pacer = Pacer(options.rpm, options.tpm)
        self.inside = 0
        self.answered_at: float | None = None
        self.down = self.out = False
        self.rests_until = 0.0
        self._faults = self._rests = 0

    @property
    def healthy(self) -> bool:
        return self.answered_at is not None and not self.down and self.limit.scattered

    @property
    def load(self) -> float:
        return self.inside / (self.limit.limit * self.weight)

    def answered(self, sent_at: float) -> bool:
        """It answered a call sent then; whether it is back with that."""
        self.limit.succeeded(sent_at)
        self.answered_at = time.monotonic()
        self._faults = self._rests = 0
        back, self.down = self.down, False
        return back

    def failed(self, fault: Fault) -> bool:
        """A call to it broke; whether it is down with that."""
        now = time.monotonic()
        self._faults += 1
        if now < self.rests_until or not (self.down or isinstance(fault, Unreachable) or self._faults >= _DOWN):
            return False
        self._rests += 1
        self.rests_until = now + min(_LONGEST, 2.0 ** (self._rests - 1))
        fresh, self.down = not self.down, True
        return fresh


@dataclass(frozen=True)
class Answered:
    """A reply, how long it took, and who gave it."""

    reply: Reply
    seconds: float
    lane: Lane


class Pool:
    """The lanes of one model, and its line. Use it on one event loop."""

    def __init__(self, lanes: list[Lane], model: str, options: TeacherOptions, pace: Pace, notice: Notice) -> None:
        self.lanes, self.model, self.extra = lanes, model, options.extra
        self._options, self._pace, self._notice = options, pace, notice
        self._waiting: deque[tuple[asyncio.Future[Lane], float]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._by_tokens = any(lane.pacer.by_tokens for lane in lanes)

    @property
    def weight(self) -> float:
        return sum(lane.weight for lane in self.lanes)

    @property
    def patience(self) -> float:
        """Seconds in which a call that was sent is answered, or never."""
        return self._options.timeout

    def dearest(self, prompt: int, completion: int) -> Prices:
        """The prices at which such a call would cost most."""
        return max((lane.prices for lane in self.lanes), key=lambda prices: prices.of(prompt, completion))

    async def buy(self, flight: Flight, books: Books) -> Reply:
        """A reply, paid for and kept. Raises TeacherError, LimitReached or RunError."""
        most = books.most(flight.request, self.dearest)
        await books.budget.reserve(most)
        try:
            answered = await self._answer(flight)
        except BaseException:
            await books.budget.settle(most, Spent())
            raise
        reply = msgspec.structs.replace(answered.reply, key=flight.key, model=self.model)
        try:
            return await books.enter(flight.asked, reply, answered.seconds, answered.lane.prices, most)
        finally:
            self._leave(answered.lane)  # only now: a kill costs no more than what was under way at once

    async def _answer(self, flight: Flight) -> Answered:
        """Tries until there is a reply or no hope. The place at the endpoint is kept until the reply is."""
        trial = Trial(self._options, self._pace)
        prompt = estimate(flight.request) if self._by_tokens else 0  # counting takes a while
        while True:
            lane, expected = await self._enter(prompt, flight.request, trial.again)
            try:
                return await self._try(lane, flight, expected)
            except BaseException as error:
                if isinstance(error, BadRequest) and (error.certain or self._ever_answered()):
                    return Answered(Reply(text="", finish=f"error: {error.why}"), 0.0, lane)
                self._leave(lane)
                wait = self._after(error, lane, trial, flight)
            await asyncio.sleep(wait)

    def _after(self, error: BaseException, lane: Lane, trial: Trial, flight: Flight) -> float:
        """How long to wait before the next try after an error. Raises what ends the call."""
        if isinstance(error, TeacherError) and self._left_out(lane, error):
            return 0.0
        if not isinstance(error, Fault) or not flight.waiting:
            raise error
        if lane.down and any(not other.down for other in self._open()):
            return 0.0  # to the others at once
        return trial.after(error, lane, self._ever_answered())

    async def aclose(self) -> None:
        if self._timer:
            self._timer.cancel()
        for lane in self.lanes:
            await lane.transport.aclose()

    # ---- one try ----

    async def _try(self, lane: Lane, flight: Flight, expected: float) -> Answered:
        request, sent_at, reply = flight.request, time.monotonic(), Reply(text="")
        flight.sent = True
        try:
            async with asyncio.timeout(self._options.timeout):
                reply = counted(await lane.transport.send(request), request)
            if lane.answered(sent_at):
                self._notice(f"{lane.name} answers again")
            return Answered(reply, time.monotonic() - sent_at, lane)
        except TimeoutError:
            flight.sent = False
            fault = Broken(f"no answer within {self._options.timeout:g} s")
            self._failed(lane, fault)
            raise fault from None
        except Fault as fault:
            flight.sent = False
            if isinstance(fault, Refused):
                lane.limit.refused(sent_at)
            elif not isinstance(fault, BadRequest):
                self._failed(lane, fault)
            raise
        finally:
            lane.pacer.settle(expected, reply.prompt_tokens, reply.completion_tokens, request.max_tokens)

    def _failed(self, lane: Lane, fault: Fault) -> None:
        if lane.failed(fault) and len(self._open()) > 1:
            self._notice(f"{lane.name} is left out until it answers again: {fault.why}")

    def _left_out(self, lane: Lane, error: TeacherError) -> bool:
        """Whether the others can go on without a lane that cannot be used at all."""
        if lane.out:
            return True
        if len(self._open()) == 1:
            return False
        lane.out = True
        self._notice(f"{error} (left out; the others go on)")
        return True

    def _open(self) -> list[Lane]:
        return [lane for lane in self.lanes if not lane.out]

    def _ever_answered(self) -> bool:
        return any(lane.answered_at is not None for lane in self.lanes)

    # ---- the line ----

    async def _enter(self, prompt: int, request: Request, again: bool) -> tuple[Lane, float]:
        """A place at an endpoint, first come first served; and the tokens set aside for it there.

        A call that comes `again` goes to the head of the line: results are taken in order, so others wait for it.
        """
        tokens = self.lanes[0].pacer.expected(prompt, request.max_tokens) if self._by_tokens else 0.0
        place: asyncio.Future[Lane] = asyncio.get_running_loop().create_future()
        if again:
            self._waiting.appendleft((place, tokens))
        else:
            self._waiting.append((place, tokens))
        self._serve()
        try:
            return await place, tokens
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # let in and cancelled in the same moment
                lane = place.result()
                lane.pacer.settle(tokens, 0, 0, request.max_tokens)
                self._leave(lane)
            raise

    def _leave(self, lane: Lane) -> None:
        lane.inside -= 1
        self._serve()

    def _serve(self) -> None:
        """Hands free places to those who wait longest; looks again when the first cap allows another call."""
        while self._waiting:
            place, tokens = self._waiting[0]
            if place.done():
                self._waiting.popleft()
                continue
            lane, wait = self._next_lane(tokens)
            if lane is None:
                return
            if wait:
                if self._timer is None:
                    self._timer = asyncio.get_running_loop().call_later(wait, self._look_again)
                return
            self._waiting.popleft()
            lane.inside += 1
            lane.pacer.start(tokens)
            place.set_result(lane)

    def _look_again(self) -> None:
        self._timer = None
        self._serve()

    def _next_lane(self, tokens: float) -> tuple[Lane | None, float]:
        """The endpoint that has room first, and in how many seconds its caps allow a call of so many tokens."""
        now, lanes = time.monotonic(), self._open()
        well = any(not lane.down for lane in lanes)
        best: tuple[float, float, Lane] | None = None
        for lane in lanes:
            rest = max(0.0, lane.rests_until - now) if lane.down and well else 0.0
            if lane.inside >= (1 if lane.down and well else lane.limit.limit):
                continue
            wait = max(rest, lane.pacer.ready_in(tokens))
            if best is None or (wait, lane.load) < best[:2]:
                best = (wait, lane.load, lane)
        return (best[2], best[0]) if best else (None, 0.0)
