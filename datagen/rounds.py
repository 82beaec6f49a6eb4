"""Whom to ask next: rounds over passages, so that all of them get their share before any gets more."""

from __future__ import annotations

from dataclasses import dataclass

from datagen.passages import Passage


@dataclass(frozen=True)
class Share:
    """One passage's part of a round: how many records to draft."""

    passage: Passage
    count: int


def next_round(passages: list[Passage], missing: int, per_passage: int, waves: int, at_once: int) -> list[Share]:
    """Whom to ask next, and for how many: the least covered passages first, as many drafts as records are `missing`.

    As if all of them would be accepted: with a good teacher more would overshoot the target, and with a poor one the
    next round asks for the rest. A passage has at most `per_passage` records and is asked `waves` times.
    """
    open_ = [p for p in passages if p.accepted < per_passage and p.waves < waves]
    if missing <= 0 or not open_:
        return []
    open_.sort(key=lambda p: (p.accepted, p.waves))  # stable: ties stay in the seeded order
    shares: list[Share] = []
    for passage in open_:
        shares.append(Share(passage, min(at_once, per_passage - passage.accepted, missing)))
        missing -= shares[-1].count
        if missing <= 0:
            break
    # One language after the other: the examples of its prompt stay in an endpoint's cache.
    return sorted(shares, key=lambda share: share.passage.language)
