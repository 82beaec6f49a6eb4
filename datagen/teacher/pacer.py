"""Caps on requests and tokens a minute, kept smoothly by a token bucket for each.

A bucket holds a second's worth, and refills at what is left of the minute: so no minute holds more than its cap, to
within one call, and no burst at its start uses it up. A call takes what it is expected to need (its prompt, and of its
`max_tokens` the share that replies used lately) and gives back, or owes, the difference when the reply has come.
"""

from __future__ import annotations

import time
from collections.abc import Callable

_FORGET = 0.1  # weight of the newest reply in the running share: the last twenty or so count


class Bucket:
    """So many a minute. Pure: it asks `clock` for the time, no more."""

    def __init__(self, per_minute: float, unit: float, clock: Callable[[], float]) -> None:
        self._capacity = max(unit, per_minute / 60)
        self._rate = (per_minute - self._capacity + unit) / 60
        self._clock, self._level, self._at = clock, self._capacity, clock()

    def ready_in(self, amount: float) -> float:
        """Seconds until that much may be taken. More than it holds is taken when it is full, and leaves a debt."""
        return max(0.0, (min(amount, self._capacity) - self._filled()) / self._rate)

    def take(self, amount: float) -> None:
        """Takes it, or gives back what is negative."""
        self._level = min(self._capacity, self._filled() - amount)

    def _filled(self) -> float:
        now = self._clock()
        self._level = min(self._capacity, self._level + (now - self._at) * self._rate)
        self._at = now
        return self._level


class Pacer:
    """The caps of one endpoint; None is no cap."""

    def __init__(self, rpm: float | None = None, tpm: float | None = None,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._calls = Bucket(rpm, 1.0, clock) if rpm else None
        self._tokens = Bucket(tpm, 0.0, clock) if tpm else None
        self._share = 1.0

    @property
    def by_tokens(self) -> bool:
        return self._tokens is not None

    def expected(self, prompt: int, max_tokens: int) -> float:
        """Tokens that such a call will probably take."""
        return prompt + self._share * max_tokens

    def ready_in(self, tokens: float) -> float:
        """Seconds until a call of so many tokens may start."""
        calls = self._calls.ready_in(1.0) if self._calls else 0.0
        return max(calls, self._tokens.ready_in(tokens) if self._tokens else 0.0)

    def start(self, tokens: float) -> None:
        """A call starts that is expected to take so many tokens."""
        if self._calls:
            self._calls.take(1.0)
        if self._tokens:
            self._tokens.take(tokens)

    def settle(self, expected: float, prompt: int, completion: int, max_tokens: int) -> None:
        """The call took `prompt` and `completion`; both 0 for one that was not answered."""
        if self._tokens:
            self._tokens.take(prompt + completion - expected)
        if completion:
            self._share += _FORGET * (min(1.0, completion / max_tokens) - self._share)
