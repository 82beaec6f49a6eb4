"""One passage told anew in one form: what the teacher is shown, and what of its reply the passage carries.

The teacher replies with a list of sentences, in all forms: sentence by sentence a text can be checked, what the passage
does not carry can be left out, and a reply that was cut keeps its whole sentences. The evidence is not asked for but
found: those sentences of the passage that have a told sentence's words.

Shown a whole passage, a 1.5B model copies it: of four explanations three were the passage again, and one went on with
the prompt's example. Of four sentences at a time it tells in words of its own (docs/generators/rewrite.md). A summary
wants the whole.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from datagen.checks import verify
from datagen.checks.orders import is_order
from datagen.checks.verify import Fault
from datagen.material.facts import fact_of, key_facts, stated
from datagen.material.passages import Passage
from seedbed import content
from seedbed.chat import Complete, Request
from seedbed.gate import rouge_l
from seedbed.parse import Parsed, ask
from seedbed.prompts import Prompt, load
from seedbed.text import tokenize

# Form -> how many sentences it has at most. Lists tell one thing a line; the others are running text.
FORMS = {"summary": 5, "facts": 12, "explain": 8, "relations": 8}
LISTS = ("facts", "relations")
# Of a text's sentences so many may be left out for what the passage does not carry; more, and the text goes.
MOST_DROPPED = 0.25
_MOST_CARRIERS = 4  # sentences that one told sentence may rest on; a summary joins more than an answer does (3)
_LONGEST = 300  # characters of a sentence; what reaches that end was cut there
# ROUGE-L F1 of two sentences of one text; above the 0.7 of whole texts, because the lines of a list are alike.
_TWIN = 0.8
_ALONE = {
    "en": re.compile(r"^(?:it|its|they|their|this|these|those|that|he|she|such|both)\b", re.I),
    "zh": re.compile(r"^(?:它|他|她|这|那|该|此|其(?!他)|两者|上述)"),
}


class _Related(msgspec.Struct):
    """A sentence that tells what one thing has to do with another, and the two as it names them: named before it, 18 of
    24 pairs of the 1.5B teacher were not in the sentence that followed."""

    sentence: str
    first: str
    second: str


class _Sentences(msgspec.Struct):
    sentences: list[str]


class _Relations(msgspec.Struct):
    relations: list[_Related]


@dataclass
class Telling:
    """A passage on its way to one of its forms. `parts` are the sentences kept, each with the numbers (from 0) of the
    passage's sentences that carry it; `dropped` counts the reasons of those left out."""

    passage: Passage
    form: str
    sample: int = 0
    parts: list[tuple[str, list[int]]] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    fault: Fault | None = None
    raw: str = ""
    calls: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        between = "\n" if self.form in LISTS else "" if self.passage.language == "zh" else " "
        return between.join(sentence for sentence, _ in self.parts)

    @property
    def evidence(self) -> list[int]:
        return sorted({number for _, numbers in self.parts for number in numbers})

    @property
    def facts(self) -> list[str]:
        """Ids of the facts that the text states, in its order; of the form `facts` one a line."""
        known, lang = key_facts(self.passage), self.passage.language
        if self.form == "facts":
            return [fact_of(self.passage, sentence, numbers, known).id for sentence, numbers in self.parts]
        told = (fact.id for sentence, numbers in self.parts for fact in stated(sentence, known, numbers, lang))
        return list(dict.fromkeys(told))

    @property
    def copied(self) -> float:
        """Share of the text's tokens that stand, in one run a sentence, in the passage."""
        source = tokenize(self.passage.text)
        said = [tokenize(sentence) for sentence, _ in self.parts]
        return sum(verify.longest_run(one, source) for one in said) / max(1, sum(map(len, said)))


def prompt(lang: str, form: str, folder: Path | None = None) -> Prompt:
    return load(lang, f"rewrite/{form}", folder)


@dataclass(frozen=True)
class Manner:
    """What all requests of a job have in common."""

    temperature: float
    max_tokens: int
    at_once: int = 0
    sampled: float = 0.7  # least temperature of second and later texts: colder they are the first one again
    folder: Path | None = None


async def tell(telling: Telling, complete: Complete, about: str, manner: Manner) -> Telling:
    """Asks for the form, piece by piece, and keeps what the passage carries."""
    for piece in _pieces(telling.passage.shown, 0 if telling.form == "summary" else manner.at_once):
        told = await _told(telling, complete, piece, about, manner)
        if telling.fault:
            return telling
        _check(telling, told, piece, about)
    telling.fault = _text_fault(telling)
    return telling


def _pieces(visible: list[int], at_once: int) -> list[list[int]]:
    """Neighbouring sentences, at most `at_once` together (0: all), in pieces of nearly equal length."""
    count = -(-len(visible) // at_once) if at_once else 1
    edges = [round(n * len(visible) / count) for n in range(count + 1)]
    return [visible[start:end] for start, end in zip(edges, edges[1:], strict=False)]


async def _told(telling: Telling, complete: Complete, piece: list[int], about: str, manner: Manner) -> list[str]:
    """The sentences of one reply; none, and the fault noted, where it is none."""
    passage, form = telling.passage, telling.form
    lines = "\n".join(passage.stated(number) for number in piece).replace("<|", "< |")
    title = " > ".join(dict.fromkeys((about or passage.headings[0], passage.headings[1])))
    request = Request(
        messages=prompt(passage.language, form, manner.folder).messages(title=title, sentences=lines),
        max_tokens=manner.max_tokens,
        temperature=max(manner.temperature, manner.sampled if telling.sample else 0.0),
        schema=_schema(form),
        sample=telling.sample,
    )
    if form == "relations":
        related = await ask(complete, request, _Relations, keep_whole_items=True)
        _note(telling, related)
        told = [_joining(one, telling) for one in related.value.relations] if related.value else []
    else:
        plain = await ask(complete, request, _Sentences, keep_whole_items=True)
        _note(telling, plain)
        told = plain.value.sentences if plain.value else []
    return [_tidy(sentence, passage) for sentence in told if sentence.strip()]


def _note(telling: Telling, parsed: Parsed[Any]) -> None:
    telling.raw = "\n".join(filter(None, [telling.raw, parsed.raw]))
    telling.calls += parsed.calls
    telling.fault = Fault(parsed.reason, parsed.detail) if parsed.value is None else None


def _joining(related: _Related, telling: Telling) -> str:
    """The sentence of a relation; empty, and counted, where it does not name two things."""
    first, second = related.first.strip().lower(), related.second.strip().lower()
    if first != second and all(_named(name, related.sentence, telling.passage.language) for name in (first, second)):
        return related.sentence
    telling.dropped["no_relation"] += 1
    return ""


def _named(name: str, sentence: str, lang: str) -> bool:
    """Whether a sentence names a thing, as it is or inflected."""
    stems = set(content.units(name, lang))
    return bool(name) and (name in sentence.lower() or bool(stems) and stems <= set(content.units(sentence, lang)))


def _check(telling: Telling, told: list[str], piece: list[int], about: str) -> None:
    """Keeps the sentences that rest on the piece of the passage they were told from."""
    passage, lang = telling.passage, telling.passage.language
    source = [passage.stated(number) for number in piece]
    names = " ".join((*passage.headings, about))
    for sentence in dict.fromkeys(told):
        found = verify.carriers(sentence, source, [], lang, _MOST_CARRIERS)
        fault = _sentence_fault(telling, sentence, " ".join(source[n] for n in found), names)
        if fault:
            telling.dropped[fault.reason] += 1
        else:
            telling.parts.append((sentence, [piece[n] for n in found]))


def _text_fault(telling: Telling) -> Fault | None:
    """What is wrong with the text as a whole."""
    kept, gone = len(telling.parts), telling.dropped.total()
    if gone > MOST_DROPPED * (kept + gone):
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(telling.dropped.items()))
        return Fault("unsupported", f"{gone} of {kept + gone} sentences are not the passage's: {reasons}")
    if kept < 2:
        return Fault("too_short", f"{kept or 'no'} sentence")
    if (share := telling.copied) > verify.COPIED_SHARE and telling.form != "facts":  # a fact has few wordings
        return Fault("copied", f"{share:.0%} of it stands word for word in the passage")
    return None


def _sentence_fault(telling: Telling, sentence: str, evidence: str, names: str) -> Fault | None:
    lang = telling.passage.language
    if len(sentence) >= _LONGEST:
        return Fault("cut_answer", "it reaches the longest length")
    if is_order(sentence):
        return Fault("orders", "it gives orders to a model")
    if sentence.endswith(("?", "？")):
        return Fault("asks", "a question tells nothing")
    if any(rouge_l(sentence, earlier) > _TWIN for earlier, _ in telling.parts):
        return Fault("repeated", "a sentence before it says that nearly in the same words")
    if telling.form in LISTS and (found := _ALONE[lang].search(sentence)):
        return Fault("leans", f"{found.group()!r} stands where the subject should")
    return verify.statement_fault(sentence, evidence, lang, names)


_MARK = re.compile(r"^(?:[-*•]|\d{1,2}[.)、](?!\d)|\[\d{1,2}\])\s*")


def _tidy(sentence: str, passage: Passage) -> str:
    """Without a list's mark; a template's marks as the passage has them."""
    sentence = _MARK.sub("", " ".join(sentence.split()))
    return sentence.replace("< |", "<|") if "<|" in passage.text else sentence


def _schema(form: str) -> dict[str, Any]:
    sentence: dict[str, Any] = {"type": "string", "minLength": 4, "maxLength": _LONGEST}
    if form == "relations":
        name = {"type": "string", "minLength": 1, "maxLength": 60}
        item = _object({"sentence": sentence, "first": name, "second": name})
        return _object({"relations": {"type": "array", "items": item, "minItems": 1, "maxItems": FORMS[form]}})
    return _object({"sentences": {"type": "array", "items": sentence, "minItems": 1, "maxItems": FORMS[form]}})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
