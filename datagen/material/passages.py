"""A passage as generators see it: its sentences and their places, its tables and commands, and how far it has been
asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec

from datagen.checks.orders import is_order
from datagen.checks.phrases import ASIDE, INSTANCE
from datagen.material.commands import blocks, lines
from datagen.material.points import LIST_MARK, Point, points
from datagen.material.tables import Tables, tables_of
from seedbed.record import Evidence, Record
from seedbed.text import sentences

Span = tuple[int, int]
_NO_SENTENCE = re.compile(r"#{1,6}\s|[|\s:-]+$|```")
_CODE = re.compile(r"^```.*?(?:^```|\Z)", re.S | re.M)


@dataclass
class Passage:
    """A passage and how far it has been asked."""

    record: Record
    language: str
    spans: list[Span]
    tables: Tables = field(default_factory=Tables)
    commands: dict[int, int] = field(default_factory=dict)  # a block of code -> the sentence above it
    offsets: tuple[int, ...] = ()  # where each sentence begins in the document, where that is not one passage
    also: str = ""  # id of the second passage, where two are shown as one
    waves: int = 0
    accepted: int = 0
    asked: set[int] = field(default_factory=set)  # numbers (from 0) of the sentences asked about
    set_aside: bool = False  # carries nothing to ask about
    worn: tuple[str, ...] = ()  # openings and verbs that too many questions about its document have

    @property
    def text(self) -> str:
        return self.record.text

    @property
    def sentences(self) -> list[str]:
        return [" ".join(self.text[a:b].split()) for a, b in self.spans]

    @property
    def shown(self) -> list[int]:
        """Numbers (from 0) of the sentences that a teacher may be shown: all that give no orders to a model, and no row
        below a head that does."""
        rows = (self.tables.stated(n, row, True) if n in self.heads else row for n, row in enumerate(self.sentences))
        return [number for number, said in enumerate(rows) if not is_order(said)]

    def numbered(self, numbers: tuple[int, ...], named: bool = True) -> str:
        """Sentences as prompts show them, one a line, with their numbers from 1: `[1] …`.

        A chat template's own marks (`<|im_end|>`) are broken up: servers read them as marks wherever they stand, and a
        document about templates, or a hostile one, would end the user's turn in the middle.
        """
        return "\n".join(f"[{number + 1}] {self.stated(number, named)}" for number in numbers).replace("<|", "< |")

    @property
    def heads(self) -> dict[int, int]:
        """A table's row -> the row that heads it."""
        return self.tables.heads

    def stated(self, number: int, named: bool = True) -> str:
        """A sentence, less its list mark and what it says in brackets of other places and as an example, since small
        models copy those (but above a command, which may hold that example); a table's row as what it says, under its
        heading (where it is to be `named`): `Faults – Code: E17; Remedy: wipe it`; commands in back quotes."""
        sentence = self.sentences[number]
        if number in self.heads:
            return self.tables.stated(number, sentence, named)
        if number in self.commands:
            return " ".join(f"`{line}`" for line in lines(self.text[slice(*self.spans[number])]))
        sentence = ASIDE[self.language].sub("", sentence)
        if number not in self.commands.values():
            sentence = INSTANCE[self.language].sub("", sentence)
        return LIST_MARK.sub("", sentence)

    def key_points(self, about: str = "") -> Iterator[Point]:
        """What can be asked about, in its order; `about` is what the job says its documents are about. What a program
        prints may read like a sentence, so that of code only the commands are points."""
        names, sentences = " ".join((*self.headings, about)), self.sentences
        code = [match.span() for match in _CODE.finditer(self.text)]
        visible = set(self.shown)
        lines = {n for n, (a, b) in enumerate(self.spans) if any(a < end and b > start for start, end in code)}
        for point in points(sentences, names, self.language, self.tables.carrying(sentences), self.commands):
            if visible.issuperset(point.numbers) and not lines.intersection(point.numbers) - self.commands.keys():
                yield point

    def place(self, number: int) -> Span:
        """Where a sentence stands in the document, in characters."""
        a, b = self.spans[number]
        source = self.record.source
        start = self.offsets[number] if self.offsets else a + (source.start or 0 if source else 0)
        return start, start + b - a

    def joined(self, spans: list[Span]) -> str:
        """Sentences as running text; a Chinese one needs a space behind it where Latin letters would run together."""
        said = [" ".join(self.text[a:b].split()) for a, b in spans]
        apart = [self.language == "en" or (one[-1:] + other[:1]).isascii() for one, other in pairwise(said)]
        return "".join(f"{one} " if space else one for one, space in zip(said, [*apart, False], strict=False))

    def quotes(self, numbers: Collection[int]) -> tuple[Evidence, ...]:
        """Sentences as evidence, in the order and at the places in which they stand in the document."""
        return tuple(Evidence(self.text[slice(*self.spans[n])], *self.place(n)) for n in sorted(numbers))

    @property
    def headings(self) -> tuple[str, str]:
        """Document title and section: the first and the last heading, or the file's name where there is none; none that
        gives orders to a model."""
        source = self.record.source
        names = [name for name in source.headings if not is_order(name)] if source else []
        file = source.document.rsplit("/", 1)[-1].rsplit(".", 1)[0] if source else ""
        file = "" if is_order(re.sub("[_-]", " ", file)) else file
        return (names[0], names[-1]) if names else (file, file)


def both(first: Passage, second: Passage) -> Passage:
    """Two passages of one document as one: the sentences of the second are numbered after those of the first."""
    shift, count = len(first.text) + 2, len(first.spans)
    spans = [*first.spans, *((a + shift, b + shift) for a, b in second.spans)]
    offsets = [one.place(number)[0] for one in (first, second) for number in range(len(one.spans))]
    record = msgspec.structs.replace(first.record, text=f"{first.text}\n\n{second.text}")
    joined = Passage(record, first.language, spans, Tables(), {}, tuple(offsets), second.record.id)
    joined.tables = tables_of(record.text, spans, first.headings[1], first.language)
    joined.commands = first.commands | {block + count: lead + count for block, lead in second.commands.items()}
    return joined


def passage_of(record: Record, language: str) -> Passage:
    """A passage that has not been asked yet. Headings and table rules are no sentences to cite; a short block of code
    is one."""
    text, code = record.text, blocks(record.text)
    spans = [
        (a, b) for a, b in sentences(text)
        if not _NO_SENTENCE.match(text[a:b]) and not any(a < block.whole[1] and b > block.whole[0] for block in code)
    ]
    spans = sorted([*spans, *(block.code for block in code)])
    passage = Passage(record, language, spans)
    passage.tables = tables_of(text, spans, passage.headings[1], language)
    under = {block.code: text[: block.whole[0]].rstrip() for block in code}
    passage.commands = {
        number: number - 1
        for number, span in enumerate(spans)
        if span in under and number and len(under[span]) == spans[number - 1][1] and spans[number - 1] not in under
    }
    return passage


def without_orders(text: str) -> str:
    """A text less the sentences that give orders to a model."""
    for start, end in reversed(sentences(text)):
        if is_order(text[start:end]):
            text = text[:start] + text[end:]
    return text
