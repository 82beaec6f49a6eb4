"""Distributions as a few round bins."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from curate.report.model_set import Bin, Histogram

_BINS = 20
# Scores on a scale of so few steps (a judge's 1 to 5, with halves) get one bar a step.
_STEPS = 20


def lengths(name: str, counts: Mapping[str, Counter[int]]) -> Histogram | None:
    """Lengths in tokens, counted by series. The last bin gathers the longest 1 % if they stretch the axis."""
    total: Counter[int] = sum(counts.values(), Counter())
    if not total:
        return None
    step = _round_up(max(quantile(total, 0.99), 1) / _BINS)
    edge = step * _BINS
    bins = [
        Bin(low=low, high=low + step, counts={series: 0 for series in counts})
        for low in range(0, int(edge), int(step))
    ]
    for series, own in counts.items():
        for value, count in own.items():
            bins[min(int(value // step), len(bins) - 1)].counts[series] += count
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


def scores(name: str, values: Mapping[str, Sequence[float]]) -> Histogram:
    """Scores by series, from 0 to 1 where they all lie there, by steps where the scale has few, else from the least to
    the 99th percentile, the last bin gathering what lies beyond. Median and 95th percentile are of the first series."""
    import numpy as np

    series = {key: np.asarray(given, np.float64) for key, given in values.items()}
    every = np.concatenate(list(series.values()))
    low, step, count, steps = _scale(every)
    edges = [round(low + i * step, 10) for i in range(count + 1)]
    bins = [Bin(low=a, high=b, counts={key: 0 for key in series}) for a, b in zip(edges, edges[1:], strict=False)]
    for key, own in series.items():
        places = np.clip(((own - low) / step + 1e-9).astype(np.int64), 0, count - 1)
        for place, seen in enumerate(np.bincount(places, minlength=count)):
            bins[place].counts[key] = int(seen)
    first = np.sort(next(iter(series.values())))
    return Histogram(
        name=name,
        unit="score",
        bins=bins,
        median=float(first[len(first) // 2]) if len(first) else 0.0,
        p95=float(first[int(len(first) * 0.95)]) if len(first) else 0.0,
        largest=float(every.max()),
        open_end=float(every.max()) > edges[-1] + 1e-9,
        steps=steps,
    )


def likeness(name: str, values: Sequence[float]) -> Histogram | None:
    """How alike twins are, from the tenth below the least to 1; None where all are the same, as exact twins are."""
    import numpy as np

    every = np.asarray(values, np.float64)
    if not len(every) or every.min() == every.max() or every.min() < 0 or every.max() > 1:
        return None
    low = math.floor(float(every.min()) * 10) / 10
    count = round((1 - low) / 0.02)
    places = np.clip(((every - low) / 0.02 + 1e-9).astype(np.int64), 0, count - 1)
    bins = [
        Bin(low=round(low + i * 0.02, 2), high=round(low + (i + 1) * 0.02, 2), counts={"dropped": int(seen)})
        for i, seen in enumerate(np.bincount(places, minlength=count))
    ]
    every.sort()
    return Histogram(
        name=name,
        unit="likeness",
        bins=bins,
        median=float(every[len(every) // 2]),
        p95=float(every[int(len(every) * 0.95)]),
        largest=float(every[-1]),
    )


def _scale(every: Any) -> tuple[float, float, int, bool]:
    """Where the bars begin, how wide they are, how many, and whether each stands for one value."""
    import numpy as np

    low, high = float(every.min()), float(every.max())
    if low == high and not 0 <= low <= 1:
        return low - 0.5, 1.0, 1, True
    for step in (1.0, 0.5):
        if 0 < high - low <= _STEPS * step and high > 1 and not np.any(every % step):
            return low - step / 2, step, round((high - low) / step) + 1, True
    if low >= 0 and high <= 1:
        return 0.0, 1 / _BINS, _BINS, False
    high = float(np.quantile(every, 0.99))
    return low, (high - low) / _BINS or 1.0, _BINS, False


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
