"""One key point's talk with the teacher: a question and its answer, in one call, and what is wrong with them.

The examples in the prompt do the work: a small model follows their form where it does not follow instructions, and as
turns of a conversation they are not asked about themselves (as part of the task they were, in a third of all replies).
They are also the same in every request, so that an endpoint with a prompt cache reads them once.

The teacher names the NUMBERS of the sentences that carry its answer, because a small model asked to copy its evidence
misses the exact text in 22 to over 50 % of cases. A number in range can still be the wrong one. So the numbers only
propose: the evidence of a record is those of the cited sentences that carry the answer, and where words of it are
missing there, the sentences of the passage that have them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from datagen.asking.answering import answer
from datagen.checks import verify
from datagen.checks.agreement import agree
from datagen.checks.borrowed import borrowed_fault
from datagen.checks.certainty import certainty
from datagen.checks.reasons import reason_fault
from datagen.checks.sense import kind_fault, sense_fault
from datagen.checks.verify import Fault
from datagen.doc_qa.brief import Brief, Slot, draw_slots
from datagen.doc_qa.mending import citations, completed, escaped, gives, tidy
from datagen.material import kinds
from datagen.material.commands import lines
from datagen.material.facts import fact_at
from datagen.material.passages import Passage
from seedbed import content
from seedbed.chat import Complete, Request
from seedbed.parse import ask
from seedbed.prompts import Prompt
from seedbed.record import Message, Record, Step, make

# An answer rests on at most this many sentences; more is a summary of the section.
_MOST_SENTENCES = 3
# An answer that gives as many cells of a row, which were not asked about, gives the row.
_MOST_CELLS = 3
# What is wrong with a question and its answer, if anything.
Check = Callable[[str, str], "Fault | None"]
# Where the question and the answer stand in the reply: between these marks.
_SPANS = {"question": ('"question"', '"answer"'), "answer": ('"answer"', '"sentences"')}


# Of an example's turns, what is form: its JSON's names, and its last line.
_MARKS = re.compile(r'"(?:question|answer|sentences|full|turns)":|^(?:Kind|类型|Turns|轮数)[:：].*$', re.M)


class _Pair(msgspec.Struct):
    """The teacher's reply: `sentences` are numbers (from 1), or quotes, of what the answer rests on."""

    question: str
    answer: str
    sentences: list[int | str] = []


@dataclass
class Draft:
    """A pair on its way."""

    passage: Passage
    slot: Slot
    complete: Complete
    brief: Brief
    question: str = ""
    answer: str = ""
    raw: str = ""
    calls: tuple[str, ...] = ()
    evidence: list[int] = field(default_factory=list)
    scores: dict[str, float] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    reasoning: str = ""

    @property
    def turn(self) -> Message:
        """The assistant's turn, with the steps that led to it where there are any."""
        return Message("assistant", self.answer, {"reasoning_content": self.reasoning} if self.reasoning else {})

    @property
    def prompt(self) -> Prompt:
        return self.brief.prompt(self.passage.language, self.slot.prompt)


async def wave(passage: Passage, count: int, complete: Complete, brief: Brief) -> list[Record]:
    """Up to `count` new pairs about a passage: records, or records that bear the reason why not."""
    slots = draw_slots(passage, count, brief)
    if not slots:
        said, passage.set_aside = passage.set_aside or bool(passage.asked), True
        return [] if said else [_carries_nothing(passage)]
    return [await draft(passage, slot, complete, brief) for slot in slots]


async def draft(passage: Passage, slot: Slot, complete: Complete, brief: Brief, more: Check | None = None) -> Record:
    """One pair, or the reason why not. `more` is a check of the slot's own, after those that all pairs pass."""
    work = Draft(passage, slot, complete, brief)
    fault = await fault_of(work) or (more(work.question, work.answer) if more else None)
    return _record(work, fault or await worked_out_fault(work) or await probe_fault(work))


async def fault_of(work: Draft) -> Fault | None:
    """Asks for the pair, and gives the first thing that is wrong with it."""
    request = _request(work)
    parsed = await ask(work.complete, request, _Pair)
    work.raw, work.calls = parsed.raw, tuple(key for key in parsed.calls if key)
    if parsed.value is None:
        return Fault(parsed.reason, parsed.detail)
    work.question, work.answer = (_mended(text, work) for text in (parsed.value.question, parsed.value.answer))
    for name, marks in _SPANS.items():
        if (sure := certainty(parsed.tokens, *marks)) is not None:
            work.scores[f"{name}_certainty"] = round(sure, 4)
    return (
        pair_fault(work, parsed.value.sentences)
        or from_example(work, request)
        or _certainty_fault(work)
    )


def _mended(text: str, work: Draft) -> str:
    text = escaped(tidy(text, work.passage), _stated(work))
    return completed(text, _typed(work), work.passage.language)


def _stated(work: Draft) -> str:
    return " ".join(work.passage.stated(number, work.slot.named) for number in work.slot.point.numbers)


def _typed(work: Draft) -> list[str]:
    """The lines of the commands that the point gives."""
    passage, point = work.passage, work.slot.point
    own = [number for number in point.numbers if number in passage.commands and point.form == "command"]
    return [line for number in own for line in lines(passage.text[slice(*passage.spans[number])])]


def from_example(work: Draft, request: Request) -> Fault | None:
    """Whether the pair has a word of the request's examples that its documents do not use."""
    passage, said = work.passage, f"{work.question} {work.answer}"
    examples = " ".join(_MARKS.sub(" ", turn.content) for turn in request.messages[1:-1])
    known = f"{passage.text} {names(work)} {work.slot.variables.get('kind', '')}"
    return borrowed_fault(said, examples, known, work.brief.common, passage.language)


def _request(work: Draft) -> Request:
    passage, brief, slot = work.passage, work.brief, work.slot
    language, point = passage.language, slot.point.numbers
    shown = tuple(passage.shown) if brief.context == "passage" else point
    sentences = passage.numbered(shown, slot.named)
    if shown != point:
        sentences += "\n→ " + " ".join(f"[{number + 1}]" for number in point)
    return Request(
        messages=work.prompt.messages(
            about=brief.about or passage.headings[0], sentences=sentences, **slot.variables
        ),
        max_tokens=brief.max_tokens,
        temperature=brief.temperature,
        schema=_schema(slot, language, [number + 1 for number in shown]),
        logprobs=True,
    )


def pair_fault(work: Draft, cited: list[int | str]) -> Fault | None:
    """What is wrong with a pair as it stands, against its point and the sentences it cites; sets its evidence."""
    return _row_fault(work) or _command_fault(work) or _question_fault(work) or _answer_fault(work, cited)


def _row_fault(work: Draft) -> Fault | None:
    """A row as it is shown, `Faults – Code: E17; Remedy: wipe it`, is a form, and not what anybody asks or says; nor is
    a list of all its cells an answer, nor is one row the answer to a question about the table."""
    passage, question, answer = work.passage, work.question, work.answer
    for number in work.slot.point.numbers:
        if number not in passage.heads:
            continue
        row = passage.sentences[number]
        if any(f"{column}: {cell}" in text for column, cell in passage.tables.told(number, row)
               for text in (question, answer)):
            return Fault("copies_passage", "it is a table's row as the prompt shows it")
        table, own = passage.tables.of(number), passage.tables.cells(number, row)
        if sum(cell in answer and cell not in question for cell in set(own) - {""}) >= _MOST_CELLS:
            return Fault("copies_passage", "it tells a table's row from end to end")
        common = _content(" ".join((table.name, *table.columns, *passage.headings)), passage.language)
        its_own = _content(" ".join(own), passage.language) - common
        if not _content(question, passage.language) & its_own and not _holds(question, passage.tables.key(number, row)):
            return Fault("whole_table", "it asks about the table, of which this row is one of many")
    return None


def _holds(question: str, key: str) -> bool:
    """Whether it names a thing that has no word in it: `\\n`, `&`, `q`."""
    bare = key and not re.search(r"[^\W\d_]{2}", key)
    return bool(bare and re.search(rf"(?<!\w){re.escape(key)}(?!\w)", question))


def _content(text: str, language: str) -> set[str]:
    return set(content.units(text, language)) | set(content.figures(text)) | verify.identifiers(text)


def _command_fault(work: Draft) -> Fault | None:
    """The answer about a command gives one of its lines to the letter, and the question does not."""
    typed = _typed(work)
    if typed and not any(gives(work.answer, line) for line in typed):
        return Fault("no_command", "it does not give the command to the letter")
    if any(gives(work.question, line) for line in typed):
        return Fault("echo", "the question holds the command that it asks for")
    return None


def _question_fault(work: Draft) -> Fault | None:
    language, point = work.passage.language, _stated(work)
    fault = verify.question_fault(work.question, point, language, names(work), work.slot.premise)
    if fault is None and kinds.recognise(work.question, language, "fact") == "why":
        return reason_fault(work.question, work.answer, point, language)
    return fault


def _answer_fault(work: Draft, cited: list[int | str]) -> Fault | None:
    """The checks of `verify` on the answer, against the evidence that is then kept."""
    passage, language = work.passage, work.passage.language
    work.answer, marks = citations(work.answer, _stated(work))
    named = [number for mark in [*cited, *marks] if (number := resolve(mark, passage)) is not None]
    point = work.slot.point.numbers
    heads = {number: passage.heads[number] for number in point if number in passage.heads}
    proposed = list(dict.fromkeys([*point, *heads.values(), *named]))
    shown = set(passage.shown)  # an order to a model carries nothing
    said = [sentence if number in shown else "" for number, sentence in enumerate(passage.sentences)]
    work.evidence = verify.carriers(work.answer, said, proposed, language, _MOST_SENTENCES)
    told = " ".join(cell for n in point if n in heads for cell in passage.tables.cells(n, passage.sentences[n]))
    fault = verify.answer_fault(work.question, work.answer, joined(passage, work.evidence), language, names(work), told)
    if fault is None and work.slot.point.form == "pair":
        stated = _stated(work)
        carried = kinds.carried(stated, language)
        return sense_fault(work.question, work.answer, stated, language) or kind_fault(
            work.question, stated, language, carried
        )
    return fault


def _certainty_fault(work: Draft) -> Fault | None:
    for name, least in (("question", work.brief.certain_question), ("answer", work.brief.certain_answer)):
        found = work.scores.get(f"{name}_certainty", 1.0)
        if found < least:
            return Fault(f"unsure_{name}", f"the teacher gave its words {found:.2f} each, and {least:.2f} is asked for")
    return None


async def worked_out_fault(work: Draft) -> Fault | None:
    """Where the job asks for reasoning or for several answers: the question answered anew from its evidence. Its steps
    go onto the record and must rest on the evidence as the answer does; its outcome must be the answer that is there.
    """
    manner = work.brief.answering
    if not manner.reasoning and manner.answers == 1:
        return None
    language = work.passage.language
    evidence = joined(work.passage, work.evidence)
    found = await answer(
        work.complete,
        work.question,
        language,
        manner,
        sentences=evidence,
        temperature=work.brief.temperature,
        prompts=work.brief.prompts,
    )
    work.calls += found.calls
    if found.fault:
        return Fault(*found.fault)
    if agree(found.text, work.answer, language) is False:
        return Fault("disagreement", f"answered anew, it says: {found.text[:80]}")
    if found.agreement is not None:
        work.scores["agreement"] = found.agreement
    if found.reasoning and (fault := verify.steps_fault(found.reasoning, f"{evidence} {work.question}", language)):
        return fault
    work.reasoning = found.reasoning
    return None


async def probe_fault(work: Draft) -> Fault | None:
    """Where the job asks for probes: their labels and scores go onto the draft; a fault where it keeps no such pair."""
    if work.brief.probes is None:
        return None
    passage = work.passage
    text = joined(passage, passage.shown)
    look = await work.brief.probes.look(work.question, work.answer, text, passage.language)
    work.labels |= look.labels
    work.scores |= look.scores
    work.calls += tuple(look.calls)
    return look.fault


def names(work: Draft) -> str:
    """What may be named although the sentence does not: title, heading, what the documents are about."""
    return f"{' '.join(work.passage.headings)} {work.brief.about}"


def joined(passage: Passage, numbers: list[int]) -> str:
    """Sentences of a passage as running text, in its order."""
    return passage.joined([passage.spans[number] for number in sorted(numbers)])


def resolve(mark: int | str, passage: Passage) -> int | None:
    """A sentence number from 1, or a quote, as a number from 0; None when it names no sentence."""
    if isinstance(mark, int) or mark.strip("[] ").isdecimal():
        number = int(str(mark).strip("[] "))
        return number - 1 if 1 <= number <= len(passage.spans) else None
    found = verify.align(mark, passage.text)
    return next((n for n, (a, b) in enumerate(passage.spans) if found and a <= found[0] < b), None)


def _record(work: Draft, fault: Fault | None) -> Record:
    passage, source = work.passage, work.passage.record.source
    turns = [Message("user", work.question)] if work.question else []
    turns += [work.turn] if work.answer else []
    slot = work.slot
    labels = {"level": slot.level, "fact": fact_at(passage, slot.point.numbers).id}
    if entries := [passage.tables.key(n, passage.sentences[n]) for n in slot.point.numbers if n in passage.heads]:
        labels["entry"] = entries[0]
    kind = kinds.recognise(work.question, passage.language, slot.kind) if slot.kind in kinds.KINDS else slot.kind
    step = Step(
        stage="doc_qa",
        operation=slot.prompt,
        parents=(passage.record.id, *filter(None, [passage.also])),
        prompt=work.prompt.label,
        teacher=work.complete.model,
        calls=work.calls,
    )
    asked: dict[str, Any] = {"raw": work.raw, "point": [number + 1 for number in work.slot.point.numbers]}
    made = make(
        messages=tuple(turns),
        text="" if turns else joined(passage, list(work.slot.point.numbers)),  # tells equal failures apart
        source=source,
        evidence=passage.quotes(work.evidence),
        language=passage.language,
        task="doc_qa",
        history=(step,),
        labels={"kind": kind} | labels | work.labels,
        scores=work.scores,
        extra=asked if fault else {},
    )
    return made.reject("doc_qa", fault.reason, fault.detail) if fault else made


def _carries_nothing(passage: Passage) -> Record:
    """The record of a passage that has no sentence to ask about."""
    step = Step(stage="doc_qa", operation="pair", parents=(passage.record.id,))
    record = make(
        text=passage.text, source=passage.record.source, language=passage.language, task="doc_qa", history=(step,)
    )
    why = "no sentence stands alone and gives a figure, a reason, a fault, a way or a meaning"
    return record.reject("doc_qa", "carries_nothing", why)


def _schema(slot: Slot, language: str, numbers: list[int]) -> dict[str, object]:
    """The shape of a pair. The pattern holds the question to its kind's form and to a length: without it a small model
    writes a statement for a question (one in five Chinese ones) or rambles to the token limit."""
    return {
        "type": "object",
        "properties": {
            "question": {"type": "string", "pattern": kinds.pattern(slot.kind, language)},
            "answer": {"type": "string", "maxLength": 600},
            "sentences": {"type": "array", "items": {"type": "integer", "enum": numbers}, "maxItems": _MOST_SENTENCES},
        },
        "required": ["question", "answer", "sentences"],
        "additionalProperties": False,
    }
