"""Markdown to passages: split at headings, bounded in tokens, cut where a sentence, a list item or a block ends.

A section that fits is one passage. A longer one is cut where the sum of two costs is least (dynamic programming, as in
Knuth and Plass 1981 for lines of a paragraph): what a cut destroys, and how far a piece falls short of the limit. A
section that is too small, or a heading without text, goes with its neighbour.

Nothing is added, dropped or changed: `text[start:end]` is the passage, and with no overlap every character that is not
white space is in exactly one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import islice, pairwise, takewhile, zip_longest
from typing import NamedTuple

from datagen.readers.clean import fenced
from seedbed.text import length, sentences

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*$")
_EMPHASIS = re.compile(r"`|\*+(?=\S)|(?<=\S)\*+")
_ITEM = re.compile(r"\s*(?:[-*+•]|\(?\d{1,3}[.)、])\s*")
_TABLE_RULE = re.compile(r"\s*\|?[\s:|-]+\|?\s*$")
_ENDS_SENTENCE = re.compile(r"[.。!！?？;；…][\"'”’)）」』*_`]*$")
_CLAUSE = re.compile(r"[,，;；:：、)）]\s*|\s+")
# No token count bounds a text in Cyrillic or a line of dashes. English prose has 6 characters a token, the longest of
# our tables 13.
_CHARACTERS_A_TOKEN = 16
_CRUMB = 4  # tokens below which a unit is not worth a place to cut
_WINDOW = 4_000  # characters looked at together for sentences: bounds the work on a paragraph without end

# What a cut destroys. Only the order matters: between blocks, between items, between sentences, inside code or a table,
# after a line that announces what follows, inside a sentence, after a heading or the opening line of a fence or table.
_BLOCK, _ITEM_END, _SENTENCE, _ROW, _ANNOUNCED, _CLAUSE_END, _NEVER = 0.0, 0.3, 1.0, 3.0, 4.0, 12.0, 60.0
_UNEVEN = 3.0  # a piece half as long as the limit costs as much as a cut between sentences, roughly
_SMALL = 30.0  # a piece below the minimum is worse than any cut but the forbidden ones


class Piece(NamedTuple):
    """A passage: its place in the document's text, and the headings above it from the title downward."""

    start: int
    end: int
    headings: tuple[str, ...]


class Section(NamedTuple):
    """A heading with the text up to the next one; `path` are the headings above it, itself included."""

    start: int
    end: int
    path: tuple[str, ...]
    level: int
    bare: bool


class _Unit(NamedTuple):
    """The smallest piece that is moved as a whole, and what a cut after it costs."""

    start: int
    end: int
    tokens: int
    cut: float


def size(text: str) -> int:
    """Length in tokens as it counts against the limit."""
    return max(length(text), len(text) // _CHARACTERS_A_TOKEN)


def cut(text: str, *, tokens: int = 320, minimum: int = 40, overlap: int = 0, title: str = "") -> list[Piece]:
    """The passages of a Markdown text, each of at most `tokens` tokens (`seedbed.text.tokenize`), in order.

    With `overlap`, a passage begins up to so many tokens earlier, at a sentence start, inside the same section.
    Pieces below `minimum` remain only where no neighbour can take them.
    """
    pieces: list[Piece] = []
    for group in _groups(text, sections(text, title), tokens, minimum):
        found = [unit for section in group for unit in _units(text, section.start, section.end, tokens - overlap)]
        units = _joined(found, tokens)
        bounds = _pieces(units, tokens - overlap, minimum)
        for (first, last), before in zip(bounds, [None, *bounds], strict=False):
            start = _earlier(units, first, before[0], overlap) if before else first
            pieces.append(Piece(units[start].start, units[last].end, _path(group, units[first].start, units[last].end)))
    return pieces


def _earlier(units: list[_Unit], first: int, lowest: int, overlap: int) -> int:
    """The unit at which a passage begins that takes over the end of the one before it, which begins at `lowest`."""
    held = 0
    while first - 1 > lowest and (held := held + units[first - 1].tokens) <= overlap:
        first -= 1
    return first


def sections(text: str, title: str = "") -> list[Section]:
    """The text parted at its headings; what stands before the first one is a section too.

    `#` lines inside code fences or indented by four spaces are no headings. Each path begins with `title`, unless the
    first heading says the same.
    """
    starts: list[tuple[int, int, str]] = [(0, 0, "")]
    offset = 0
    for line, in_code in fenced(text.split("\n")):
        if not in_code and (match := _HEADING.match(line)):
            starts.append((offset, len(match.group(1)), _EMPHASIS.sub("", match.group(2)).strip()))
        offset += len(line) + 1
    found: list[Section] = []
    above: list[tuple[int, str]] = []
    bounds = [*(start for start, _, _ in starts), len(text)]
    for (start, level, heading), end in zip(starts, bounds[1:], strict=True):
        above = [entry for entry in above if entry[0] < level] + ([(level, heading)] if level and heading else [])
        path = tuple(name for _, name in above)
        body = text[start:end].split("\n", 1)[1:] if level else [text[start:end]]
        if text[start:end].strip():
            found.append(Section(start, end, _titled(path, title), level, not "".join(body).strip()))
    return found


def _titled(path: tuple[str, ...], title: str) -> tuple[str, ...]:
    return path if not title or (path and path[0] == title) else (title, *path)


def _groups(text: str, found: list[Section], limit: int, minimum: int) -> list[list[Section]]:
    """Neighbouring sections that are cut as one: a bare heading with what follows, a thin section with a neighbour."""
    groups: list[list[Section]] = []
    held, thin_group = 0, False
    for section, following in zip_longest(found, found[1:]):
        own = size(text[section.start : section.end])
        thin = _is_thin(text, section, own, minimum)
        opens = section.bare or (thin and following is not None and following.level > section.level)
        if groups and (thin_group or (thin and not opens and held + own <= limit)):
            groups[-1].append(section)
            held += own
            thin_group = section.bare or (thin_group and thin and held < minimum)
        else:
            groups.append([section])
            held, thin_group = own, thin
    if len(groups) > 1 and thin_group:
        last = groups.pop()
        groups[-1].extend(last)
    return groups


def _is_thin(text: str, section: Section, tokens: int, minimum: int) -> bool:
    """Whether a section says too little to stand alone: hardly any text, or a single sentence."""
    if section.bare or tokens < minimum:
        return True
    return tokens < 2 * minimum and len(sentences(text[section.start : section.end])) < (3 if section.level else 2)


def _path(group: list[Section], start: int, end: int) -> tuple[str, ...]:
    """The headings of the section that most of the piece lies in."""
    first = bisect_right(group, start, key=lambda section: section.start) - 1
    touched = takewhile(lambda section: section.start < end, islice(group, first, None))
    return max(touched, key=lambda section: min(section.end, end) - max(section.start, start)).path


def _pieces(units: list[_Unit], limit: int, minimum: int) -> list[tuple[int, int]]:
    """(first, last) unit of each piece, such that the pieces cost least together."""
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(units) + 1):
        held, options = 0, []
        for first in range(end - 1, -1, -1):
            held += units[first].tokens
            if held > limit and first < end - 1:
                break
            shortfall = max(limit - held, 0) / limit
            cost = best[first][0] + _UNEVEN * shortfall * shortfall + (_SMALL if held < minimum else 0.0)
            options.append((cost + (units[end - 1].cut if end < len(units) else 0.0), first))
        best.append(min(options))
    pieces: list[tuple[int, int]] = []
    end = len(units)
    while end:
        first = best[end][1]
        pieces.append((first, end - 1))
        end = first
    return pieces[::-1]


def _units(text: str, start: int, end: int, limit: int) -> list[_Unit]:
    """The units of one section: headings, sentences, list items, table rows and lines of code."""
    units: list[_Unit] = []
    for first, last, kind in _blocks(text, start, end):
        if kind == "heading":
            spans = [(first, last, _NEVER)]
        elif kind in ("code", "table"):
            spans = _lines(text, first, last, kind, limit)
        else:
            spans = _sentences(text, first, last)
        for span in spans:
            units.extend(_fitting(text, *span, limit))
    return units


def _joined(units: list[_Unit], limit: int) -> list[_Unit]:
    """Units that must not be parted, and crumbs, made one: it spares the search for cuts most of its work."""
    joined: list[_Unit] = []
    for unit in units:
        last = joined[-1] if joined else None
        if last and (last.cut == _NEVER or last.tokens < _CRUMB) and last.tokens + unit.tokens <= limit // 4:
            joined[-1] = _Unit(last.start, unit.end, last.tokens + unit.tokens, unit.cut)
        else:
            joined.append(unit)
    return joined


def _blocks(text: str, start: int, end: int) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of headings, code fences, tables, list items, and other lines between blank lines."""
    kind, first, last, offset = "", start, start, start
    for line, in_code in fenced(text[start:end].split("\n")):
        here = "code" if in_code else _kind(line)
        if here != kind or here == "heading" or (here == "prose" and _ITEM.match(line)):
            if kind:
                yield first, last, kind
            kind, first = here, offset
        last = offset + len(line.rstrip())
        offset += len(line) + 1
    if kind:
        yield first, last, kind


def _kind(line: str) -> str:
    if not line.strip():
        return ""
    if _HEADING.match(line):
        return "heading"
    return "table" if line.lstrip().startswith("|") else "prose"


def _lines(text: str, start: int, end: int, kind: str, limit: int) -> list[tuple[int, int, float]]:
    """Lines of a listing or table; kept whole if it fits. Its opening line, or header, never stands alone."""
    if size(text[start:end]) <= limit // 2:
        return [(start, end, _BLOCK)]
    spans: list[tuple[int, int, float]] = []
    offset = start
    for line in text[start:end].split("\n"):
        if line.strip():
            head = len(spans) < (2 if kind == "table" else 1)
            spans.append((offset, offset + len(line.rstrip()), _NEVER if head else _ROW))
        offset += len(line) + 1
    if kind == "code" and len(spans) > 2:
        spans[-2] = (*spans[-2][:2], _NEVER)  # the closing fence stays with the last line
    spans[-1] = (*spans[-1][:2], _BLOCK)
    return spans


def _sentences(text: str, start: int, end: int) -> list[tuple[int, int, float]]:
    """Sentences of a paragraph or list item. A paragraph that announces something stays with what follows."""
    opening = text[start : start + 20]
    is_item = bool(_ITEM.match(opening))
    final = _ITEM_END if is_item else _BLOCK
    ending = text[max(start, end - 20) : end].rstrip()
    if not _ENDS_SENTENCE.search(ending) and (not is_item or ending.endswith((":", "："))):
        final = _ANNOUNCED
    starts = [start]
    while starts[-1] < end:
        window, until = starts[-1], min(starts[-1] + _WINDOW, end)
        # Whatever the sentence splitter passes over belongs to the unit before it.
        starts += [window + first for first, _ in sentences(text[window:until])][1:]
        if until == end or starts[-1] == window:
            starts.append(until)
    spans = [(first, last, _SENTENCE) for first, last in pairwise(starts)]
    return [*spans[:-1], (*spans[-1][:2], final)]


def _fitting(text: str, start: int, end: int, cost: float, limit: int) -> Iterator[_Unit]:
    """The span as one unit, or, where it exceeds the limit, parted at clauses, and last of all anywhere."""
    start, end = _stripped(text, start, end)
    while end - start > _CHARACTERS_A_TOKEN * limit or size(text[start:end]) > limit:
        middle = _break(text, start, end, limit)
        yield _unit(text, *_stripped(text, start, middle), _CLAUSE_END)
        start, end = _stripped(text, middle, end)
    if end > start:
        yield _unit(text, start, end, cost)


def _unit(text: str, start: int, end: int, cut: float) -> _Unit:
    # At least one, so that rules and brackets on lines of their own cannot pile up without end.
    return _Unit(start, end, max(size(text[start:end]), 1), cut)


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    start += len(piece) - len(piece.lstrip())
    return start, max(start, start + len(piece.strip()))


def _break(text: str, start: int, end: int, limit: int) -> int:
    """The last clause end, or else character, up to which `text[start:]` stays within the limit."""
    low, high = start + 1, min(end, start + _CHARACTERS_A_TOKEN * limit)
    while low < high:  # the longest prefix within the limit
        middle = (low + high + 1) // 2
        if size(text[start:middle]) <= limit:
            low = middle
        else:
            high = middle - 1
    clauses = [match.end() for match in _CLAUSE.finditer(text, start, low) if match.end() < end]
    return clauses[-1] if clauses and clauses[-1] - start > (low - start) // 2 else low
