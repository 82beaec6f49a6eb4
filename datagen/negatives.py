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

from datagen.follow import content
from datagen.phrases import CONDITIONS, STOP
from datagen.verify import CODE, NAME, figures
from seedbed.text import CJK, length, normalise

_UNIT = rf"[ ]?(?:%|°C|℃|[A-Za-z]+|[{CJK}]{{1,2}})"
_QUANTITY = re.compile(rf"(?<![\w.,:/-])(\d+(?:,\d{{3}})*(?:\.\d+)?)({_UNIT})?(?![\w-]*\d)")
_CAPITAL = re.compile(r"(?<=[a-z,;] )[A-Z][a-z]+(?: [A-Z][a-z]+)*")
_LATIN = re.compile(r"(?<![\w`.-])[A-Za-z][A-Za-z]{2,}(?![\w`-])")
_FACTORS = (2.0, 0.5, 1.5)
_LEAST_LEFT = 4  # tokens that remain when a condition is dropped


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
    places = [m for m in _QUANTITY.finditer(_without_code(answer)) if not asked.intersection(figures(m[1]))]
    for place in random_.sample(places, len(places)):
        number, unit = place[1], _unit(place[2])
        for text in (ground.passage, ground.document):
            others = {m[1] for m in _QUANTITY.finditer(_without_code(text)) if unit and _unit(m[2]) == unit}
            if found := sorted(other for other in others if not taken.intersection(figures(other))):
                return _put(answer, place.span(1), random_.choice(found))
        if made := [other for other in _made_up(number, unit) if not taken.intersection(figures(other))]:
            return _put(answer, place.span(1), random_.choice(made))
    return ""


def _unit(unit: str | None) -> str:
    """A unit as it is compared: `hours` and `hour` are one, 天 and 天后 too; of a word that is none, nothing."""
    unit = (unit or "").strip().lower()
    return "" if unit in STOP["en"] else unit.rstrip("s") if unit.isascii() else unit[:1]


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
    names = {name: shape for name, shape in _terms(answer, ground.lang) if normalise(name) not in asked}
    for name in random_.sample(sorted(names), len(names)):
        for text in (ground.passage, ground.document):
            found = {other for other, shape in _terms(text, ground.lang) if shape == names[name]}
            if other := sorted(o for o in found if normalise(o) not in taken):
                return answer.replace(name, random_.choice(other))
    return ""


def _terms(text: str, lang: str) -> Iterator[tuple[str, str]]:
    """Names of a text and their shapes: those in code, identifiers, capitalised names; in Chinese all Latin words."""
    for match in CODE.finditer(text):
        if match[1].isascii():
            yield match[0], f"code {_shape(match[1])}"
    prose = _without_code(text)
    found = [m.group().strip(".,:;") for m in NAME.finditer(prose)]
    yield from ((name, _shape(name)) for name in found if len(name) > 1)
    units = {_unit(m[2]) for m in _QUANTITY.finditer(prose)}
    for word in (_CAPITAL if lang == "en" else _LATIN).findall(prose):
        if word not in found and _unit(word) not in units:
            yield word, "word"


def _shape(name: str) -> str:
    if name.startswith("-"):
        return "flag"
    if " " in name:
        return "command"
    if "/" in name or re.search(r"\.[a-z]{2,8}$", name):
        return "file"
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
    """What is left of a sentence, as a sentence."""
    text = f"{before.rstrip(' ,，')}{'' if after[:1] in '.。,，;；' else ' ' if before and lang == 'en' else ''}{after}"
    text = text.strip(" ,，")
    return text[:1].upper() + text[1:] if lang == "en" else text


def _without_code(text: str) -> str:
    """The text with its code blanked, so that offsets stay."""
    return CODE.sub(lambda match: " " * len(match.group()), text)


def _put(text: str, span: tuple[int, int], new: str) -> str:
    return text[: span[0]] + new + text[span[1] :]
