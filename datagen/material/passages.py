"""A passage as generators see it: its sentences and their places, its tables' heads, and how far it has been asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import msgspec

from datagen.checks.phrases import ASIDE, ORDERS
from datagen.material.points import Point, points
from seedbed.record import Evidence, Record
from seedbed.text import sentences

Span = tuple[int, int]
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.M)
_LIST_MARK = re.compile(r"^[-*+•·●▪◦–]\s+")
_ROW = re.compile(r"\|.*\|\s*$")
_RULE = re.compile(r"\s*\|[\s:|-]+\|")
# A table's caption, alone on its line ("Table 5.5: List of tools"); and the number of a heading, which says nothing to
# who has not the document.
_CAPTION = re.compile(
    r"(?:Table|表)\s*(?:[A-Z]\.?)?\d[\d.-]*\s*(?:[:.]\s+|：\s*)"
    r"(?:list of (?:the )?)?(\S[^\n|]{1,78}?)(?:列表|一览表|清单)?\s*$",
    re.I | re.M,
)
_SECTION = re.compile(
    r"^(?:(?:chapter|section|appendix)\s+[A-Z\d][\d.]*|第.{1,4}[章节]|\d+(?:\.\d+)*)[.:：、]?\s+(?=\S)", re.I
)
_NO_SENTENCE = re.compile(r"#{1,6}\s|[|\s:-]+$|```")


@dataclass
class Passage:
    """A passage and how far it has been asked."""

    record: Record
    language: str
    spans: list[Span]
    heads: dict[int, int] = field(default_factory=dict)  # a table's row -> the row that heads it
    offsets: tuple[int, ...] = ()  # where each sentence begins in the document, where that is not one passage
    also: str = ""  # id of the second passage, where two are shown as one
    waves: int = 0
    accepted: int = 0
    asked: set[int] = field(default_factory=set)  # numbers (from 0) of the sentences asked about
    set_aside: bool = False  # carries nothing to ask about
    worn: tuple[str, ...] = ()  # openings that too many questions about its document have

    @property
    def text(self) -> str:
        return self.record.text

    @property
    def sentences(self) -> list[str]:
        return [" ".join(self.text[a:b].split()) for a, b in self.spans]

    @property
    def shown(self) -> list[int]:
        """Numbers (from 0) of the sentences that a teacher may be shown: all that give no orders to a model."""
        return [number for number, sentence in enumerate(self.sentences) if not ORDERS.search(sentence)]

    def numbered(self, numbers: tuple[int, ...]) -> str:
        """Sentences as prompts show them, one a line, with their numbers from 1: `[1] …`.

        A chat template's own marks (`<|im_end|>`) are broken up: servers read them as marks wherever they stand, and a
        document about templates, or a hostile one, would end the user's turn in the middle.
        """
        return "\n".join(f"[{number + 1}] {self.stated(number)}" for number in numbers).replace("<|", "< |")

    def stated(self, number: int) -> str:
        """A sentence, less its list mark and what it says in brackets of other places, since small models copy those; a
        table's row as what it says, under its heading: `Faults – Code: E17; Remedy: wipe it`."""
        sentence = self.sentences[number]
        if number not in self.heads:
            return _LIST_MARK.sub("", ASIDE[self.language].sub("", sentence))
        names, cells = (_cells(row) for row in (self.sentences[self.heads[number]], sentence))
        told = "; ".join(f"{name}: {cell}" for name, cell in zip(names, cells, strict=True) if cell)
        return f"{self._caption(number)} – {told}"

    def _caption(self, row: int) -> str:
        """What a row's table is called: its caption, above or (in most PDFs) below it, else the heading above it."""
        head = self.heads[row]
        last = max(number for number, own in self.heads.items() if own == head)
        below = _CAPTION.match(self.text[self.spans[last][1] :].lstrip())
        above = _CAPTION.search(self.text[: self.spans[head][0]].rstrip().rsplit("\n", 1)[-1])
        if named := below or above:
            return named.group(1).strip()
        headings = _HEADING.findall(self.text, 0, self.spans[row][0])
        return _SECTION.sub("", headings[-1] if headings else self.headings[1])

    def key_points(self, about: str = "") -> Iterator[Point]:
        """What can be asked about, in its order; `about` is what the job says its documents are about."""
        return points(self.sentences, " ".join((*self.headings, about)), self.language, self.heads)

    def place(self, number: int) -> Span:
        """Where a sentence stands in the document, in characters."""
        a, b = self.spans[number]
        source = self.record.source
        start = self.offsets[number] if self.offsets else a + (source.start or 0 if source else 0)
        return start, start + b - a

    def joined(self, spans: list[Span]) -> str:
        """Sentences as running text."""
        return (" " if self.language == "en" else "").join(" ".join(self.text[a:b].split()) for a, b in spans)

    def quotes(self, numbers: Collection[int]) -> tuple[Evidence, ...]:
        """Sentences as evidence, in the order and at the places in which they stand in the document."""
        return tuple(Evidence(self.text[slice(*self.spans[n])], *self.place(n)) for n in sorted(numbers))

    @property
    def headings(self) -> tuple[str, str]:
        """Document title and section: the first and the last heading, or the file's name where there is none."""
        source = self.record.source
        names = source.headings if source else ()
        file = source.document.rsplit("/", 1)[-1].rsplit(".", 1)[0] if source else ""
        return (names[0], names[-1]) if names else (file, file)


def both(first: Passage, second: Passage) -> Passage:
    """Two passages of one document as one: the sentences of the second are numbered after those of the first."""
    shift, count = len(first.text) + 2, len(first.spans)
    spans = [*first.spans, *((a + shift, b + shift) for a, b in second.spans)]
    heads = first.heads | {row + count: head + count for row, head in second.heads.items()}
    offsets = [one.place(number)[0] for one in (first, second) for number in range(len(one.spans))]
    record = msgspec.structs.replace(first.record, text=f"{first.text}\n\n{second.text}")
    return Passage(record, first.language, spans, heads, tuple(offsets), second.record.id)


def passage_of(record: Record, language: str) -> Passage:
    """A passage that has not been asked yet. Headings and table rules are no sentences to cite."""
    spans = [(a, b) for a, b in sentences(record.text) if not _NO_SENTENCE.match(record.text[a:b])]
    return Passage(record, language, spans, _heads(record.text, spans))


def without_orders(text: str) -> str:
    """A text less the sentences that give orders to a model."""
    for start, end in reversed(sentences(text)):
        if ORDERS.search(text[start:end]):
            text = text[:start] + text[end:]
    return text


def _heads(text: str, spans: list[Span]) -> dict[int, int]:
    """Row -> head of the tables in a text; a head is the row before a rule (`|---|`)."""
    found: dict[int, int] = {}
    head: int | None = None
    for number, (start, end) in enumerate(spans):
        if not _ROW.match(text[start:end]):
            head = None
        elif _RULE.match(text, end):
            head = number
        elif head is not None and len(_cells(text[start:end])) == len(_cells(text[spans[head][0] : spans[head][1]])):
            found[number] = head
    return found


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").split("|")]
