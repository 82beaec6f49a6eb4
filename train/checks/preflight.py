"""Checks before a training, each with its figure, its reason and what to do. Nothing has been spent yet.

An `error` means that the training cannot run or would be worthless; a `warning` lets it run and stays in the report.
What is checked: rules_data.py (records, rows, template) and rules_run.py (options, memory, disk).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec

from seedbed.context import Context
from seedbed.errors import PreflightError, TemplateError
from train.checks import rules_data, rules_run
from train.checks.finding import Facts, Finding
from train.checks.memory import available, disk_needed, estimate
from train.options import Options
from train.rows.data import Counts
from train.students.model import Shape

__all__ = ["Facts", "Finding", "check", "refuse", "tell", "without_template"]

_RULES = (
    rules_data.records, rules_data.general, rules_run.rate, rules_run.epochs, rules_run.targets, rules_data.template,
    rules_data.markers, rules_data.end, rules_data.padding, rules_data.length, rules_data.validation, rules_run.memory,
    rules_run.disk,
)  # fmt: skip
# What can be said of a student whose template cannot be used, so that there are no rows to look at.
_WITHOUT_ROWS = (
    rules_run.rate, rules_run.epochs, rules_run.targets, rules_data.template, rules_data.padding, rules_run.disk,
)  # fmt: skip


def check(facts: Facts) -> list[Finding]:
    """All findings, in a fixed order."""
    return [finding for rule in (_WITHOUT_ROWS if facts.fault else _RULES) for finding in rule(facts)]


def without_template(options: Options, shape: Shape, tokenizer: Any, error: TemplateError) -> Facts:
    """What is known of a student whose template cannot be used: no rows, so no lengths and no memory either."""
    return Facts(
        options=options, train=Counts(), validation=Counts(), general=0, steps=0, shape=shape,
        pad=tokenizer.pad_token or "", end=tokenizer.eos_token or "",
        longest=0, memory=estimate(shape, options, 0, True),
        free=available(), disk=disk_needed(shape, options), disk_free=shutil.disk_usage(Path.cwd()).free,
        fault=error.what, mend=error.next_step,
    )  # fmt: skip


def tell(findings: list[Finding], context: Context) -> None:
    """Says each finding and keeps it in the figures. Raises PreflightError when one is an error."""
    context.figures["preflight"] = msgspec.to_builtins(findings)
    for finding in findings:
        context.progress.say(f"  {finding.line()}")
    refuse(findings)


def refuse(findings: list[Finding]) -> None:
    """Raises PreflightError when one is an error."""
    if errors := [finding for finding in findings if finding.level == "error"]:
        what = "; ".join(f"{finding.name.replace('_', ' ')}: {finding.figure}. {finding.why}" for finding in errors)
        raise PreflightError(what.rstrip("."), where="train", next_step=errors[0].remedy)
