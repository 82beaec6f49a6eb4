"""Running headers, footers and page numbers: found by what repeats from page to page, and taken away."""

from __future__ import annotations

import re
from collections import Counter

from datagen.readers.geometry import Line, Page

_PAGE_NUMBER = re.compile(
    r"[-–—\s|]*(?:(?:page|seite)\s+)?(?:\d{1,4}|[ivxlc]{1,7})(?:\s*(?:/|of|von)\s*\d{1,4})?[-–—\s|]*"
    r"|第?\s*\d{1,4}\s*页(?:[\s,，/]*共\s*\d{1,4}\s*页)?",
    re.I,
)
_BAND = 0.12  # headers and footers stand in the outer eighth of a page
_DEPTH = 2  # and have at most two lines
_SHARE = 0.5  # of the pages must carry a line in the same place, where only the place speaks for it


def without_furniture(pages: list[Page], body_size: float) -> list[Page]:
    """`pages` without headers, footers and page numbers.

    A line at the very edge goes when it is a page number; when its words (figures set aside) recur on several pages;
    or when, in no larger type than the body, a line stands at exactly that height, well apart from the text, on half
    the pages, as running heads do that name the chapter.
    """
    for depth in range(_DEPTH):
        for at_top in (True, False):
            edges = [_edge(page, at_top) for page in pages]
            words = Counter(_words(line) for line in edges if line)
            apart = [
                line if line and _stands_apart(page, line, at_top) and line.size < 1.1 * body_size else None
                for page, line in zip(pages, edges, strict=True)
            ]
            places = Counter(round(line.bottom) for line in apart if line)
            enough = max(3, _SHARE * len(pages)) if depth == 0 else len(pages) + 1
            pages = [
                _without(page, line)
                if line
                and (
                    _PAGE_NUMBER.fullmatch(line.text)
                    or words[_words(line)] >= max(3, 0.1 * len(pages))
                    or (alone and sum(places[round(line.bottom) + near] for near in (-1, 0, 1)) >= enough)
                )
                else page
                for page, line, alone in zip(pages, edges, apart, strict=True)
            ]
    return pages


def _edge(page: Page, at_top: bool) -> Line | None:
    """The outermost line of a page if it stands in the margin band."""
    if not page.lines:
        return None
    line = max(page.lines, key=lambda line: line.bottom) if at_top else min(page.lines, key=lambda line: line.bottom)
    inside = line.bottom > page.height * (1 - _BAND) if at_top else line.bottom < page.height * _BAND
    return line if inside else None


def _stands_apart(page: Page, edge: Line, at_top: bool) -> bool:
    others = [line.bottom for line in page.lines if abs(line.bottom - edge.bottom) > 0.5 * edge.size]
    if not others:
        return True
    distance = edge.bottom - max(others) if at_top else min(others) - edge.bottom
    return distance > 1.9 * edge.size


def _words(line: Line) -> str:
    return re.sub(r"[\divxlcIVXLC]+\b|\W+", " ", line.text).strip() or "#"


def _without(page: Page, edge: Line) -> Page:
    return page._replace(lines=[line for line in page.lines if abs(line.bottom - edge.bottom) > 0.3 * edge.size])
