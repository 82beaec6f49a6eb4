"""Phrases by which an answer refuses, evades, or says that something is not in the documents; from lists in seeds/.

    evasions.*.txt    refusals and the model on itself; what generators must not write either (row B12)
    refusals.*.txt    further ways to decline, that may be right in their place
    not_stated.*.txt  the honest answer that the documents do not say it
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from curate.filters.prose import prose
from curate.filters.tongues import QUOTED
from seedbed.resources import resource
from seedbed.text import length, normalise

LANGUAGES = ("en", "zh")


def files(*names: str) -> list[Path]:
    """The lists of these names, in both languages."""
    return [resource("seeds") / f"{name}.{lang}.txt" for name in names for lang in LANGUAGES]


def found(text: str, opening: int, short: int, names: tuple[str, ...], more: tuple[str, ...] = ()) -> str:
    """The first phrase of these lists that stands in the first `opening` characters of `text`, or anywhere in it where
    it has at most `short` tokens; empty if none. A text about such phrases quotes them: quotations do not count."""
    said = QUOTED.sub(" ", prose(text))
    searched = said if length(said) <= short else said[:opening]
    match = _pattern(names, more).search(flat(searched))
    return match.group() if match else ""


@lru_cache
def _pattern(names: tuple[str, ...], more: tuple[str, ...]) -> re.Pattern[str]:
    lines = [line for path in files(*names) for line in path.read_text(encoding="utf-8").splitlines()]
    phrases = [re.escape(flat(line)) for line in [*lines, *more] if line.strip() and not line.startswith("#")]
    # Latin letters must not go on ("Alaska has an airport" holds "as an ai"); \b would fail beside Chinese.
    return re.compile("|".join(rf"(?<![a-z]){phrase}(?![a-z])" for phrase in phrases))


def flat(text: str) -> str:
    """The text in the form in which phrases are looked for: normalised, commas alike."""
    return normalise(text).replace("，", ",").replace(" ,", ",").replace(", ", ",")
