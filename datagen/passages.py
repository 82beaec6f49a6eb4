"""A passage as doc_qa sees it: its sentences, how far it has been asked, and what to ask of it next."""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from datagen import kinds
from datagen.answering import Answering
from datagen.facts import fact_id
from datagen.points import Point, points
from datagen.probes import Probes
from seedbed.errors import PromptError
from seedbed.prompts import Prompt, load
from seedbed.record import Evidence, Record
from seedbed.text import sentences

Span = tuple[int, int]
_LINES = (*kinds.KINDS, *kinds.LEVELS[1:], "persona", "worn")  # of kinds.md
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.M)
_ROW = re.compile(r"\|.*\|\s*$")
_RULE = re.compile(r"\s*\|[\s:|-]+\|")
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

    def numbered(self, numbers: tuple[int, ...]) -> str:
        """Sentences as prompts show them, one a line, with their numbers from 1: `[1] …`.

        A chat template's own marks (`<|im_end|>`) are broken up: servers read them as marks wherever they stand, and a
        document about templates, or a hostile one, would end the user's turn in the middle.
        """
        return "\n".join(f"[{number + 1}] {self.stated(number)}" for number in numbers).replace("<|", "< |")

    def stated(self, number: int) -> str:
        """A sentence; a table's row as what it says, under its heading: `Faults – Code: E17; Remedy: wipe it`."""
        sentence = self.sentences[number]
        if number not in self.heads:
            return sentence
        names, cells = (_cells(row) for row in (self.sentences[self.heads[number]], sentence))
        told = "; ".join(f"{name}: {cell}" for name, cell in zip(names, cells, strict=True) if cell)
        above = _HEADING.findall(self.text, 0, self.spans[number][0])
        return f"{above[-1] if above else self.headings[1]} – {told}"

    def place(self, number: int) -> Span:
        """Where a sentence stands in the document, in characters."""
        a, b = self.spans[number]
        source = self.record.source
        start = self.offsets[number] if self.offsets else a + (source.start or 0 if source else 0)
        return start, start + b - a

    def fact(self, numbers: tuple[int, ...]) -> str:
        """The id of the fact that these sentences state."""
        places = [self.place(number) for number in numbers]
        source = self.record.source
        return fact_id(source.document_hash if source else "", places[0][0], places[-1][1])

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


@dataclass(frozen=True)
class Brief:
    """What all requests of a job have in common."""

    about: str
    kinds: dict[str, float]
    levels: dict[str, float]
    temperature: float
    max_tokens: int
    context: str
    certain_question: float
    certain_answer: float
    seed: int
    prompts: Path | None = None
    answering: Answering = Answering()
    probes: Probes | None = None
    personas: float = 0.0

    def prompt(self, language: str, name: str) -> Prompt:
        return load(language, f"doc_qa/{name}", self.prompts)

    def line(self, language: str, key: str) -> str:
        """The line `key: …` of kinds.md. Raises PromptError where there is none."""
        prompt = self.prompt(language, "kinds")
        lines = dict(line.split(":", 1) for line in prompt.text.splitlines() if ":" in line)
        if key not in lines:
            raise PromptError(
                f"has no line `{key}: …`", where=prompt.name, next_step=f"Add one for {', '.join(_LINES)}"
            )
        return lines[key].strip()


    def ask(self, kind: str, level: str, passage: Passage, random_: random.Random) -> str:
        """What the request says about the question: its kind, its level, in a share of them who asks, and the openings
        that it shall not have."""
        language = passage.language
        asked = self.line(language, kind) + ("" if level == "basic" else self.line(language, level))
        if self.personas and random_.random() < self.personas:
            people = self.prompt(language, "personas").text.splitlines()
            asked += self.line(language, "persona").replace("…", random_.choice(people))
        if passage.worn:
            asked += self.line(language, "worn").replace("…", " / ".join(passage.worn))
        return asked


@dataclass(frozen=True)
class Slot:
    """What is asked for: a kind of question at a level, about one key point.

    `prompt` is the file it is asked with and `variables` are what that takes besides `about` and `sentences`; `premise`
    is the share of the question's content words that must stand in the point, where that is not the usual one.
    """

    kind: str
    level: str
    point: Point
    variables: Mapping[str, str]
    prompt: str = "pair"
    premise: float | None = None


def draw_slots(passage: Passage, count: int, brief: Brief) -> list[Slot]:
    """The kinds, levels and key points to ask for in this wave; no sentence is asked about twice.

    Drawn from the job's seed, the passage's text and the wave alone, so that no other passage changes it, and neither
    does a text put in above it or a new name of its file, which change its id. Fewer than `count` where the passage
    does not carry more.
    """
    random_ = random.Random(f"{brief.seed}:{passage.text}:{passage.waves}")
    names = " ".join((*passage.headings, brief.about))
    levels = [level for level in kinds.LEVELS if brief.levels.get(level, 0) > 0]
    every = [
        (kind, level, point)
        for point in points(passage.sentences, names, passage.language, passage.heads)
        for kind in point.kinds
        for level in levels
        # Answers that join sentences need two; the other levels take one that stands alone.
        if brief.kinds.get(kind, 0) > 0 and (level == "intermediate") == (len(point.numbers) > 1)
    ]
    slots: list[Slot] = []
    drawn: set[str] = set()
    while len(slots) < count:
        every = [slot for slot in every if not passage.asked.intersection(slot[2].numbers)]
        if not every:
            break
        offered = {kind for kind, _, _ in every}
        kind = kinds.draw(brief.kinds, sorted(offered - drawn or offered), random_)
        level = kinds.draw(brief.levels, sorted({level for kind_, level, _ in every if kind_ == kind}), random_)
        point = random_.choice([point for kind_, level_, point in every if (kind_, level_) == (kind, level)])
        passage.asked.update(point.numbers)
        drawn.add(kind)
        slots.append(Slot(kind, level, point, {"kind": brief.ask(kind, level, passage, random_)}))
    return slots
