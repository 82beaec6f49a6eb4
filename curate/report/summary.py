"""The first screen: four figures, each with its sentence, and what the run comes to in words."""

from __future__ import annotations

from curate.report.model import Headline, Report
from curate.report.model_records import Level
from curate.report.words import Words, money

_TILES = 4
_ON = {"test_seen": "new questions about the same documents", "test_heldout": "documents that it never saw"}


def headline(report: Report, words: Words) -> list[Headline]:
    """Accepted records, documents (or duplicates and quality), cost and loss; those that the run has, four at most."""
    found = [_records(report, words), _documents(report, words)]
    if not report.documents:
        found += [_twins(report, words), _weakest(report, words)]
    found += [_cost(report, words), _loss(report, words)]
    return [part for part in found if part][:_TILES]


def summary(report: Report, words: Words) -> str:
    """One or two sentences a manager can quote."""
    own = report.dataset.records - report.dataset.general
    if report.empty:
        return _nothing(report, words)
    if not own:
        return ""
    if report.documents:
        documents = words.count(len(report.documents), "document")
        made = "{documents} became {n} passages" if is_passages(report) else (
            "{documents} became {n} records with their evidence"
        )
        said = words(made, documents=documents, n=f"{own:,}")
    elif (read := level(report, "read")) and read.count > own:
        came = words.count(read.count, "record")
        said = words("{kept} of {read} came through curation", kept=f"{own:,}", read=came)
    else:
        said = words("{kept} came through curation", kept=words.count(own, "record"))
    if training := level(report, "training"):
        tail = "; with general data mixed in, {n} are for training" if report.dataset.general else (
            ", of which {n} are for training"
        )
        said += words(tail, n=f"{training.count:,}")
    return said + words(".") + _learned(report, words)


def _nothing(report: Report, words: Words) -> str:
    """Where everything was lost, and for what."""
    last = next((each for each in reversed(report.funnel) if each.lost), None)
    if last is None or not last.reasons:
        return words("Nothing was kept: no records came in.")
    names = [f"{words.plain(reason.reason)} {reason.count:,}" for reason in last.reasons]
    return words(
        "Nothing was kept. The last {n} were left out in {stage}: {reasons}.",
        n=words.count(last.lost, "record"),
        stage=words.stage(last.reasons[0].stage).lower(),
        reasons=words.listed(names),
    )


def _learned(report: Report, words: Words) -> str:
    for comparison in report.evaluation.comparisons[:1]:
        what = words(_ON.get(comparison.name, comparison.label.lower()))
        if comparison.after < comparison.before:
            fall = words.percent(1 - comparison.after / comparison.before)
            return words(" Training took {share} off the loss on {what}.", share=fall, what=what)
        return words(" Training did not lower the loss on {what}.", what=what)
    return ""


def level(report: Report, name: str) -> Level | None:
    """The row of the funnel with this name."""
    return next((each for each in report.funnel if each.name == name), None)


def is_passages(report: Report) -> bool:
    """Whether the run ended with passages: nothing was generated yet."""
    return not any(each.unit == "records" for each in report.funnel)


def _records(report: Report, words: Words) -> Headline | None:
    data = report.dataset
    own = data.records - data.general
    if report.empty:
        came = report.change.before.records if report.change else sum(each.rejected for each in report.stages)
        return Headline(
            figure="0",
            label=words("records kept"),
            sentence=words("{n} came in, and none is left.", n=words.count(came, "record")),
            link="funnel",
        )
    if not own:
        return None
    if is_passages(report):
        return Headline(
            figure=f"{own:,}",
            label=words("passages"),
            sentence=words("Cut and ready; no records were made yet."),
            link="coverage",
        )
    tongues = [
        words("{n} in {language}", n=f"{count:,}", language=words.tongue(code))
        for code, count in data.languages.items()
    ]
    general = words(", with {n} general ones mixed in", n=f"{data.general:,}") if data.general else ""
    return Headline(
        figure=f"{own:,}",
        label=words("accepted records"),
        sentence=f"{words.listed(tongues)}{general}{words('.')}",
        link="dataset",
    )


def _documents(report: Report, words: Words) -> Headline | None:
    if not report.documents and not report.unreadable:
        return None
    lost = sum(1 for each in report.unreadable if not each.copy)
    total = len(report.documents) + lost
    passages = sum(document.passages for document in report.documents)
    if is_passages(report):
        return Headline(
            figure=words("{n} of {all}", n=len(report.documents), all=total),
            label=words("documents read"),
            sentence=words("{passages} in all.", passages=words.count(passages, "passage")),
            link="coverage",
        )
    covered = sum(1 for document in report.documents if document.records)
    used = sum(document.with_records for document in report.documents)
    unread = words(" {documents} could not be read.", documents=words.count(lost, "document")) if lost else ""
    said = words(
        "{share} of their {passages} gave records.",
        share=words.percent(used / (passages or 1)),
        passages=words.count(passages, "passage"),
    )
    return Headline(
        figure=words("{n} of {all}", n=covered, all=total),
        label=words("documents covered"),
        sentence=said + unread,
        link="coverage",
    )


def _twins(report: Report, words: Words) -> Headline | None:
    if not report.duplicates.records or not report.change:
        return None
    twins = words.count(report.duplicates.records, "record")
    return Headline(
        figure=words.percent(report.duplicates.records / report.change.before.records),
        label=words("were duplicates"),
        sentence=words("{n} were too much like another one; one of each group stays.", n=twins),
        link="duplicates",
    )


def _weakest(report: Report, words: Words) -> Headline | None:
    if not report.dataset.quality:
        return None
    least = min(report.dataset.quality, key=lambda each: each.passed / each.checked)
    passed, checked = f"{least.passed:,}", f"{least.checked:,}"
    return Headline(
        figure=words.percent(least.passed / least.checked),
        label=words("pass the weakest check"),
        sentence=words("{label}: {passed} of {checked}.", label=least.label, passed=passed, checked=checked),
        link="quality",
    )


def _cost(report: Report, words: Words) -> Headline | None:
    cost = report.cost
    time = words.seconds(cost.seconds)
    if not cost.calls:
        return (
            Headline(figure=time, label=words("of work"), sentence=words("No teacher was asked."), link="cost")
            if cost.seconds
            else None
        )
    tokens, calls = words.short(cost.prompt_tokens + cost.completion_tokens), words.count(cost.calls, "call")
    if cost.money:
        return Headline(
            figure=money(cost.money),
            label=words("spent on the teacher"),
            sentence=words("{calls} and {tokens} tokens in {time} of work.", calls=calls, tokens=tokens, time=time),
            link="cost",
        )
    return Headline(
        figure=tokens,
        label=words("teacher tokens, no money"),
        sentence=words("{calls} in {time} of work; no price is set for this teacher.", calls=calls, time=time),
        link="cost",
    )


def _loss(report: Report, words: Words) -> Headline | None:
    if not report.evaluation.comparisons:
        return None
    first = report.evaluation.comparisons[0]
    known = words("Loss on {what}, before and after training.", what=first.label[:1].lower() + first.label[1:])
    return Headline(
        figure=f"{first.before:.2f} → {first.after:.2f}",
        label=words("loss, before and after"),
        sentence=first.sentence or known,
        link="evaluation",
    )
