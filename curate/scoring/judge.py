"""A teacher as judge: 1 to 5 by a written rubric, with the source shown and a reason for each score.

What goes wrong where a model rates answers, and what is done about it here: it rates the truth of a text whose source
it never sees (the passage is shown, or the record's evidence; without either, groundedness is left out); it leans
towards what comes first (`twice`: a second reading, turned round, and the mean of both); it says 4 to everything, which
looks like a verdict and is none (`standing.py` measures that, `control.py` tries it out).

    judge.correctness, judge.groundedness, judge.helpfulness, judge.clarity, judge.format    what was said
    judge                                                                                    their mean
    judge.disagreement      of two readings: by how much the criteria differ, on average
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from curate.scoring import cuts
from curate.scoring.control import Control
from curate.scoring.reading import CRITERIA, LEAST, MOST, NEEDS_SOURCE, Case, Criterion, Reading, conversation, read
from curate.scoring.standing import Standing
from seedbed.chat import Complete
from seedbed.context import Context
from seedbed.ground import Ground
from seedbed.record import Record, Step
from seedbed.text import language, length

VERSION = 1

OVERALL = "overall"
# For the plan, as counted with Qwen2.5's tokenizer: the rubric with its examples and a passage; a criterion's reply.
_RUBRIC, _PASSAGE, _MARK = 950, 250, 24


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is rated, and who passes.

    criteria    some of correctness, groundedness, helpfulness, clarity, format
    twice       each record is read a second time, criteria and scale the other way round; scores are the means
    control     so many records are rated once more with another one's answer, which should be rated lower
    above       least scores that pass, by criterion or `overall`: {correctness: 3, overall: 3.5}; cuts included
    unscored    records that could not be rated: kept with a label that says why, or rejected
    longest     tokens of source and conversation together; what is longer is not asked about
    max_tokens  of a reply
    """

    criteria: tuple[Criterion, ...] = CRITERIA
    twice: bool = False
    control: int = 0
    above: dict[str, float] = {}
    unscored: Literal["keep", "reject"] = "keep"
    longest: int = 6000
    max_tokens: int = 500

    def __post_init__(self) -> None:
        if not self.criteria or len(set(self.criteria)) < len(self.criteria):
            raise ValueError(f"criteria: expected some of {', '.join(CRITERIA)}, each once")
        if self.criteria == (NEEDS_SOURCE,):
            raise ValueError(f"criteria: {NEEDS_SOURCE} alone says nothing of records without a source; add another")
        if unknown := sorted(set(self.above) - {*self.criteria, OVERALL}):
            known = ", ".join((*self.criteria, OVERALL))
            raise ValueError(f"above: nothing is rated as {', '.join(unknown)}; expected some of {known}")
        for cut in self.above.values():
            if not LEAST <= cut <= MOST:
                raise ValueError(f"above: expected scores from {LEAST} to {MOST}, got {cut:g}")
        for name, least in (("longest", 1), ("max_tokens", 1), ("control", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: expected {least} or more")


@dataclass
class _Tally:
    """What the stage says of itself in the end."""

    standing: Standing
    control: Control
    judged: int = 0
    with_source: int = 0
    passed_over: int = 0
    unscored: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class _Rated:
    """A record and its readings: none for text, one with a fault for what is not asked about. `control` are those of
    the same question with another record's answer."""

    record: Record
    case: Case | None
    readings: list[Reading]
    control: list[Reading] = field(default_factory=list)


def judge(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, in order, with its scores; one under a cut is rejected as "low_score".

    A record that cannot be rated (a reply that cannot be read twice over, a refusal, too long) is labelled `judge` with
    the reason, and rejected as "no_score" where `unscored` says so. Text records have no answer to rate and pass.
    Figures: see `Standing`, and `unscored`, `with_source`, `passed_over`.
    """
    complete, loop = context.teacher("judge")
    ground = Ground(context)
    tally = _Tally(Standing(options.criteria), Control(options.control))

    def work(record: Record) -> Coroutine[Any, Any, _Rated]:
        case = _case(record, ground, options, context)
        fault = _fault(case, options) if case else None
        return _rated(record, case, fault, tally.control.of(case) if case and not fault else None, options, complete)

    for done, rated in enumerate(loop.in_order(map(work, records), context.width), 1):
        yield _with_scores(rated, complete.model, options, tally)
        context.progress.update(done)
    context.figures |= {
        "judge": complete.model,
        "judged": tally.judged,
        "with_source": tally.with_source,
        "passed_over": tally.passed_over,
        "unscored": dict(tally.unscored.most_common()),
        "above": options.above,
        **tally.standing.figures(),
        **tally.control.figures(),
    }
    for line in (_without(tally), tally.standing.verdict(), tally.control.verdict()):
        if line:
            context.progress.say(f"  judge: {line}")


def estimate(records: Iterable[Record], options: Options) -> tuple[int, int, int]:
    """Calls, prompt tokens and completion tokens to expect."""
    rated = [record for record in records if record.messages and record.answer]
    shown = sum(min(_RUBRIC + length(conversation(r, "en")) + _PASSAGE * bool(r.source or r.evidence),
                    _RUBRIC + options.longest) for r in rated)
    each = shown / max(1, len(rated))
    calls = (2 if options.twice else 1) * (len(rated) + min(options.control, len(rated)))
    return calls, round(calls * each), calls * _MARK * len(options.criteria)


async def _rated(
    record: Record, case: Case | None, fault: tuple[str, str] | None, control: Case | None, options: Options,
    complete: Complete,
) -> _Rated:
    if case is None or fault:
        return _Rated(record, case, [Reading(fault=fault)] if fault else [])
    turns = (False, True) if options.twice else (False,)
    works = [read(complete, one, turned) for one in (case, control) if one for turned in turns]
    readings = await asyncio.gather(*works)
    return _Rated(record, case, readings[: len(turns)], readings[len(turns) :])


def _case(record: Record, ground: Ground, options: Options, context: Context) -> Case | None:
    if not record.messages:
        return None
    source = ground.of(record).strip()
    told = record.language if record.language in ("en", "zh") else language(record.user_text + record.answer)
    spoken = "en" if told in ("en", "other") else "zh"
    criteria = tuple(name for name in options.criteria if source or name != NEEDS_SOURCE)
    return Case(record, source, spoken, criteria, options.max_tokens, context.prompts)


def _fault(case: Case, options: Options) -> tuple[str, str] | None:
    """Why a record is not shown to the judge at all."""
    if not case.record.answer.strip():
        return "no_answer", "it does not end with an answer"
    tokens = length(case.source) + length(conversation(case.record, case.language))
    if tokens > options.longest:
        return "too_long", f"with its source it has {tokens} tokens, more than {options.longest}"
    return None


def _with_scores(rated: _Rated, model: str, options: Options, tally: _Tally) -> Record:
    record, case, readings = rated.record, rated.case, rated.readings
    if case is None:
        tally.passed_over += 1
        return record
    before = {name: score for name, score in record.scores.items() if name.partition(".")[0] != "judge"}
    calls = tuple(key for reading in (*readings, *rated.control) for key in reading.calls)
    step = Step(stage="judge", operation="rate", prompt=readings[0].prompt, teacher=model, calls=calls)
    if fault := next((reading.fault for reading in readings if reading.fault), None):
        tally.unscored[fault[0]] += 1
        step = msgspec.structs.replace(step, operation="fail", note=f"{fault[0]}: {fault[1]}")
        failed = record.revised(step, scores=before, labels=record.labels | {"judge": fault[0]})
        return failed.reject("judge", "no_score", fault[1]) if options.unscored == "reject" else failed
    means = _means(readings)
    if rated.control and not any(reading.fault for reading in rated.control):
        tally.control.add(_mean(list(means.values())), _mean(list(_means(rated.control).values())))
    scores = {"judge": round(_mean(list(means.values())), 4)} | {f"judge.{name}": mean for name, mean in means.items()}
    if len(readings) > 1:
        first, second = (reading.marks for reading in readings)
        apart = _mean([abs(first[name].score - second[name].score) for name in case.criteria])
        scores["judge.disagreement"] = round(apart, 4)
    tally.judged += 1
    tally.with_source += bool(case.source)
    tally.standing.add(means, scores)
    step = msgspec.structs.replace(step, note=_note(case, readings, means))
    labels = {name: value for name, value in record.labels.items() if name != "judge"}
    judged = record.revised(step, scores=before | scores, labels=labels)
    return _cut(judged, means | {OVERALL: scores["judge"]}, options)


def _cut(record: Record, means: dict[str, float], options: Options) -> Record:
    """The record, rejected where a score lies under its cut: the lowest, measured by how far it lies under it."""
    under = sorted((means[name] - cut, name) for name, cut in options.above.items() if means.get(name, MOST) < cut)
    if not under:
        return record
    name = under[0][1]
    fault = cuts.outside(name, means[name], options.above[name], None)
    assert fault is not None
    return record.reject("judge", *fault, score=means[name])


def _note(case: Case, readings: list[Reading], means: dict[str, float]) -> str:
    """Scores and reasons in words, for `seedbed show`."""
    said = []
    for name in case.criteria:
        reasons = " / ".join(dict.fromkeys(reading.marks[name].reason.strip() for reading in readings))
        said.append(f"{name} {means[name]:g}" + (f" ({reasons})" if reasons else ""))
    return "; ".join(said)


def _means(readings: list[Reading]) -> dict[str, float]:
    """The mean mark of each criterion."""
    return {name: _mean([reading.marks[name].score for reading in readings]) for name in readings[0].marks}


def _mean(values: list[float] | list[int]) -> float:
    return sum(values) / len(values)


def _without(tally: _Tally) -> str:
    if not tally.unscored:
        return ""
    told = ", ".join(f"{reason} {count}" for reason, count in tally.unscored.most_common())
    return f"{tally.unscored.total()} of {tally.unscored.total() + tally.judged} records could not be rated ({told})"
