"""What other ways to the same answer tell of a pair: is it grounded, and did the model know it already?

    open_book         the question is answered anew from the passage. The answers agree: `grounded` yes
    back_translation  the question is rebuilt from the answer; where it is another one, the answer answers something
                      else: `grounded` no (round-trip consistency: Alberti et al. 2019)
    closed_book       the question is answered without the passage. The answers agree: `known` yes. What a model knows
                      already teaches it nothing; what it does not know is what the documents are for

A reply that was cut, filtered or refused tells nothing: the pair gets no label from it, and is rejected for that
reply's own reason where the job keeps by that label.

Two answers are compared by their words and figures (datagen/checks/agreement.py), then, where those leave it open, by
an encoder if the job names one, which can only rule out, and then by the judge. Contradicting figures are never put to
either: an encoder does not see them.

The one who answers is the teacher of the role `verify`: name the model that will be trained, and `known` is about it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from datagen.asking.answering import Answering, answer, read
from datagen.checks.agreement import agree
from datagen.checks.declining import declines
from datagen.checks.verify import Fault
from datagen.doc_qa.nearness import Alike, alike
from seedbed.chat import Complete, Request
from seedbed.content import support
from seedbed.context import Context
from seedbed.gate import rouge_l
from seedbed.parse import ask
from seedbed.prompts import load

PROBES = ("open_book", "back_translation", "closed_book")
# A label that the job may ask for: its name on the record, and the value.
LABELS = {"grounded": ("grounded", "yes"), "ungrounded": ("grounded", "no"), "known": ("known", "yes"),
          "new": ("known", "no")}
_MAX_TOKENS = 160
# ROUGE-L F1, or share of its content words that the question has too, from which a rebuilt question is the same one. An
# answer does not repeat all of its question, so half is much.
_SAME_QUESTION = 0.5

# What a probe says of a pair, or why it says nothing.
Told = bool | Fault


class _Verdict(msgspec.Struct):
    verdict: Literal["same", "different"]


class _Rebuilt(msgspec.Struct):
    question: str


@dataclass
class Look:
    """What the probes found: labels and scores for the record, the calls they took, and the fault, if there is one."""

    labels: dict[str, str] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fault: Fault | None = None


@dataclass(frozen=True)
class Probes:
    """The probes a job asks for, and the labels that a record must bear to be kept."""

    names: tuple[str, ...]
    keep: tuple[str, ...]
    verifier: Complete
    judge: Complete
    about: dict[str, str]
    alike: Alike | None = None
    prompts: Path | None = None

    async def look(self, question: str, answer_: str, passage: str, lang: str) -> Look:
        """Asks what the job wants asked about one pair. `passage` is the text that the open-book answer may use."""
        found = Look()
        told: dict[str, list[Told]] = {"grounded": [], "known": []}
        if "open_book" in self.names:
            told["grounded"].append(await self._open_book(found, question, answer_, passage, lang))
        if "back_translation" in self.names:
            told["grounded"].append(await self._back_translation(found, question, answer_, lang))
        if "closed_book" in self.names:
            told["known"].append(await self._closed_book(found, question, answer_, lang))
        unread: dict[str, Fault] = {}
        for name, said in told.items():
            faults = [one for one in said if isinstance(one, Fault)]
            if False in said or (said and not faults):
                found.labels[name] = "no" if False in said else "yes"
            elif faults:
                unread[name] = faults[0]
        for wanted in self.keep:
            name, value = LABELS[wanted]
            if name in unread:
                found.fault = unread[name]
                break
            if found.labels.get(name, value) != value:
                label = next(label for label, (n, v) in LABELS.items() if n == name and v != value)
                found.fault = Fault(label, f"the job keeps {wanted} pairs, and the probes found this one {label}")
                break
        return found

    async def _open_book(self, found: Look, question: str, answer_: str, passage: str, lang: str) -> Told:
        said = await answer(
            self.verifier,
            question,
            lang,
            Answering(),
            sentences=passage,
            temperature=0.0,
            max_tokens=_MAX_TOKENS,
            prompts=self.prompts,
        )
        found.calls += said.calls
        if said.fault:
            return _untold("open_book", *said.fault)
        if declines(said.text, lang):
            return False
        return await self._same(found, "open_book", question, said.text, answer_, lang)

    async def _closed_book(self, found: Look, question: str, answer_: str, lang: str) -> Told:
        messages = load(lang, "answer/closed_book", self.prompts).messages(about=self.about[lang], task=question)
        reply = await self.verifier(Request(messages=messages, max_tokens=_MAX_TOKENS, temperature=0.0))
        said = read(reply, lang)
        found.calls += said.calls
        if said.fault:
            return _untold("closed_book", *said.fault)
        if declines(said.text, lang):
            return False
        return await self._same(found, "closed_book", question, said.text, answer_, lang)

    async def _back_translation(self, found: Look, question: str, answer_: str, lang: str) -> Told:
        messages = load(lang, "answer/question_of", self.prompts).messages(about=self.about[lang], answer=answer_)
        request = Request(messages=messages, max_tokens=_MAX_TOKENS, temperature=0.0)
        parsed = await ask(self.judge, request, _Rebuilt)
        found.calls += parsed.calls
        if parsed.value is None:
            return _untold("back_translation", parsed.reason, parsed.detail)
        rebuilt = parsed.value.question
        score = max(rouge_l(rebuilt, question), support(rebuilt, question, lang))
        found.scores["back_translation"] = round(score, 4)
        return score >= _SAME_QUESTION or await self._same(found, "back_translation", "", rebuilt, question, lang)

    async def _same(self, found: Look, probe: str, question: str, first: str, second: str, lang: str) -> Told:
        """Whether two answers to a question (or, where there is none, two questions) say the same: words and figures,
        then the encoder, then the judge."""
        verdict = agree(first, second, lang)
        if verdict is None and self.alike is not None:
            verdict = self.alike(first, second)
        if verdict is None:
            name = "answer/same_answer" if question else "answer/same_question"
            messages = load(lang, name, self.prompts).messages(
                **({"question": question} if question else {}), first=first, second=second
            )
            parsed = await ask(self.judge, Request(messages=messages, max_tokens=16, temperature=0.0), _Verdict)
            found.calls += parsed.calls
            if parsed.value is None:
                return _untold(probe, parsed.reason, f"the judge: {parsed.detail}")
            verdict = parsed.value.verdict == "same"
        return verdict


def check(names: tuple[str, ...], keep: tuple[str, ...]) -> None:
    """Raises ValueError for probes and labels that there are not, or that can never be met."""
    if unknown := set(names) - set(PROBES):
        raise ValueError(f"probes: unknown {', '.join(sorted(unknown))}; known: {', '.join(PROBES)}")
    if unknown := set(keep) - set(LABELS):
        raise ValueError(f"keep: unknown {', '.join(sorted(unknown))}; known: {', '.join(LABELS)}")
    for first, second in (("grounded", "ungrounded"), ("known", "new")):
        if first in keep and second in keep:
            raise ValueError(f"keep: no pair is both {first} and {second}; leave both out to keep all")
    if {"known", "new"} & set(keep) and "closed_book" not in names:
        raise ValueError("keep: known and new are told by the probe closed_book, which is not among `probes`")


def of(
    names: tuple[str, ...], keep: tuple[str, ...], about: dict[str, str], encoder: str, context: Context
) -> Probes | None:
    """The probes of a job; None where it asks for none. `about` is what the documents are about, by language."""
    if not names:
        return None
    asked = {name: text or {"en": "the matter at hand", "zh": "有关内容"}[name] for name, text in about.items()}
    verifier, judge = context.teacher("verify")[0], context.teacher("judge")[0]
    return Probes(names, keep, verifier, judge, asked, alike(encoder), context.prompts)


def _untold(probe: str, reason: str, detail: str) -> Fault:
    return Fault(reason, f"{probe} told nothing: {detail}")
