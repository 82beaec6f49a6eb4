"""Wrong answers made from right ones by code: one figure, one name or one condition, and nothing else.

    wrong_figure       another figure with the same unit; one that the same passage or document gives for something else
                       where there is any (the likeliest mistake), else half, double or half as much again
    swapped_entity     another name of the same shape (flag, file, identifier, code …) from the passage or document
    missing_condition  the clause that says when or under what condition is dropped, so that the rest says too much

None of them touches what the question has said: an answer to another question is easy to tell. And no figure or name
comes from the answer's own evidence: of "32 or 64" the other one would be right too.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from datagen.checks.phrases import CONDITIONS
from datagen.checks.verify import CODE, NAME
from datagen.dialogue.follow import content
from seedbed.content import STOP, figures
from seedbed.text import CJK, length, normalise

_UNIT = rf"[ ]?(?:个[ ]?)?(?:%|°C|℃|[A-Za-z]+|[{CJK}]{{1,2}})"
# A number that is no part of a name, a range or a citation, with the word after it.
_QUANTITY = re.compile(rf"(?<![\w.,:/\[-])(\d+(?:,\d{{3}})*(?:\.\d+)?)({_UNIT})?(?![\w-]*\d)")
_NUMBERING = re.compile(r"^[ ]*\d{1,2}[.)、](?=\s|\D)", re.M)
_BEFORE = re.compile(rf"([A-Za-z]+|[{CJK}]{{2}})[ ]?$")
_CAPITAL = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]{3,}(?![\w-])")
_LATIN = re.compile(r"(?<![A-Za-z0-9_`./-])[A-Z](?=[A-Za-z]*[a-z])[A-Za-z]{3,}(?![A-Za-z0-9_`./-])")
# What stays before a clause that is gone must not wait for it, nor must what comes after have meant it.
_WAITS = re.compile(r"\b(?:because|since|that|and|or|but|if|when|is|are|only)$|(?:因为|由于|并且|而且|但|和|或)$", re.I)
_FACTORS = (2.0, 0.5, 1.5)
_FARTHEST = 10  # times as large or small: 3 tokens instead of 320 is no likely mistake
_LEAST_LEFT = 4  # tokens that remain when a condition is dropped
# What is left of a sentence whose first clause is gone must not begin with a word that meant it.
_ORPHAN = re.compile(r"^(?:it|they|this|that|these|those|he|she)\b|^(?:它|其|这|那|所以|因此|而|但)", re.I)


@dataclass(frozen=True)
class Ground:
    """What a right answer is about: its question, the quotes it rests on, and where other figures and names stand."""

    question: str
    evidence: str
    passage: str
    document: str
    lang: str


def by_code(kind: str, answer: str, ground: Ground, random_: random.Random) -> str:
    """The answer made wrong in that way; empty where it offers no place for it."""
    return {"wrong_figure": _figure, "swapped_entity": _entity, "missing_condition": _condition}[kind](
        answer, ground, random_
    )


def _figure(answer: str, ground: Ground, random_: random.Random) -> str:
    taken = set(figures(f"{answer}\n{ground.evidence}\n{ground.question}"))
    asked = set(figures(ground.question))
    prose = _without_code(answer)
    places = [m for m in _QUANTITY.finditer(prose) if not asked.intersection(figures(m[1]))]
    for place in random_.sample(places, len(places)):
        number, unit = place[1], _unit(place)
        for text, found in ((ground.passage, _quantities), (ground.document, _quantities_of_document)):
            others = {other for other, same in found(text) if unit and same == unit}
            likely = sorted(o for o in others if _likely(number, o) and not taken.intersection(_figures(o)))
            if likely:
                return _everywhere(answer, number, random_.choice(likely))
        if made := [o for o in _made_up(number, unit) if not taken.intersection(figures(o))]:
            return _everywhere(answer, number, random_.choice(made))
    return ""


def _quantities(text: str) -> frozenset[tuple[str, str]]:
    """The numbers of a text with their units."""
    return frozenset((match[1], _unit(match)) for match in _QUANTITY.finditer(_without_code(text)))


# Many records ask for those of one document. Passages are not kept: they would drive the documents out.
_quantities_of_document = lru_cache(maxsize=64)(_quantities)


@lru_cache(maxsize=4096)
def _figures(number: str) -> tuple[str, ...]:
    """`figures` of a number alone: a long document offers hundreds, and each of its records asks for them."""
    return tuple(figures(number))


def _unit(quantity: re.Match[str]) -> str:
    """A unit as it is compared: `hours` and `hour` are one, 天 and 天后 too; the word before where none follows
    (`exit code 3`)."""
    unit = (quantity[2] or "").replace("个", "").strip().lower()
    if not unit or unit in STOP["en"] or unit[:1] in STOP["zh"]:
        before = _BEFORE.search(quantity.string[: quantity.start()])
        return f"{before[1].lower()} …" if before and before[1].lower() not in STOP["en"] else ""
    return unit.rstrip("s") if unit.isascii() else unit[:1]


def _likely(number: str, other: str) -> bool:
    one, two = (float(text.replace(",", "")) for text in (number, other))
    return one > 0 and 1 / _FARTHEST <= two / one <= _FARTHEST


def _everywhere(text: str, number: str, new: str) -> str:
    return re.sub(rf"(?<![\w.,:/\[-]){re.escape(number)}(?![\w-]*\d|[.,]\d)", new, text)


def _made_up(number: str, unit: str) -> Iterator[str]:
    decimals = len(number.partition(".")[2])
    value = float(number.replace(",", ""))
    for factor in _FACTORS:
        other = round(value * factor, decimals)
        within = other < 1 if value < 1 else other <= 100 if unit == "%" and value <= 100 else other > 1
        if other != value and within and other > 0:
            yield f"{other:,.{decimals}f}" if "," in number else f"{other:.{decimals}f}"


def _entity(answer: str, ground: Ground, random_: random.Random) -> str:
    taken = normalise(f"{answer}\n{ground.evidence}\n{ground.question}")
    asked = normalise(ground.question)
    names = {name: shape for name, shape in _terms(answer, ground.lang)
             if normalise(name) not in asked and _alone(name).search(answer)}
    for name in random_.sample(sorted(names), len(names)):
        # A plain word has no shape that tells what it names, so its rival must stand near it.
        places = ((ground.passage, _named), (ground.document, _named_of_document))
        for text, terms in places[:1] if names[name] == "word" else places:
            found = {other for other, shape in terms(text, ground.lang) if shape == names[name]}
            if other := sorted(o for o in found if normalise(o) not in taken):
                return random_.choice(other).join(_alone(name).split(answer))
    return ""


def _alone(name: str) -> re.Pattern[str]:
    """The name where it is no part of another: Apache, but not Apache2ctl. ASCII, as Chinese may stand beside it."""
    if name.startswith("`"):
        return re.compile(re.escape(name))
    return re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-]|\.\w)", re.A)


def _named(text: str, lang: str) -> frozenset[tuple[str, str]]:
    return frozenset(_terms(text, lang))


_named_of_document = lru_cache(maxsize=64)(_named)


def _terms(text: str, lang: str) -> Iterator[tuple[str, str]]:
    """Names of a text and their shapes: those in code, identifiers, capitalised names."""
    for match in CODE.finditer(text):
        if match[1].isascii():
            yield match[0], f"code {_shape(match[1])}"
    prose = _without_code(text)
    for match in NAME.finditer(prose):
        name = match.group().rstrip(".,:;")
        # "-fold" of "ten- to fifty-fold" is no flag, and "MB" or "HTML" is no name of one thing among others.
        if len(name) > 1 and not prose[: match.start()][-1:].isalnum() and _shape(name) not in ("acronym", "term"):
            yield name, _shape(name)
    units = {_unit(m) for m in _QUANTITY.finditer(prose)}
    for word in (_CAPITAL if lang == "en" else _LATIN).findall(prose):
        if word.lower().rstrip("s") not in units:
            yield word, "word"


def _shape(name: str) -> str:
    if name.startswith("-"):
        return "flag"
    if " " in name:
        return "command"
    if "/" in name:
        return "path"
    if ending := re.search(r"\.[a-z]{2,8}$", name):
        return f"file {ending.group() in ('.com', '.cn', '.org', '.net')}"
    if re.search(r"\d", name):
        return "number"
    return "identifier" if re.search(r"_|[a-z][A-Z]", name) else "acronym" if name.isupper() else "term"


def _condition(answer: str, ground: Ground, random_: random.Random) -> str:
    asked = content(ground.question, ground.lang)
    found: list[str] = []
    for pattern in CONDITIONS[ground.lang]:
        for match in pattern.finditer(answer):
            own = content(match.group(), ground.lang) - asked
            left = _whole(answer[: match.start()], answer[match.end() :], ground.lang)
            if says_something(own) and length(left) >= _LEAST_LEFT:
                found.append(left)
    return random_.choice(sorted(set(found))) if found else ""


def says_something(words: set[str]) -> bool:
    """Whether content is enough to make a difference: a figure or name, or two words."""
    return len(words) >= 2 or any(not word.isalpha() for word in words)


def _whole(before: str, after: str, lang: str) -> str:
    """What is left of a text when a clause is gone, its sentence begun anew where that was its beginning; empty where
    what is left waits for the clause or means it."""
    before, after = before.rstrip(" ,，"), after.lstrip(" ,，")
    if _WAITS.search(before) or after.startswith("which "):
        return ""
    if not before or before[-1] in ".!?。！？；":
        if _ORPHAN.search(after):
            return ""
        after = after[:1].upper() + after[1:] if lang == "en" else after
    space = " " if lang == "en" and before and after[:1] not in ".,;" else ""
    return f"{before}{space}{after}"


def _without_code(text: str) -> str:
    """The text with its code and the numbers of its lists blanked, so that offsets stay."""
    return _NUMBERING.sub(_blank, CODE.sub(_blank, text))


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())
