"""Word documents to Markdown: headings by style or outline level, lists with their numbers, tables, notes, text boxes.

python-docx opens the package; the body is walked here, because its own walk passes over content controls, inserted
text, notes and text boxes, and cannot tell what a tracked change has deleted. Word's marks of where a page began when
it last laid the document out become the pages; a document that Word never laid out has none.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from datagen.readers import package
from datagen.readers.clean import characters
from datagen.readers.document import Document, Unreadable
from datagen.readers.grid import Grid, tables
from datagen.readers.numbering import Numbering, W
from datagen.readers.tables import guarded
from datagen.readers.wordstyles import Look, Styles

_PAGE = "\ue000"  # stands in the text for the beginning of a page until all of it is there
_NOTES = (("footnotes", "footnote"), ("endnotes", "endnote"))
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
# Elements whose text is not in the document as it reads now: deleted or moved away, field codes, formatting.
_GONE = {f"{W}{name}" for name in ("del", "moveFrom", "delText", "instrText", "rPr", "pPr", "rt", "sdtPr", "sdtEndPr")}
_LABEL = re.compile(r"\(?\d{1,3}(?:[.)、]|$)")


def read(data: bytes) -> Document:
    """The document as it reads with all tracked changes accepted. Headers, footers, comments and hidden text are left
    out, and so is a table of contents. Raises Unreadable("broken" | "password" | "too_large" | "no_text")."""
    from docx import Document as open_document
    from docx.opc.exceptions import PackageNotFoundError

    package.opened(data)
    try:
        opened = open_document(io.BytesIO(data))
        walk = _Walk(opened)
        walk.body(opened.element.body)
    except (PackageNotFoundError, KeyError, ValueError, TypeError, AttributeError, SyntaxError) as error:
        raise package.broken(error) from error
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as error:
        raise package.broken(error) from error
    text, starts = _pages(walk.text())
    if not text.strip():
        raise Unreadable("no_text", "it holds no text; are its pages pictures?")
    title = walk.title or " ".join((opened.core_properties.title or "").split())
    return Document(kind="docx", text=text, title=title, page_starts=starts)


def _pages(text: str) -> tuple[str, tuple[int, ...]]:
    """The text without its page marks, and where each page begins."""
    starts, length = [0], 0
    parts = text.split(_PAGE)
    for part in parts[:-1]:
        length += len(part)
        starts.append(length)
    return "".join(parts), tuple(starts) if len(parts) > 1 else ()


@dataclass
class _Paragraph:
    """What one paragraph says: its text, the notes that it points to, and the text boxes that hang on it."""

    text: str = ""
    notes: list[str] = field(default_factory=list)
    boxes: list[Any] = field(default_factory=list)


class _Walk:
    """Goes through the body once and collects blocks of Markdown."""

    def __init__(self, opened: Any) -> None:
        parts = {rel.reltype: rel.target_part for rel in opened.part.rels.values() if not rel.is_external}
        numbering = parts.get(f"{_RELATED}numbering")
        self._styles = Styles(opened.styles.element)
        self._numbering = Numbering(_root(numbering) if numbering is not None else None)
        self._notes = {kind: _notes(parts.get(_RELATED + part), kind) for part, kind in _NOTES}
        self._blocks: list[tuple[str, str]] = []  # (kind, Markdown); neighbours of one kind may be joined
        self._under_title = 0
        self.title = ""

    def text(self) -> str:
        joined, before = "", ""
        for kind, block in self._blocks:
            tight = kind == before and kind in ("item", "code")
            if kind == "code" and not tight:
                block = f"```\n{block}"
            if before == "code" and kind != "code":
                joined += "\n```"
            joined += ("\n" if tight else "\n\n" if joined else "") + block
            before = kind
        return joined + ("\n```\n" if before == "code" else "\n")

    def body(self, container: Any) -> None:
        """Paragraphs and tables of the body, or of anything that wraps a part of it."""
        for element in container:
            if element.tag == f"{W}p":
                self._paragraph(element)
            elif element.tag == f"{W}tbl":
                self._table(element)
            elif element.tag not in _GONE and isinstance(element.tag, str):
                self.body(element)

    def _paragraph(self, element: Any) -> None:
        look = self._styles.look(element)
        said = self._said(element)
        number = self._numbering.label(look.number, look.level) if look.number else None
        if said.text.strip(f" \n{_PAGE}") and not look.contents:
            self._add(look, said.text, number)
        elif _PAGE in said.text and self._blocks:
            self._blocks[-1] = (self._blocks[-1][0], self._blocks[-1][1] + _PAGE * said.text.count(_PAGE))
        for note in said.notes:
            self._blocks.append(("note", note))
        for box in said.boxes:
            self.body(box)

    def _add(self, look: Look, text: str, number: str | None) -> None:
        if look.code:
            self._blocks.append(("code", text.strip("\n")))
            return
        flat = " ".join(text.split())
        if look.title and not self.title and not any(kind == "heading" for kind, _ in self._blocks):
            self.title, self._under_title = flat.replace(_PAGE, ""), 1
            self._blocks.append(("heading", f"# {flat}"))
        elif look.heading:
            level = min(look.heading + self._under_title, 6)
            self._blocks.append(("heading", f"{'#' * level} {number + ' ' if number else ''}{flat}"))
        elif number is not None:
            mark = number if _LABEL.match(number) else f"- {number}".rstrip()
            self._blocks.append(("item", f"{'  ' * look.level}{mark} {flat}"))
        else:
            lines = (" ".join(line.split()) for line in text.strip().split("\n"))
            self._blocks.append(("prose", guarded("\n".join(lines))))

    def _said(self, element: Any) -> _Paragraph:
        said = _Paragraph()
        pieces: list[str] = []
        for node in _inline(element):
            if node.tag == f"{W}t":
                pieces.append(characters(node.text or "").replace(_PAGE, ""))
            elif node.tag == f"{_MATH}t":
                pieces.append(characters(node.text or ""))
            elif node.tag == f"{W}tab":
                pieces.append(" ")
            elif node.tag in (f"{W}br", f"{W}cr"):
                pieces.append("\n" if node.get(f"{W}type") in (None, "textWrapping") else "")
            elif node.tag == f"{W}noBreakHyphen":
                pieces.append("-")
            elif node.tag == f"{W}lastRenderedPageBreak":
                pieces.append(_PAGE)
            elif node.tag == f"{W}txbxContent":
                said.boxes.append(node)
            elif node.tag in (f"{W}footnoteReference", f"{W}endnoteReference"):
                pieces.append(self._note(node, said))
        said.text = "".join(pieces)
        return said

    def _note(self, node: Any, said: _Paragraph) -> str:
        """The mark of a note in the text. The note itself follows its paragraph, so that a passage keeps the two."""
        kind = "endnote" if node.tag.endswith("endnoteReference") else "footnote"
        number = node.get(f"{W}id", "")
        element = self._notes[kind].get(number)
        if element is None:
            return ""
        mark = f"[^{'e' if kind == 'endnote' else ''}{number}]"
        words = " ".join(" ".join(self._said(p).text.split()) for p in element.iter(f"{W}p"))
        if words:
            said.notes.append(f"{mark}: {words}")
        return mark if words else ""

    def _table(self, element: Any) -> None:
        grid, pages = self._grid(element)
        if all(column == 1 for _, column in grid.cells):  # a frame around text
            blocks = [guarded(text) for _, text in sorted(grid.cells.items())]
        else:
            blocks = list(tables(grid))
        self._blocks += [("table", block) for block in blocks]
        if pages and self._blocks:
            self._blocks[-1] = (self._blocks[-1][0], self._blocks[-1][1] + _PAGE * pages)

    def _grid(self, element: Any) -> tuple[Grid, int]:
        """The cells by row and column with what is merged, and how many pages begin within the table."""
        cells: dict[tuple[int, int], str] = {}
        open_: dict[int, list[int]] = {}  # column -> [top, left, bottom, right] of the cell that may go on below
        merged: list[list[int]] = []
        pages = 0
        for number, row in enumerate(_rows(element), 1):
            column = 1 + _number(row.find(f"{W}trPr/{W}gridBefore"), 0)
            for cell in _within(row, f"{W}tc"):
                span = _number(cell.find(f"{W}tcPr/{W}gridSpan"), 1)
                merge = cell.find(f"{W}tcPr/{W}vMerge")
                if merge is not None and merge.get(f"{W}val") != "restart" and column in open_:
                    open_[column][2] = number
                else:
                    text = self._cell(cell)
                    pages += text.count(_PAGE)
                    if text := text.replace(_PAGE, ""):
                        cells[number, column] = text
                    open_[column] = [number, column, number, column + span - 1]
                    merged.append(open_[column])
                column += span
        areas = [(top, left, bottom, right) for top, left, bottom, right in merged if top < bottom or left < right]
        return Grid(cells, merged=areas), pages

    def _cell(self, cell: Any) -> str:
        texts: list[str] = []
        for paragraph in _within(cell, f"{W}p"):
            said = self._said(paragraph)
            boxed = (self._said(inner).text for box in said.boxes for inner in _within(box, f"{W}p"))
            texts += [said.text.strip(), *said.notes, *boxed]
        return " ".join(filter(None, texts))


def _inline(element: Any) -> Iterator[Any]:
    """The elements of a paragraph that stand for text, in order; of alternatives the first one."""
    for child in element:
        if child.tag in _GONE or (child.tag == f"{W}r" and child.find(f"{W}rPr/{W}vanish") is not None):
            continue
        if child.tag == f"{W}txbxContent":
            yield child
        elif child.tag == f"{_MC}AlternateContent":
            yield from (found for found in _inline_of_first(child))
        elif len(child):
            yield from _inline(child)
        else:
            yield child


def _inline_of_first(alternatives: Any) -> Iterator[Any]:
    chosen = alternatives.find(f"{_MC}Choice")
    if chosen is None or chosen.find(f".//{W}txbxContent") is None:
        fallback = alternatives.find(f"{_MC}Fallback")
        chosen = fallback if fallback is not None else chosen
    return _inline(chosen) if chosen is not None else iter(())


def _within(element: Any, tag: str) -> Iterator[Any]:
    """Children of that tag, also inside content controls, insertions and nested tables, not those deleted."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag not in _GONE and isinstance(child.tag, str):
            yield from _within(child, tag)


def _rows(table: Any) -> Iterator[Any]:
    for row in _within(table, f"{W}tr"):
        if row.find(f"{W}trPr/{W}del") is None:
            yield row


def _number(element: Any, default: int) -> int:
    text = element.get(f"{W}val", "") if element is not None else ""
    return min(int(text), 1_000) if text.isdecimal() else default


def _root(part: Any) -> Any:
    from docx.oxml import parse_xml

    return parse_xml(part.blob)


def _notes(part: Any, kind: str) -> dict[str, Any]:
    """Notes by their id, without the lines that part notes from text."""
    if part is None:
        return {}
    found = _root(part).iter(f"{W}{kind}")
    return {note.get(f"{W}id", ""): note for note in found if note.get(f"{W}type") in (None, "normal")}
