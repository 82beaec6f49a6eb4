"""One record put in other words, in one of five ways; what the teacher is asked, and what its reply comes to.

    paraphrase      the instruction in other words
    polish          the answer, better worded
    back_translate  the instruction or the answer into the other language and back (Sennrich et al. 2016): the prompt of
                    each language translates out of it, so the way back is the other language's prompt
    synonyms        the teacher names words and synonyms, code puts them in: so nothing else can change, and each
                    replacement is known. There is no free thesaurus of Chinese that we could ship, and one of English
                    alone would make two classes of records
    noise           noise.py: no teacher
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from datagen.augment import meaning
from datagen.augment.noise import noisy
from datagen.checks.certainty import certainty
from datagen.checks.verify import Fault
from datagen.material.lots import said
from seedbed.chat import Complete, Request
from seedbed.content import units
from seedbed.parse import Parsed, ask
from seedbed.prompts import Prompt, load
from seedbed.record import Record
from seedbed.text import CJK, language, normalise

KINDS = ("paraphrase", "polish", "back_translate", "synonyms", "noise")
# The prompt files that a kind uses, the first one first.
PROMPTS = {"paraphrase": "paraphrase", "polish": "polish", "back_translate": "translate", "synonyms": "synonyms"}
OTHER = {"en": "zh", "zh": "en"}
_MOST_SYNONYMS = 3
_LONGEST_BOUND = 1000  # characters
_WORDY = {"en": re.compile(r"[A-Za-z][a-z]+(?: [a-z]+)?"), "zh": re.compile(rf"[{CJK}]{{2,6}}")}


class _Text(msgspec.Struct):
    text: str


class _Synonym(msgspec.Struct):
    word: str
    synonym: str


class _Synonyms(msgspec.Struct):
    replacements: list[_Synonym]


@dataclass
class Rewording:
    """A record on its way to another form of itself."""

    record: Record
    kind: str
    lang: str
    seed: int
    instruction: str
    answer: str
    note: str = ""
    fault: Fault | None = None
    raw: str = ""
    calls: tuple[str, ...] = ()
    certainty: float | None = None  # the least of its calls
    changed: list[Literal["instruction", "answer"]] = field(default_factory=list)


@dataclass(frozen=True)
class Manner:
    """What all requests of a job have in common."""

    complete: Complete
    translated: str
    temperature: float
    max_tokens: int
    folder: Path | None = None

    def prompt(self, lang: str, kind: str) -> Prompt:
        return load(lang, f"augment/{PROMPTS[kind]}", self.folder)


async def reword(work: Rewording, manner: Manner) -> Rewording:
    """Fills in what the kind changes, or the fault why nothing came."""
    if work.kind == "noise":
        work.instruction, slips = noisy(work.instruction, work.lang, random.Random(f"{work.seed}:{said(work.record)}"))
        work.note, work.changed = ", ".join(slips), ["instruction"]
        work.fault = None if slips else Fault("unchanged", "nothing in it may get a slip")
    elif work.kind == "synonyms":
        work.changed = ["instruction"]
        await _synonyms(work, manner)
    elif work.kind == "back_translate":
        if manner.translated in ("instruction", "both"):
            work.instruction = await _there_and_back(work, manner, work.instruction)
            work.changed.append("instruction")
        if manner.translated in ("answer", "both") and work.fault is None:
            work.answer = await _there_and_back(work, manner, work.answer)
            work.changed.append("answer")
    elif work.kind == "polish":
        variables = {"task": work.record.user_text, "answer": work.answer}
        work.answer, work.changed = await _text(work, manner, work.lang, "polish", work.answer, variables), ["answer"]
    else:
        variables = {"task": work.instruction}
        work.changed = ["instruction"]
        work.instruction = await _text(work, manner, work.lang, "paraphrase", work.instruction, variables)
    return work


async def _text(
    work: Rewording, manner: Manner, lang: str, kind: str, old: str, variables: dict[str, str]
) -> str:
    """The reply's text; the old one, and the fault noted, where none came."""
    schema: dict[str, Any] = {"type": "string", "minLength": 1}
    # A small teacher rambles to whatever end it has. Room for a translation of Chinese, which is three times as long;
    # none for long texts, because grammars of constrained decoding grow with the bound.
    if (most := 4 * len(old) + 80) <= _LONGEST_BOUND:
        schema["maxLength"] = most
    parsed = await ask(manner.complete, _request(manner, lang, kind, variables, schema), _Text)
    _note(work, parsed, '"text"')
    if parsed.value is None:
        return old
    text = manner.prompt(lang, kind).unlabelled(parsed.value.text)
    return text.replace("< |", "<|") if "<|" in old else text


def _note(work: Rewording, parsed: Parsed[Any], begins: str) -> None:
    """Keeps what came, how sure the teacher was of it, and the fault where it is nothing."""
    work.raw, work.calls = parsed.raw, work.calls + parsed.calls
    if parsed.value is None:
        work.fault = Fault(parsed.reason, parsed.detail)
    elif (sure := certainty(parsed.tokens, begins, "\0")) is not None:
        work.certainty = sure if work.certainty is None else min(sure, work.certainty)


def _request(manner: Manner, lang: str, kind: str, variables: dict[str, str], schema: dict[str, Any]) -> Request:
    # A chat template's own marks are broken up, as in doc_qa: servers read them as marks wherever they stand.
    safe = {name: value.replace("<|", "< |") for name, value in variables.items()}
    name = "replacements" if kind == "synonyms" else "text"
    return Request(
        messages=manner.prompt(lang, kind).messages(**safe),
        max_tokens=manner.max_tokens,
        temperature=manner.temperature,
        schema={"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": False},
        logprobs=True,
    )


async def _there_and_back(work: Rewording, manner: Manner, old: str) -> str:
    other = OTHER[work.lang]
    there = await _text(work, manner, work.lang, "back_translate", old, {"text": old})
    if work.fault is None and language(there) == work.lang:
        work.fault = Fault("not_translated", f"the translation is not in the other language ({other})")
    if work.fault is None and (fault := meaning.lost_in_translation(old, there)):
        work.fault = fault
    work.note = "; ".join(filter(None, [work.note, there]))
    return old if work.fault else await _text(work, manner, other, "back_translate", old, {"text": there})


async def _synonyms(work: Rewording, manner: Manner) -> None:
    word = {"type": "string", "minLength": 1, "maxLength": 40}
    item = {"type": "object", "properties": {"word": word, "synonym": word}, "required": ["word", "synonym"],
            "additionalProperties": False}
    schema = {"type": "array", "items": item, "minItems": 1, "maxItems": _MOST_SYNONYMS + 1}
    request = _request(manner, work.lang, "synonyms", {"task": work.instruction}, schema)
    parsed = await ask(manner.complete, request, _Synonyms, keep_whole_items=True)
    _note(work, parsed, '"replacements"')
    if parsed.value is None:
        return
    done: list[str] = []
    for pair in parsed.value.replacements:
        if _is_term(pair.word.strip(), work.record, work.lang):
            continue
        text = replaced(work.instruction, pair.word.strip(), pair.synonym.strip(), work.lang)
        if text != work.instruction and len(done) < _MOST_SYNONYMS:
            work.instruction = text
            done.append(f"{pair.word.strip()} -> {pair.synonym.strip()}")
    work.note = ", ".join(done)
    work.fault = None if done else Fault("no_synonym", "none of the words can be replaced")


def _is_term(word: str, record: Record, lang: str) -> bool:
    """Whether a word of the question stands in its answer and its evidence too: such words are the matter's own, and a
    small teacher offers what is near in a dictionary ("overlap -> interweave")."""
    evidence = " ".join(quote.quote for quote in record.evidence)
    if lang == "zh":
        return word in record.answer and word in evidence
    wanted = set(units(word, lang))
    return bool(wanted & set(units(record.answer, lang)) & set(units(evidence, lang)))


def replaced(text: str, word: str, synonym: str, lang: str) -> str:
    """The text with a synonym in the place of a word; unchanged where the word does not stand in it as a word of its
    own that may be touched, or the synonym is none or stands there already."""
    wordy = _WORDY[lang]
    if not (wordy.fullmatch(word) and wordy.fullmatch(synonym)) or normalise(synonym) in normalise(text):
        return text
    if lang == "zh":
        found = meaning.free(text, re.compile(re.escape(word)))
        return f"{text[: found[0].start()]}{synonym}{text[found[0].end() :]}" if len(found) == 1 else text
    found = meaning.free(text, re.compile(rf"(?<![\w./-])(?:(an?) )?({re.escape(word)})(?![\w/-]|\.\w)", re.I))
    if len(found) != 1:
        return text
    article, old = found[0].group(1), found[0].group(2)
    new = synonym[0].upper() + synonym[1:] if old[0].isupper() else synonym
    if article:
        new = f"{'an' if new[0] in 'aeiou' else 'a'} {new}"
        new = new[0].upper() + new[1:] if article[0].isupper() else new
    return text[: found[0].start()] + new + text[found[0].end() :]
