"""What the rungs of a sweep come to: domain loss against general loss at each value.

A difference is tuned minus base, in nats a token. Its interval over records is the paired bootstrap of the evaluation,
each record's losses averaged over the seeds first. With several seeds there is a second one, over seeds: Student's t
on the seeds' means. The first says how far other records would move the point, the second how far another draw would.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

import msgspec

from train.evaluation import intervals

# Student's t, 97.5th percentile, for 1 to 8 degrees of freedom.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306)


class Losses(msgspec.Struct, frozen=True):
    """One record: the summed token loss of its answers, before and after, and how many tokens these are."""

    base: float
    tuned: float
    tokens: int


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """rung.json: one finished training. `losses` is set -> record id -> its losses."""

    fingerprint: str
    key: str
    value: float | int | str
    seed: int
    share: float
    steps: int
    kept_step: int
    seconds: float
    losses: dict[str, dict[str, Losses]]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Mean loss of one set before and after, and the intervals of the difference; None where there is too little."""

    base: float
    tuned: float
    over_records: tuple[float, float] | None
    over_seeds: tuple[float, float] | None

    @property
    def mean(self) -> float:
        return self.tuned - self.base

    @property
    def interval(self) -> tuple[float, float] | None:
        """The one to show: over seeds where there are several."""
        return self.over_seeds or self.over_records

    @property
    def share(self) -> float:
        """The change as a share of the base's loss."""
        return self.mean / self.base


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One value of the swept option; `share` is that of general records in training, over the seeds."""

    value: float | int | str
    seeds: int
    share: float
    domain: Change
    general: Change


def points(measured: Sequence[Measured], seed: int) -> list[Point]:
    """One point a value, in the order in which they come."""
    values = list(dict.fromkeys(one.value for one in measured))
    grouped = [[one for one in measured if one.value == value] for value in values]
    return [
        Point(
            value=value,
            seeds=len(several),
            share=statistics.fmean(one.share for one in several),
            domain=change([one.losses["test_seen"] for one in several], seed),
            general=change([one.losses["test_general"] for one in several], seed),
        )
        for value, several in zip(values, grouped, strict=True)
    ]


def mean_loss(losses: Sequence[Losses]) -> tuple[float, float]:
    """Mean token loss before and after, each token counting once."""
    tokens = sum(one.tokens for one in losses)
    return sum(one.base for one in losses) / tokens, sum(one.tuned for one in losses) / tokens


def change(several: Sequence[dict[str, Losses]], seed: int) -> Change:
    """What one set's losses came to, over the seeds of one value."""
    ids = [name for name in several[0] if all(name in losses for losses in several)]
    averaged = [
        Losses(
            statistics.fmean(losses[name].base for losses in several),
            statistics.fmean(losses[name].tuned for losses in several),
            several[0][name].tokens,
        )
        for name in ids
    ]
    base, tuned = mean_loss(averaged)
    over = intervals.mean([one.tuned - one.base for one in averaged], seed, [one.tokens for one in averaged])
    records = (over.low, over.high) if over.low is not None and over.high is not None else None
    return Change(base=base, tuned=tuned, over_records=records, over_seeds=_over_seeds(several))


def _over_seeds(several: Sequence[dict[str, Losses]]) -> tuple[float, float] | None:
    if len(several) < 2:
        return None
    means = [mean_loss(list(losses.values())) for losses in several]
    changes = [tuned - base for base, tuned in means]
    reach = _T[len(changes) - 2] * statistics.stdev(changes) / math.sqrt(len(changes))
    return statistics.fmean(changes) - reach, statistics.fmean(changes) + reach


def told(key: str, found: Sequence[Point]) -> list[dict[str, Any]]:
    """The points as they stand in sweep.json, means included."""
    return [
        msgspec.to_builtins(point)
        | {
            name: msgspec.to_builtins(one) | {"change": one.mean, "share": one.share}
            for name, one in (("domain", point.domain), ("general", point.general))
        }
        | {"key": key}
        for point in found
    ]
