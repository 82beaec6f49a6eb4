"""The teacher: journal, budget, adaptive limits and retries around one or more endpoints.

    request ─▶ journal? ─▶ same call under way? ─▶ budget ─▶ gate ─▶ endpoint ─▶ journal ─▶ reply

Failures of infrastructure are retried here and never seen by a stage; verdicts (an empty reply, one cut at the token
limit, a request the endpoint will not answer) are replies, kept in the journal like any other:

    finish   "stop", "length" (cut at max_tokens), "content_filter", "empty", "error: …" (a 400; the text is empty)
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from datagen.teacher.budget import Budget, Spent
from datagen.teacher.endpoint import BadRequest, Broken, Fault, OpenAIEndpoint, Refused, Unreachable
from datagen.teacher.journal import Journal, canonical, key_of
from datagen.teacher.limits import AdaptiveLimit, Gate
from datagen.teacher.options import Pace, TeacherOptions
from seedbed.chat import Loop, Reply, Request
from seedbed.errors import TeacherError
from seedbed.text import length

# Seconds in which replies under way may still come in and be kept when somebody at the keyboard stops the run.
_STOPPING = 2.0
_AGAIN = "Everything answered is kept: run the same command again to go on"


class Transport(Protocol):
    """What carries a request to one endpoint. Raises a `Fault` or TeacherError."""

    name: str

    async def send(self, request: Request) -> Reply: ...

    async def aclose(self) -> None: ...


@dataclass
class Stats:
    """What this process did so far, for the live line; `Budget.spent` has the run's whole life."""

    paid: int = 0
    replayed: int = 0
    retried: int = 0
    refused: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: float = 0.0
    _recent: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=512))

    def add(self, reply: Reply, money: float) -> None:
        self.paid += 1
        self.prompt_tokens += reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens
        self.money += money
        self._recent.append((time.monotonic(), reply.completion_tokens))

    @property
    def tokens_per_second(self) -> float:
        """Completion tokens of the last minute, by the second."""
        recent = [(when, tokens) for when, tokens in self._recent if when > time.monotonic() - 60]
        if len(recent) < 2:
            return 0.0
        return sum(tokens for _, tokens in recent[1:]) / max(1e-3, recent[-1][0] - recent[0][0])


class _Endpoint:
    """A transport with its gate, and when it last answered or failed."""

    def __init__(self, transport: Transport, ceiling: int) -> None:
        self.transport = transport
        self.gate = Gate(AdaptiveLimit(ceiling))
        self.answered_at: float | None = None
        self.resting_until = 0.0


@dataclass
class _Flight:
    """One call under way and how many wait for it."""

    task: asyncio.Task[Reply] = field(init=False)
    waiting: int = 0
    sent: bool = False


@dataclass
class _Trial:
    """What one call has met so far."""

    started: float
    faults: int = 0
    refused_at: float | None = None

    @property
    def again(self) -> bool:
        return bool(self.faults) or self.refused_at is not None


class Teacher:
    """A `Complete` over `transports`, which all serve the same `model`. Use it on one event loop.

    Raises TeacherError when the teacher cannot be used, LimitReached when the budget is spent and RunError when the
    journal cannot be written. A cancelled call that was sent already is finished and kept: it is paid for.
    """

    def __init__(self, transports: list[Transport], model: str, journal: Journal, budget: Budget,
                 options: TeacherOptions | None = None, pace: Pace | None = None) -> None:
        self._options, self._pace = options or TeacherOptions(), pace or Pace()
        self._endpoints = [_Endpoint(transport, self._options.concurrency) for transport in transports]
        self._model, self._journal, self.budget = model, journal, budget
        self._flights: dict[str, _Flight] = {}
        self.stats = Stats()
        budget.spent = Spent(*journal.spent())

    @property
    def model(self) -> str:
        return self._model

    async def __call__(self, request: Request) -> Reply:
        if (cap := self._options.max_tokens) and request.max_tokens > cap:
            request = msgspec.structs.replace(request, max_tokens=cap)
        asked = canonical(self._model, request, self._options.extra)
        key = key_of(asked)
        flight = self._flights.get(key)
        if flight is None or flight.task.cancelling():
            if kept := self._journal.get(key):
                self.stats.replayed += 1
                return kept
            flight = self._flights[key] = _Flight()
            flight.task = asyncio.create_task(self._buy(flight, request, asked, key))
            flight.task.add_done_callback(partial(self._landed, key, flight))
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
            _, late = await asyncio.wait(tasks, timeout=self._options.timeout if patience is None else patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for endpoint in self._endpoints:
            await endpoint.transport.aclose()

    # ---- one call ----

    def _landed(self, key: str, flight: _Flight, task: asyncio.Task[Reply]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not task.cancelled():
            task.exception()  # seen, also when nobody waits any more

    async def _buy(self, flight: _Flight, request: Request, asked: bytes, key: str) -> Reply:
        prompt = _estimate(request) if self.budget.by_tokens else 0  # counting takes a while
        most = self.budget.cost(prompt, request.max_tokens)
        await self.budget.reserve(most)
        actual = Spent()
        try:
            reply, seconds = await self._answer(flight, request)
            reply = msgspec.structs.replace(reply, key=key, model=self._model)
            if not reply.finish.startswith("error"):
                actual = self.budget.cost(reply.prompt_tokens, reply.completion_tokens)
                self.stats.add(reply, actual.money)
            await self._journal.put(asked, reply, seconds, actual.money)
            return reply
        finally:
            await self.budget.settle(most, actual)

    async def _answer(self, flight: _Flight, request: Request) -> tuple[Reply, float]:
        """Tries until there is a reply or no hope."""
        trial = _Trial(time.monotonic())
        while True:
            endpoint = min(self._endpoints, key=lambda e: (e.resting_until > time.monotonic(), e.gate.load))
            try:
                return await self._try(endpoint, flight, request, again=trial.again)
            except Fault as fault:
                if isinstance(fault, BadRequest) and (fault.certain or self._ever_answered()):
                    return Reply(text="", finish=f"error: {fault.why}"), 0.0
                if not flight.waiting:
                    raise
                wait = self._after(endpoint, trial, fault)
            self.stats.retried += 1
            await asyncio.sleep(wait)

    async def _try(
        self, endpoint: _Endpoint, flight: _Flight, request: Request, *, again: bool
    ) -> tuple[Reply, float]:
        await endpoint.gate.enter(again)
        sent_at = time.monotonic()
        flight.sent = True
        try:
            async with asyncio.timeout(self._options.timeout):
                reply = await endpoint.transport.send(request)
            endpoint.gate.limit.succeeded(sent_at)
            endpoint.answered_at = time.monotonic()
            return _counted(reply, request), endpoint.answered_at - sent_at
        except TimeoutError:
            flight.sent = False
            raise Broken(f"no answer within {self._options.timeout:g} s") from None
        except Fault as fault:
            flight.sent = False
            if isinstance(fault, Refused):
                endpoint.gate.limit.refused(sent_at)
            raise
        finally:
            endpoint.gate.leave()

    # ---- when it fails ----

    def _after(self, endpoint: _Endpoint, trial: _Trial, fault: Fault) -> float:
        """How long to wait before the next try. Raises TeacherError where there is no point in one."""
        now = time.monotonic()
        if isinstance(fault, Refused):
            self.stats.refused += 1
            return self._after_refusal(endpoint, trial, fault, now)
        trial.faults += 1
        if self._hopeless(trial, fault, now - trial.started):
            raise self._given_up(endpoint, trial, fault, now - trial.started)
        wait = max(self._pace.backoff(trial.faults), min(fault.retry_after or 0.0, self._options.patience))
        endpoint.resting_until = now + wait
        return wait

    def _hopeless(self, trial: _Trial, fault: Fault, seconds: float) -> bool:
        if self._ever_answered():
            return trial.faults > self._options.retries
        if isinstance(fault, Unreachable):
            return seconds >= self._pace.reach
        # It never worked, so this is hardly a passing weakness, unless it is still loading its model.
        waited = isinstance(fault, BadRequest) or seconds >= self._pace.reach
        return waited and trial.faults > min(2, self._options.retries)

    def _given_up(self, endpoint: _Endpoint, trial: _Trial, fault: Fault, seconds: float) -> TeacherError:
        what = "is out of reach" if isinstance(fault, Unreachable) else "does not answer"
        if self._ever_answered():
            step = _AGAIN
        elif isinstance(fault, BadRequest):
            step = "Check the options under teacher: in the job"
        else:
            step = "Check that it runs and that the URL is right"
        return TeacherError(f"the teacher {what}: {trial.faults} tries in {seconds:.0f} s, the last one: {fault.why}",
                            where=endpoint.transport.name, next_step=step)

    def _after_refusal(self, endpoint: _Endpoint, trial: _Trial, fault: Refused, now: float) -> float:
        trial.refused_at = trial.refused_at or now
        silent = now - max(trial.refused_at, endpoint.answered_at or 0.0)
        wait = self._pace.refused if fault.retry_after is None else fault.retry_after
        if max(silent, wait) > self._options.patience:
            raise TeacherError(f"the teacher refuses every call (429: {fault.why}); {silent:.0f} s without an answer, "
                               f"and now it asks to wait {wait:.0f} s", where=endpoint.transport.name, next_step=_AGAIN)
        return wait * random.uniform(1.0, 1.1)  # so that those refused together do not come back together

    def _ever_answered(self) -> bool:
        return any(endpoint.answered_at is not None for endpoint in self._endpoints)


def _estimate(request: Request) -> int:
    """Tokens of the prompt, on the high side: models make up to 1.5 of one of ours (measured on technical text)."""
    return sum(8 + int(1.5 * length(message.content)) for message in request.messages)


def _counted(reply: Reply, request: Request) -> Reply:
    """The reply with token counts, estimated where the endpoint gives none."""
    if reply.prompt_tokens or reply.completion_tokens:
        return reply
    said = int(1.5 * length(reply.text))
    return msgspec.structs.replace(reply, prompt_tokens=_estimate(request), completion_tokens=said)


@contextmanager
def open_teacher(options: TeacherOptions, journal: Journal, budget: Budget, loop: Loop) -> Iterator[Teacher]:
    """The teacher that `options` describe, on `loop`; a local model is served for as long as this is open.

    Raises TeacherError when it cannot be started and InputError when its files cannot be had.
    """
    with ExitStack() as stack:
        transports, model, options = _transports(options, stack)
        teacher = loop.run(_made(transports, model, journal, budget, options))
        patience: float | None = None
        try:
            yield teacher
        except KeyboardInterrupt:
            patience = _STOPPING
            raise
        finally:
            loop.run(teacher.aclose(patience))


Makers = list[Callable[[], Transport]]


async def _made(makers: Makers, model: str, journal: Journal, budget: Budget, options: TeacherOptions) -> Teacher:
    return Teacher([make() for make in makers], model, journal, budget, options)


def _transports(options: TeacherOptions, stack: ExitStack) -> tuple[Makers, str, TeacherOptions]:
    """How to make the transports, the model's name in the journal, and the options as they hold for that model."""
    if options.model.startswith("scripted:"):
        from datagen.teacher.scripted import Script

        script = Script.load(Path(options.model.removeprefix("scripted:")))
        return [lambda: script], script.name, options
    if options.local:
        from datagen.teacher import embedded

        file, name = embedded.locate(options.model)
        server = embedded.ServerOptions(slots=options.slots, context=options.context, threads=options.threads)
        url = stack.enter_context(embedded.serving(file, server))
        # A local model is slow rather than stuck: four replies of 1,000 tokens at once take minutes on 2 cores.
        options = msgspec.structs.replace(options, concurrency=options.slots, timeout=max(options.timeout, 900.0))
        return [partial(OpenAIEndpoint, url, options)], name, options
    return [partial(OpenAIEndpoint, url, options) for url in options.urls], options.model, options
