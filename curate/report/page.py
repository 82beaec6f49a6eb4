"""The page: one Jinja template, with style and script put inside, so that nothing is ever fetched.

All text of records is escaped (autoescape), and the page's own content security policy forbids any script but ours and
any request at all: what a record contains stays inert.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from curate.report import chinese_details
from curate.report import words as wording
from curate.report.gaps import gaps
from curate.report.model import Report
from curate.report.model_records import Reason
from curate.report.words import Words

_HERE = Path(__file__).resolve().parent
# Documents drawn on the page, those with the least coverage first; report.json has them all.
_DOCUMENTS = 60
# Of a language with fewer of the questions than this, openings say nothing.
_LEAST = 0.05
_KINDS = ("fact", "how_to", "why", "compare", "diagnose", "summarise")
_LEVELS = ("basic", "intermediate", "advanced")


def render(report: Report) -> str:
    """The whole HTML page."""
    from curate.report import charts
    from curate.report.curves import curves

    shown = sorted(report.documents, key=lambda d: (bool(d.records), d.document))[:_DOCUMENTS]
    return fill(
        "page.html.j2",
        Words(report.language),
        report=report,
        charts=charts,
        curves=curves,
        why=by_stage(report),
        tongues=list(report.dataset.languages),
        kinds=ordered(report.dataset.kinds, _KINDS),
        levels=ordered({level for levels in report.dataset.kinds.values() for level in levels}, _LEVELS),
        # One scale for the openings of all languages, so that panels can be compared.
        widest=max((top.count / each.questions for each in report.dataset.openings for top in each.top), default=1),
        ranked=dict(Counter({kind: sum(own.values()) for kind, own in report.dataset.kinds.items()}).most_common()),
        difficulty=ordered(report.dataset.levels, _LEVELS),
        shown=sorted(shown, key=lambda d: d.document),
        most=max((cell.records for d in report.documents for cell in d.cells), default=0),
        gaps=gaps,
        least=_LEAST,
    )


def fill(template: str, words: Words, **values: Any) -> str:
    """A template of this folder with the page's style, script and wording."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    script = (_HERE / "script.js").read_text(encoding="utf-8")
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "n": wording.number,
        "money": wording.money,
        "signed": wording.signed,
        "short": words.short,
        "percent": words.percent,
        "clock": words.seconds,
        "tongue": words.tongue,
        "plain": words.plain,
        "stage": words.stage,
        "counted": words.counted,
        "locale": locale,
        "coded": _coded,
        "translated": chinese_details.translated if words.chinese else lambda said: "",
    }
    # Globals, so that imported macros have them too.
    environment.globals |= {"_": words, "words": words, "count": words.count}
    return environment.get_template(template).render(
        style=Markup((_HERE / "style.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        **values,
    )


def locale(code: str) -> str:
    """The `lang` attribute of a text, by which browsers choose Chinese glyphs."""
    return {"zh": "zh-Hans", "mixed": "zh-Hans"}.get(code, code if code == "en" else "")


def _coded(text: str) -> str:
    """Markup of a text with what stands in backticks as code."""
    from markupsafe import Markup, escape

    parts = [escape(part) for part in text.split("`")]
    return Markup("").join(Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts))


def by_stage(report: Report) -> list[tuple[str, list[Reason]]]:
    """The reasons, stage by stage in the order of the funnel."""
    every = [reason for level in report.funnel for reason in level.reasons]
    return [(stage, list(reasons)) for stage, reasons in groupby(every, key=lambda reason: reason.stage)]


def ordered(names: Iterable[str], usual: tuple[str, ...]) -> list[str]:
    """The usual names in their usual order, then the others."""
    have = set(names)
    return [name for name in usual if name in have] + sorted(have - set(usual))
