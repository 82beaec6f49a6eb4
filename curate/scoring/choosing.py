"""The best first, one after the other, until enough are taken: the greedy choice behind `select`.

Knows numbers, scores and names of kinds only. What is too much alike is told by a function, which is asked about few
candidates at a time and only about such as have room.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Ties = Literal["random", "first", "longest", "shortest"]
Kind = tuple[str, str]  # ("document", "en/pump.md")
_BLOCK = 256  # candidates looked at together: enough for a matrix product, few where all that follow are passed over


@dataclass(frozen=True, slots=True)
class Candidate:
    """One record. `rank` is what it is ordered by, the least first; `score` what a person reads, None where it has
    none."""

    number: int
    id: str
    rank: tuple[float, ...]
    score: float | None
    language: str
    kinds: tuple[Kind, ...]


@dataclass(frozen=True)
class Near:
    """The candidate that was taken before and is too much like this one, and the cosine."""

    taken: Candidate
    cosine: float


@dataclass(frozen=True)
class Amounts:
    """How many may stay: of all, of each language (empty: any), of each kind. None: as many as there are."""

    best: int | None = None
    languages: Mapping[str, int] = field(default_factory=dict)
    most: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Left:
    """Why a candidate does not stay: no room (`not_best`), no room for its kind (`full`), or near another one."""

    reason: Literal["not_best", "full", "too_near"]
    kind: Kind = ("", "")
    near: Near | None = None


@dataclass
class Chosen:
    """What stays, in the order in which it was taken, and by number why the others do not."""

    taken: list[Candidate] = field(default_factory=list)
    left: dict[int, Left] = field(default_factory=dict)


# Of some candidates, a function that says of the so many-th which one of those taken it is too near. It is asked in
# order, and whoever it finds nobody for counts as taken.
Alike = Callable[[Sequence[Candidate]], "Callable[[int], Near | None]"]


def rank(scores: Mapping[str, float], names: Sequence[str], tie: float) -> tuple[tuple[float, ...], float | None]:
    """The place in the order, and the first score. A minus before a name: the least is the best. Without one of the
    scores a record comes after all that have them."""
    found = [scores.get(name.removeprefix("-"), math.nan) for name in names]
    signed = [score if name.startswith("-") else -score for name, score in zip(names, found, strict=True)]
    missing = any(math.isnan(score) for score in found)
    places = (0.0 if math.isnan(place) else place for place in signed)
    return (float(missing), *places, tie), None if math.isnan(found[0]) else found[0]


def lot(seed: int, id_: str) -> float:
    """A number from 0 up to 1, uniform over ids."""
    return int.from_bytes(hashlib.blake2b(f"{seed} {id_}".encode(), digest_size=7).digest()) / 2**56


def choose(candidates: Iterable[Candidate], amounts: Amounts, alike: Alike | None = None) -> Chosen:
    """Takes candidates in their order as long as there is room for them."""
    order = sorted(candidates, key=lambda one: (one.rank, one.number))
    chosen, counts = Chosen(), _Counts(amounts)
    for first in range(0, len(order), _BLOCK):
        block = order[first : first + _BLOCK]
        asked = [one for one in block if counts.fault(one) is None] if alike else []
        near = alike(asked) if alike and asked else None
        places = {one.number: place for place, one in enumerate(asked)}
        for one in block:
            fault = counts.fault(one)
            if fault is None and near is not None and (other := near(places[one.number])):
                fault = Left("too_near", near=other)
            if fault:
                chosen.left[one.number] = fault
            else:
                counts.take(one)
                chosen.taken.append(one)
    return chosen


class _Counts:
    """How much room is left."""

    def __init__(self, amounts: Amounts) -> None:
        self._amounts = amounts
        self._languages: Counter[str] = Counter()
        self._kinds: dict[str, Counter[str]] = defaultdict(Counter)

    def fault(self, one: Candidate) -> Left | None:
        amounts = self._amounts
        if amounts.best is not None and self._languages.total() >= amounts.best:
            return Left("not_best")
        if amounts.languages and self._languages[one.language] >= amounts.languages.get(one.language, 0):
            return Left("not_best")
        full = (kind for kind in one.kinds if self._kinds[kind[0]][kind[1]] >= amounts.most[kind[0]])
        return Left("full", found) if (found := next(full, None)) else None

    def take(self, one: Candidate) -> None:
        self._languages[one.language] += 1
        for name, value in one.kinds:
            self._kinds[name][value] += 1
