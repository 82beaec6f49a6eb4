"""What is bought, written down: budget, journal and the live figures, for whoever answers calls."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from datagen.teacher.budget import Budget, Prices, Spent
from datagen.teacher.journal import Journal
from seedbed.chat import Reply, Request
from seedbed.text import length

Dearest = Callable[[int, int], Prices]


@dataclass
class Stats:
    """What this process did so far, for the live line; `Budget.spent` has the run's whole life."""

    paid: int = 0
    replayed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: float = 0.0
    _recent: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=512))

    def add(self, reply: Reply) -> None:
        self.paid += 1
        self.prompt_tokens += reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens
        self.money += reply.money
        self._recent.append((time.monotonic(), reply.completion_tokens))

    @property
    def tokens_per_second(self) -> float:
        """Completion tokens of the last minute, by the second."""
        recent = [(when, tokens) for when, tokens in self._recent if when > time.monotonic() - 60]
        if len(recent) < 2:
            return 0.0
        return sum(tokens for _, tokens in recent[1:]) / max(1e-3, recent[-1][0] - recent[0][0])


@dataclass(frozen=True)
class Books:
    """One teacher's journal, budget and figures."""

    journal: Journal
    budget: Budget
    stats: Stats = field(default_factory=Stats)

    def most(self, request: Request, dearest: Dearest) -> Spent:
        """The most that a call may cost."""
        prompt = estimate(request) if self.budget.by_tokens else 0  # counting takes a while
        return dearest(prompt, request.max_tokens).cost(prompt, request.max_tokens)

    async def enter(self, asked: bytes, reply: Reply, seconds: float, prices: Prices, reserved: Spent) -> Reply:
        """Commits the reply and puts its price, which it then tells, in the place of what was reserved."""
        actual = Spent()
        try:
            if not reply.finish.startswith("error"):  # a verdict for nothing
                actual = prices.cost(reply.prompt_tokens, reply.completion_tokens)
                reply = msgspec.structs.replace(reply, money=actual.money)
                self.stats.add(reply)
            await self.journal.put(asked, reply, seconds)
            return reply
        finally:
            await self.budget.settle(reserved, actual)


def estimate(request: Request) -> int:
    """Tokens of the prompt, on the high side: models make up to 1.5 of one of ours (measured on technical text)."""
    return sum(8 + int(1.5 * length(message.content)) for message in request.messages)


def counted(reply: Reply, request: Request) -> Reply:
    """The reply with token counts, estimated where the endpoint gives none."""
    if reply.prompt_tokens or reply.completion_tokens:
        return reply
    said = int(1.5 * length(reply.text))
    return msgspec.structs.replace(reply, prompt_tokens=estimate(request), completion_tokens=said)
