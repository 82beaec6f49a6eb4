"""How many calls one endpoint gets at once: found by trying, from its refusals (429).

Additive increase, multiplicative decrease (Chiu & Jain 1989) with three cares. Scattered refusals are noise: only
their share among the last outcomes counts. What was sent before a cut says nothing about the limit after it, so there
is at most one cut a round trip. And after a cut the way back is quick: one more for each success up to where the
trouble began, then one for each 25.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_WINDOW = 50  # outcomes looked at
# Refusals above this share mean overload. Simulated at 64 calls at once: with 5 % of scattered refusals .1 falls to
# 54 % of the ideal rate and .2 keeps 98 %; where 48 or 10 are the true capacity, both reach 88 and 91 % of it.
_SHARE = 0.2
_ENOUGH = 5  # refusals before a share means anything
_CUT = 0.75  # of the limit is left after a cut
_STEP = 25  # successes for one more call at once


class AdaptiveLimit:
    """The limit of one endpoint. Pure: it is told outcomes and asks `clock` for the time, no more."""

    def __init__(self, ceiling: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.ceiling = ceiling
        self._clock = clock
        self._limit = float(ceiling)
        self._target = float(ceiling)  # up to here growth is quick
        self._outcomes: deque[bool] = deque(maxlen=_WINDOW)
        self._cut_at = float("-inf")
        self._grown = True

    @property
    def limit(self) -> int:
        return max(1, int(self._limit + 1e-6))  # a sum of 25 × .04

    @property
    def scattered(self) -> bool:
        """Whether refusals now are noise: most of the last calls went through."""
        return self._outcomes.count(True) >= _ENOUGH and not self._overloaded()

    def succeeded(self, sent_at: float) -> None:
        """A call sent at `sent_at` was answered."""
        if sent_at < self._cut_at:
            return
        self._outcomes.append(True)
        if self._limit < self.ceiling and not self._overloaded():
            step = 1.0 if self._limit < self._target else 1.0 / _STEP
            self._limit = min(self._limit + step, float(self.ceiling))
            self._grown = True

    def refused(self, sent_at: float) -> None:
        """A call sent at `sent_at` was refused for load."""
        if sent_at < self._cut_at:
            return
        self._outcomes.append(False)
        if self._overloaded():
            self._cut()

    def _overloaded(self) -> bool:
        refused = self._outcomes.count(False)
        # At a limit of 1 to 4 five refusals would take several round trips, so there fewer are enough.
        return refused >= min(_ENOUGH, self.limit) and refused > _SHARE * len(self._outcomes)

    def _cut(self) -> None:
        if self._grown:  # the first cut of an episode tells where the trouble began
            self._target = max(1.0, self._limit * _CUT)
        self._grown = False
        self._limit = max(1.0, self._limit * _CUT)
        self._cut_at = self._clock()
        self._outcomes.clear()
