"""Excel workbooks: each sheet a heading and its tables, values as the sheet shows them.

openpyxl in its streaming mode reads the cells with their number formats, and formulas by the value that was stored with
them. That mode knows no merged cells, so these are taken from the sheet's XML: a merged header names all its columns,
and a merged cell in the body says its word in every row that it covers, so that each row can be understood alone.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from datagen.readers import package
from datagen.readers.clean import characters
from datagen.readers.document import Document, Unreadable
from datagen.readers.grid import Grid, tables
from datagen.readers.shown import shown

# <mergeCell ref="A1:C2"/>, and formulas that were stored without a value, as programs write them.
_MERGED = re.compile(rb'<mergeCell [^>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_UNCOMPUTED = re.compile(rb"<f\b[^>]*(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v></v>|</c>)")
_MOST_COVERED = 1_000_000  # cells of all merged ranges of a sheet; a sheet merged as a whole has 17 thousand million
_MOST_CELLS = 5_000_000  # with text; more is a database


def read(data: bytes) -> Document:
    """The visible sheets, each a page and a `#` heading. Empty rows and columns are left out; hidden sheets are named.

    Raises Unreadable("broken" | "password" | "too_large" | "no_text").
    """
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    archive = package.opened(data)
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    except (InvalidFileException, KeyError, ValueError, TypeError, AttributeError, SyntaxError, OSError) as error:
        raise package.broken(error) from error
    except zipfile.BadZipFile as error:
        raise package.broken(error) from error
    text, starts, hidden, uncomputed = "", [], [], 0
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            hidden.append(sheet.title)
            continue
        starts.append(len(text))
        source = package.part(archive, sheet._worksheet_path)
        uncomputed += sum(1 for _ in _UNCOMPUTED.finditer(source))
        body = "\n\n".join(tables(_grid(sheet, source)))
        text += f"# {' '.join(sheet.title.split())}\n\n{body}\n\n" if body else ""
    if not text:
        raise Unreadable("no_text", "no sheet holds anything")
    notes = {"hidden_sheets": ", ".join(hidden)} if hidden else {}
    if uncomputed:
        notes["formulas_without_value"] = f"{uncomputed}; save the file in Excel or LibreOffice to compute them"
    title = " ".join((book.properties.title or "").split())
    return Document(kind="xlsx", text=text.rstrip("\n") + "\n", title=title, page_starts=tuple(starts), notes=notes)


def _grid(sheet: Any, source: bytes) -> Grid:
    cells: dict[tuple[int, int], str] = {}
    numbers: set[tuple[int, int]] = set()
    try:
        for place, value, number_format in _values(sheet):
            if text := characters(shown(value, number_format)).strip():
                cells[place] = text
                if not isinstance(value, str):
                    numbers.add(place)
            if len(cells) > _MOST_CELLS:
                raise Unreadable("too_large", f"a sheet holds more than {_MOST_CELLS:,} cells; split it")
    except (SyntaxError, KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise package.broken(error) from error
    return Grid(cells, numbers, list(_merged(source)))


def _values(sheet: Any) -> Iterator[tuple[tuple[int, int], object, str]]:
    sheet.reset_dimensions()  # what a file states about its own size is often wrong
    for row in sheet.iter_rows():
        for cell in row:
            if cell.value is not None:
                yield (cell.row, cell.column), cell.value, cell.number_format or "General"


def _merged(source: bytes) -> Iterator[tuple[int, int, int, int]]:
    """(first row, first column, last row, last column) of the merged ranges, as long as they are of a sane size."""
    covered = 0
    for left, top, right, bottom in _MERGED.findall(source):
        area = (int(top), _column(left), int(bottom), _column(right))
        covered += (area[2] - area[0] + 1) * (area[3] - area[1] + 1)
        if covered > _MOST_COVERED:
            return
        yield area


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number
