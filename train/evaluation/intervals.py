"""How far a figure may be from the truth: the bootstrap over records (Efron & Tibshirani 1993).

A figure of many records is computed again for records drawn with replacement, in two models' figures the same ones for
both (the paired bootstrap). The plain percentile interval is too narrow for few records (with 8 it holds the truth in
88 of 100 cases); the expanded one (Hesterberg 2015, "What teachers should know about the bootstrap", section 4.3.3) is
not. A share that is 0 or 1 in the sample would be 0 or 1 in every draw, as if there were no doubt; shares therefore
have Wilson's interval (1927).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

_ROUNDS = 4000  # resamples: enough for steady ends of an interval (Efron & Tibshirani 1993, chapter 13)
_AT_ONCE = 200_000  # record numbers drawn at a time: bounds the memory
_Z = 1.959964  # the normal distribution's 97.5th percentile
FEW = 6  # records: below, even the expanded interval is too narrow (holds the truth in 91 of 100 cases, simulated)


class Spread(msgspec.Struct, frozen=True):
    """A figure with its 95 % interval over records; the ends are None where there are too few."""

    mean: float
    low: float | None = None
    high: float | None = None

    @property
    def real(self) -> bool:
        """Of a difference: whether the interval leaves zero out."""
        return self.low is not None and self.high is not None and (self.high < 0 or self.low > 0)

    def noted(self) -> dict[str, float | None]:
        """As it stands in the figures of a stage."""
        return {name: None if value is None else round(value, 4) for name, value in msgspec.to_builtins(self).items()}


def spread(figure: Callable[[Any], Any], count: int, seed: int) -> Spread:
    """The spread of a figure of `count` records. `figure` takes record numbers, [draws, records], and gives [draws]."""
    import numpy as np

    whole = float(figure(np.arange(count)[None, :])[0])
    if count < FEW:
        return Spread(whole)
    chance, size = np.random.default_rng(seed), max(1, _AT_ONCE // count)
    drawn = [
        figure(chance.integers(0, count, (min(size, _ROUNDS - done), count))) for done in range(0, _ROUNDS, size)
    ]
    tail = 100 * _tail(count)
    low, high = np.percentile(np.concatenate(drawn), [tail, 100 - tail])
    return Spread(whole, float(low), float(high))


def mean(values: Sequence[float], seed: int, weights: Sequence[int] | None = None) -> Spread:
    """The spread of a mean: of sum(values) / sum(weights), where each record has a weight."""
    import numpy as np

    all_values, all_weights = np.array(values, float), np.array(weights if weights is not None else [1] * len(values))
    return spread(lambda drawn: all_values[drawn].sum(1) / all_weights[drawn].sum(1), len(values), seed)


def share(hits: int, count: int) -> Spread:
    """Wilson's interval of a share."""
    if count < FEW:
        return Spread(hits / count)
    middle, room = (hits + _Z**2 / 2) / (count + _Z**2), hits * (count - hits) / count + _Z**2 / 4
    half = _Z * math.sqrt(room) / (count + _Z**2)
    return Spread(hits / count, max(0.0, middle - half), min(1.0, middle + half))


def _tail(count: int) -> float:
    """The share to cut off at each end: that of a normal beyond sqrt(n / (n-1)) times Student's t for n-1."""
    free = count - 1
    # Student's t from the normal's percentile (Abramowitz & Stegun 26.7.5, first three terms).
    t = _Z + (_Z**3 + _Z) / (4 * free) + (5 * _Z**5 + 16 * _Z**3 + 3 * _Z) / (96 * free**2)
    return 0.5 * math.erfc(math.sqrt(count / free) * t / math.sqrt(2))
