"""One evolution: a record in, and its next form on the way to be judged and answered (trial.py).

One of the six operations is drawn for the record and the round; the teacher writes the new instruction, and data or an
input where the operation brings one. The parent's own input stays as it is, word for word: in depth the teacher never
writes it anew, so it cannot be lost.

A record with evidence is grounded. Its evolutions rest on the same passage: the teacher sees what the passage says, and
the question may name nothing else.
"""

from __future__ import annotations

import math
import random
import re
from dataclasses import dataclass, field
from typing import Any

import msgspec

from datagen.asking.answering import Answer, Answering
from datagen.checks.verify import Fault
from datagen.evol_instruct.elimination import (
    FORMS,
    data_fault,
    equal_fault,
    grounded_question_fault,
    input_fault,
    rewritten_fault,
)
from datagen.material import kinds
from datagen.material.lots import said
from datagen.material.statements import Statements, statements
from seedbed.chat import Complete, Request
from seedbed.context import Context
from seedbed.errors import PromptError
from seedbed.ground import Ground
from seedbed.parse import ask
from seedbed.prompts import Prompt, load
from seedbed.record import Evidence, Message, Record, Step, make
from seedbed.text import language

IN_DEPTH = ("add_constraints", "deepen", "concretise", "reasoning_steps", "complicate_input")
OPERATIONS = (*IN_DEPTH, "in_breadth")

# Characters that an evolution in depth is longer by: at least, and at most. Bounds of the schema: a small teacher that
# has written its parent down again may then not stop, and goes on to what is new (its Chinese replies mostly stopped
# there); one that has nothing to say rambles, but not to the token limit.
_GROWS = {"en": (30, 450), "zh": (8, 130)}
_LONGEST_PARENT = 600  # endpoints refuse or slow down over longer repetitions in a grammar
_REWRITE_TOKENS = 700  # an instruction, and a dozen lines of data
_WRITTEN = re.compile(r'"instruction": *"((?:[^"\\]|\\.)*)"')


class _Rewritten(msgspec.Struct):
    """The teacher's reply. What is `new` comes first and is not used: without naming it a 1.5B model writes the parent
    down again."""

    instruction: str
    input: str = ""
    new: str = ""


@dataclass(frozen=True)
class Sampling:
    """How the teacher is asked to rewrite and to answer."""

    temperature: float
    top_p: float
    max_tokens: int


@dataclass
class Draft:
    """An evolution on its way."""

    parent: Record
    round: int
    operation: str
    form: str  # of the data, where the operation brings some
    ground: Statements | None
    instruction: str = ""
    input: str = ""
    fault: Fault | None = None
    match: str = ""
    score: float | None = None
    similar: list[dict[str, Any]] = field(default_factory=list)
    calls: tuple[str, ...] = ()
    raw: str = ""
    answer: Answer = Answer()
    evidence: tuple[Evidence, ...] = ()

    @property
    def language(self) -> str:
        return spoken(self.parent)

    @property
    def task(self) -> str:
        return f"{self.instruction}\n\n{self.input}" if self.input else self.instruction


def spoken(record: Record) -> str:
    """en or zh: what prompts and checks a record takes."""
    return "zh" if (record.language or language(record.instruction)) in ("zh", "mixed") else "en"


@dataclass(frozen=True)
class Evolution:
    """What every evolution of a job has in common. Without a `judge` none is asked."""

    context: Context
    complete: Complete
    judge: Complete | None
    ground: Ground
    answering: Answering
    operations: dict[str, float]
    sampling: Sampling

    def draw(self, parent: Record, round_: int) -> Draft:
        """What becomes of a record in a round: decided by the job's seed, what the record says and the round alone."""
        random_ = random.Random(f"{self.context.seed}:{said(parent)}:{round_}")
        operation = kinds.draw(self.operations, list(OPERATIONS), random_)
        form = random_.choice(FORMS) if operation == "complicate_input" else ""
        return Draft(parent, round_, operation, form, statements(parent, self.ground, spoken(parent)))

    def record(self, draft: Draft) -> Record:
        """What the draft came to: a record, or a rejected one."""
        parent, note = draft.parent, f"round {draft.round}" + (f", {draft.form}" if draft.form else "")
        turns = [Message("user", draft.instruction)] if draft.instruction else []
        turns += [draft.answer.message] if turns and draft.answer.text else []
        step = Step(
            stage="evol_instruct",
            operation=draft.operation,
            parents=(parent.id,),
            prompt=self.prompt(draft).label,
            teacher=self.complete.model,
            calls=draft.calls,
            note=note,
        )
        labels = {"evolution": draft.operation, "round": str(draft.round)}
        if kind := parent.labels.get("kind"):
            labels["kind"] = kinds.recognise(draft.instruction, draft.language, kind)
        scores = {"most_similar": draft.similar[0]["score"]} if draft.similar else {}
        scores |= {} if draft.answer.agreement is None else {"agreement": draft.answer.agreement}
        extra: dict[str, Any] = {"most_similar": draft.similar} if draft.similar else {}
        made = make(
            messages=tuple(turns),
            input=draft.input,
            text="" if turns else f"{note}: {parent.user_text}",  # tells equal failures apart
            source=parent.source if draft.ground else None,
            evidence=draft.evidence,
            language=parent.language or draft.language,
            task=parent.task,
            history=(step,),
            labels=labels,
            scores=scores,
            extra=extra | ({"raw": draft.raw} if draft.fault and draft.raw else {}),
        )
        if draft.fault is None:
            return made
        return made.reject("evol_instruct", *draft.fault, match=draft.match, score=draft.score)

    def prompt(self, draft: Draft) -> Prompt:
        name = "from_source" if draft.ground else draft.operation
        return load(draft.language, f"evol_instruct/{name}", self.context.prompts)

    def line(self, draft: Draft, file: str, key: str) -> str:
        """The line `key: …` of a prompt file of short lines."""
        prompt = load(draft.language, f"evol_instruct/{file}", self.context.prompts)
        lines = dict(line.split(":", 1) for line in prompt.text.splitlines() if ":" in line)
        if key not in lines:
            raise PromptError(f"has no line `{key}: …`", where=prompt.name, next_step="seedbed's own file shows it")
        return lines[key].strip()


async def rewritten(evolution: Evolution, draft: Draft) -> Draft:
    """The draft with its new instruction, past all checks that need no teacher."""
    request = _request(evolution, draft)
    parsed = await ask(evolution.complete, request, _Rewritten)
    draft.raw, draft.calls = parsed.raw, tuple(key for key in parsed.calls if key)
    if parsed.value is None:
        draft.fault = Fault(parsed.reason, parsed.detail)
        return draft
    draft.instruction = _unbroken(parsed.value.instruction.strip(), draft)
    given = _unbroken(parsed.value.input.strip(), draft)
    if draft.operation == "in_breadth":
        draft.input = given if draft.parent.input else ""
    elif draft.operation == "complicate_input":
        draft.input = "\n\n".join(part for part in (draft.parent.input, given) if part)
    else:
        draft.input = draft.parent.input
    draft.fault = _rewritten_fault(draft, given, _examples(request))
    return draft


def _request(evolution: Evolution, draft: Draft) -> Request:
    parent = draft.parent
    label = {"en": "Input:", "zh": "输入："}[draft.language]
    shown = f"{parent.instruction}\n{label}\n{parent.input}" if parent.input else parent.instruction
    variables = {"task": shown.replace("<|", "< |")}
    form = evolution.line(draft, "forms", draft.form) if draft.form else ""
    if draft.ground:
        change = evolution.line(draft, "changes", draft.operation)
        variables |= {"change": f"{change} {form}".strip(), "sentences": draft.ground.shown.replace("<|", "< |")}
    elif form:
        variables["form"] = form
    written = ["new", "instruction"]
    if draft.operation == "complicate_input" or (draft.operation == "in_breadth" and parent.input):
        written.append("input")
    return Request(
        messages=evolution.prompt(draft).messages(**variables),
        max_tokens=min(evolution.sampling.max_tokens, _REWRITE_TOKENS),
        temperature=evolution.sampling.temperature,
        top_p=evolution.sampling.top_p,
        schema={
            "type": "object",
            "properties": {name: {"type": "string", "minLength": 1} for name in written} | _bounds(draft),
            "required": written,
            "additionalProperties": False,
        },
        sample=draft.round,  # a parent that comes again with the same operation is not given the same reply
    )


def _bounds(draft: Draft) -> dict[str, dict[str, Any]]:
    """How long the new instruction may be; nothing where the operation or its parent sets no bounds."""
    before, (least, most) = len(draft.parent.instruction), _GROWS[draft.language]
    if draft.operation in ("complicate_input", "in_breadth") or before > _LONGEST_PARENT:
        return {}
    return {"instruction": {"type": "string", "minLength": before + least, "maxLength": before + most}}


def _rewritten_fault(draft: Draft, given: str, examples: list[str]) -> Fault | None:
    parent, lang = draft.parent, draft.language
    in_depth = draft.operation in IN_DEPTH
    # The input stays in depth, and data that the instruction does not speak of changes nothing: so these are compared.
    if len(draft.instruction) >= _bounds(draft).get("instruction", {}).get("maxLength", math.inf):
        return Fault("cut", "the instruction goes on to the bound of its length")
    fault = equal_fault(*((draft.instruction, parent.instruction) if in_depth else (draft.task, parent.user_text)))
    fault = fault or rewritten_fault(draft.instruction, parent.instruction, lang, draft.operation, examples)
    if fault is None and in_depth:
        fault = input_fault(draft.instruction, parent.instruction, parent.input, lang)
    if fault is None and draft.form:
        fault = data_fault(given, draft.form, lang) or input_fault(given, "", parent.input, lang)
    if fault is None and draft.ground:
        known = f"{draft.ground.shown}\n{draft.input}"
        fault = grounded_question_fault(draft.instruction, parent.instruction, known, draft.ground.names, lang)
    return fault


def _unbroken(text: str, draft: Draft) -> str:
    """A template's marks were shown broken up; as the parent has them."""
    return text.replace("< |", "<|") if "<|" in draft.parent.user_text else text


def _examples(request: Request) -> list[str]:
    """The instructions that the prompt shows as its own replies."""
    turns = [message.content for message in request.messages if message.role == "assistant"]
    return [found.group(1) for turn in turns if (found := _WRITTEN.search(turn))]
