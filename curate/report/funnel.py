"""From passages to the training set, with what was lost and added on each step and why."""

from __future__ import annotations

import re
from collections.abc import Sequence

from curate.report import words
from curate.report.examples import Rejections
from curate.report.model import Document, Level, Part, Reason
from curate.report.stages import Finished
from curate.report.survey import Survey

_LABELS = {
    "clean": "Cleaned",
    "rules": "Within the rules",
    "exact": "No exact twins",
    "rouge": "No near twins",
    "split": "Split",
    "balance": "Balanced",
    "mix": "With general data",
    "export": "Exported",
}


def funnel(
    stages: Sequence[Finished], rejections: Rejections, survey: Survey, documents: Sequence[Document]
) -> list[Level]:
    """The levels in order; curators that neither lost nor added a record get none."""
    levels: list[Level] = []
    for stage in stages:
        if stage.group == "source":
            asked = any(other.group == "generate" for other in stages)
            levels.append(_source(stage, rejections, documents if asked else []))
    if generators := [stage for stage in stages if stage.group == "generate"]:
        levels += _generated(generators, rejections)
    for stage in stages:
        if stage.group == "curate" and (level := _curated(stage, rejections)):
            levels.append(level)
    parts = survey.dataset().splits
    if levels and parts:
        levels[-1].parts = parts
        training = survey.training
        levels.append(Level(label="Training set", unit="records", count=training))
    return levels


def reasons(stage: Finished, rejections: Rejections) -> list[Reason]:
    """Why a stage left records out, the commonest reason first, each with examples."""
    judged = stage.done.kept + stage.done.rejected if stage.group != "curate" else stage.done.read
    counts = sorted(stage.done.reasons.items(), key=lambda item: (-item[1], item[0]))
    return [
        Reason(
            anchor=anchor(stage, reason),
            stage=stage.name,
            reason=reason,
            unit=next((unit for unit, _ in rejections.units[stage.key, reason].most_common(1)), "records"),
            count=count,
            share=count / max(judged, count),
            examples=rejections.examples(stage, reason),
        )
        for reason, count in counts
        if "documents" not in rejections.units[stage.key, reason]  # these stand with the coverage
    ]


def anchor(stage: Finished, reason: str) -> str:
    """Where on the page a reason's examples are."""
    return "reason-" + re.sub(r"[^a-z0-9]+", "-", f"{stage.key}-{reason}".lower()).strip("-")


def _source(stage: Finished, rejections: Rejections, documents: Sequence[Document]) -> Level:
    if stage.name != "ingest":
        return Level(
            label="Records read",
            unit="records",
            count=stage.done.kept,
            stage=stage.name,
            lost=stage.done.rejected,
            reasons=reasons(stage, rejections),
        )
    used = sum(document.with_records for document in documents)
    parts = [
        Part(name="used", label="gave records that are in the data set", count=used),
        Part(name="unused", label="gave none", count=max(stage.done.kept - used, 0)),
    ]
    return Level(
        label="Passages",
        unit="passages",
        count=stage.done.kept,
        stage=stage.name,
        parts=[part for part in parts if part.count and documents],
        reasons=reasons(stage, rejections),
    )


def _generated(generators: Sequence[Finished], rejections: Rejections) -> list[Level]:
    accepted = sum(stage.done.kept for stage in generators)
    drafted = sum(_drafts(stage, rejections) for stage in generators)
    why = [reason for stage in generators for reason in reasons(stage, rejections)]
    names = " and ".join(stage.name for stage in generators)
    calls = sum(stage.done.usage.calls for stage in generators)
    drafts = Level(label="Drafted by the teacher", unit="records", count=drafted, stage=names)
    drafts.note = f"in {words.count(calls, 'call')}" if calls else ""
    return [
        drafts,
        Level(
            label="Accepted", unit="records", count=accepted, stage=names, lost=max(drafted - accepted, 0), reasons=why
        ),
    ]


def _drafts(stage: Finished, rejections: Rejections) -> int:
    """Pairs that a teacher wrote: what the stage says, or what it kept and rejected, passages and bad replies aside."""
    if drafted := stage.done.figures.get("drafts"):
        return max(int(drafted), stage.done.kept)
    pairs = sum(rejections.units[stage.key, reason]["records"] for reason in stage.done.reasons)
    return stage.done.kept + pairs


def _curated(stage: Finished, rejections: Rejections) -> Level | None:
    added = max(stage.done.kept + stage.done.rejected - stage.done.read, 0)
    if not stage.done.rejected and not added:
        return None
    label = _LABELS.get(stage.name, f"After {stage.name.replace('_', ' ')}")
    return Level(
        label=label,
        unit="records",
        count=stage.done.kept,
        stage=stage.name,
        lost=stage.done.rejected,
        added=added,
        reasons=reasons(stage, rejections),
    )
