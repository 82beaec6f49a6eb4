"""Two runs side by side: compare.html, one file that opens offline, and compare.json with the same figures.

`seedbed report --compare RUN1 RUN2`. Both runs are read as `build` reads one; neither is changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from curate.report import build as single
from curate.report.comparison import Compared, Row, Table, compared
from curate.report.page import fill
from curate.report.words import Words, money, number, signed
from seedbed import jsonl


def build(first: Path, second: Path, out: Path, language: Literal["auto", "en", "zh"] = "auto") -> Path:
    """Writes compare.html and compare.json into `out`; returns the path of the page.

    Stages that are not finished are left out. Raises InputError where one of the two is no run with a finished stage.
    """
    options = single.Options(samples=0, points=0, language=language)
    later = single.of_run(second, options)
    earlier = single.of_run(first, msgspec.structs.replace(options, language=later.language))
    found = compared(earlier, later, Words(later.language), _names(first, second, (earlier.title, later.title)))
    encoded = msgspec.json.format(msgspec.json.encode(found), indent=1)
    jsonl.write_text(out / "compare.json", encoded.decode() + "\n")
    jsonl.write_text(out / "compare.html", render(found))
    return out / "compare.html"


def _names(first: Path, second: Path, titles: tuple[str, str]) -> tuple[str, str]:
    """By their titles; by their folders where two runs of one job have the same."""
    if titles[0] != titles[1]:
        return titles
    one, two = first.resolve().parts, second.resolve().parts
    # As many folders as it takes to tell them apart.
    size = next((n for n in range(1, max(len(one), len(two))) if one[-n:] != two[-n:]), 1)
    return "/".join(one[-size:]), "/".join(two[-size:])


def render(found: Compared) -> str:
    """The whole HTML page."""
    words = Words(found.language)
    return fill("compare.html.j2", words, found=found, figure=Figures(words), width=width)


class Figures:
    """A row's figures as people read them."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def value(self, row: Row, value: float | None) -> str:
        """A figure of one run; a dash where it has none."""
        if value is None:
            return "–"
        match row.unit:
            case "share":
                return self._words.percent(value)
            case "seconds":
                return self._words.seconds(value)
            case "tokens":
                return self._words.short(round(value))
            case "money":
                return money(value)
            case "count":
                return number(int(value))
        return number(round(value, 3))

    def difference(self, row: Row) -> str:
        """The difference with its sign; shares in percentage points, so that 2 % to 4 % is not 100 %."""
        if row.difference is None or not row.difference:
            return "" if row.difference is None else "0"
        if row.unit == "share":
            return self._words("{n} points", n=signed(100 * row.difference, 1))
        sign = "+" if row.difference > 0 else "−"
        return sign + self.value(row, abs(row.difference))

    def verdict(self, row: Row) -> str:
        """better, worse, or nothing where a difference is neither."""
        if not row.difference or not row.better:
            return ""
        return "better" if row.difference * row.better > 0 else "worse"


def width(table: Table, row: Row, value: float | None) -> float:
    """How long a bar is, in percent: rows of one unit share one scale, so that bars can be compared down a table; where
    units are mixed, each row has its own, and shares are of the whole."""
    alike = all(other.unit == row.unit for other in table.rows)
    if row.unit == "share" and not alike:
        return 100 * (value or 0)
    rows = table.rows if alike else [row]
    largest = max(abs(end or 0) for other in rows for end in (other.first, other.second))
    return 100 * abs(value or 0) / (largest or 1)
