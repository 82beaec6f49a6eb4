"""The first screen: four figures, each with its sentence, and what the run comes to in words."""

from __future__ import annotations

from curate.report import words
from curate.report.model import Headline, Report

_ON = {"test_seen": "new questions about the same documents", "test_heldout": "documents that it never saw"}


def headline(report: Report) -> list[Headline]:
    """Accepted records, documents, cost and loss; those that the run has."""
    found = (_records(report), _documents(report), _cost(report), _loss(report))
    return [part for part in found if part]


def summary(report: Report) -> str:
    """One or two sentences a manager can quote."""
    own = report.dataset.records - report.dataset.general
    if not own:
        return ""
    parts = []
    if report.documents:
        unit = "passages" if _is_passages(report) else "records with their evidence"
        parts.append(f"{words.count(len(report.documents), 'document')} became {own:,} {unit}")
    else:
        parts.append(f"{words.count(own, 'record')} came through curation")
    if training := next((level.count for level in report.funnel if level.label == "Training set"), 0):
        parts[0] += (
            f", of which {training:,} are for training"
            if not report.dataset.general
            else (f"; with general data mixed in, {training:,} are for training")
        )
    for comparison in report.evaluation.comparisons[:1]:
        what = _ON.get(comparison.name, comparison.label.lower())
        if comparison.after < comparison.before:
            fall = 1 - comparison.after / comparison.before
            parts.append(f"Training took {words.percent(fall)} off the loss on {what}")
        else:
            parts.append(f"Training did not lower the loss on {what}")
    return ". ".join(parts) + "."


def _is_passages(report: Report) -> bool:
    return not any(level.unit == "records" for level in report.funnel)


def _records(report: Report) -> Headline | None:
    data = report.dataset
    own = data.records - data.general
    if not own:
        return None
    if _is_passages(report):
        return Headline(
            figure=f"{own:,}", label="passages", sentence="Cut and ready; no records were made yet.", link="coverage"
        )
    tongues = words.listed([f"{count:,} in {words.tongue(code)}" for code, count in data.languages.items()])
    general = f", with {data.general:,} general ones mixed in" if data.general else ""
    return Headline(figure=f"{own:,}", label="accepted records", sentence=f"{tongues}{general}.", link="dataset")


def _documents(report: Report) -> Headline | None:
    if not report.documents and not report.unreadable:
        return None
    lost = sum(1 for each in report.unreadable if not each.copy)
    total = len(report.documents) + lost
    if _is_passages(report):
        return Headline(
            figure=f"{len(report.documents)} of {total}",
            label="documents read",
            sentence=f"{words.count(sum(d.passages for d in report.documents), 'passage')} in all.",
            link="coverage",
        )
    covered = sum(1 for document in report.documents if document.records)
    passages = sum(document.passages for document in report.documents)
    used = sum(document.with_records for document in report.documents)
    unread = f" {words.count(lost, 'document')} could not be read." if lost else ""
    share = words.percent(used / (passages or 1))
    return Headline(
        figure=f"{covered} of {total}",
        label="documents covered",
        sentence=f"{share} of their {words.count(passages, 'passage')} gave records.{unread}",
        link="coverage",
    )


def _cost(report: Report) -> Headline | None:
    calls = sum(stage.calls for stage in report.stages)
    tokens = sum(stage.prompt_tokens + stage.completion_tokens for stage in report.stages)
    spent = sum(stage.money for stage in report.stages)
    time = sum(stage.seconds for stage in report.stages)
    if not calls:
        return (
            Headline(figure=words.seconds(time), label="of work", sentence="No teacher was asked.", link="cost")
            if time
            else None
        )
    sentence = f"{words.count(calls, 'call')} and {words.short(tokens)} tokens in {words.seconds(time)} of work."
    if spent:
        return Headline(figure=words.money(spent), label="spent on the teacher", sentence=sentence, link="cost")
    return Headline(
        figure=words.short(tokens),
        label="teacher tokens, no money",
        sentence=f"{words.count(calls, 'call')} in {words.seconds(time)} of work; no price is set for this teacher.",
        link="cost",
    )


def _loss(report: Report) -> Headline | None:
    if not report.evaluation.comparisons:
        return None
    first = report.evaluation.comparisons[0]
    sentence = first.sentence or f"Loss on {first.label.lower()}, before and after training."
    return Headline(
        figure=f"{first.before:.2f} → {first.after:.2f}",
        label="loss, before and after",
        sentence=sentence,
        link="evaluation",
    )
