"""The thread of a dialogue: the key points of one passage, in an order in which somebody would ask about them.

It begins at a seeded point; the next is the one that has most words in common with those before (a question about the
same thing follows naturally), of equals the nearest in the text. Only single sentences and table rows: a sentence that
leans on the one before is asked together with it by doc_qa, and gets mixed with it by a small teacher.
"""

from __future__ import annotations

import random

from datagen.doc_qa.brief import Brief, Slot
from datagen.material import kinds
from datagen.material.passages import Passage
from datagen.material.points import Point
from seedbed import content


def thread(passage: Passage, brief: Brief) -> list[Slot]:
    """All points of the passage that were not asked about yet, in the order of a dialogue. Drawn from the job's seed,
    the passage's text and its wave alone."""
    random_ = random.Random(f"{brief.seed}:{passage.text}:{passage.waves}:thread")
    open_ = [
        point
        for point in passage.key_points(brief.about)
        if len(point.numbers) == 1
        and not passage.asked.intersection(point.numbers)
        and any(brief.kinds.get(kind, 0) > 0 for kind in point.kinds)
    ]
    ordered: list[Point] = []
    told: set[str] = set()
    while open_:
        last = ordered[-1] if ordered else random_.choice(open_)
        point = max(open_, key=lambda p: (len(told & _words(passage, p)), -abs(p.numbers[0] - last.numbers[0])))
        open_.remove(point)
        ordered.append(point)
        told |= _words(passage, point)
    return [_slot(point, passage, brief, random_) for point in ordered]


def _slot(point: Point, passage: Passage, brief: Brief, random_: random.Random) -> Slot:
    kind = kinds.draw(brief.kinds, sorted(kind for kind in point.kinds if brief.kinds.get(kind, 0) > 0), random_)
    return Slot(kind, "basic", point, {"kind": brief.ask(kind, "basic", passage, random_)})


def _said(passage: Passage, point: Point) -> str:
    return passage.stated(point.numbers[0])


def _words(passage: Passage, point: Point) -> set[str]:
    return set(content.units(_said(passage, point), passage.language))
