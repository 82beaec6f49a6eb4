"""Distributions as a few round bins."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from curate.report.model import Bin, Histogram

_BINS = 20


def lengths(name: str, counts: Mapping[str, Counter[int]]) -> Histogram | None:
    """Lengths in tokens, counted by language. The last bin gathers the longest 1 % if they stretch the axis."""
    total: Counter[int] = sum(counts.values(), Counter())
    if not total:
        return None
    step = _round_up(max(quantile(total, 0.99), 1) / _BINS)
    edge = step * _BINS
    bins = [
        Bin(low=low, high=low + step, counts={tongue: 0 for tongue in counts}) for low in range(0, int(edge), int(step))
    ]
    for tongue, own in counts.items():
        for value, count in own.items():
            bins[min(int(value // step), len(bins) - 1)].counts[tongue] += count
    while len(bins) > 1 and not any(bins[-1].counts.values()):
        bins.pop()
    return Histogram(
        name=name,
        unit="tokens",
        bins=bins,
        median=quantile(total, 0.5),
        p95=quantile(total, 0.95),
        largest=max(total),
        open_end=max(total) >= bins[-1].high,
    )


def scores(name: str, values: Sequence[float]) -> Histogram:
    """Scores, from 0 to 1 where they all lie there, else from the least to the greatest."""
    ordered = sorted(values)
    low, high = ordered[0], ordered[-1]
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    step = (high - low) / _BINS or 1.0
    bins = [Bin(low=low + i * step, high=low + (i + 1) * step, counts={"": 0}) for i in range(_BINS)]
    for value in ordered:
        bins[min(int((value - low) / step), _BINS - 1)].counts[""] += 1
    return Histogram(
        name=name,
        unit="score",
        bins=bins,
        median=ordered[len(ordered) // 2],
        p95=ordered[int(len(ordered) * 0.95)],
        largest=ordered[-1],
    )


def quantile(counts: Counter[int], share: float) -> int:
    """The least value that at least `share` of all do not exceed."""
    wanted = share * counts.total()
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= wanted:
            return value
    return 0


def _round_up(value: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50 …"""
    power = 10 ** math.floor(math.log10(max(value, 1)))
    return next(int(digit * power) for digit in (1, 2, 5, 10) if digit * power >= value)
