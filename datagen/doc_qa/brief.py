"""What all requests of a doc_qa job have in common, and what each one asks for."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from datagen.asking.answering import Answering
from datagen.doc_qa.probes import Probes
from datagen.material import kinds
from datagen.material.passages import Passage
from datagen.material.points import Point
from seedbed.errors import PromptError
from seedbed.prompts import Prompt, load

_LINES = (*kinds.KINDS, *kinds.LEVELS[1:], "persona", "worn")  # of kinds.md


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
    common: frozenset[str] | None = None  # words that the documents use everywhere, where they are enough to tell

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
    is the share of the question's content words that must stand in the point, where that is not the usual one. A row of
    a table is shown under its table's name where it is `named`.
    """

    kind: str
    level: str
    point: Point
    variables: Mapping[str, str]
    prompt: str = "pair"
    premise: float | None = None
    named: bool = True


def draw_slots(passage: Passage, count: int, brief: Brief) -> list[Slot]:
    """The kinds, levels and key points to ask for in this wave; no sentence is asked about twice.

    Drawn from the job's seed, the passage's text and the wave alone, so that no other passage changes it, and neither
    does a text put in above it or a new name of its file, which change its id. Fewer than `count` where the passage
    does not carry more.

    A passage that has been asked and has no record yet goes on to the sentences that stand alone but show no kind of
    question: less of what comes of those is any good. And its rows are shown without the name of their table:
    "Packages to install for a kernel – …" draws every question to the table.
    """
    random_ = random.Random(f"{brief.seed}:{passage.text}:{passage.waves}")
    points = list(passage.key_points(brief.about))
    slots = _draw(points, count, passage, brief, random_)
    if passage.waves and not passage.accepted:
        plain = [replace(point, kinds=("fact",)) for point in points if not point.kinds]
        slots += _draw(plain, count - len(slots), passage, brief, random_)
    return slots


def _draw(points: list[Point], count: int, passage: Passage, brief: Brief, random_: random.Random) -> list[Slot]:
    levels = [level for level in kinds.LEVELS if brief.levels.get(level, 0) > 0]
    every = [
        (kind, level, point)
        for point in points
        for kind in point.kinds
        for level in levels
        # Answers that join sentences need two; the other levels take one that stands alone.
        if brief.kinds.get(kind, 0) > 0 and (level == "intermediate") == point.joins
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
        variables = {"kind": brief.ask(kind, level, passage, random_)}
        slots.append(Slot(kind, level, point, variables, point.form, named=bool(passage.accepted or not passage.waves)))
    return slots
