"""What two runs have to do with each other: rows of figures, side by side, with their difference.

A row says which way is better only where that is beyond dispute: more grounded quotes, a lower loss. More records are
not better than fewer, and a rejected record is no loss.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, TypeVar

import msgspec

from curate.report.model import Report
from curate.report.model_set import Histogram
from curate.report.words import Words

T = TypeVar("T")
Unit = Literal["count", "share", "seconds", "tokens", "money", "number"]


class Row(msgspec.Struct, kw_only=True):
    """One figure of both runs. `better` is -1 where less is better, 1 where more is, 0 where neither; `difference` is
    the second less the first, None where one of them is not there."""

    name: str
    label: str
    unit: Unit
    first: float | None = None
    second: float | None = None
    difference: float | None = None
    better: int = 0
    stage: str = ""


class Table(msgspec.Struct, kw_only=True):
    """Rows that belong together. `name` is counts, reasons, quality, dataset, scores, cost or evaluation."""

    name: str
    label: str
    rows: list[Row]


class Compared(msgspec.Struct, kw_only=True):
    """Two runs: the shape of compare.json."""

    title: str
    language: Literal["en", "zh"]
    first: str
    second: str
    tables: list[Table]


def compared(first: Report, second: Report, words: Words, names: tuple[str, str]) -> Compared:
    """Everything that both reports count, or one of them."""
    tables = [
        ("counts", "From source to training set", _counts(first, second)),
        ("reasons", "Why records were left out", _reasons(first, second, words)),
        ("quality", "Quality", _quality(first, second)),
        ("dataset", "The data set", _dataset(first, second, words)),
        ("scores", "Scores, median of what was kept", _scores(first, second, words)),
        ("cost", "Time and cost", _cost(first, second, words)),
        ("evaluation", "After training", _evaluation(first, second, words)),
    ]
    return Compared(
        title=words("{first} and {second}", first=names[0], second=names[1]),
        language=words.language,
        first=names[0],
        second=names[1],
        tables=[
            Table(name=name, label=words(label), rows=rows) for name, label, found in tables if (rows := list(found))
        ],
    )


def _row(name: str, label: str, unit: Unit, ends: tuple[float | None, float | None], better: int = 0) -> Row:
    first, second = ends
    apart = second - first if first is not None and second is not None else None
    return Row(name=name, label=label, unit=unit, first=first, second=second, difference=apart, better=better)


def _counts(first: Report, second: Report) -> Iterator[Row]:
    sides = [{level.name: level for level in report.funnel} for report in (first, second)]
    for name in _either([level.name for level in first.funnel], [level.name for level in second.funnel]):
        label = next(side[name].label for side in sides if name in side)
        ends = tuple(float(side[name].count) if name in side else None for side in sides)
        yield _row(name, label, "count", (ends[0], ends[1]))


def _reasons(first: Report, second: Report, words: Words) -> Iterator[Row]:
    """Reasons by their share of what the stage judged; a stage that both runs have and that found none counts as 0."""
    sides = []
    for report in (first, second):
        every = [reason for level in report.funnel for reason in level.reasons]
        sides.append({(reason.stage, reason.reason): reason.share for reason in every})
    stages = [{stage.name for stage in report.stages} for report in (first, second)]
    for stage, reason in _either(list(sides[0]), list(sides[1])):
        ends = [
            side.get((stage, reason), 0.0 if stage in have else None) for side, have in zip(sides, stages, strict=True)
        ]
        row = _row(f"{stage}.{reason}", words.plain(reason), "share", (ends[0], ends[1]))
        yield msgspec.structs.replace(row, stage=stage)


def _quality(first: Report, second: Report) -> Iterator[Row]:
    sides = [{each.name: each for each in report.dataset.quality} for report in (first, second)]
    for name in _either(list(sides[0]), list(sides[1])):
        found = [side.get(name) for side in sides]
        label = next(each.label for each in found if each)
        ends = [each.passed / each.checked if each else None for each in found]
        yield _row(name, label, "share", (ends[0], ends[1]), better=1)


def _dataset(first: Report, second: Report, words: Words) -> Iterator[Row]:
    reports = (first, second)
    own = [report.dataset.records - report.dataset.general for report in reports]
    yield _row("records", words("Records"), "count", (own[0], own[1]))
    for code in _either(list(first.dataset.languages), list(second.dataset.languages)):
        ends = [report.dataset.languages.get(code, 0) / (n or 1) for report, n in zip(reports, own, strict=True)]
        yield _row(f"language.{code}", words.tongue(code), "share", (ends[0], ends[1]))
    for name, label in (("question", "Question, median tokens"), ("answer", "Answer, median tokens")):
        charts = [_named(report.dataset.lengths, name) for report in reports]
        ends_ = [chart.median if chart else None for chart in charts]
        yield _row(f"length.{name}", words(label), "number", (ends_[0], ends_[1]))
    for code in _either(*([each.language for each in report.dataset.openings] for report in reports)):
        shares = [next((o.share for o in r.dataset.openings if o.language == code), None) for r in reports]
        label = words("Ten commonest openings, {language}", language=words.tongue(code))
        yield _row(f"openings.{code}", label, "share", (shares[0], shares[1]), better=-1)
    refused = [report.dataset.refusals.share for report in reports]
    yield _row("refusals", words("Refusals"), "share", (refused[0], refused[1]))
    twins = (first.duplicates.records, second.duplicates.records)
    yield _row("duplicates", words("Duplicates left out"), "count", twins)
    covered = [_covered(report) for report in reports]
    if any(share is not None for share in covered):
        yield _row("covered", words("Passages that gave records"), "share", (covered[0], covered[1]), better=1)


def _covered(report: Report) -> float | None:
    passages = sum(document.passages for document in report.documents)
    return sum(document.with_records for document in report.documents) / passages if passages else None


def _scores(first: Report, second: Report, words: Words) -> Iterator[Row]:
    for name in _either([c.name for c in first.dataset.scores], [c.name for c in second.dataset.scores]):
        charts = [_named(report.dataset.scores, name) for report in (first, second)]
        ends = [chart.median if chart else None for chart in charts]
        yield _row(name, words.plain(name), "number", (ends[0], ends[1]))


def _cost(first: Report, second: Report, words: Words) -> Iterator[Row]:
    one, two = first.cost, second.cost
    yield _row("seconds", words("Time"), "seconds", (one.seconds, two.seconds), better=-1)
    if not (one.calls or two.calls):
        return
    yield _row("calls", words("Calls"), "count", (one.calls, two.calls), better=-1)
    spent = (one.prompt_tokens + one.completion_tokens, two.prompt_tokens + two.completion_tokens)
    yield _row("tokens", words("Teacher tokens"), "tokens", spent, better=-1)
    each = (one.tokens_per_record, two.tokens_per_record)
    yield _row("tokens_per_record", words("Tokens a record"), "tokens", each, better=-1)
    if one.money or two.money:
        yield _row("money", words("Money"), "money", (one.money, two.money), better=-1)
        paid = (one.money_per_record, two.money_per_record)
        yield _row("money_per_record", words("Money a record"), "money", paid, better=-1)


def _evaluation(first: Report, second: Report, words: Words) -> Iterator[Row]:
    sides = [{each.name: each for each in report.evaluation.comparisons} for report in (first, second)]
    for name in _either(list(sides[0]), list(sides[1])):
        found = [side.get(name) for side in sides]
        label = next(each.label for each in found if each)
        loss = [each.after if each else None for each in found]
        yield _row(f"{name}.loss", words("{set}: loss", set=label), "number", (loss[0], loss[1]), better=-1)
        apart = [each.after - each.before if each else None for each in found]
        change = words("{set}: change of loss by training", set=label)
        yield _row(f"{name}.change", change, "number", (apart[0], apart[1]), better=-1)
        rouge = [each.rouge[1] if each and each.rouge else None for each in found]
        if any(value is not None for value in rouge):
            yield _row(f"{name}.rouge", f"{label}{words(': ')}ROUGE-L", "number", (rouge[0], rouge[1]), better=1)


def _named(charts: Iterable[Histogram], name: str) -> Histogram | None:
    return next((chart for chart in charts if chart.name == name), None)


def _either(first: list[T], second: list[T]) -> list[T]:
    """What is in the one or the other: in the order of the second, what only the first has where it had it."""
    merged: list[T] = []
    rest = list(first)
    for item in second:
        if item in rest:
            at = rest.index(item)
            merged += [each for each in rest[:at] if each not in second]
            rest = rest[at + 1 :]
        merged.append(item)
    every = merged + [each for each in rest if each not in second]
    return list(dict.fromkeys(every))
