"""From passages to the training set, with what was lost and added on each step and why."""

from __future__ import annotations

import re
from collections.abc import Sequence

from curate.report.model_records import Document, Level, Part, Reason
from curate.report.rejections import Rejections
from curate.report.stages import Finished
from curate.report.survey import Survey
from curate.report.words import Words

_LABELS = {
    "clean": "Cleaned",
    "rules": "Within the rules",
    "language": "In the right language",
    "donts": "Without the five don'ts",
    "safety": "Harmless",
    "refusals": "Refusals capped",
    "contradictions": "Without contradictions",
    "exact": "No exact twins",
    "rouge": "No near twins",
    "minhash": "No near twins (MinHash)",
    "semantic": "No twins in meaning",
    "pii": "Personal data removed",
    "judge": "Judged good",
    "ifd": "Worth learning",
    "perplexity": "Readable to the student",
    "select": "Best by score",
    "decontaminate": "Not in a test set",
    "balance": "Balanced",
    "split": "Split",
    "mix": "With general data",
    "export": "Exported",
}


def funnel(
    stages: Sequence[Finished], rejections: Rejections, survey: Survey, documents: Sequence[Document], words: Words
) -> list[Level]:
    """The levels in order; curators that neither lost nor added a record get none."""
    levels: list[Level] = []
    for stage in stages:
        if stage.group == "source":
            asked = any(other.group == "generate" for other in stages)
            levels.append(_source(stage, rejections, documents if asked else [], words))
    if generators := [stage for stage in stages if stage.group == "generate"]:
        levels += _generated(generators, rejections, words)
    for stage in stages:
        if stage.group == "curate" and (level := _curated(stage, rejections, words)):
            levels.append(level)
    parts = survey.parts(words)
    if levels and parts:
        levels[-1].parts = parts
        training = survey.training
        levels.append(Level(name="training", label=words("Training set"), unit="records", count=training))
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


def _source(stage: Finished, rejections: Rejections, documents: Sequence[Document], words: Words) -> Level:
    if stage.name != "ingest":
        return Level(
            name="read",
            label=words("Records read"),
            unit="records",
            count=stage.done.kept,
            stage=stage.name,
            lost=stage.done.rejected,
            reasons=reasons(stage, rejections),
        )
    used = sum(document.with_records for document in documents)
    parts = [
        Part(name="used", label=words("gave records that are in the data set"), count=used),
        Part(name="unused", label=words("gave none"), count=max(stage.done.kept - used, 0)),
    ]
    return Level(
        name="passages",
        label=words("Passages"),
        unit="passages",
        count=stage.done.kept,
        stage=stage.name,
        parts=[part for part in parts if part.count and documents],
        reasons=reasons(stage, rejections),
    )


def _generated(generators: Sequence[Finished], rejections: Rejections, words: Words) -> list[Level]:
    accepted = sum(stage.done.kept for stage in generators)
    drafted = sum(_drafts(stage, rejections) for stage in generators)
    why = [reason for stage in generators for reason in reasons(stage, rejections)]
    names = ", ".join(stage.name for stage in generators)
    calls = sum(stage.done.usage.calls for stage in generators)
    drafts = Level(
        name="drafted", label=words("Drafted by the teacher"), unit="records", count=drafted, stage=names
    )
    drafts.note = words("in {calls}", calls=words.count(calls, "call")) if calls else ""
    return [
        drafts,
        Level(
            name="accepted",
            label=words("Accepted"),
            unit="records",
            count=accepted,
            stage=names,
            lost=max(drafted - accepted, 0),
            reasons=why,
        ),
    ]


def _drafts(stage: Finished, rejections: Rejections) -> int:
    """Pairs that a teacher wrote: what the stage says, or what it kept and rejected, passages and bad replies aside."""
    if drafted := stage.done.figures.get("drafts"):
        return max(int(drafted), stage.done.kept)
    pairs = sum(rejections.units[stage.key, reason]["records"] for reason in stage.done.reasons)
    return stage.done.kept + pairs


def _curated(stage: Finished, rejections: Rejections, words: Words) -> Level | None:
    added = max(stage.done.kept + stage.done.rejected - stage.done.read, 0)
    if not stage.done.rejected and not added:
        return None
    known = _LABELS.get(stage.name)
    return Level(
        name=stage.name,
        label=words(known) if known else words("After {stage}", stage=words.stage(stage.name)),
        unit="records",
        count=stage.done.kept,
        stage=stage.name,
        lost=stage.done.rejected,
        added=added,
        reasons=reasons(stage, rejections),
    )
