"""Questions that the documents do not answer, with an honest answer: a model that has only ever seen answers makes one
up (cf. SQuAD 2.0: Rajpurkar et al. 2018).

The teacher asks about a thing that the documents name for something they do not tell (its price, its weight, who is
responsible, …). That it is not told is checked twice: no sentence of any document holds most of the question's content,
and the one who answers from the passage says that it is not stated. The answer is one of ours, with what the documents
do say of the thing beside it, so that no fact is made up.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from datagen.asking.answering import Answering, answer
from datagen.checks import verify
from datagen.checks.declining import declines
from datagen.checks.phrases import QUESTION_WORDS
from datagen.checks.verify import Fault
from datagen.doc_qa import draft as drafting
from datagen.doc_qa.brief import Brief
from datagen.doc_qa.mending import tidy
from datagen.material.passages import Passage
from datagen.material.points import Point
from seedbed import content
from seedbed.chat import Complete, Request
from seedbed.parse import ask
from seedbed.record import Message, Record, Step, make

# Share of a question's content words that a sentence may hold: one that has more of them may well answer it.
_ANSWERED = 0.8
_SHOWN = 8  # sentences beside those of the passage that the one who answers is shown


class _Question(msgspec.Struct):
    question: str


@dataclass
class Unanswered:
    """Where to look for answers: every sentence of all passages, by language, with its content words."""

    sentences: dict[str, list[tuple[str, frozenset[str]]]]

    @classmethod
    def over(cls, passages: Iterable[Passage]) -> Unanswered:
        found: dict[str, list[tuple[str, frozenset[str]]]] = {"en": [], "zh": []}
        for passage in passages:
            lang = passage.language
            said = (passage.stated(number) for number in passage.shown)
            found[lang] += [(text, frozenset(content.units(text, lang))) for text in said]
        return cls(found)

    def nearest(self, question: str, lang: str) -> list[tuple[float, str]]:
        """Sentences that hold most of a question's content words, the fullest first, with their shares."""
        wanted = set(content.units(QUESTION_WORDS[lang].sub(" ", question), lang))
        if not wanted:
            return []
        shares = [(len(wanted & units) / len(wanted), text) for text, units in self.sentences[lang]]
        return sorted((s for s in shares if s[0]), key=lambda s: (-s[0], s[1]))[:_SHOWN]


async def unanswerable(
    passage: Passage, everywhere: Unanswered, complete: Complete, verifier: Complete, brief: Brief
) -> list[Record]:
    """One question that the documents do not answer, or the reason why not; nothing where the passage has no point."""
    stated = [p for p in passage.key_points(brief.about) if len(p.numbers) == 1]
    if not stated:
        return []
    random_ = random.Random(f"{brief.seed}:{passage.text}:unanswerable")
    point = random_.choice(stated)
    aspect = random_.choice(brief.prompt(passage.language, "aspects").text.splitlines())
    form = random_.choice(brief.prompt(passage.language, "not_stated").text.splitlines())
    prompt = brief.prompt(passage.language, "unanswerable")
    statement = passage.stated(point.numbers[0])
    messages = prompt.messages(about=brief.about or passage.headings[0], statement=statement, aspect=aspect)
    parsed = await ask(
        complete, Request(messages=messages, max_tokens=120, temperature=brief.temperature), _Question
    )
    question = tidy(parsed.value.question, passage) if parsed.value else ""
    calls = parsed.calls
    if parsed.value is None:
        fault: Fault | None = Fault(parsed.reason, parsed.detail)
    else:
        fault = _question_fault(question, statement, passage, everywhere)
    if fault is None:
        near = [text for _, text in everywhere.nearest(question, passage.language)]
        shown = "\n".join(dict.fromkeys([*(passage.stated(n) for n in passage.shown), *near]))
        said = await answer(verifier, question, passage.language, Answering(), sentences=shown, temperature=0.0,
                            max_tokens=120, prompts=brief.prompts)
        calls += said.calls
        if said.fault:  # whether the passage answers it is not known then
            fault = Fault(said.fault[0], f"asked with the passage: {said.fault[1]}")
        elif not declines(said.text, passage.language):
            fault = Fault("may_be_answered", f"asked with the passage, the teacher answers: {said.text[:80]}")
    step = Step(stage="doc_qa", operation="unanswerable", parents=(passage.record.id,), prompt=prompt.label,
                teacher=complete.model, calls=calls)
    honest = form.replace("…", statement.rstrip("。.") if passage.language == "zh" else statement)
    return [_record(passage, point, question, honest, step, fault, parsed.raw)]


def _question_fault(question: str, statement: str, passage: Passage, everywhere: Unanswered) -> Fault | None:
    lang = passage.language
    # The question is its own context: what it asks for is not in the statement, and shall not be.
    if fault := verify.question_fault(question, statement, lang, f"{question} {' '.join(passage.headings)}"):
        return fault
    asked = set(content.units(QUESTION_WORDS[lang].sub(" ", question), lang))
    known = set(content.units(statement, lang))
    if not asked & known:
        return Fault("off_point", "it names nothing that the sentence names")
    if not asked - known:
        return Fault("may_be_answered", "it asks for nothing beyond the sentence")
    near = everywhere.nearest(question, lang)
    if near and near[0][0] >= _ANSWERED:
        return Fault("may_be_answered", f"a sentence holds {near[0][0]:.0%} of what it asks: {near[0][1][:80]}")
    return None


def _record(
    passage: Passage, point: Point, question: str, honest: str, step: Step, fault: Fault | None, raw: str
) -> Record:
    number = point.numbers[0]
    turns = (Message("user", question), Message("assistant", honest)) if question else ()
    made = make(
        messages=turns,
        text="" if turns else drafting.joined(passage, [number]),
        source=passage.record.source,
        evidence=passage.quotes([number]),
        language=passage.language,
        task="doc_qa",
        history=(step,),
        labels={"kind": "unanswerable", "answerable": "no"},
        extra={"raw": raw} if fault else {},
    )
    return made.reject("doc_qa", fault.reason, fault.detail) if fault else made
