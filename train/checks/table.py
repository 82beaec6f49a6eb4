"""The findings as a table for a terminal."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.table import Table

from train.checks.finding import Finding

_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}


def show(findings: list[Finding], console: Console | None = None) -> None:
    """Prints each check with its figure; why it matters, and what to do, where it is not ok."""
    table = Table("", "check", "figure", "why, and what to do", box=None, pad_edge=False, header_style="bold")
    for finding in findings:
        colour = _COLOURS[finding.level]
        said = finding.why if finding.level == "ok" else f"{finding.why} {finding.remedy}."
        table.add_row(f"[{colour}]{finding.level}[/]", finding.name.replace("_", " "), _plain(finding.figure),
                      _plain(said))
    (console or Console()).print(table)
    counts = Counter(finding.level for finding in findings)
    told = ", ".join(f"{count} {level}" for level, count in sorted(counts.items(), key=lambda pair: -pair[1]))
    (console or Console()).print(f"{told}; nothing was trained")


def _plain(text: str) -> str:
    return text.replace("[", r"\[")  # a marker such as [INST] is no colour
