"""Phrases by which an answer refuses, evades, or says that something is not in the documents; from lists in seeds/.

    evasions.*.txt    refusals and the model on itself; what generators must not write either (row B12)
    refusals.*.txt    further ways to decline, that may be right in their place
    not_stated.*.txt  the honest answer that the documents do not say it
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from seedbed.prose import QUOTED, prose
from seedbed.resources import resource
from seedbed.text import length, normalise

LANGUAGES = ("en", "zh")
REFUSAL, NOT_STATED = "refusal", "not_stated"
_UNABLE = re.compile(
    r"\b(?:can(?:no|['’])t|cannot|unable|not able|do(?:es)? not|don['’]t|won['’]t|will not|refuse|decline|must not"
    r"|rather not|not (?:comfortable|allowed|something)|violates|inappropriate|impossible)\b"
    r"|无法|不能|不会|不具备|没有|不便|拒绝|恕|不被允许|违反|不方便|不适合", re.I,
)


def files(*names: str) -> list[Path]:
    """The lists of these names, in both languages."""
    return [resource("seeds") / f"{name}.{lang}.txt" for name in names for lang in LANGUAGES]


def found(text: str, opening: int, short: int, names: tuple[str, ...], more: tuple[str, ...] = ()) -> str:
    """The first phrase of these lists that stands in the first `opening` characters of `text`, or anywhere in it where
    it has at most `short` tokens; empty if none. A text about such phrases quotes them: quotations do not count."""
    said = QUOTED.sub(" ", prose(text))
    searched = flat(said if length(said) <= short else said[:opening])
    # One pattern of all phrases would try each of them at every character; hardly any stands in a text at all.
    there = [whole for phrase, whole in _patterns(names, more) if phrase in searched]
    matches = [match for whole in there if (match := whole.search(searched))]
    return min(matches, key=lambda match: match.start()).group() if matches else ""


def kind(answer: str, opening: int = 160, short: int = 60, more: tuple[str, ...] = ()) -> str:
    """`refusal` for an answer that declines or speaks of what the model is, `not_stated` for one that says the
    documents do not tell, or nothing. `more` are further ways to decline; for the bounds see `found`."""
    if found(answer, opening, short, ("not_stated",)):
        return NOT_STATED
    told = found(answer, opening, short, ("evasions", "refusals"), more)
    # "As an AI assistant, I suggest …" speaks of itself and answers.
    return REFUSAL if told and (told in more or _UNABLE.search(answer[: 2 * opening])) else ""


@lru_cache
def _patterns(names: tuple[str, ...], more: tuple[str, ...]) -> list[tuple[str, re.Pattern[str]]]:
    lines = [line for path in files(*names) for line in path.read_text(encoding="utf-8").splitlines()]
    listed = [flat(line) for line in [*lines, *more] if line.strip() and not line.startswith("#")]
    # Latin letters must not go on ("Alaska has an airport" holds "as an ai"); \b would fail beside Chinese.
    return [(phrase, re.compile(rf"(?<![a-z]){re.escape(phrase)}(?![a-z])")) for phrase in dict.fromkeys(listed)]


def flat(text: str) -> str:
    """The text in the form in which phrases are looked for: normalised, commas alike."""
    return normalise(text).replace("，", ",").replace(" ,", ",").replace(", ", ",")
