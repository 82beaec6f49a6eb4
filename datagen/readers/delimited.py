"""CSV and its kin: encoding and delimiter found out, the first row as header, the rest as Markdown tables."""

from __future__ import annotations

import csv
import re
from collections import Counter

from datagen.readers.clean import characters
from datagen.readers.document import Document, Unreadable
from datagen.readers.encoding import decode
from datagen.readers.grid import Grid, tables

_DELIMITERS = (",", "\t", ";", "|")
_NAMED = re.compile(r"sep=([,;|\t])\n", re.I)
_LOOKED_AT = 50  # rows by which the delimiter is judged


def read(data: bytes) -> Document:
    """The rows of a delimited file as tables. Raises Unreadable("broken" | "encoding" | "no_text")."""
    content = characters(decode(data))
    mark = delimiter(content)
    if named := _NAMED.match(content):  # Excel's own way to name the delimiter, in a first line
        mark, content = named.group(1), content[named.end() :]
    rows = _rows(content, mark)
    cells = {
        (number, column): text
        for number, row in enumerate(rows, 1)
        for column, cell in enumerate(row, 1)
        if (text := cell.strip())
    }
    text = "\n\n".join(tables(Grid(cells)))
    if not text:
        raise Unreadable("no_text", "it holds only empty cells")
    return Document(kind="csv", text=text + "\n")


def delimiter(content: str) -> str:
    """What parts the cells: the mark that gives most rows the same number of cells, more than one."""
    sample = content[:200_000]

    def evenness(mark: str) -> tuple[float, int]:
        counts = Counter(len(row) for row in _rows(sample, mark, _LOOKED_AT) if row)
        width, times = max(counts.items(), key=lambda item: (item[0] > 1, item[1])) if counts else (1, 1)
        return (times / sum(counts.values()) if width > 1 else 0.0), width

    return max(_DELIMITERS, key=evenness)


def _rows(content: str, mark: str, most: int | None = None) -> list[list[str]]:
    csv.field_size_limit(2**31 - 1)
    found: list[list[str]] = []
    try:
        for row in csv.reader(content.splitlines(keepends=True), delimiter=mark):
            found.append(row)
            if most is not None and len(found) >= most:
                break
    except csv.Error as error:
        raise Unreadable("broken", f"line {len(found) + 1} is not CSV: {error}") from error
    return found
