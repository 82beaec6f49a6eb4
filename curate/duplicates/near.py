"""What all near-duplicate stages have in common: their options, and the way from records to verdicts.

    records ─▶ Material (on disk) ─▶ pairs: those kept from before, or found now ─▶ decide ─▶ every record, in order
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from curate.duplicates import pairs as kept
from curate.duplicates.compared import On
from curate.duplicates.decide import Decision, Keep, decide
from curate.duplicates.material import Material
from curate.duplicates.pairs import Pairs
from seedbed.context import Context
from seedbed.record import Record
from seedbed.run import fingerprint

# Pairs are kept from this much under the usual threshold of 0.7 on, so that a lower one can be tried.
FLOOR = 0.6
_WHAT: dict[On, str] = {"both": "question and answer", "instruction": "question", "answer": "answer"}


class NearOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is compared, from where on it is too close, and which copy stays.

    floor         pairs from here on are kept, so that thresholds down to it can be tried without comparing again
    keep          first, longest, best_score (of the score that `score` names) or most_evidence; of equals the first
    max_per_fact  how many wordings of one fact may stay beside each other, however near (decide.py: what is a wording)
    """

    on: On = "both"
    threshold: float = 0.7
    floor: float | None = None  # see `lowest`
    keep: Keep = "first"
    score: str = "judge"
    max_per_fact: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold: expected a similarity above 0 and up to 1, got {self.threshold}")
        if self.floor is not None and not 0 < self.floor <= self.threshold:
            raise ValueError(
                f"floor: expected a similarity above 0 and up to the threshold ({self.threshold:g}), got {self.floor}"
            )
        if self.max_per_fact < 1:
            raise ValueError(f"max_per_fact: expected 1 wording or more, got {self.max_per_fact}")

    @property
    def lowest(self) -> float:
        """From where on pairs are kept: FLOOR, or the threshold where that is lower."""
        return min(FLOOR, self.threshold) if self.floor is None else self.floor


class Standing(Protocol):
    """What earlier runs kept."""

    def near(self, material: Material) -> dict[int, tuple[str, float]]:
        """Places of the records that are near one of those -> its id, and the similarity."""
        ...

    def add(self, material: Material, decision: Decision) -> None:
        """Takes in the records that stay."""
        ...


@dataclass(frozen=True)
class Near:
    """One way of comparing.

    name      of the stage, which is the reason of its rejections too
    version   of the stage
    measure   what the score is, as a user reads it: "ROUGE-L"
    alike     what the records' texts are: "worded like"
    find      all pairs from the floor on that are not `apart`; may look at `material.items` for the order
    settings  what else decides which pairs there are: an encoder's name, say
    over      a score of exactly the threshold still passes
    standing  records outside that these are compared with, if any
    """

    name: str
    version: int
    measure: str
    alike: str
    find: Callable[[Material, float], Pairs]
    settings: dict[str, Any]
    over: bool = False
    standing: Standing | None = None

    def least(self, threshold: float) -> float:
        """The least score that is too close."""
        return math.nextafter(threshold, math.inf) if self.over else threshold


def near_duplicates(
    records: Iterable[Record], options: NearOptions, context: Context, near: Near
) -> Iterator[Record]:
    """Every record, in order; one that is too close to a record that stays is rejected with it as the match.

    Reads to the end before it yields. Figures: `threshold`, `floor`, `pairs` (from the floor on), `crowded` (records
    with more similar ones than were listed), `accepted` and `rejected` by language, `spared` (stay only because what
    they are near is kin), `wordings` (stay only because their fact may have another wording).
    """
    with Material(context.folder, options.on, options.keep, options.score) as material:
        for number, record in enumerate(records, 1):
            if number % 256 == 0:
                context.progress.update(number)
            material.add(record)
        material.added()
        pairs = known(material, options, context, near)
        outside = near.standing.near(material) if near.standing else None
        decision = decide(material.items, pairs, near.least(options.threshold), options.max_per_fact, outside)
        context.figures |= _figures(material, pairs, decision, options)
        yield from verdicts(material, decision, options, near)
        if near.standing:
            near.standing.add(material, decision)


def known(material: Material, options: NearOptions, context: Context, near: Near) -> Pairs:
    """The pairs that were kept in the stage's folder if they are of this material, or else found now and kept."""
    key = fingerprint(
        stage=near.name,
        version=near.version,
        on=options.on,
        floor=options.lowest,
        settings=near.settings,
        material=material.hash,
    )
    decided = fingerprint(
        keep=options.keep, score=options.score, threshold=options.threshold, max_per_fact=options.max_per_fact
    )
    pairs = kept.load(context.folder, key, decided)
    if pairs is None:
        pairs = near.find(material, options.lowest)
        kept.save(context.folder, pairs, [item.id for item in material.items], key, decided)
    return pairs


def verdicts(material: Material, decision: Decision, options: NearOptions, near: Near) -> Iterator[Record]:
    """The records in order, those that go with their rejection."""
    limit = f"at most {options.threshold:g} passes" if near.over else f"from {options.threshold:g} on it is a duplicate"
    for place, record in enumerate(material.records()):
        if place in decision.gone:
            other, score = decision.gone[place]
            match, how = material.items[other].id, near.measure
        elif place in decision.outside:
            match, score = decision.outside[place]
            how = f"in the index, estimated {near.measure}"
        else:
            yield record
            continue
        what = _WHAT[options.on] if record.messages else "text"
        detail = f"its {what} is {near.alike} that of {match}: {how} {score:.2f}, {limit}"
        yield record.reject(near.name, near.name, detail, match=match, score=round(score, 4))


def _figures(material: Material, pairs: Pairs, decision: Decision, options: NearOptions) -> dict[str, Any]:
    accepted, rejected = Counter[str](), Counter[str]()
    for place, item in enumerate(material.items):
        goes = place in decision.gone or place in decision.outside
        (rejected if goes else accepted)[item.language] += 1
    return {
        "threshold": options.threshold,
        "floor": pairs.floor,
        "pairs": len(pairs),
        "crowded": pairs.crowded,
        "accepted": dict(sorted(accepted.items())),
        "rejected": dict(sorted(rejected.items())),
        "spared": len(decision.spared),
        "wordings": len(decision.wordings),
        "outside": len(decision.outside),
    }
