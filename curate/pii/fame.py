"""People of history, public life and tales, who are no personal data: Albert Einstein, 鲁迅, Sherlock Holmes, 林黛玉.

General data speak of them, and a stand-in for Einstein teaches what is wrong. The lists are ours, with what the models
take for persons and are none (夏至). Only a hit that rests on a guess gives way, or on a title: whoever is a customer,
a contact or the owner of a number is personal, be it under a famous name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from curate.pii.cues import TITLES
from curate.pii.kinds import GUESSED, Hit
from seedbed.resources import resource

FIGURES = {lang: resource("seeds") / f"public_figures.{lang}.txt" for lang in ("en", "zh")}
# What else a model takes into a name: "President Abraham Lincoln", "Martin Luther King, Jr.", 马丁·路德·金都
_BESIDE = re.compile(
    r"(?:President|King|Queen|Emperor|Sir|Lord|Lady|Saint|Pope|Jr|Sr|[IVX]+|the|of|s)(?![a-z])|[\W_都也就的是与被]"
)
_TITLE_BEFORE = re.compile(r"(?:Sir|Dr|Prof|Professor|Mr|Mrs|Ms|Miss|Madam)\.? $")
_TITLE_AFTER = re.compile(TITLES)
_LABELLED = re.compile(r"[:：]\s*$|(?:客户|用户|会员|患者|联系人|尊敬的)$")


@lru_cache
def _figures() -> re.Pattern[str]:
    names = []
    for lang, mark in (("en", ","), ("zh", None)):
        lines = FIGURES[lang].read_text(encoding="utf-8").splitlines()
        names += [name.strip() for line in lines if line[:1] != "#" for name in line.split(mark) if name.strip()]
    # Longest first, or Martin Luther would do for Martin Luther King.
    ordered = sorted(names, key=lambda name: (-len(name), name))
    written = (re.escape(name).replace(r"\ ", r"(?: [A-Z]\.?)* ") for name in ordered)
    return re.compile(rf"(?<![A-Za-z])(?:{'|'.join(written)})(?![A-Za-z])")


def without_figures(text: str, hits: Iterable[Hit]) -> Sequence[Hit]:
    """The hits but those of public figures."""
    given = list(hits)
    if not any(hit.kind == "person" for hit in given):
        return given
    spans = [match.span() for match in _figures().finditer(text)]
    return [hit for hit in given if not (_yields(text, hit) and _is_figure(text, hit, spans))]


def _yields(text: str, hit: Hit) -> bool:
    before = text[max(0, hit.start - 12) : hit.start]
    titled = bool(_TITLE_BEFORE.search(before)) or (len(text[hit.start : hit.end]) > 2 and
                                                    bool(_TITLE_AFTER.match(text, hit.end)))
    return hit.kind == "person" and (hit.score == GUESSED or (titled and not _LABELLED.search(before)))


def _is_figure(text: str, hit: Hit, spans: Sequence[tuple[int, int]]) -> bool:
    """Whether a figure's name has all of the hit, save what may stand beside it."""
    rest, at, named = "", hit.start, False
    for start, end in spans:
        if start < hit.end and end > hit.start:
            rest, at, named = rest + text[at:start], end, True
    return named and not _BESIDE.sub("", rest + text[at : hit.end])
