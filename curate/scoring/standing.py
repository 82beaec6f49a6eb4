"""Whether a judge's scores say anything: a judge that gives every record the same score sorts nothing.

The measure is the share of pairs of records that the scores tell apart (one minus Simpson's index of concentration,
1949): 0 where all are equal, .8 where five scores are equally frequent. It needs no reference, no variance whose size
means nothing on a scale of five, and one record's odd score does not mend it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from curate.scoring.rating import Rating

# Under this share a judge is flat: nine records in ten have one score (1 - .9² - .1² = .18).
FLAT = 0.2
FEW = 20  # records under which nothing is said: ten equal scores are no news
_STEP = 0.5  # overall scores that differ by less are the same score: a mean of five differs by .2 for one small flaw


class Standing:
    """The scores of a judge, counted. Memory does not grow with the records."""

    def __init__(self, criteria: Sequence[str]) -> None:
        self._marks: dict[str, Counter[float]] = {name: Counter() for name in criteria}
        self._overall: Counter[float] = Counter()
        self._apart = 0.0
        self._twice = 0

    def add(self, rating: Rating) -> None:
        """One record's scores."""
        for name, mark in rating.means.items():
            if name in self._marks:
                self._marks[name][mark] += 1
        scores = rating.scores
        self._overall[round(scores["judge"] / _STEP) * _STEP] += 1
        if "judge.disagreement" in scores:
            self._apart += scores["judge.disagreement"]
            self._twice += 1

    @property
    def told_apart(self) -> float:
        """The share of pairs of records whose overall scores differ by about half a point or more."""
        return told_apart(self._overall)

    def flat(self) -> list[str]:
        """The criteria on which nearly all records have one score; none where there are too few records to say."""
        return [name for name, marks in self._marks.items() if marks.total() >= FEW and told_apart(marks) < FLAT]

    def figures(self) -> dict[str, Any]:
        """`marks`: records by score and criterion, `means`, `overall` in half points, `told_apart`, `flat`."""
        return {
            "marks": {name: _sorted(marks) for name, marks in self._marks.items()},
            "means": {name: round(_mean(marks), 3) for name, marks in self._marks.items() if marks},
            "overall": _sorted(self._overall),
            "told_apart": round(self.told_apart, 3),
            "flat": self.flat(),
            **({"disagreement": round(self._apart / self._twice, 3)} if self._twice else {}),
        }

    def verdict(self) -> str:
        """What a user should know before trusting these scores; empty where there is nothing to say."""
        total = self._overall.total()
        if total < FEW:
            return ""
        score, count = self._overall.most_common(1)[0]
        if self.told_apart < FLAT:
            return (f"{count} of {total} records have about the same score, {score:g}: they are alike, or this judge "
                    "does not see what sets them apart. `control: 20` tells which; a stronger judge goes under "
                    "`teacher: roles: judge:`")
        if flat := self.flat():
            return f"nearly all records have the same score for {', '.join(flat)}: do not cut by that"
        return ""


def told_apart(counts: Counter[float]) -> float:
    """The share of pairs, drawn with replacement, whose values differ; 0 for none."""
    total = counts.total()
    return 1 - sum((count / total) ** 2 for count in counts.values()) if total else 0.0


def _mean(counts: Counter[float]) -> float:
    return sum(value * count for value, count in counts.items()) / counts.total()


def _sorted(counts: Counter[float]) -> dict[str, int]:
    return {f"{value:g}": count for value, count in sorted(counts.items())}
