"""Whom to ask next: rounds over passages, so that all of them get their share before any gets more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from datagen.material.passages import Passage


@dataclass(frozen=True)
class Share:
    """One passage's part of a round: how many records to draft."""

    passage: Passage
    count: int


@dataclass(frozen=True)
class Wholes:
    """What passages are parts of (topics), each covered and filled as one. `of` is from passage id to its whole,
    `covered` how many records a whole has, `most` how many it may have."""

    of: Mapping[str, Hashable] = field(default_factory=dict)
    covered: Mapping[Hashable, int] = field(default_factory=dict)
    most: int | None = None


def next_round(
    passages: list[Passage], missing: int, per_passage: int, waves: int, at_once: int, wholes: Wholes | None = None
) -> list[Share]:
    """Whom to ask next, and for how many: the least covered passages first, as many drafts as records are `missing`.

    As if all of them would be accepted: with a good teacher more would overshoot the target, and with a poor one the
    next round asks for the rest. A passage has at most `per_passage` records and is asked `waves` times. With `wholes`,
    those that have the fewest records come first, what this round drafts for them counted in.
    """
    wholes = wholes or Wholes()
    planned: Counter[Hashable] = Counter()

    def held(passage: Passage) -> int:
        whole = wholes.of.get(passage.record.id)
        return wholes.covered.get(whole, 0) + planned[whole] if whole is not None else 0

    open_ = [p for p in passages if p.accepted < per_passage and p.waves < waves]
    # The number comes last, so that ties stay in the seeded order.
    queue: list[tuple[int, ...]] = [(held(p), p.accepted, p.waves, number) for number, p in enumerate(open_)]
    heapify(queue)
    shares: list[Share] = []
    while queue and missing > 0:
        before, *own, number = heappop(queue)
        passage = open_[number]
        if (now := held(passage)) != before:  # this round has drafted for its whole meanwhile
            heappush(queue, (now, *own, number))
            continue
        room = per_passage - passage.accepted if wholes.most is None else wholes.most - now
        if (count := min(at_once, per_passage - passage.accepted, room, missing)) < 1:
            continue
        shares.append(Share(passage, count))
        planned[wholes.of.get(passage.record.id)] += count
        missing -= count
    # One language after the other: the examples of its prompt stay in an endpoint's cache.
    return sorted(shares, key=lambda share: share.passage.language)
