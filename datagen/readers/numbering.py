"""The numbers that Word shows in front of headings and list items and does not write into their text."""

from __future__ import annotations

import re
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_CHINESE = "零一二三四五六七八九"
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
          (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


class Numbering:
    """The counters of a document, told of each numbered paragraph in turn."""

    def __init__(self, root: Any) -> None:
        """`root` is the element of numbering.xml, or None where a document has none."""
        self._levels: dict[str, dict[int, Any]] = {}
        self._abstract: dict[str, str] = {}
        self._counts: dict[str, list[int]] = {}
        if root is None:
            return
        for abstract in root.iter(f"{W}abstractNum"):
            levels = {int(level.get(f"{W}ilvl", "0")): level for level in abstract.iter(f"{W}lvl")}
            self._levels[abstract.get(f"{W}abstractNumId", "")] = levels
        for number in root.iter(f"{W}num"):
            self._abstract[number.get(f"{W}numId", "")] = _value(number.find(f"{W}abstractNumId"))

    def label(self, number_id: str, level: int) -> str | None:
        """The next label on that level: `2.1`, `（三）`; empty for a bullet, None where the list is not defined."""
        abstract = self._abstract.get(number_id, "")
        levels = self._levels.get(abstract, {})
        if level not in levels:
            return None
        if (form := _value(levels[level].find(f"{W}numFmt"))) in ("bullet", "none"):
            return ""
        counts = self._counts.setdefault(abstract, [])
        while len(counts) <= level:
            counts.append(_start(levels.get(len(counts))) - 1)
        counts[level] += 1
        del counts[level + 1 :]
        # A level that was passed over counts as begun.
        shown = [max(count, 1) for count in counts[:level]] + [counts[level]]

        def one(match: re.Match[str]) -> str:
            place = int(match.group(1)) - 1
            if place >= len(shown):
                return ""
            return _counted(shown[place], form if place == level else _value(levels[place].find(f"{W}numFmt")))

        return re.sub(r"%([1-9])", one, _value(levels[level].find(f"{W}lvlText"))).strip()


def _value(element: Any) -> str:
    return str(element.get(f"{W}val", "")) if element is not None else ""


def _start(level: Any) -> int:
    text = _value(level.find(f"{W}start")) if level is not None else ""
    return int(text) if text.isdecimal() else 1


def _counted(count: int, form: str) -> str:
    if form.startswith(("chinese", "taiwanese", "ideograph", "japanese")) and form != "ideographDigital":
        return _chinese(count)
    if form in ("lowerLetter", "upperLetter"):
        letter = chr(97 + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return letter if form == "lowerLetter" else letter.upper()
    if form in ("lowerRoman", "upperRoman"):
        return _roman(count) if form == "lowerRoman" else _roman(count).upper()
    return str(count).rjust(2, "0") if form == "decimalZero" else str(count)


def _chinese(count: int) -> str:
    if count >= 100:
        return str(count)
    tens, ones = divmod(count, 10)
    ten = "" if not tens else "十" if tens == 1 else f"{_CHINESE[tens]}十"
    return ten + (_CHINESE[ones] if ones or not tens else "")


def _roman(count: int) -> str:
    text = ""
    for value, mark in _ROMAN:
        text += mark * (count // value)
        count %= value
    return text
