"""A dialogue on its way: its verified turns, what was left out, and the record that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from datagen.checks.verify import Fault
from datagen.dialogue.follow import leans
from datagen.doc_qa.brief import Brief
from datagen.doc_qa.draft import Draft
from datagen.material import kinds
from datagen.material.facts import fact_at
from datagen.material.passages import Passage
from seedbed.chat import Complete
from seedbed.prompts import Prompt, load
from seedbed.record import Evidence, Message, Record, Step, make


@dataclass(frozen=True)
class Manner:
    """What all dialogues of a job have in common; `leaning` is the least share of follow-ups that lean on the history.
    """

    brief: Brief
    leaning: float
    twin: float

    def prompt(self, language: str, name: str) -> Prompt:
        return load(language, f"dialogue/{name}", self.brief.prompts)


@dataclass(frozen=True)
class Turn:
    """A verified turn: what is said, the full question, and the sentences that its answer rests on."""

    said: str
    work: Draft

    @property
    def full(self) -> str:
        return self.work.question


@dataclass
class Talk:
    """A dialogue on its way."""

    passage: Passage
    manner: Manner
    complete: Complete
    turns: list[Turn] = field(default_factory=list)
    left_out: list[dict[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    calls: dict[str, list[str]] = field(default_factory=dict)
    raw: str = ""

    @property
    def language(self) -> str:
        return self.passage.language

    @property
    def history(self) -> str:
        return "\n".join(f"{turn.said}\n{turn.work.answer}" for turn in self.turns)

    def leave_out(self, question: str, fault: Fault) -> None:
        self.faults.append(fault)
        self.left_out.append({"question": question, "reason": fault.reason, "detail": fault.detail})

    def leaning(self) -> list[bool]:
        """For each follow-up, whether it leans on the turns before it."""
        found, history = [], ""
        for number, turn in enumerate(self.turns):
            if number:
                found.append(leans(turn.said, turn.full, history, self.language))
            history += f"{turn.said}\n{turn.work.answer}\n"
        return found

    def may_stand_alone(self) -> bool:
        """Whether the next turn may be one that says everything itself."""
        leaning = self.leaning()
        alone = leaning.count(False) + 1
        return alone <= (1 - self.manner.leaning) * (len(leaning) + 1)


def record_of(work: Talk) -> Record:
    """The dialogue as a record; with fewer than two verified turns it bears the first reason why."""
    passage = work.passage
    messages = [
        message
        for turn in work.turns
        for message in (Message("user", turn.said), turn.work.turn)
    ]
    evidence = passage.quotes({number for turn in work.turns for number in turn.work.evidence})
    operations = {label: "talk" if label.split("@")[0].endswith("whole") else "follow_up" if "dialogue/" in label
                  else "pair" for label in work.calls}
    steps = [
        Step(stage="dialogue", operation=operations[label], parents=(passage.record.id,), prompt=label,
             teacher=work.complete.model, calls=tuple(dict.fromkeys(calls)))
        for label, calls in work.calls.items()
    ]
    extra: dict[str, Any] = {"_turns": _told(work, evidence)} if work.turns else {"raw": work.raw}
    made = make(
        messages=tuple(messages),
        text="" if messages else passage.text,
        source=passage.record.source,
        evidence=evidence,
        language=passage.language,
        task="dialogue",
        history=tuple(steps),
        labels={"turns": str(len(work.turns))} | _together(work) if work.turns else {},
        scores=_least(work),
        extra=extra | ({"_left_out": work.left_out} if work.left_out else {}),
    )
    if len(work.turns) >= 2:
        return made
    fault = work.faults[0] if work.faults else Fault("too_few_turns", "the passage has one key point alone")
    return made.reject("dialogue", fault.reason, f"{len(work.turns)} turns passed; {fault.detail}")


def _told(work: Talk, evidence: tuple[Evidence, ...]) -> list[dict[str, Any]]:
    """What each turn is: full question, kind, whether it leans, and which of the record's quotes carry its answer."""
    leaning = [False, *work.leaning()]
    return [
        {
            "full": turn.full,
            "kind": kinds.recognise(turn.full, work.language, turn.work.slot.kind),
            "fact": fact_at(work.passage, turn.work.slot.point.numbers or tuple(turn.work.evidence)).id,
            "leans": leaning[number],
            "labels": turn.work.labels,
            "evidence": [evidence.index(quote) for quote in work.passage.quotes(turn.work.evidence)],
        }
        for number, turn in enumerate(work.turns)
    ]


def _together(work: Talk) -> dict[str, str]:
    """What the probes said of all turns: `yes` where they said so of each; nothing of which one turn has no label."""
    several = [turn.work.labels for turn in work.turns]
    shared = set.intersection(*map(set, several)) & {"grounded", "known"}
    return {name: "yes" if all(one[name] == "yes" for one in several) else "no" for name in sorted(shared)}


def _least(work: Talk) -> dict[str, float]:
    """The lowest of the turns' certainties: a dialogue is as good as its weakest turn."""
    scores = [turn.work.scores for turn in work.turns if turn.work.scores]
    names = sorted({name for one in scores for name in one})
    return {name: min(one[name] for one in scores if name in one) for name in names}
