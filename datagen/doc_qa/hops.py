"""Questions over two passages of one document: what the first names, the second tells more about.

Two sentences are a hop where they share a term that is rare in their document: a question that describes the thing by
the one and asks for what the other says of it cannot be answered from either alone. That this holds is checked:
question and answer together must hold content that only the first sentence has, and content that only the second has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from datagen.checks.verify import Fault
from datagen.doc_qa import draft as drafting
from datagen.doc_qa.brief import Brief, Slot
from datagen.material.lots import lot
from datagen.material.passages import Passage, both
from datagen.material.points import Point
from seedbed import content
from seedbed.chat import Complete
from seedbed.record import Record

# A term that stands in more sentences of a document than this is its subject, and joins everything with everything.
_RAREST, _COMMONEST = 2, 4
# Rare content units that two sentences share. A Chinese word of three characters counts as two (see `content.units`).
_SHARED = {"en": 1, "zh": 2}
_SHORTEST = {"en": 5, "zh": 2}  # characters of a unit: shorter English stems are too common


@dataclass(frozen=True)
class Hop:
    """Two sentences (numbers from 0) of two passages, and how many rare terms they share."""

    first: Passage
    second: Passage
    numbers: tuple[int, int]
    shared: int


def hops(passages: Iterable[Passage], briefs: Mapping[str, Brief]) -> list[Hop]:
    """The hops of all documents; no sentence is in two of them. In an order drawn from the seed, in which the hops of
    another document come in between."""
    documents: dict[tuple[str, str], list[Passage]] = defaultdict(list)
    for passage in passages:
        source = passage.record.source
        if source is not None and source.start is not None:
            documents[source.document, passage.language].append(passage)
    found = [hop for key in sorted(documents) for hop in _of_document(documents[key], briefs[key[1]])]
    return sorted(found, key=lambda hop: lot(briefs["en"].seed, f"{hop.first.text}{hop.second.text}{hop.numbers}"))


async def hop_pair(hop: Hop, complete: Complete, brief: Brief) -> list[Record]:
    """One pair over both passages, or the reason why not."""
    joint = both(hop.first, hop.second)
    numbers = (hop.numbers[0], len(hop.first.spans) + hop.numbers[1])
    slot = Slot("hop", "advanced", Point(numbers, ("hop",)), {}, "hop")
    said = [joint.stated(number) for number in numbers]
    return [await drafting.draft(joint, slot, complete, brief, lambda q, a: _one_is_enough(q, a, said, joint.language))]


def _of_document(passages: list[Passage], brief: Brief) -> Iterator[Hop]:
    units: dict[tuple[int, int], set[str]] = {}
    where: dict[str, list[tuple[int, int]]] = defaultdict(list)
    lang = passages[0].language
    passages = sorted(passages, key=_begins)
    for at, passage in enumerate(passages):
        for point in passage.key_points(brief.about):
            if len(point.numbers) > 1 or not point.kinds:
                continue
            said = {u for u in content.units(passage.stated(point.numbers[0]), lang) if len(u) >= _SHORTEST[lang]}
            units[at, point.numbers[0]] = said
            for unit in said:
                where[unit].append((at, point.numbers[0]))
    rare = {unit for unit, places in where.items() if _RAREST <= len(places) <= _COMMONEST}
    candidates = [
        (len(units[a] & units[b] & rare), a, b)
        for unit in sorted(rare)
        for a in where[unit]
        for b in where[unit]
        if a[0] < b[0]
    ]
    taken: set[tuple[int, int]] = set()
    for shared, a, b in sorted(set(candidates), key=lambda c: (-c[0], c[1], c[2])):
        if shared >= _SHARED[lang] and not taken & {a, b}:
            taken |= {a, b}
            yield Hop(passages[a[0]], passages[b[0]], (a[1], b[1]), shared)


def _begins(passage: Passage) -> int:
    return passage.record.source.start or 0 if passage.record.source else 0


def _one_is_enough(question: str, answer: str, said: list[str], lang: str) -> Fault | None:
    """Whether one of the two sentences would do."""
    asked = _content(f"{question} {answer}", lang)
    first, second = (_content(sentence, lang) for sentence in said)
    for own in (first - second, second - first):
        if not asked & own:
            return Fault("one_passage_is_enough", "question and answer rest on one of the two sentences alone")
    return None


def _content(text: str, lang: str) -> set[str]:
    return set(content.units(text, lang)) | {f"#{figure}" for figure in content.figures(text)}
