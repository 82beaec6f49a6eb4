"""One preference pair: the wrong answer, made or asked for, and what makes it worthless, if anything.

A judge is asked in both orders, because judges prefer a place (Zheng et al. 2023, "Judging LLM-as-a-judge").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from datagen.checks.verify import Fault
from datagen.preference import contrast
from datagen.preference.negatives import Ground
from seedbed.chat import Request
from seedbed.context import Context
from seedbed.formats import plain
from seedbed.gate import rouge_l
from seedbed.parse import ask
from seedbed.prompts import load
from seedbed.record import Message, Record, Step

CODED = ("wrong_figure", "swapped_entity", "missing_condition")


class _Rejected(msgspec.Struct):
    answer: str


class _Verdict(msgspec.Struct):
    better: Literal["A", "B"]


@dataclass(frozen=True)
class Manner:
    """What all pairs of a job have in common: the band of ROUGE-L between the answers, and how the teacher writes."""

    close: tuple[float, float]
    temperature: float
    max_tokens: int


@dataclass(frozen=True)
class Case:
    """One wrong answer to make and to check."""

    record: Record
    ground: Ground
    kind: str
    coded: str
    manner: Manner
    context: Context

    @property
    def chosen(self) -> str:
        return self.record.answer

    @property
    def language(self) -> str:
        return self.ground.lang


def task_of(record: Record) -> str:
    """What the last answer answers: the question as it would be asked alone, where that is known."""
    asked = [message.content for message in record.messages if message.role == "user"]
    if len(asked) < 2:
        return record.user_text
    told = record.extra.get("_turns") if record.task == "dialogue" else None
    return str(told[-1]["full"]) if told else asked[-1]


async def pair(case: Case) -> Record:
    """The record with a rejected answer, or with the reason why it makes no pair."""
    rejected, step, fault = await _made(case)
    fault = (
        fault
        or contrast.close_fault(case.kind, case.chosen, rejected, case.ground, case.manner.close)
        or contrast.wrong_fault(case.kind, case.chosen, rejected, case.ground)
    )
    if fault is None and contrast.needs_judge(case.kind, case.chosen, rejected, case.ground):
        fault, calls = await _judged(case, rejected)
        step = msgspec.structs.replace(step, calls=(*step.calls, *calls), note="judged")
    own = plain(case.record)
    labels = {name: value for name, value in own.labels.items() if name != "turns"}
    steps = own.messages[-1].extra.get("reasoning_content")
    made = own.revised(
        step,
        # With the same steps before it: where one of the two had none, that is what a model would learn.
        rejected=Message("assistant", rejected, {"reasoning_content": steps} if steps else {}),
        task="preference",
        split="",
        labels=labels | {"negative": case.kind},
        scores={"closeness": round(rouge_l(case.chosen, rejected), 4)},
    )
    return made.reject("preference", fault.reason, fault.detail) if fault else made


async def _made(case: Case) -> tuple[str, Step, Fault | None]:
    """The wrong answer, made by code or written by the teacher."""
    parents = (case.record.id,)
    if case.kind in CODED:
        return case.coded, Step(stage="preference", operation=case.kind, parents=parents), None
    complete, _ = case.context.teacher()
    prompt = load(case.language, f"preference/{case.kind}", case.context.prompts)
    request = Request(
        messages=prompt.messages(question=_safe(task_of(case.record)), answer=_safe(case.chosen)),
        max_tokens=case.manner.max_tokens,
        temperature=case.manner.temperature,
    )
    parsed = await ask(complete, request, _Rejected)
    calls = tuple(key for key in parsed.calls if key)
    step = Step(stage="preference", operation=case.kind, parents=parents, prompt=prompt.label, teacher=complete.model,
                calls=calls)
    if parsed.value is None:
        return parsed.raw, step, Fault(parsed.reason, parsed.detail)
    return prompt.unlabelled(parsed.value.answer), step, None


async def _judged(case: Case, rejected: str) -> tuple[Fault | None, list[str]]:
    """Whether a judge prefers the chosen answer whichever comes first."""
    judge, _ = case.context.teacher("judge")
    prompt = load(case.language, "preference/judge", case.context.prompts)
    calls: list[str] = []
    for right, (first, second) in {"A": (case.chosen, rejected), "B": (rejected, case.chosen)}.items():
        texts = {"question": task_of(case.record), "first": first, "second": second}
        messages = prompt.messages(**{name: _safe(text) for name, text in texts.items()})
        parsed = await ask(judge, Request(messages=messages, max_tokens=60, temperature=0.0), _Verdict)
        calls += [key for key in parsed.calls if key]
        if parsed.value is None:
            return Fault("not_judged", f"the judge's reply cannot be used: {parsed.detail}"), calls
        if parsed.value.better != right:
            return Fault("not_wrong", f"the judge prefers it when the chosen answer is {right}"), calls
    return None, calls


def _safe(text: str) -> str:
    """Marks of chat templates broken up: what a record says must not end the user's turn."""
    return text.replace("<|", "< |")
