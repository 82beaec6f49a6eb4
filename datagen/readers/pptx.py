"""PowerPoint slides to Markdown: each slide a page, its title a heading, then what stands on it, then what is said.

Shapes come in the order in which a screen reader takes them, which is the file's own. Speaker's notes follow the slide
as plain paragraphs: they are often the only whole sentences of a talk. Charts are given as the tables behind them.
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
from datagen.readers.tables import guarded, markdown

_DIAGRAM = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/diagramData"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_UNNAMED = re.compile(r"(?:PowerPoint )?(?:Presentation|演示文稿|簡報)|(?:Slide|幻灯片) ?1", re.I)  # what nobody named
_FURNITURE = (13, 15, 16)  # PP_PLACEHOLDER: slide number, footer, date


def read(data: bytes) -> Document:
    """The visible slides. Hidden ones keep their number, so that pages are those of the file.

    Raises Unreadable("broken" | "password" | "too_large" | "no_text").
    """
    from pptx import Presentation
    from pptx.exc import PythonPptxError

    package.opened(data)
    try:
        show = Presentation(io.BytesIO(data))
        slides = [_slide(slide) for slide in show.slides]
    except (PythonPptxError, KeyError, ValueError, TypeError, AttributeError, SyntaxError, IndexError) as error:
        raise package.broken(error) from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
        raise package.broken(error) from error
    if not any(slides):
        raise Unreadable("no_text", "it holds no text; are its slides pictures?")
    text, starts = "", []
    for slide_text in slides:
        starts.append(len(text))
        text += f"{slide_text}\n\n" if slide_text else ""
    hidden = sum(slide._element.get("show") == "0" for slide in show.slides)
    return Document(
        kind="pptx",
        text=text.rstrip("\n") + "\n",
        title="" if _UNNAMED.fullmatch(title := _flat(show.core_properties.title or "")) else title,
        page_starts=tuple(starts),
        notes={"hidden_slides": str(hidden)} if hidden else {},
    )


def _slide(slide: Any) -> str:
    if slide._element.get("show") == "0":
        return ""
    title = slide.shapes.title
    heading = _flat(title.text_frame.text) if title is not None and title.has_text_frame else ""
    blocks = [f"# {heading}"] if heading else []
    for shape in _shapes(slide.shapes):
        if title is None or shape.shape_id != title.shape_id:
            blocks += _blocks(shape)
    if slide.has_notes_slide and (frame := slide.notes_slide.notes_text_frame) is not None:
        blocks += [guarded(line) for line in map(_flat, frame.text.split("\n")) if line]
    return "\n\n".join(filter(None, blocks))


def _shapes(shapes: Any) -> Iterator[Any]:
    """Shapes that are text of the slide, those in groups too."""
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes)
        elif not (shape.is_placeholder and shape.placeholder_format.type in _FURNITURE):
            yield shape


def _blocks(shape: Any) -> Iterator[str]:
    if getattr(shape, "has_table", False):
        yield from tables(_grid(shape.table))
    elif getattr(shape, "has_chart", False):
        yield from _chart(shape.chart)
    elif shape.has_text_frame:
        yield from _paragraphs(shape)
    else:
        yield from _diagram(shape)


def _paragraphs(shape: Any) -> Iterator[str]:
    """A body's paragraphs as a list, those of a text box as they are; one paragraph alone is no list."""
    lines = [(paragraph.level, _flat(paragraph.text)) for paragraph in shape.text_frame.paragraphs]
    lines = [(level, line) for level, line in lines if line]
    if len(lines) > 1 and shape.is_placeholder:
        yield "\n".join(f"{'  ' * level}- {line}" for level, line in lines)
    else:
        yield from (guarded(line) for _, line in lines)


def _grid(table: Any) -> Grid:
    cells, merged = {}, []
    for row, cells_of_row in enumerate(table.rows, 1):
        for column, cell in enumerate(cells_of_row.cells, 1):
            if cell.is_merge_origin:
                merged.append((row, column, row + cell.span_height - 1, column + cell.span_width - 1))
            if not cell.is_spanned and (text := _flat(cell.text)):
                cells[row, column] = text
    return Grid(cells, merged=merged)


def _chart(chart: Any) -> Iterator[str]:
    """The title of a chart and its figures: a row for each category, a column for each series.

    From its XML, for the library does not know charts in three dimensions and other rare ones.
    """
    if chart.has_title and chart.chart_title.has_text_frame:
        yield guarded(_flat(chart.chart_title.text_frame.text))
    names: list[str] = []
    rows: dict[int, list[str]] = {}
    for number, series in enumerate(chart._chartSpace.xpath(".//c:ser"), 1):
        names.append(_flat("".join(series.xpath("./c:tx//c:v/text()"))))
        for place, text in _points(series, "val", "yVal"):
            row = rows.setdefault(place, [""])
            row += [""] * (number - len(row)) + [shown(float(text)) if _is_number(text) else text]
        for place, text in _points(series, "cat", "xVal"):
            if place in rows and not rows[place][0]:
                rows[place][0] = _category(series, text)
    if rows:
        yield markdown(["", *names], [row for _, row in sorted(rows.items())])


def _points(series: Any, *names: str) -> list[tuple[int, str]]:
    points = [point for name in names for point in series.xpath(f"./c:{name}//c:pt")]
    return [(int(point.get("idx", "0")), "".join(point.xpath("./c:v/text()"))) for point in points]


def _category(series: Any, text: str) -> str:
    """A category as its axis shows it: dates are stored as numbers of days."""
    form = "".join(series.xpath("./c:cat//c:formatCode/text()"))
    if not (_is_number(text) and re.search("[ymd年月日]", form) and "General" not in form):
        return _flat(text)
    from openpyxl.utils.datetime import from_excel

    return shown(from_excel(float(text)), form)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _diagram(shape: Any) -> Iterator[str]:
    """The words of a SmartArt diagram, which lie in a part of their own."""
    from lxml import etree

    related = shape._element.xpath(".//*[local-name()='relIds']/@*[local-name()='dm']")
    for reference in related:
        if (relation := shape.part.rels.get(reference)) is None or relation.reltype != _DIAGRAM:
            continue
        root = etree.fromstring(relation.target_part.blob, etree.XMLParser(resolve_entities=False, no_network=True))
        texts = (_flat("".join(t.text or "" for t in p.iter(f"{_A}t"))) for p in root.iter(f"{_A}p"))
        yield "\n".join(f"- {text}" for text in texts if text)


def _flat(text: str) -> str:
    return " ".join(characters(text).split())
