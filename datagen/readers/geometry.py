"""Lines of a printed page with their places. Points, from the lower left corner, as PDF counts."""

from __future__ import annotations

import re
from statistics import median
from typing import NamedTuple

from seedbed.text import CJK

_BULLET = re.compile(r"[•◦▪‣·●○■□➢►✓–—*\-\uf0a7\uf0b7\uf0d8\uf06c](?=\s|$)")
_NUMBER = re.compile(
    r"(?:\(?\d{1,2}[.)]|\(?[a-z][.)]|\([ivx]{1,4}\))(?=\s|$)|[（(][\d一二三四五六七八九十]{1,3}[)）]|[①-⑳]|\d{1,2}、"
)


class Cell(NamedTuple):
    """A stretch of a line without wide gaps. `words` are its parts between spaces, each with where it begins."""

    start: float
    end: float
    text: str
    words: tuple[tuple[float, str], ...] = ()


class Line(NamedTuple):
    """One printed line. `mono`: in a fixed-width font; `bottom` is that of the font, so equal along a line of text."""

    cells: tuple[Cell, ...]
    bottom: float
    top: float
    size: float
    mono: bool = False
    bold: bool = False

    @property
    def text(self) -> str:
        return " ".join(cell.text for cell in self.cells)

    @property
    def words(self) -> list[tuple[float, str]]:
        return [word for cell in self.cells for word in cell.words or ((cell.start, cell.text),)]

    @property
    def start(self) -> float:
        return self.cells[0].start

    @property
    def end(self) -> float:
        return self.cells[-1].end

    @property
    def marker(self) -> str:
        """`-` for a bullet, the number itself for a numbered item, else nothing."""
        if _BULLET.match(self.text):
            return "-"
        number = _NUMBER.match(self.text)
        return number.group() if number else ""

    @property
    def item(self) -> str:
        """The text after the marker."""
        return self.text[1 if self.marker == "-" else len(self.marker) :].strip()


class Page(NamedTuple):
    height: float
    lines: list[Line]


class Bookmark(NamedTuple):
    """An entry of the outline: level from 0, and the page, from 0, that it points at."""

    level: int
    title: str
    page: int


class Metrics:
    """What is usual in one document: the size of its body text, the distance of its lines, where they end."""

    def __init__(self, pages: list[Page]) -> None:
        lines = [line for page in pages for line in page.lines]
        amounts: dict[float, int] = {}
        for line in lines:
            amounts[round(line.size, 1)] = amounts.get(round(line.size, 1), 0) + len(line.text)
        self.size = max(amounts, key=lambda size: amounts[size]) if amounts else 10.0
        steps = [
            above.bottom - below.bottom
            for page in pages
            for above, below in zip(page.lines, page.lines[1:], strict=False)
            if abs(above.size - self.size) < 0.6 and 0 < above.bottom - below.bottom < 3 * self.size
        ]
        # The lower half: lines inside paragraphs, not the wider steps between paragraphs.
        self.leading = median(sorted(steps)[: len(steps) // 2 + 1]) if steps else 1.2 * self.size
        widths = sorted(line.end - line.start for line in lines)
        self.width = widths[int(len(widths) * 0.97)] if widths else 0.0  # of a full line
        self._right = _right_edges([line for line in lines if not line.mono and len(line.cells) == 1])

    def right_edge(self, line: Line) -> float:
        """Where the lines that begin as far left as this one end when they are full."""
        return self._right.get(round(line.start / 3), line.end)

    def is_full(self, line: Line, following: Line) -> bool:
        """Whether `line` ended because the page did: the next word would not have fitted on it."""
        text = following.text
        word = text[0] if re.match(f"[{CJK}]", text) else text.split(" ", 1)[0]
        per_character = (following.end - following.start) / max(len(text), 1)
        return line.end + len(word) * per_character + 0.2 * line.size > self.right_edge(line) - 0.3 * line.size


def _right_edges(lines: list[Line]) -> dict[int, float]:
    """Left edge in steps of three points -> the right edge that goes with it."""
    ends: dict[int, list[float]] = {}
    for line in lines:
        for near in (-1, 0, 1):
            ends.setdefault(round(line.start / 3) + near, []).append(line.end)
    # The outermost 3 % are words that stick out into the margin; a few lines alone have no such luxury.
    return {key: sorted(found)[int(len(found) * 0.97) if len(found) >= 8 else -1] for key, found in ends.items()}


def on_one_line(lines: list[Line]) -> list[Line]:
    """Neighbours that stand side by side, such as a bullet and its text or the cells of a row, made one line."""
    merged: list[Line] = []
    for line in lines:
        last = merged[-1] if merged else None
        if last and abs(last.bottom - line.bottom) < 0.45 * last.size and line.start >= last.end - 1:
            merged[-1] = last._replace(
                cells=last.cells + line.cells,
                mono=last.mono and line.mono,
                bold=last.bold and line.bold,
                top=max(last.top, line.top),
            )
        else:
            merged.append(line)
    return merged
