"""One dialogue about one passage: turns made one after the other, each verified before the next is asked for.

`point`    a pair for each key point, drafted and checked as doc_qa does (the same requests: a pair that doc_qa has
           bought in this run costs nothing here), then one short call that says its question as somebody would who has
           just heard the answer before. A small teacher can do either, and not both at once
`passage`  the whole dialogue in one call, each follow-up with the full question it stands for; for large teachers

A turn that fails is left out, and the dialogue goes on without it: what was left out never stands in the history that a
later turn leans on.
"""

from __future__ import annotations

from typing import Any

import msgspec

from datagen.checks.phrases import POINTERS
from datagen.checks.verify import Fault
from datagen.dialogue.follow import content, follow_fault, said_before
from datagen.dialogue.talk import Manner, Talk, Turn, record_of
from datagen.doc_qa import draft as drafting
from datagen.doc_qa.brief import Slot
from datagen.doc_qa.draft import Draft
from datagen.doc_qa.mending import tidy
from datagen.material import kinds
from datagen.material.passages import Passage
from datagen.material.points import Point
from seedbed.chat import Complete, Request
from seedbed.gate import rouge_l
from seedbed.parse import ask
from seedbed.record import Record

# Of so many points for each turn wanted one is drafted at most: a little over 1 / the share of drafts that pass
# (docs/quality.md: 64 of 148 to 173).
_DRAFTS_A_TURN = 3
_LONGEST = {"en": 140, "zh": 50}  # characters of a follow-up


class _FollowUp(msgspec.Struct):
    question: str


class _Told(msgspec.Struct):
    """A turn of a dialogue made in one call; `full` is the question as it would be asked without the history."""

    question: str
    answer: str
    full: str = ""
    sentences: list[int | str] = []


class _Dialogue(msgspec.Struct):
    turns: list[_Told]


async def talk(passage: Passage, slots: list[Slot], wanted: int, complete: Complete, manner: Manner) -> Record:
    """A dialogue of up to `wanted` turns over the key points of `slots`; with fewer than two verified turns it bears
    the first reason why."""
    work = Talk(passage, manner, complete)
    if manner.brief.context == "passage":
        await _at_once(work, wanted)
    else:
        await _point_by_point(work, slots, wanted)
    return record_of(work)


async def _point_by_point(work: Talk, slots: list[Slot], wanted: int) -> None:
    rest, tries = list(slots), _DRAFTS_A_TURN * wanted
    while rest and tries and len(work.turns) < wanted:
        slot = _nearest(rest, work)
        rest.remove(slot)
        tries -= 1
        draft = Draft(work.passage, slot, work.complete, work.manner.brief)
        work.passage.asked.update(slot.point.numbers)
        fault = await drafting.fault_of(draft) or _repeats(draft, work) or await _late_fault(draft)
        work.calls.setdefault(draft.prompt.label, []).extend(draft.calls)
        work.raw = draft.raw
        if fault:
            work.leave_out(draft.question, fault)
        elif not work.turns:
            work.turns.append(Turn(draft.question, draft))
        else:
            await _follow_up(draft, work)


def _nearest(slots: list[Slot], work: Talk) -> Slot:
    """The point that has most in common with what was really said; the thread's next one before anything was."""
    known = content(work.history, work.language)
    return max(slots, key=lambda slot: len(known & content(work.passage.stated(slot.point.numbers[0]), work.language)))


async def _follow_up(draft: Draft, work: Talk) -> None:
    """Adds the pair as the next turn, its question said as a follow-up; as it is where that fails and it may be."""
    said, fault = await _said_shorter(draft, work)
    if fault is None:
        work.turns.append(Turn(said, draft))
    elif work.may_stand_alone():
        work.turns.append(Turn(draft.question, draft))
    else:
        work.leave_out(said, fault)


async def _said_shorter(draft: Draft, work: Talk) -> tuple[str, Fault | None]:
    """The question as somebody would say it who has just heard the answers before, and what is wrong with that."""
    known = said_before(draft.question, work.history, work.language)
    if not known:  # nothing to leave out: not worth a call
        return draft.question, Fault("self_contained", "it names nothing that was named before")
    prompt = work.manner.prompt(work.language, "follow_up")
    labels = {"en": ("Q: ", "A: "), "zh": ("问：", "答：")}[work.language]
    told = [f"{labels[0]}{turn.said}\n{labels[1]}{turn.work.answer}" for turn in work.turns]
    variables = {
        "history": "\n".join(told),
        "known": {"en": ", ", "zh": "、"}[work.language].join(dict.fromkeys(known)),
        "question": draft.question,
    }
    request = Request(
        messages=prompt.messages(**{name: text.replace("<|", "< |") for name, text in variables.items()}),
        max_tokens=work.manner.brief.max_tokens,
        temperature=work.manner.brief.temperature,
        schema=_follow_schema(work.language),
    )
    parsed = await ask(work.complete, request, _FollowUp)
    work.calls.setdefault(prompt.label, []).extend(key for key in parsed.calls if key)
    if parsed.value is None:
        return draft.question, Fault(parsed.reason, parsed.detail)
    said = tidy(parsed.value.question, work.passage)
    return said, follow_fault(said, draft.question, work.history, work.turns[-1].full, work.language)


async def _at_once(work: Talk, wanted: int) -> None:
    passage, brief = work.passage, work.manner.brief
    prompt = work.manner.prompt(work.language, "whole")
    request = Request(
        messages=prompt.messages(
            about=brief.about or passage.headings[0],
            sentences=passage.numbered(tuple(passage.shown)),
            turns=str(wanted),
        ),
        max_tokens=brief.max_tokens * wanted,
        temperature=brief.temperature,
    )
    parsed = await ask(work.complete, request, _Dialogue, keep_whole_items=True)
    work.calls[prompt.label] = [key for key in parsed.calls if key]
    work.raw = parsed.raw
    if parsed.value is None:
        work.leave_out("", Fault(parsed.reason, parsed.detail))
        return
    for told in parsed.value.turns[:wanted]:
        await _take(told, work, request)


async def _take(told: _Told, work: Talk, request: Request) -> None:
    """A turn of a dialogue that came at once: added, or left out with the reason."""
    passage = work.passage
    said, full, answer = (tidy(text, passage) for text in (told.question, told.full, told.answer))
    if not work.turns:
        full = said
    elif not full:
        work.leave_out(said, Fault("no_full_question", "the reply does not say what it asks when asked alone"))
        return
    cited = [number for mark in told.sentences if (number := drafting.resolve(mark, passage)) is not None]
    slot = Slot(kinds.recognise(full, work.language, "fact"), "basic", Point(tuple(dict.fromkeys(cited)), ()), {})
    draft = Draft(passage, slot, work.complete, work.manner.brief, question=full, answer=answer)
    passage.asked.update(cited)
    fault = drafting.pair_fault(draft, told.sentences) or drafting.from_example(draft, request) or _repeats(draft, work)
    if fault is None and work.turns:
        fault = follow_fault(said, full, work.history, work.turns[-1].full, work.language)
        # Said as it would be asked alone; one with a pronoun only claims to be.
        alone = fault is not None and fault.reason == "self_contained" and not POINTERS[work.language].search(full)
        fault = None if alone and work.may_stand_alone() else fault
    if fault := fault or await _late_fault(draft):
        work.leave_out(said, fault)
    else:
        work.turns.append(Turn(said, draft))


async def _late_fault(draft: Draft) -> Fault | None:
    """What costs calls of its own, so it comes last: the question answered anew, and the probes."""
    return await drafting.worked_out_fault(draft) or await drafting.probe_fault(draft)


def _repeats(draft: Draft, work: Talk) -> Fault | None:
    """Whether a turn before asked this, or rests on the same sentences."""
    for turn in work.turns:
        if rouge_l(turn.full, draft.question) > work.manner.twin:
            return Fault("twin_question", f"nearly the words of an earlier turn: {turn.full}")
        if set(draft.evidence) <= set(turn.work.evidence):
            return Fault("same_point", f"rests on what an earlier turn has told: {turn.full}")
    return None


def _follow_schema(language: str) -> dict[str, Any]:
    ends = f'^[^？?。\\n"]{{2,{_LONGEST["zh"]}}}？$' if language == "zh" else f'^[^?\\n"]{{3,{_LONGEST["en"]}}}\\?$'
    question = {"type": "string", "pattern": ends}
    return {"type": "object", "properties": {"question": question}, "required": ["question"],
            "additionalProperties": False}
