"""Where documents gave nothing: pages or headings with passages and without records, as runs and in words."""

from __future__ import annotations

from curate.report.model_records import Document
from curate.report.words import Words


def gaps(document: Document, words: Words) -> str:
    """The places with passages and without records: `pages 3, 7–9`; headings by name."""
    empty = [(i, cell) for i, cell in enumerate(document.cells, 1) if cell.passages and not cell.records]
    if not empty:
        return ""
    if document.by == "heading":
        return words.listed([cell.label.rsplit(" › ", 1)[-1] for _, cell in empty], most=8)
    told = words.listed([str(a) if a == b else f"{a}–{b}" for a, b in _runs([i for i, _ in empty])], most=12)
    if document.by == "page":
        return words("page {n}" if len(empty) == 1 else "pages {n}", n=told)
    return words("passage {n}" if len(empty) == 1 else "passages {n}", n=told)


def longest(document: Document) -> tuple[int, int]:
    """First and last of the longest run of pages, headings or passages that gave nothing; (1, 0) where each gave.

    Pages without any passage (blank ones, contents) neither count nor break a run.
    """
    best, begun, last = (1, 0), 0, 0
    size = most = 0
    for place, cell in enumerate(document.cells, 1):
        if not cell.passages:
            continue
        if cell.records:
            begun = size = 0
            continue
        begun, last, size = begun or place, place, size + 1
        if size > most:
            best, most = (begun, last), size
    return best


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for value in numbers:
        if runs and value == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], value)
        else:
            runs.append((value, value))
    return runs
