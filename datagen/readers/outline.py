"""Which lines of a PDF are headings: those its bookmarks name, or, where it has none, those set larger."""

from __future__ import annotations

import re
from typing import NamedTuple

from datagen.readers.geometry import Bookmark, Line, Metrics, Page

_NUMBER = re.compile(
    r"(?:\d+|[A-Z])(?:[.\-]\d+)*[.)、:]?|第.{1,4}[章节部篇][:：]?|(?:Chapter|Appendix|Part|附录)\s*\w{1,4}[.:：]?", re.I
)
_CHAPTER = re.compile(r"(?:Chapter|Appendix|Part|第|附录)\s*[\w一二三四五六七八九十百]{1,4}\s*[章节部篇]?[.:：]?", re.I)
_LONGEST = 4  # lines a heading may take
_LARGER = 1.12  # times the body size: between a footnote's and a small heading's difference in common templates


class Heading(NamedTuple):
    """A heading that takes `lines` lines; level from 1."""

    level: int
    text: str
    lines: int


def headings(pages: list[Page], bookmarks: list[Bookmark], metrics: Metrics) -> dict[tuple[int, int], Heading]:
    """(page, line) -> heading. Bookmarks are trusted alone if at least half of them are found on their pages."""
    found = _named(pages, bookmarks)
    larger = _larger(pages, metrics)
    if not bookmarks or len(found) * 2 < len(bookmarks):
        return larger | found
    # Contents, preface and index have no bookmark as a rule, but are set like chapters.
    chapter = min(
        (pages[page].lines[line].size for (page, line), head in found.items() if head.level == 1), default=0.0
    )
    taken = {(page, line + more) for (page, line), head in found.items() for more in range(head.lines)}
    as_chapters = {
        place: head._replace(level=1)
        for place, head in larger.items()
        if place not in taken and pages[place[0]].lines[place[1]].size > max(chapter - 0.5, 1.3 * metrics.size)
    }
    return found | as_chapters


def _named(pages: list[Page], bookmarks: list[Bookmark]) -> dict[tuple[int, int], Heading]:
    found: dict[tuple[int, int], Heading] = {}
    after = (0, -1)
    for mark in bookmarks:
        for page in (mark.page, mark.page + 1):
            place = (
                _find(pages[page].lines, mark.title, after[1] + 1 if page == after[0] else 0)
                if page < len(pages)
                else None
            )
            if place is None:
                continue
            line, count = place
            text = " ".join(each.text for each in pages[page].lines[line : line + count])
            if line and (page, line - 1) not in found and _CHAPTER.fullmatch(pages[page].lines[line - 1].text.strip()):
                line, count, text = line - 1, count + 1, f"{pages[page].lines[line - 1].text.strip()} {text}"
            found[page, line] = Heading(min(mark.level + 1, 6), text, count)
            after = (page, line + count - 1)
            break
    return found


def _find(lines: list[Line], title: str, start: int) -> tuple[int, int] | None:
    """The first line from `start` on at which `title` stands, and how many lines it takes."""
    wanted = _squashed(title)
    for first in range(start, len(lines)):
        text = ""
        for count in range(1, _LONGEST + 1):
            if first + count > len(lines) or len(text) > len(title) + 40:
                break
            text = f"{text} {lines[first + count - 1].text}".strip()
            number = _NUMBER.match(text)
            if wanted == _squashed(text) or (number and wanted == _squashed(text[number.end() :])):
                return first, count
    return None


def _squashed(text: str) -> str:
    return re.sub(r"[\s\u2010-\u2015-]+", "", text).casefold()


def _larger(pages: list[Page], metrics: Metrics) -> dict[tuple[int, int], Heading]:
    """Headings by font size: short lines, larger than the body, that do not end like a sentence."""
    candidates = {
        (number, index): line
        for number, page in enumerate(pages)
        for index, line in enumerate(page.lines)
        if line.size >= _LARGER * metrics.size and not line.mono and _can_be_heading(line)
    }
    sizes = sorted({round(line.size) for line in candidates.values()}, reverse=True)
    found: dict[tuple[int, int], Heading] = {}
    for (page, index), line in candidates.items():
        before = candidates.get((page, index - 1))
        start = next((i for i in range(index, -1, -1) if (page, i) in found), None)
        level = min(sizes.index(round(line.size)) + 1, 6)
        if (
            before
            and start is not None
            and round(before.size) == round(line.size)
            and start + found[page, start].lines == index
        ):
            head = found[page, start]
            found[page, start] = Heading(level, f"{head.text} {line.text}", head.lines + 1)
        else:
            found[page, index] = Heading(level, line.text, 1)
    return found


def _can_be_heading(line: Line) -> bool:
    text = line.text
    return 1 < len(text) <= 120 and any(map(str.isalpha, text)) and not text.endswith((".", "。", "，", ",", ";", "；"))
