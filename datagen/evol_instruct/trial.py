"""An evolved task before its judge, and answered.

    judge     has it anything that its parent has not? (a teacher of its own, where the job names one) It is shown what
              words are new, and the input only where that has changed: shown two long tasks, a 1.5B model found 41 of
              43 equal, "How can you make your own bread?" and a question about fans among them
    answer    by `answering`; of a grounded record from the passage alone, and checked against it
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import Any, Literal

import msgspec

from datagen.asking.answering import Answer, answer
from datagen.checks import verify
from datagen.checks.declining import declines
from datagen.checks.verify import Fault
from datagen.evol_instruct.elimination import answer_fault, language_fault
from datagen.evol_instruct.evolve import Draft, Evolution
from datagen.material.statements import Statements
from datagen.self_instruct.filters import instance_fault
from seedbed.chat import Complete, Request
from seedbed.parse import ask
from seedbed.prompts import load
from seedbed.text import CJK

_JUDGE_TOKENS = 120
_GROUNDED_TEMPERATURE = 0.3  # doc_qa's: what a source says is not a matter of taste
_MOST_SENTENCES = 4  # that an answer rests on: one more than a first question's
_VERDICT: dict[str, Any] = {
    "type": "object",
    # The order of writing: what is new before the verdict on it.
    "properties": {"besides": {"type": "string", "maxLength": 160}, "verdict": {"enum": ["equal", "different"]}},
    "required": ["besides", "verdict"],
    "additionalProperties": False,
}


class _Verdict(msgspec.Struct):
    """The judge's. A closed choice: to look for "equal" in free text also finds it in "not equal"."""

    verdict: Literal["equal", "different"]
    besides: str = ""


async def finished(evolution: Evolution, draft: Draft) -> Draft:
    """The draft, judged and answered, or with what was wrong with it."""
    if evolution.judge:
        draft.fault = await _judged(evolution, evolution.judge, draft)
    if draft.fault is None:
        draft.answer = await _answered(evolution, draft)
        draft.calls += tuple(key for key in draft.answer.calls if key)
        draft.raw = draft.answer.raw
        draft.fault = _answer_fault(draft)
    return draft


async def _judged(evolution: Evolution, judge: Complete, draft: Draft) -> Fault | None:
    prompt = load(draft.language, "evol_instruct/judge", evolution.context.prompts)
    parent = draft.parent
    same = draft.input.split() == parent.input.split()
    first, second = (parent.instruction, draft.instruction) if same else (parent.user_text, draft.task)
    first, second = (text.replace("<|", "< |") for text in (first, second))
    request = Request(
        messages=prompt.messages(first=first, second=second, new=added(first, second)),
        max_tokens=_JUDGE_TOKENS,
        temperature=0.0,
        schema=_VERDICT,
    )
    parsed = await ask(judge, request, _Verdict)
    draft.calls += tuple(key for key in parsed.calls if key)
    if parsed.value is None:
        draft.raw = parsed.raw
        return Fault("no_verdict", f"the judge's reply: {parsed.reason}")
    return Fault("equal", "the judge finds nothing new in it") if parsed.value.verdict == "equal" else None


_PIECE = re.compile(rf"[{CJK}]|[^\W{CJK}]+(?:['’-][^\W{CJK}]+)*")  # a Chinese character, or a word


def added(first: str, second: str) -> str:
    """What stands only in the second text: its runs of words (in Chinese: characters), in order, with `…` between."""
    before = [piece.group().lower() for piece in _PIECE.finditer(first)]
    after = list(_PIECE.finditer(second))
    matcher = SequenceMatcher(None, before, [piece.group().lower() for piece in after], autojunk=False)
    changes = (change for change in matcher.get_opcodes() if change[0] in ("insert", "replace"))
    return " … ".join(second[after[begin].start() : after[end - 1].end()] for _, _, _, begin, end in changes)


async def _answered(evolution: Evolution, draft: Draft) -> Answer:
    sampling = evolution.sampling
    return await answer(
        evolution.complete,
        draft.task,
        draft.language,
        evolution.answering,
        sentences=draft.ground.shown if draft.ground else "",
        temperature=min(sampling.temperature, _GROUNDED_TEMPERATURE) if draft.ground else sampling.temperature,
        top_p=sampling.top_p,
        max_tokens=sampling.max_tokens,
        prompts=evolution.context.prompts,
    )


def _answer_fault(draft: Draft) -> Fault | None:
    found, parent = draft.answer, draft.parent
    source = draft.ground.shown if draft.ground else ""
    if fault := answer_fault(found.text or found.raw, f"{draft.task}\n{parent.user_text}", source):
        return fault  # the paper's rules first: a short apology is `sorry`, not merely `refused`
    if found.fault:
        return Fault(*found.fault)
    if draft.ground:
        return _grounding_fault(draft, draft.ground)
    if fault := language_fault(found.text, draft.task, draft.language, parent.answer):
        return fault
    wrong = instance_fault(draft.instruction, draft.input, found.text, draft.language)
    return Fault(*wrong) if wrong and wrong[0] != "wrong_language" else None


def _grounding_fault(draft: Draft, ground: Statements) -> Fault | None:
    """The checks of `verify` against the sentences that carry the answer, which become its evidence."""
    text = draft.answer.text
    if declines(text, draft.language):
        return Fault("not_stated", "the passage does not answer the evolved question")
    draft.evidence = ground.carrying(text, draft.parent.evidence, _MOST_SENTENCES)
    evidence = ground.joined(draft.evidence)
    if fault := verify.answer_fault(draft.task, text, evidence, draft.language, ground.names):
        return fault
    steps = draft.answer.reasoning
    return verify.steps_fault(steps, f"{evidence} {draft.task} {ground.names}", draft.language) if steps else None
