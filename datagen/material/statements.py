"""What a grounded record's passage says, sentence by sentence, each with its place in the document.

For generators that make new records of grounded ones: they show it to the teacher, and the evidence of what they make
is found in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from datagen.checks import verify
from datagen.material.passages import Passage, passage_of
from seedbed.ground import Ground
from seedbed.record import Evidence, Record


@dataclass(frozen=True)
class Statements:
    """`quotes` are exact spans of the document; `shown` has them a line each, rows of tables as what they say."""

    quotes: tuple[Evidence, ...]
    shown: str
    names: str  # title and heading: what a question may name besides
    language: str

    def carrying(self, answer: str, before: tuple[Evidence, ...], most: int) -> tuple[Evidence, ...]:
        """The quotes that carry an answer, at most `most`; those that overlap with `before` are looked at first."""
        first = [n for n, quote in enumerate(self.quotes) if any(_overlap(quote, other) for other in before)]
        said = [" ".join(quote.quote.split()) for quote in self.quotes]
        return tuple(self.quotes[n] for n in verify.carriers(answer, said, first, self.language, most))

    def joined(self, quotes: tuple[Evidence, ...]) -> str:
        """Quotes as running text."""
        return (" " if self.language == "en" else "").join(" ".join(quote.quote.split()) for quote in quotes)


def statements(record: Record, ground: Ground, language: str) -> Statements | None:
    """What the record rests on: its passage, or, where the document is not in this run, the quotes that it carries;
    None for a record without evidence."""
    if not record.evidence:
        return None
    text, base = ground.of(record), record.source.start or 0 if record.source else 0
    whole = all(text[quote.start - base : quote.end - base] == quote.quote for quote in record.evidence)
    passage = passage_of(msgspec.structs.replace(record, text=text), language)
    names = " ".join(passage.headings)
    if not whole:
        return Statements(record.evidence, "\n".join(quote.quote for quote in record.evidence), names, language)
    quotes = tuple(Evidence(text[a:b], base + a, base + b) for a, b in (passage.spans[n] for n in passage.shown))
    return Statements(quotes, _lines(passage), names, language)


def _lines(passage: Passage) -> str:
    return "\n".join(passage.stated(number) for number in passage.shown)


def _overlap(one: Evidence, other: Evidence) -> bool:
    return one.start < other.end and other.start < one.end
