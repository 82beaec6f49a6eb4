"""One fact in several wordings and from several sides.

A fact that a model has met in one wording is stored and often not found again (Allen-Zhu & Li 2023, "Physics of
Language Models 3.1"); asked only forwards it is not known backwards (Berglund et al. 2023, "The Reversal Curse"). So a
job may ask for K wordings: the pair that is there, and K - 1 more about the same sentences, each from an angle:

    reverse   from the value to what it belongs to
    case      out of a situation at work
    compare   beside another fact of the passage
    reworded  the same question in other words

All of them pass what every pair passes, and bear the id of their fact.
"""

from __future__ import annotations

import random

from datagen.checks.verify import Fault
from datagen.doc_qa import draft as drafting
from datagen.doc_qa.brief import Brief, Slot
from datagen.material.facts import fact_at
from datagen.material.passages import Passage
from datagen.material.points import Point
from seedbed import content
from seedbed.chat import Complete
from seedbed.record import Record

# Share of a wording's content words that must stand in its fact: other words are what it is asked for, so less than of
# a first question (verify.PREMISE_SUPPORT). Its answer has to rest on the fact all the same.
_PREMISE = {"en": 0.4, "zh": 0.4}

ANGLES = ("reverse", "case", "compare", "reworded")


async def wordings(passage: Passage, first: Record, count: int, complete: Complete, brief: Brief) -> list[Record]:
    """Up to `count` more pairs about the fact of `first`, and those that failed with their reasons.

    Every angle is tried once, in an order drawn from the fact, and the first ones again where they were too few. Each
    request shows what was asked before.
    """
    point = _point(passage, first.labels["fact"], brief)
    if point is None:
        return []
    random_ = random.Random(f"{brief.seed}:{passage.text}:{point.numbers}")
    told = set(content.figures(first.answer)) - set(content.figures(first.instruction))
    fits = {"reverse": bool(told), "compare": _beside(passage, point, brief) is not None}
    angles = [angle for angle in ANGLES if fits.get(angle, True)]
    random_.shuffle(angles)
    made: list[Record] = []
    asked = [first.instruction]
    for number in range(min(2 * len(angles), count + 2)):
        if sum(record.rejection is None for record in made) >= count:
            break
        angle = angles[number % len(angles)]
        slot = _slot(angle, point, asked, passage, brief)
        record = await drafting.draft(passage, slot, complete, brief, _check(angle, passage, point, told))
        if record.instruction:
            asked.append(record.instruction)
        made.append(_labelled(record, angle, first))
    return made


def _slot(angle: str, point: Point, asked: list[str], passage: Passage, brief: Brief) -> Slot:
    language = passage.language
    if angle == "compare" and (other := _beside(passage, point, brief)) is not None:
        point = Point(tuple(sorted({*point.numbers, *other.numbers})), point.kinds)
    variables = {"angle": brief.line(language, f"angle_{angle}"), "asked": "\n".join(asked[-3:])}
    return Slot("compare" if angle == "compare" else "", "basic", point, variables, "phrasing", _PREMISE[language])


def _labelled(record: Record, angle: str, first: Record) -> Record:
    from msgspec.structs import replace

    labels = record.labels | {"angle": angle, "fact": first.labels["fact"]}
    return replace(record, labels=labels)


def _check(angle: str, passage: Passage, point: Point, told: set[str]) -> drafting.Check | None:
    """What an angle asks for: reversed, the question names a value that the first answer `told`, and the answer has
    more than the question; beside another fact, the answer has something of this one."""
    lang = passage.language

    def reversed_(question: str, answer: str) -> Fault | None:
        if not told & set(content.figures(question)):
            return Fault("not_reversed", "the question does not start from the value")
        if not set(content.units(answer, lang)) - set(content.units(question, lang)):
            return Fault("echo", "it says nothing that the question has not said")
        return None

    def compared(question: str, answer: str) -> Fault | None:
        said = " ".join(passage.stated(number) for number in point.numbers)
        fact = set(content.units(said, lang)) | set(content.figures(said))
        if fact & {*content.units(answer, lang), *content.figures(answer)}:
            return None
        return Fault("off_point", "the answer leaves out the fact it was asked about")

    return {"reverse": reversed_, "compare": compared}.get(angle)


def _beside(passage: Passage, point: Point, brief: Brief) -> Point | None:
    """The single-sentence point of the passage that shares most content words with this one; None where none does."""
    mine = _units(passage, point)
    single = (p for p in passage.key_points(brief.about) if len(p.numbers) == 1)
    others = [p for p in single if not set(p.numbers) & set(point.numbers)]
    return max((p for p in others if mine & _units(passage, p)), key=lambda p: len(mine & _units(passage, p)),
               default=None)


def _units(passage: Passage, point: Point) -> set[str]:
    return set(content.units(" ".join(passage.stated(number) for number in point.numbers), passage.language))


def _point(passage: Passage, fact: str, brief: Brief) -> Point | None:
    return next((p for p in passage.key_points(brief.about) if fact_at(passage, p.numbers).id == fact), None)
