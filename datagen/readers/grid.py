"""The tables on a sheet: where they begin, which rows are their headers, and what stands around them.

A sheet is a plane with text on it. A row with one cell is a line of text (a title, a remark); rows of several cells are
a table, up to an empty row behind which another table begins. One or two empty rows inside a table are only spacing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from datagen.readers.tables import combined, guarded, markdown

_FIGURE = re.compile(r"[-+]?[\d.,:/%\s-]*\d[\d.,:/%\s-]*")
Place = tuple[int, int]  # row, column


@dataclass(frozen=True)
class Grid:
    """Cells with text by (row, column); those of numbers and dates; merged areas (top, left, bottom, right)."""

    cells: dict[Place, str]
    numbers: set[Place] = field(default_factory=set)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)


@dataclass
class _Row:
    number: int
    cells: dict[int, str]
    own: int  # cells that are its own, not spread over it by a merge from the left
    figures: int
    spread: bool  # a cell is merged over several of its columns, but not over all of it


def tables(grid: Grid) -> Iterator[str]:
    """The blocks of a sheet as Markdown, from top to bottom."""
    table: list[_Row] = []
    for block in _blocks(_rows(grid)):
        lines = 0
        while lines < len(block) and block[lines].own == 1:
            lines += 1
        if table and not (lines == 0 and _continues(table, block)):
            yield _table(table)
            table = []
        for row in block[:lines]:
            yield guarded(" ".join(dict.fromkeys(row.cells.values())))
        table += block[lines:]
    if table:
        yield _table(table)


def _rows(grid: Grid) -> list[_Row]:
    filled = dict(grid.cells)
    spread: dict[int, list[tuple[int, int]]] = {}
    copied: set[Place] = set()
    for top, left, bottom, right in grid.merged:
        if (text := grid.cells.get((top, left))) is None:
            continue
        if right > left:
            spread.setdefault(top, []).append((left, right))
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                if (row, column) not in filled:
                    filled[row, column] = text
                    if column > left:
                        copied.add((row, column))
    found: list[_Row] = []
    for number, places in groupby(sorted(filled), key=lambda place: place[0]):
        columns = [column for _, column in places]
        cells = {column: filled[number, column] for column in columns}
        own = [column for column in columns if (number, column) not in copied]
        figures = sum((number, column) in grid.numbers or bool(_FIGURE.fullmatch(cells[column])) for column in own)
        found.append(_Row(number, cells, len(own), figures, bool(spread.get(number)) and len(own) > 1))
    return found


def _blocks(rows: list[_Row]) -> Iterator[list[_Row]]:
    """Rows that follow one another without an empty row."""
    block: list[_Row] = []
    for row in rows:
        if block and row.number > block[-1].number + 1:
            yield block
            block = []
        block.append(row)
    if block:
        yield block


def _continues(table: list[_Row], block: list[_Row]) -> bool:
    """Whether a block after empty rows is more of the same table: near, no wider, and not led by names of its own."""
    near = block[0].number - table[-1].number <= 3
    fits = set(block[0].cells) <= set(table[0].cells)
    headed = block[0].figures == 0 and any(row.figures for row in block[1:])
    return near and fits and not headed


def _table(rows: list[_Row]) -> str:
    columns = sorted({column for row in rows for column in row.cells})
    lines = [[row.cells.get(column, "") for column in columns] for row in rows]
    # A header may have two floors: names merged over several columns, and those columns' own names below.
    floors = 2 if rows[0].spread and len(rows) > 2 and not rows[0].figures and not rows[1].figures else 1
    if rows[0].figures * 2 > rows[0].own:  # figures in the first row: there is no header, so the columns' letters
        return markdown([_letters(column) for column in columns], [_once(line) for line in lines])
    body = [_once(line, row) for line, row in zip(lines[floors:], rows[floors:], strict=True)]
    return markdown(combined(lines[:floors]), body)


def _once(line: list[str], row: _Row | None = None) -> list[str]:
    """A body row with a text that was merged over several columns in the first of them only."""
    if row is not None and not row.spread and row.own == len(row.cells):
        return line
    return [cell if not number or cell != line[number - 1] else "" for number, cell in enumerate(line)]


def _letters(column: int) -> str:
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name
