"""A passage as doc_qa sees it: its sentences, how far it has been asked, and what to ask of it next."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from pathlib import Path

from datagen import kinds
from seedbed.errors import PromptError
from seedbed.prompts import Prompt, load
from seedbed.record import Record
from seedbed.text import half_width, sentences

Span = tuple[int, int]
_LINES = (*kinds.KINDS, *kinds.LEVELS[1:])  # of kinds.md
_NO_SENTENCE = re.compile(r"#{1,6}\s|[|\s:-]+$|```")


@dataclass
class Passage:
    """A passage and how far it has been asked."""

    record: Record
    language: str
    spans: list[Span]
    waves: int = 0
    accepted: int = 0
    asked: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return self.record.text

    @property
    def numbered(self) -> str:
        """The sentences as prompts show them, one a line: `[1] …`.

        A chat template's own marks (`<|im_end|>`) are broken up: servers read them as marks wherever they stand, and a
        document about templates, or a hostile one, would end the user's turn in the middle.
        """
        lines = (f"[{i}] {' '.join(self.text[a:b].split())}" for i, (a, b) in enumerate(self.spans, 1))
        return "\n".join(lines).replace("<|", "< |")

    def joined(self, spans: list[Span]) -> str:
        """Sentences as running text."""
        return (" " if self.language == "en" else "").join(" ".join(self.text[a:b].split()) for a, b in spans)

    @property
    def headings(self) -> tuple[str, str]:
        """Document title and section: the first and the last heading, or the file's name where there is none."""
        source = self.record.source
        names = source.headings if source else ()
        file = source.document.rsplit("/", 1)[-1].rsplit(".", 1)[0] if source else ""
        return (names[0], names[-1]) if names else (file, file)


def passage_of(record: Record, language: str) -> Passage:
    """A passage that has not been asked yet. Headings and table rules are no sentences to cite."""
    spans = [(a, b) for a, b in sentences(record.text) if not _NO_SENTENCE.match(record.text[a:b])]
    return Passage(record, language, spans)


@dataclass(frozen=True)
class Brief:
    """What all requests of a job have in common."""

    about: str
    kinds: dict[str, float]
    levels: dict[str, float]
    temperature: float
    max_tokens: int
    sure: float
    seed: int
    prompts: Path | None = None

    @property
    def name(self) -> str:
        """`seedbed` of `seedbed, a tool that …`: what comes before the first comma or bracket."""
        return re.split(r"[,:(]", half_width(self.about), maxsplit=1)[0].strip()

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


@dataclass(frozen=True)
class Slot:
    """What is asked for: a kind of question at a level, about one of the sentences (numbers from 1) that carry it."""

    kind: str
    level: str
    among: tuple[int, ...]


def draw_slots(passage: Passage, count: int, brief: Brief) -> list[Slot]:
    """The kinds and levels to ask for in this wave, each with the sentences that can answer it; no sentence twice.

    Drawn from the job's seed, the passage's id and the wave alone, so that no other passage changes it. Fewer than
    `count` where the passage does not carry more.
    """
    random_ = random.Random(f"{brief.seed}:{passage.record.id}:{passage.waves}")
    free = {i: kinds.carried(passage.text[a:b], passage.language) for i, (a, b) in enumerate(passage.spans, 1)}
    slots: list[Slot] = []
    used: set[str] = set()
    for left in range(count, 0, -1):
        offered = {kind for found in free.values() for kind in found if brief.kinds.get(kind, 0) > 0}
        if not offered:
            break
        kind = kinds.draw(brief.kinds, sorted(offered - used or offered), random_)
        able = [i for i, found in free.items() if kind in found]
        # Two or three to choose from, but never so many that the slots after this one find none.
        among = random_.sample(able, min(len(able), max(1, min(3, len(free) // left))))
        for number in among:
            del free[number]
        used.add(kind)
        slots.append(Slot(kind, kinds.draw(brief.levels, list(kinds.LEVELS), random_), tuple(sorted(among))))
    return slots
