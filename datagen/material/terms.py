"""Terms and their meanings where no table's head names the columns, as rows `Name: …; Meaning: …`.

    - Character device               - lvs(8): report information       | gimp  | V:53 | bitmap graphics editor |
      - accessed a character at a      about logical volumes            | planner | V:0 | project management    |
        time                                                            Table 7.3: List of graphical applications

A manual has such lists by the hundred: a definition list that a PDF file turned into nested items, an item with a
colon, a table whose head stayed on the page before. What they say of the term is no sentence and has no end, so it is
no key point of its own, and without the term nobody knows what it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from datagen.material.commands import blocks
from datagen.material.points import LEANS
from seedbed.text import CJK

Span = tuple[int, int]

_ITEM = re.compile(r"(?P<indent>[ \t]*)[-*+•●▪◦–][ \t]*(?P<said>\S.*)", re.S)
_INLINE = re.compile(r"(?P<term>[^\n]{1,48}?)(?:[:：]\s+|：)(?P<meaning>\S.*)", re.S)
_BAR = re.compile(r"(?<!\\)\|")
_ENDS = re.compile(r"[.。;；,，:：!！?？]$")
_TO_READER = re.compile(r"\byour?\b|你的?|您", re.I)  # advice, and no term
_LINKS = re.compile(r"https?://|→|\s>\s")  # an address, or a path through menus: no meaning
_WORDS = re.compile(rf"[A-Za-z]{{2,}}|[{CJK}]{{2}}")
_FIGURES = re.compile(r"[\W\d]*(?:[VI]:\d+[\W\d]*)*")
# "For $USER, use $(id -un)"
_INSTEAD = re.compile(
    r"(?:For |对于?\s?)(?P<term>[”“\"]?[!-~]+[”“\"]?\s?)[,，]\s*(?P<meaning>(?:use |请?使?用).+)", re.S
)
_LONGEST_TERM = {"en": 48, "zh": 24}  # characters; a longer item is a sentence
_FEWEST_WORDS = 2  # of a meaning; a Chinese word has two characters
_FEWEST_COLUMNS = 2
_FEWEST_ROWS = 3  # fewer in a row are the scattered pieces of a table
_QUOTES = (("(", ")"), ("《", "》"), ("“", "“"), ("”", "”"), ('"', '"'), ("[", "]"))


class Term(NamedTuple):
    """What a sentence says of a term: `at` is the sentence that has the term, which may be itself, and `last` the end
    of the run of rows that it belongs to."""

    name: str
    meaning: str
    at: int
    last: int


def terms_of(text: str, spans: list[Span], heads: dict[int, int], language: str) -> dict[int, Term]:
    """The sentences that say what a term means. `heads` are the rows that have a head (and are told by it)."""
    said = [text[a:b] for a, b in spans]
    found = dict(_nested(text, spans, said, language)) | dict(_inline(said, language))
    names = [term.name for term in found.values()]
    code = [block.code for block in blocks(text)]
    once = {n: t for n, t in found.items() if names.count(t.name) == 1 and spans[n] not in code}
    return once | dict(_headless(said, heads))


def _nested(text: str, spans: list[Span], said: list[str], language: str) -> Iterator[tuple[int, Term]]:
    """An item without an end, and right below it the first of its own items."""
    for number in range(1, len(spans)):
        upper, lower = (_ITEM.match(_line(text, spans[n])) for n in (number - 1, number))
        if upper and lower and len(lower["indent"]) > len(upper["indent"]) and "\n" not in upper["said"]:
            name, meaning = _bare(upper["said"]), _flat(_ITEM.fullmatch(said[number])["said"])  # type: ignore[index]
            if _is_term(name, language) and _is_meaning(meaning):
                yield number, Term(name, meaning, number - 1, number)


def _inline(said: list[str], language: str) -> Iterator[tuple[int, Term]]:
    for number, sentence in enumerate(said):
        item = _ITEM.fullmatch(sentence)
        if item and (parts := _INSTEAD.fullmatch(item["said"]) or _INLINE.fullmatch(item["said"])):
            name, meaning = _bare(parts["term"]), _flat(parts["meaning"])
            if _is_term(name, language) and _is_meaning(meaning):
                yield number, Term(name, meaning, number, number)


def _headless(said: list[str], heads: dict[int, int]) -> Iterator[tuple[int, Term]]:
    """Rows in a run that no head names: the first cell is what the last one tells of."""
    known = set(heads) | set(heads.values())
    cells = [_cells(text) if text[0] == "|" and n not in known else [] for n, text in enumerate(said)]
    for columns, run in groupby(range(len(said)), key=lambda number: len(cells[number])):
        rows = list(run)
        if columns < _FEWEST_COLUMNS or len(rows) < _FEWEST_ROWS:
            continue
        for number in rows:
            own = cells[number]
            if own[0] and not _FIGURES.fullmatch(own[0]) and _is_meaning(own[-1]):
                yield number, Term(own[0], own[-1], number, rows[-1])


def _cells(row: str) -> list[str]:
    """A row's cells; `\\|` stands for a bar within one."""
    return [_flat(cell).replace("\\|", "|") for cell in _BAR.split(row.strip().strip("|"))]


def _is_term(name: str, language: str) -> bool:
    whole = all(name.count(a) == name.count(b) and (a != b or not name.count(a) % 2) for a, b in _QUOTES)
    leans = LEANS[language].search(name) or _TO_READER.search(name)
    return 0 < len(name) <= _LONGEST_TERM[language] and whole and not leans and not _ENDS.search(name)


def _is_meaning(meaning: str) -> bool:
    says = not _LINKS.search(meaning) and not meaning.endswith((":", "："))  # what ends so leads to something else
    return says and len(_WORDS.findall(meaning)) >= _FEWEST_WORDS


def _line(text: str, span: Span) -> str:
    """A sentence with the white space in front of it on its line."""
    return text[text.rfind("\n", 0, span[0]) + 1 : span[1]]


def _flat(text: str) -> str:
    return " ".join(text.split())


def _bare(name: str) -> str:
    """A term without the quotes around all of it, which a PDF file may have torn from it (`” 依赖”`)."""
    name = _flat(name)
    inner = name.strip("”“\" ")
    return inner if name[:1] in "”“\"" and name[-1:] in "”“\"" and not set(inner) & set("”“\"") else name
