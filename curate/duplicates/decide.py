"""Which of similar records go: star-shaped clusters round the copies that stay.

Records are looked at in order of precedence (the policy: the first, the longest … before the others). One that is near
a record that stayed goes, and names that one; one that is near only such as went stays. So each that goes has a match
that it really resembles and that is really there, and a chain of small changes is not eaten up from its first link, as
connected components would. The outcome depends on the set of pairs alone, not on their order.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from curate.duplicates.compared import group, parts
from seedbed import kin
from seedbed.gate import rouge_l
from seedbed.record import Record
from seedbed.text import language, normalise

if TYPE_CHECKING:
    import numpy as np

    from curate.duplicates.pairs import Pairs

    Array = np.ndarray[Any, Any]

# ROUGE-L F1 from which on two questions about one fact are one wording: a word in twenty (in Chinese a character).
_SAME_WORDS = 0.95

Keep = Literal["first", "longest", "best_score", "most_evidence"]


class Item(msgspec.Struct, frozen=True, gc=False):
    """What must be known of a record while its text waits on disk.

    group     records of two groups are never twins: chats, texts, preference pairs by what is wrong with them
    filled    there is something to compare
    grounded  it has evidence, so that its figures and codes tell which fact it is about
    worth     what the policy goes by; the higher stays, of equals the earlier
    fact      the id of the fact that it states a wording of (seedbed's label `fact`)
    asked     the question, where it states a fact: nearly the same question is no other wording
    origin, names  its family (`seedbed.kin`)
    """

    id: str
    group: str
    language: str
    filled: bool = True
    grounded: bool = False
    worth: float = 0.0
    fact: str = ""
    asked: str = ""
    origin: str = ""
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, record: Record, compared: str, keep: Keep = "first", score: str = "") -> Item:
        return cls(
            id=record.id,
            group=f"{'chat' if record.messages else 'text'} {group(record)}".rstrip(),
            language=record.language or language(compared),
            filled=bool(compared),
            grounded=bool(record.evidence),
            worth=worth(record, keep, score),
            fact=record.labels.get("fact", ""),
            asked=normalise(record.instruction) if record.labels.get("fact") else "",
            origin=kin.origin(record),
            names=kin.names(record),
        )

    def is_kin(self, other: Item) -> bool:
        """Whether this is a form of `other`, or of what `other` is a form of."""
        return bool(self.origin) and (self.origin == other.id or self.origin in other.names)

    def rewords(self, other: Item) -> bool:
        """Whether this asks for the same fact as `other`, in other words."""
        if not self.fact or self.fact != other.fact or self.asked == other.asked:
            return False
        return rouge_l(self.asked, other.asked) < _SAME_WORDS


def worth(record: Record, keep: Keep, score: str = "") -> float:
    """What `keep` goes by. `score` names one of the record's scores; a record without it comes last,
    and so does one whose score is no number."""
    match keep:
        case "first":
            return 0.0
        case "longest":
            return float(sum(map(len, parts(record, "both"))))
        case "best_score":
            found = record.scores.get(score, -math.inf)
            return -math.inf if math.isnan(found) else found
        case "most_evidence":
            return len(record.evidence)


def precedence(items: Sequence[Item]) -> Array:
    """The places of the items in the order in which they are looked at."""
    import numpy as np

    worths = np.fromiter((item.worth for item in items), np.float64, len(items))
    return np.argsort(-worths, kind="stable")


@dataclass
class Decision:
    """Places of the records that go -> place of the match that stays, and the similarity.

    outside  places of those that go for a record that is not among these -> its id, and the similarity
    spared   places of records that stay only because what they are near is kin
    wordings places of records that stay only because their fact may have another wording
    """

    gone: dict[int, tuple[int, float]] = field(default_factory=dict)
    outside: dict[int, tuple[str, float]] = field(default_factory=dict)
    spared: set[int] = field(default_factory=set)
    wordings: set[int] = field(default_factory=set)


class Deciding:
    """Decides one record after the other, which must come in order of precedence."""

    def __init__(
        self, items: Sequence[Item], max_per_fact: int = 1, outside: dict[int, tuple[str, float]] | None = None
    ) -> None:
        self._items, self._most = items, max_per_fact
        self._stated = Counter[str]()
        self.decision = Decision(outside=outside or {})

    def take(self, place: int, near: Iterable[tuple[int, float]]) -> bool:
        """Whether the record stays. `near`: places of earlier ones over the threshold with their similarity, the one
        to be named first; those that went do not matter."""
        item, decision = self._items[place], self.decision
        if place in decision.outside:
            return False
        kin_near = wording_near = False
        for other, score in near:
            if other in decision.gone or other in decision.outside:
                continue
            if item.is_kin(self._items[other]):
                kin_near = True
            elif self._stated[item.fact] < self._most and item.rewords(self._items[other]):
                wording_near = True
            else:
                decision.gone[place] = (other, score)
                return False
        if item.fact:
            self._stated[item.fact] += 1
        if kin_near:
            decision.spared.add(place)
        elif wording_near:
            decision.wordings.add(place)
        return True


def decide(
    items: Sequence[Item],
    pairs: Pairs,
    threshold: float,
    max_per_fact: int = 1,
    outside: dict[int, tuple[str, float]] | None = None,
) -> Decision:
    """Which records go where pairs from `threshold` on are twins. The match is the most similar one that stays, of
    equals the one that was looked at first. Those that go in any case, for a record outside, are in `outside`."""
    import numpy as np

    order = precedence(items)
    rank = np.empty(len(items), np.int64)
    rank[order] = np.arange(len(items))
    over = pairs.score >= threshold
    first, second, score = pairs.first[over], pairs.second[over], pairs.score[over]
    swapped = rank[first] > rank[second]
    earlier, later = np.where(swapped, second, first), np.where(swapped, first, second)
    by_rank = np.lexsort((rank[earlier], -score, rank[later]))
    earlier, score = earlier[by_rank].tolist(), score[by_rank].tolist()
    bounds = np.searchsorted(rank[later][by_rank], np.arange(len(items) + 1)).tolist()
    deciding = Deciding(items, max_per_fact, outside)
    for number, place in enumerate(order.tolist()):
        span = slice(bounds[number], bounds[number + 1])
        deciding.take(place, zip(earlier[span], score[span], strict=True))
    return deciding.decision
