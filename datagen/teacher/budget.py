"""Hard limits on calls, tokens and money, over the whole life of a run.

A call reserves the most it may cost before it is sent: its prompt as estimated and its whole `max_tokens`. Where what
is under way might still leave room, a call waits for it to be settled instead of giving up. Replays cost nothing.
"""

from __future__ import annotations

import asyncio

import msgspec

from seedbed.config import Limits as Limits
from seedbed.errors import LimitReached


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money for a million tokens of prompt and of completion."""

    prompt: float = 0.0
    completion: float = 0.0
    currency: str = "USD"

    def __post_init__(self) -> None:
        if self.prompt < 0 or self.completion < 0:
            raise ValueError("prices: neither may be negative")

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6

    def cost(self, prompt_tokens: int, completion_tokens: int) -> Spent:
        """One call of so many tokens."""
        return Spent(1, prompt_tokens + completion_tokens, self.of(prompt_tokens, completion_tokens))


class Spent(msgspec.Struct, frozen=True):
    """What was bought, or may be bought by one call."""

    calls: int = 0
    tokens: int = 0
    money: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.calls + other.calls, self.tokens + other.tokens, self.money + other.money)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.calls - other.calls, self.tokens - other.tokens, self.money - other.money)


class Budget:
    """Keeps what is spent within the limits, by all endpoints and roles of a run together."""

    def __init__(self, limits: Limits | None = None, currency: str = "USD") -> None:
        self.limits, self.currency, self.spent = limits or Limits(), currency, Spent()
        self._begun = False
        self._reserved = Spent()
        self._settled = asyncio.Condition()

    def begin(self, spent: Spent) -> None:
        """What the run's journal already holds; the first teacher to open tells it."""
        if not self._begun:
            self._begun, self.spent = True, spent

    @property
    def by_tokens(self) -> bool:
        """Whether the tokens of a call matter to any limit."""
        return self.limits.tokens is not None or self.limits.money is not None

    async def reserve(self, most: Spent) -> None:
        """Sets aside what a call may cost at most. Raises LimitReached when nothing under way can make room for it."""
        async with self._settled:
            while name := self._exceeded(self.spent + self._reserved + most):
                if self._reserved.calls == 0:
                    raise self._reached(name)
                await self._settled.wait()
            self._reserved += most

    def hold(self, most: Spent) -> None:
        """Sets aside what a call may cost that an earlier run has sent: no limit can stop it any more."""
        self._reserved += most

    async def settle(self, reserved: Spent, actual: Spent) -> None:
        """Replaces a reservation by what the call did cost: `Spent()` when it was not answered."""
        async with self._settled:
            self._reserved -= reserved
            self.spent += actual
            self._settled.notify_all()

    def _exceeded(self, total: Spent) -> str:
        for name in ("calls", "tokens", "money"):
            limit = getattr(self.limits, name)
            if limit is not None and getattr(total, name) > limit + 1e-9:  # sums of floats
                return name
        return ""

    def _reached(self, name: str) -> LimitReached:
        spent, limit = getattr(self.spent, name), getattr(self.limits, name)
        money = f"{spent:.2f} of {limit:.2f} {self.currency}"
        shown = money if name == "money" else f"{spent:,} of {limit:,} {name}"
        return LimitReached(
            f"{shown} spent, and the next call could pass the limit",
            where=f"limits.{name}",
            next_step=f"All replies are kept. To go on, raise limits.{name} in the job and run the same command again",
        )
