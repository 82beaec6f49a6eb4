"""What a paragraph of a Word document is, by its style and the styles that this one is based on.

Word itself stores the names of its own styles in English whatever its language; other programs, and templates that were
made by hand, store `标题 1`. A style of another name is a heading all the same where it has an outline level.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from datagen.readers.numbering import W

_HEADING = re.compile(r"(?:heading|标题|標題|überschrift|titre|título|заголовок|見出し)\s*([1-9])", re.I)
_TITLE = re.compile(r"title|标题|標題|文档标题|titel|titre", re.I)
_CONTENTS = re.compile(r"(?:toc|目录|目錄)\s*\d|table of figures|图表目录|toc heading|contents \d", re.I)
_CODE = re.compile(r"(?:.*\W)?(?:code|preformatted(?: text)?|代码|源代码)", re.I)
_DEEPEST = 20  # styles based on one another; Word's own stay below 5


class Look(NamedTuple):
    """What a paragraph is: `heading` its level from 1 or 0; `number` the list it belongs to, `level` how deep in it."""

    heading: int = 0
    title: bool = False
    contents: bool = False
    code: bool = False
    number: str = ""
    level: int = 0


class Styles:
    """The styles of a document, by id."""

    def __init__(self, root: Any) -> None:
        """`root` is the element of styles.xml."""
        self._styles = {style.get(f"{W}styleId", ""): style for style in root.iter(f"{W}style")}
        plain = (s.get(f"{W}styleId", "") for s in root.iter(f"{W}style") if _is_default(s))
        self._default = next(plain, "")

    def look(self, paragraph: Any) -> Look:
        """What `paragraph`, a `w:p`, is."""
        own = paragraph.find(f"{W}pPr")
        chain = self._chain(_value(own, "pStyle") or self._default)
        names = [_value(style, "name") for style in chain]
        formats = [own, *(style.find(f"{W}pPr") for style in chain)]
        headings = [int(match.group(1)) for name in names if (match := _HEADING.fullmatch(name))]
        outline = next((text for form in formats if (text := _value(form, "outlineLvl"))), "")
        level = headings[0] if headings else int(outline) + 1 if outline.isdecimal() and int(outline) < 9 else 0
        number, depth = self._number(formats)
        return Look(
            heading=level,
            title=any(map(_TITLE.fullmatch, names[:1])),
            contents=any(map(_CONTENTS.fullmatch, names[:1])),
            code=any(map(_CODE.fullmatch, names)),
            number=number,
            level=depth or (max(level - 1, 0) if headings else 0),
        )

    def _chain(self, style_id: str) -> list[Any]:
        """A style and those it is based on."""
        chain: list[Any] = []
        while (style := self._styles.get(style_id)) is not None and len(chain) < _DEEPEST:
            chain.append(style)
            style_id = _value(style, "basedOn")
        return chain

    def _number(self, formats: list[Any]) -> tuple[str, int]:
        """The list and the level in it, each from the nearest format that names one; list 0 means none."""
        found = [form.find(f"{W}numPr") for form in formats if form is not None]
        found = [properties for properties in found if properties is not None]
        number = next((text for properties in found if (text := _value(properties, "numId"))), "")
        level = next((text for properties in found if (text := _value(properties, "ilvl"))), "0")
        return ("" if number == "0" else number), int(level) if level.isdecimal() else 0


def _is_default(style: Any) -> bool:
    return style.get(f"{W}type") == "paragraph" and style.get(f"{W}default") in ("1", "true")


def _value(element: Any, name: str) -> str:
    found = element.find(f"{W}{name}") if element is not None else None
    return str(found.get(f"{W}val", "")) if found is not None else ""
