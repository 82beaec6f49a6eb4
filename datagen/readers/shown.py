"""A spreadsheet's value as the sheet shows it: by its number format, units and currency included.

Not the whole language of number formats: fractions, exponents and colours by condition are shown as plain numbers.
Dates are written in the one order that nobody misreads, 2026-03-05, unless the format is the Chinese one.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Decimal

_LITERAL = re.compile(r'"([^"]*)"|\\(.)|\[\$([^\]-]*)[^\]]*\]|_.|\*.|\[[^\]]*\]')
_DIGITS = re.compile(r"[#0?][#0?,]*(?:\.[#0?]*)?,*")


def shown(value: object, number_format: str = "General") -> str:
    """`value` as text. Nothing for an empty cell or an error such as #N/A."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, dt.datetime | dt.date | dt.time | dt.timedelta):
        return _moment(value, number_format)
    if isinstance(value, int | float):
        return _number(value, number_format)
    text = str(value).strip()
    return "" if re.fullmatch(r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!)", text) else text


def _moment(value: dt.date | dt.time | dt.timedelta, number_format: str) -> str:
    if isinstance(value, dt.datetime):
        clock = _clock(value.time()) if re.search("h", number_format, re.I) or value.time() != dt.time() else ""
        return " ".join(filter(None, (_day(value.date(), number_format), clock)))
    if isinstance(value, dt.date):
        return _day(value, number_format)
    return _clock(value) if isinstance(value, dt.time) else str(value)


def _day(day: dt.date, number_format: str) -> str:
    if "年" not in number_format:
        return day.isoformat()
    return f"{day.year}年{day.month}月" + (f"{day.day}日" if "日" in number_format else "")


def _clock(time: dt.time) -> str:
    return time.strftime("%H:%M:%S" if time.second else "%H:%M")


def _number(value: float, number_format: str) -> str:
    sections = number_format.split(";")
    section = sections[1] if value < 0 and len(sections) > 1 else sections[0]
    marks = {"before": "", "after": ""}
    bare = _LITERAL.sub("", section)
    digits = _DIGITS.search(bare)
    if not digits or re.search(r"[Ee][+-]|/|@|General", bare):
        return _plain(value)
    # Literals stand before or after the digits; those in between, as in telephone numbers, are rare and left out.
    found = _DIGITS.search(_LITERAL.sub(lambda match: " " * len(match.group()), section))
    for match in _LITERAL.finditer(section):
        side = "before" if found and match.start() < found.start() else "after"
        marks[side] += next(filter(None, match.groups()), "")
    around = (bare[: digits.start()], bare[digits.end() :])
    scaled = Decimal(str(value)) * (100 if "%" in bare else 1)
    if value < 0 and len(sections) > 1:  # the section for negative numbers brings its own sign, or brackets
        scaled = abs(scaled)
    before, after = marks["before"] + around[0].strip(), around[1].strip() + marks["after"]
    return f"{before}{_digits(scaled, digits.group())}{after}".strip()


def _digits(value: Decimal, pattern: str) -> str:
    whole, _, part = pattern.rstrip(",").partition(".")
    value = value / (1000 ** (len(pattern) - len(pattern.rstrip(","))))  # a comma at the end shows thousands
    rounded = value.quantize(Decimal(1).scaleb(-len(part)), ROUND_HALF_UP)
    text = f"{rounded:{',' if ',' in whole else ''}f}"
    optional = len(part) - len(part.rstrip("#?"))
    while optional and text.endswith("0"):
        text, optional = text[:-1], optional - 1
    sign, text = ("-", text[1:]) if text.startswith("-") else ("", text)
    return sign + text.rstrip(".").rjust(whole.count("0"), "0")


def _plain(value: float) -> str:
    """As Excel's General: 15 digits, so that 0.1 + 0.2 is 0.3, and whole numbers without a point."""
    whole = isinstance(value, int) or (value == int(value) and abs(value) < 10**15)
    return str(int(value)) if whole else f"{value:.15g}"
