"""Rows of cells to Markdown, in pieces that each keep their header.

A table longer than a passage would be cut between its rows, and the rows of the second passage would no longer tell
what their figures mean. So a long table is written as several short ones, each under the same header: a passage holds
whole ones, and each row can be cited where it stands, below the names of its columns. A row that is longer than a
table's row can be, such as a question with its answer, is written as a section of `name: value` lines instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from datagen.documents import chunk

# Two pieces and a heading fill a passage of 320 tokens, which is the default of `tokens`.
_PIECE = 140
# A row of more tokens, with its header, is no table to a reader any more.
_ROW = 200
# A field of more tokens is a paragraph of its own below its name.
_LONG_FIELD = 30

Row = Sequence[str]


def markdown(header: Row, rows: Iterable[Row]) -> str:
    """The table as Markdown pieces, a blank line between them. Empty rows and columns are left out.

    Cells may hold line breaks: they become spaces. A header without rows is a line of text.
    """
    names, body = _without_empty(header, [[cell.strip() for cell in row] for row in rows])
    if not body:
        return " ".join(filter(None, names))
    if len(names) == 1:
        return "\n\n".join(filter(None, [*names, *(guarded(row[0]) for row in body)]))
    return "\n\n".join(_pieces(names, body))


def fields(pairs: Iterable[tuple[str, str]]) -> str:
    """`name: value` lines, as a list; a long value stands as paragraphs below its name."""
    lines: list[str] = []
    for name, value in pairs:
        if not value.strip():
            continue
        if "\n" in value.strip() or chunk.size(value) > _LONG_FIELD:
            lines.append(f"\n{name}:\n\n{guarded(value.strip())}\n")
        else:
            lines.append(f"- {name}: {_flat(value)}")
    return "\n".join(lines).strip("\n")


def guarded(text: str) -> str:
    """Text whose lines cannot be taken for headings: a reader alone says what is one."""
    return "\n".join(f"\\{line.lstrip()}" if line.lstrip().startswith("#") else line for line in text.split("\n"))


def combined(headers: Sequence[Row]) -> list[str]:
    """Several header rows as one: `Pressure` above `lowest` gives `Pressure lowest`."""
    return [" ".join(dict.fromkeys(filter(None, map(_flat, column)))) for column in zip(*headers, strict=True)]


def _pieces(names: list[str], rows: list[list[str]]) -> Iterator[str]:
    head = f"{_line(names)}\n{_line(['---'] * len(names))}"
    empty = chunk.size(head)
    piece: list[str] = []
    held = empty
    for row in rows:
        line = _line(row)
        tokens = chunk.size(line)
        too_long = empty + tokens > _ROW
        if piece and (too_long or held + tokens > _PIECE):
            yield "\n".join([head, *piece])
            piece, held = [], empty
        if too_long:
            yield fields((name or "·", cell) for name, cell in zip(names, row, strict=True))
        else:
            piece.append(line)
            held += tokens
    if piece:
        yield "\n".join([head, *piece])


def _without_empty(header: Row, rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Rows of one width, without those that are empty, and without columns that hold nothing below their name."""
    width = max([len(header), *map(len, rows)])
    names = [*map(_flat, header), *[""] * (width - len(header))]
    body = [[*row, *[""] * (width - len(row))] for row in rows if any(row)]
    kept = [column for column in range(width) if any(row[column] for row in body)] if body else list(range(width))
    return [names[column] for column in kept], [[row[column] for column in kept] for row in body]


def _line(cells: Row) -> str:
    return f"| {' | '.join(_flat(cell).replace('|', chr(92) + '|') for cell in cells)} |"


def _flat(cell: str) -> str:
    return " ".join(cell.split())
