"""The page: one Jinja template, with style and script put inside, so that nothing is ever fetched.

All text of records is escaped (autoescape), and the page's own content security policy forbids any script but ours and
any request at all: what a record contains stays inert.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from curate.report import words
from curate.report.model import Document, Reason, Report

_HERE = Path(__file__).resolve().parent
# Documents drawn on the page, those with the least coverage first; report.json has them all.
_DOCUMENTS = 60
_KINDS = ("fact", "how_to", "why", "compare", "diagnose", "summarise")
_LEVELS = ("basic", "intermediate", "advanced")


def render(report: Report) -> str:
    """The whole HTML page."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    from curate.report import charts
    from curate.report.curves import curves

    script = (_HERE / "script.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "n": words.number,
        "short": words.short,
        "percent": words.percent,
        "clock": words.seconds,
        "money": words.money,
        "tongue": words.tongue,
        "plain": words.plain,
        "stage": words.stage,
        "signed": words.signed,
        "locale": locale,
        "counted": words.counted,
    }
    shown = sorted(report.documents, key=lambda d: (bool(d.records), d.document))[:_DOCUMENTS]
    return environment.get_template("page.html.j2").render(
        report=report,
        charts=charts,
        curves=curves,
        count=words.count,
        style=Markup((_HERE / "style.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        why=by_stage(report),
        tongues=list(report.dataset.languages),
        kinds=ordered(report.dataset.kinds, _KINDS),
        levels=ordered({level for levels in report.dataset.kinds.values() for level in levels}, _LEVELS),
        shown=sorted(shown, key=lambda d: d.document),
        most=max((cell.records for d in report.documents for cell in d.cells), default=0),
        gaps=gaps,
    )


def locale(code: str) -> str:
    """The `lang` attribute of a text, by which browsers choose Chinese glyphs."""
    return {"zh": "zh-Hans", "mixed": "zh-Hans"}.get(code, code if code == "en" else "")


def by_stage(report: Report) -> list[tuple[str, list[Reason]]]:
    """The reasons, stage by stage in the order of the funnel."""
    every = [reason for level in report.funnel for reason in level.reasons]
    return [(stage, list(reasons)) for stage, reasons in groupby(every, key=lambda reason: reason.stage)]


def ordered(names: Iterable[str], usual: tuple[str, ...]) -> list[str]:
    """The usual names in their usual order, then the others."""
    have = set(names)
    return [name for name in usual if name in have] + sorted(have - set(usual))


def gaps(document: Document) -> str:
    """The places with passages and without records: `pages 3, 7–9`; headings by name."""
    empty = [(i, cell) for i, cell in enumerate(document.cells, 1) if cell.passages and not cell.records]
    if not empty:
        return ""
    if document.by == "heading":
        return words.listed([cell.label.rsplit(" › ", 1)[-1] for _, cell in empty], most=8)
    runs = _runs([i for i, _ in empty])
    noun = document.by if len(empty) == 1 else f"{document.by}s"
    return f"{noun} " + words.listed([str(a) if a == b else f"{a}–{b}" for a, b in runs], most=12)


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for value in numbers:
        if runs and value == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], value)
        else:
            runs.append((value, value))
    return runs
