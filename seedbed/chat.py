"""What a teacher is to everybody else: `await complete(request)` gives a `Reply`.

Stages write one coroutine per unit of work (a passage, say) that may ask several times; `Loop.in_order` runs many of
them at once and hands the outcomes back in the order in which the work was given, so that control flow never depends
on which reply came first.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

import msgspec

from seedbed.record import Message

T = TypeVar("T")


class Request(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One question to a teacher.

    `schema` asks for JSON of that shape; `sample` tells equal requests apart; `logprobs` asks how likely each token
    of the reply was, which not every endpoint tells.
    """

    messages: tuple[Message, ...]
    max_tokens: int = 1024
    temperature: float = 0.7
    top_p: float = 1.0
    presence_penalty: float = 0.0
    schema: dict[str, Any] | None = None
    sample: int = 0
    logprobs: bool = False


class Reply(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What came back.

    `finish` is the endpoint's finish reason ("stop", "length", …); `key` is its journal row; `tokens` are those of the
    reply with their log-probabilities, where they were asked for and given; `money` is what it cost, at the price of
    the endpoint that answered, and a replay tells the same.
    """

    text: str
    finish: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    model: str = ""
    key: str = ""
    tokens: tuple[tuple[str, float], ...] = ()
    money: float = 0.0


class Complete(Protocol):
    """A teacher. Raises `TeacherError` when it cannot be used at all and `LimitReached` when no more may be bought."""

    @property
    def model(self) -> str: ...

    async def __call__(self, request: Request) -> Reply: ...


class Loop:
    """An event loop in a thread of its own, so that plain iterators can drive concurrent work."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="seedbed-loop", daemon=True)
        self._thread.start()

    def __enter__(self) -> Loop:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """One coroutine, to its end."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def in_order(self, works: Iterable[Coroutine[Any, Any, T]], width: int) -> Iterator[T]:
        """Outcomes in the order of `works`, at most `width` of them under way or waiting to be taken.

        `works` is drawn lazily. The first exception is raised at its own place in the order, and what is still under
        way is cancelled; so it is when the caller stops early.
        """
        pending: deque[Future[T]] = deque()
        source = iter(works)
        try:
            while True:
                while len(pending) < width and (work := next(source, None)) is not None:
                    pending.append(asyncio.run_coroutine_threadsafe(work, self._loop))
                if not pending:
                    return
                outcome = pending[0].result()  # stays in `pending`, so that an interrupt here cancels it too
                pending.popleft()
                yield outcome
        finally:
            for future in pending:
                future.cancel()
