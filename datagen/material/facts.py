"""Facts have names: an id for each key point of a passage, which travels on every record that states it.

A fact seen in one wording is stored and not found again (Allen-Zhu & Li 2023, "Physics of language models 3.1"), so a
data set needs several wordings of each; near-duplicate checks by wording alone cannot tell a wanted second wording from
a useless twin. The id can: it is made of the document and of the place where the fact stands, not of any wording, so
all stages and all runs over the same documents give the same fact the same id.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from datagen.material.passages import Passage
from seedbed import content

# A text states a fact when it has this share of the fact's content words, and all of its figures.
_STATED = 0.5


def fact_id(document_hash: str, start: int, end: int) -> str:
    """8 hex digits of BLAKE2b over a document's hash and the span, in its text, of the sentences that state a fact."""
    return hashlib.blake2b(f"{document_hash} {start} {end}".encode(), digest_size=4).hexdigest()


@dataclass(frozen=True)
class Fact:
    """A key point: its id, the numbers (from 0) of its sentences in the passage, and what they say."""

    id: str
    numbers: tuple[int, ...]
    text: str


def fact_at(passage: Passage, numbers: tuple[int, ...]) -> Fact:
    """The fact that these sentences of a passage state together."""
    source = passage.record.source
    # A row of a data file has no hash: its file and line name it; a passage of no source is named by its content.
    document = (source.document_hash or f"{source.document}:{source.line}") if source else passage.record.id
    start, end = passage.place(min(numbers))[0], passage.place(max(numbers))[1]
    said = " ".join(passage.stated(number) for number in numbers)
    return Fact(fact_id(document, start, end), numbers, said)


def key_facts(passage: Passage, about: str = "") -> list[Fact]:
    """The facts of a passage: its key points, in its order."""
    return [fact_at(passage, point.numbers) for point in passage.key_points(about)]


def stated(text: str, facts: list[Fact], numbers: list[int], lang: str) -> list[Fact]:
    """Which of `facts` a sentence states that rests on the sentences `numbers` of their passage."""
    said, figures = set(numbers), set(content.figures(text))
    return [
        fact
        for fact in facts
        if said.issuperset(fact.numbers)
        and figures.issuperset(content.figures(fact.text))
        and content.support(fact.text, text, lang) >= _STATED
    ]


def fact_of(passage: Passage, sentence: str, numbers: list[int], known: list[Fact]) -> Fact:
    """The one fact that a sentence states: the longest of the `known` ones, or else what its own evidence says."""
    found = stated(sentence, known, numbers, passage.language)
    return max(found, key=lambda fact: len(fact.numbers)) if found else fact_at(passage, tuple(numbers))
