"""Lines of a PDF's pages to Markdown: paragraphs joined, lists, tables and code told apart, headings put in."""

from __future__ import annotations

import re
from itertools import accumulate
from statistics import median
from typing import NamedTuple

from datagen.readers.clean import Joiner
from datagen.readers.furniture import without_furniture
from datagen.readers.geometry import Bookmark, Cell, Line, Metrics, Page, on_one_line
from datagen.readers.outline import Heading, headings
from seedbed.text import CJK

__all__ = ["Bookmark", "Cell", "Line", "Page", "as_markdown"]

_CJK = re.compile(f"[{CJK}]")
_LEADER = re.compile(r"(?:\s*[.·…]){4,}\s*(\d{1,4}|[ivxlc]{1,7})\s*$")
_PAGE_REFERENCE = re.compile(r"\d{1,4}|[ivxlc]{1,7}")
_CAPTION = re.compile(r"(?:Table|Figure|表|图)\s*\d", re.I)
_ENDS_SENTENCE = re.compile(r"[.。!！?？:：;；][\"'”’)）」』]*$")


class _Block(NamedTuple):
    """A piece of a page. `open_end`: a paragraph whose last line is full, so that the next page may go on with it."""

    kind: str
    text: str
    open_end: bool = False
    size: float = 0.0


def as_markdown(pages: list[Page], bookmarks: list[Bookmark]) -> tuple[str, tuple[int, ...]]:
    """The document as Markdown, and the offset at which each page begins."""
    pages = [page._replace(lines=on_one_line(page.lines)) for page in without_furniture(pages, Metrics(pages).size)]
    metrics = Metrics(pages)
    found = headings(pages, bookmarks, metrics)
    joiner = Joiner("\n".join(line.text for page in pages for line in page.lines))
    blocks = []
    for number, page in enumerate(pages):
        own = {line: heading for (at, line), heading in found.items() if at == number}
        blocks.append(_PageReader(page.lines, own, metrics, joiner).blocks())
    return _assemble(blocks, joiner, metrics)


def _assemble(pages: list[list[_Block]], joiner: Joiner, metrics: Metrics) -> tuple[str, tuple[int, ...]]:
    """Blocks to text. A paragraph or listing that a page end cut goes on; footnotes wait until it is whole."""
    out: list[str] = []
    starts: list[int] = []
    offset = 0
    last: _Block | None = None
    notes: list[_Block] = []

    def write(piece: str) -> None:
        nonlocal offset
        out.append(piece)
        offset += len(piece)

    for blocks in pages:
        page_start: int | None = None
        body, page_notes = _footnotes(blocks, metrics)
        for position, block in enumerate(body):
            if position == 0 and last and (tail := _continuation(last, block, joiner, out)):
                kept, rest = tail
                offset += len(kept) - len(out[-1])
                out[-1] = kept
                page_start = offset
                write(rest)
            else:
                for note in notes:
                    write(("\n\n" if offset else "") + note.text)
                notes = []
                write(_gap(last, block))
                page_start = offset if page_start is None else page_start
                write(block.text)
            last = block
        notes += page_notes
        starts.append(offset if page_start is None else page_start)
    for note in notes:
        write("\n\n" + note.text)
    starts[:1] = [0]
    # A hyphen mended over an empty page would leave that page beginning one character behind the next.
    return "".join(out) + "\n", tuple(accumulate(reversed(starts), min))[::-1]


def _gap(last: _Block | None, block: _Block) -> str:
    if last is None:
        return ""
    return "\n" if last.kind == block.kind == "item" else "\n\n"


def _footnotes(blocks: list[_Block], metrics: Metrics) -> tuple[list[_Block], list[_Block]]:
    """The page's body, and the paragraphs in small print at its foot."""
    end = len(blocks)
    while end > 0 and blocks[end - 1].kind == "text" and blocks[end - 1].size < 0.92 * metrics.size:
        end -= 1
    return (blocks[:end], blocks[end:]) if end else (blocks, [])


def _continuation(last: _Block, block: _Block, joiner: Joiner, out: list[str]) -> tuple[str, str] | None:
    """How `block`, the first of a page, goes on with the last of the page before: (what stands there, what follows)."""
    if last.kind == block.kind == "code" and out[-1].endswith("\n```") and block.text.startswith("```\n"):
        return out[-1].removesuffix("\n```"), "\n" + block.text.removeprefix("```\n")
    if not (last.kind in ("text", "item") and block.kind == "text" and last.open_end):
        return None
    joined = joiner.join(out[-1], block.text)
    kept = len(joined) - len(block.text)
    return joined[:kept], joined[kept:]


class _PageReader:
    """Reads the lines of one page from top to bottom into blocks."""

    def __init__(self, lines: list[Line], found: dict[int, Heading], metrics: Metrics, joiner: Joiner) -> None:
        self._lines, self._headings, self._metrics, self._joiner = lines, found, metrics, joiner
        self._insets: list[float] = []  # where list items begin on this page, from left to right
        for start in sorted(line.start for line in lines if line.marker):
            if not self._insets or start > self._insets[-1] + 8:
                self._insets.append(start)

    def blocks(self) -> list[_Block]:
        found: list[_Block] = []
        at = 0
        while at < len(self._lines):
            if heading := self._headings.get(at):
                found.append(_Block("heading", f"{'#' * heading.level} {' '.join(heading.text.split())}"))
                at += heading.lines
            elif end := self._contents_end(at):
                found.append(_Block("contents", "\n".join(map(_contents_line, self._lines[at:end]))))
                at = end
            elif end := self._code_end(at):
                found.append(_Block("code", self._code(self._lines[at:end])))
                at = end
            elif table := self._table(at):
                rows, at = table
                found.append(_Block("table", rows))
            else:
                end = self._paragraph_end(at)
                found.append(self._paragraph(at, end))
                at = end
        return found

    def _contents_end(self, at: int) -> int:
        """The end of a run of lines of a table of contents: dot leaders, or titles and rising page numbers."""
        end = at
        while end < len(self._lines) and end not in self._headings and _LEADER.search(self._lines[end].text):
            end += 1
        if end > at:
            return end
        numbers: list[int] = []
        while end < len(self._lines) and end not in self._headings:
            cells = self._lines[end].cells
            if len(cells) < 2 or not cells[-1].text.isdigit() or len(cells[-1].text) > 4:
                break
            numbers.append(int(cells[-1].text))
            end += 1
        return end if len(numbers) >= 5 and numbers == sorted(numbers) and numbers[-1] > numbers[0] else 0

    def _code_end(self, at: int) -> int:
        end = at
        while end < len(self._lines) and end not in self._headings and self._lines[end].mono:
            if end > at and not 0 < self._lines[end - 1].bottom - self._lines[end].bottom < 4 * self._metrics.leading:
                break
            end += 1
        return end if end > at else 0

    def _code(self, lines: list[Line]) -> str:
        """A fence with the line breaks, blank lines, indentation and columns that the page shows."""
        width = _character_width(lines)
        margin = min(line.start for line in lines)
        steps = [above.bottom - below.bottom for above, below in zip(lines, lines[1:], strict=False)]
        leading = min(steps) if steps else self._metrics.leading
        out: list[str] = []
        for index, line in enumerate(lines):
            if index and steps[index - 1] > 1.6 * leading:
                out.append("")
            text = ""
            for start, word in line.words:
                text += " " * max(round((start - margin) / width) - _columns_of(text), 1 if text else 0) + word
            out.append(text)
        fence = "~~~" if any(line.startswith("```") for line in out) else "```"
        return "\n".join([fence, *out, fence])

    def _table(self, at: int) -> tuple[str, int] | None:
        end = at
        while end < len(self._lines) and self._is_row(at, end):
            end += 1
        rows = [line for line in self._lines[at:end] if len(line.cells) > 1]
        columns = _columns(rows)
        return (
            (_as_table(self._lines[at:end], columns, self._joiner), end) if len(rows) > 1 and len(columns) > 1 else None
        )

    def _is_row(self, first: int, at: int) -> bool:
        """Whether line `at` is a row of the table that begins at line `first`, or goes on with one."""
        line, above = self._lines[at], self._lines[max(at - 1, first)]
        if at in self._headings or (line.mono and at == first) or line.marker or _CAPTION.match(line.text):
            return False
        step = above.bottom - line.bottom
        if at > first and not -0.8 * line.size <= step < 3 * self._metrics.leading:
            return False
        if len(line.cells) > 1:
            return True
        return (
            at > first
            and step < 1.3 * self._metrics.leading
            and line.start > self._lines[first].start + 0.5 * line.size
        )

    def _paragraph_end(self, at: int) -> int:
        end = at + 1
        while end < len(self._lines) and end not in self._headings and self._goes_on(end, first=end == at + 1):
            end += 1
        return end

    def _goes_on(self, at: int, first: bool) -> bool:
        """Whether line `at` belongs to the paragraph of the line before it."""
        above, line = self._lines[at - 1], self._lines[at]
        step = above.bottom - line.bottom
        close = 0 < step <= 1.3 * self._metrics.leading * max(line.size / self._metrics.size, 0.8)
        if not close or abs(above.size - line.size) > 0.12 * line.size or _LEADER.search(line.text):
            return False
        if line.marker == "-" or (line.marker and step > 1.1 * self._metrics.leading):
            return False
        if above.bold != line.bold and len(above.text) < 40:
            return False
        # A first line may stand further out than the rest (list items, terms) or further in (paragraphs).
        unended = not _ENDS_SENTENCE.search(above.text)
        inward = line.start - above.start
        if inward > 0.8 * line.size and not (first and (above.marker or unended)):
            return False
        if inward < -0.8 * line.size and not first:
            return False
        goes_on = self._metrics.is_full(above, line) or (unended and self._reads_on(above, line))
        return goes_on and not (line.mono and self._starts_listing(at))

    def _reads_on(self, above: Line, line: Line) -> bool:
        """Whether an unended line, though not full, reads as if it went on: boxes are narrower than the page."""
        if line.text[0].islower():
            return above.text[-1] != ")"
        long = above.end - above.start > 0.75 * self._metrics.width
        return long and bool(_CJK.match(line.text[0]))

    def _starts_listing(self, at: int) -> bool:
        """Whether a fixed-width line begins a listing, rather than being a line of prose that is all one command."""
        following = self._lines[at + 1] if at + 1 < len(self._lines) else None
        same_size = abs(self._lines[at].size - self._lines[at - 1].size) < 0.2
        return not same_size or (following is not None and following.mono)

    def _paragraph(self, at: int, end: int) -> _Block:
        lines = self._lines[at:end]
        marker = lines[0].marker
        text = lines[0].item if marker else lines[0].text
        for line in lines[1:]:
            text = self._joiner.join(text, line.text)
        open_end = self._ends_open(lines, text)
        if marker and text:
            depth = sum(inset < lines[0].start - 8 for inset in self._insets)
            return _Block("item", f"{'  ' * min(depth, 4)}{marker} {text}", open_end, lines[0].size)
        return _Block("text", "\\" + text if text.startswith("#") else text or marker, open_end, lines[0].size)

    def _ends_open(self, lines: list[Line], text: str) -> bool:
        last = lines[-1]
        long = last.end - last.start > 0.5 * self._metrics.width
        reaches = long and last.end > self._metrics.right_edge(last) - 5 * last.size
        return reaches and not _ENDS_SENTENCE.search(text) and last is self._last_of_body()

    def _last_of_body(self) -> Line | None:
        return next((line for line in reversed(self._lines) if line.size >= 0.92 * self._metrics.size), None)


def _character_width(lines: list[Line]) -> float:
    """How wide one character of a listing is, from its words in Latin letters."""
    widths = [
        (cell.end - cell.start) / len(cell.text)
        for line in lines
        for cell in line.cells
        if cell.text.isascii() and len(cell.words) == 1 and len(cell.text) > 3
    ]
    return (median(widths) if widths else 0.6 * lines[0].size) or 1.0


def _columns_of(text: str) -> int:
    return sum(2 if character > "\u2e7f" else 1 for character in text)


def _contents_line(line: Line) -> str:
    text = line.text
    if leader := _LEADER.search(text):
        return f"{text[: leader.start()].rstrip()} ..... {leader.group(1)}"
    return f"{' '.join(cell.text for cell in line.cells[:-1])} ..... {line.cells[-1].text}"


def _columns(rows: list[Line]) -> list[float]:
    """Where the columns begin: after each gap that nearly all rows leave free."""
    edges = sorted(edge for row in rows for cell in row.cells for edge in ((cell.start, 1), (cell.end, -1)))
    columns: list[float] = []
    covered, free_since = 0, float("-inf")
    most = max(len(rows) // 5, 0)  # rows whose long cell may run into the next column
    for place, change in edges:
        before, covered = covered, covered + change
        if before > most >= covered:
            free_since = place
        elif before <= most < covered and place > free_since + 1:
            columns.append(place)
    return columns


def _as_table(lines: list[Line], columns: list[float], joiner: Joiner) -> str:
    """A Markdown table. A line whose first column is empty goes on with the cells of the row above."""
    rows: list[list[str]] = []
    for line in lines:
        row = [""] * len(columns)
        for cell in line.cells:
            for start, word in cell.words or ((cell.start, cell.text),):
                column = max(
                    (index for index, left in enumerate(columns) if left <= start + 0.6 * line.size), default=0
                )
                row[column] = f"{row[column]} {word}".strip()
        if rows and not row[0]:
            rows[-1] = [joiner.join(above, below) for above, below in zip(rows[-1], row, strict=True)]
        else:
            rows.append(row)
    written = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([written[0], "|" + " --- |" * len(columns), *written[1:]])
