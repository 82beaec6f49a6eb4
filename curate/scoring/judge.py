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

from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from curate.scoring import cuts
from curate.scoring.control import Control
from curate.scoring.rating import OVERALL, Rating, rate
from curate.scoring.reading import CRITERIA, LEAST, MOST, NEEDS_SOURCE, Case, Criterion, conversation
from curate.scoring.standing import Standing
from seedbed.context import Context
from seedbed.ground import Ground
from seedbed.record import Record
from seedbed.text import language, length

VERSION = 1

# For the plan: the rubric with its examples, and a criterion's score and reason, as Qwen2.5's tokenizer counted them in
# the run of docs/curation/scoring.md; a passage is about as long as doc_qa's.
_RUBRIC, _PASSAGE, _MARK = 780, 250, 18


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


def judge(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, in order, with its scores; one under a cut is rejected as "low_score".

    A record that cannot be rated (a reply that cannot be read twice over, a refusal, too long) is labelled `judge` with
    the reason, and rejected as "no_score" where `unscored` says so. Text records have no answer to rate and pass.
    Figures: see `Standing`, and `unscored`, `with_source`, `passed_over`.
    """
    complete, loop = context.teacher("judge")
    ground = Ground(context)
    tally = _Tally(Standing(options.criteria), Control(options.control))

    def work(record: Record) -> Coroutine[Any, Any, Rating]:
        case = _case(record, ground, options, context)
        fault = _fault(case, options) if case else None
        if case is None or fault:
            return _unasked(Rating(record, case, kept_away=fault))
        return rate(complete, record, case, tally.control.of(case), options.twice)

    for done, rating in enumerate(loop.in_order(map(work, records), context.width), 1):
        yield _with_scores(rating, complete.model, options, tally)
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


async def _unasked(rating: Rating) -> Rating:
    return rating


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


def _with_scores(rating: Rating, model: str, options: Options, tally: _Tally) -> Record:
    record, case = rating.record, rating.case
    if case is None:
        tally.passed_over += 1
        return record
    # What another judge said of it, in an earlier run, is no longer true.
    labels = {name: value for name, value in record.labels.items() if name != "judge"}
    scores = {name: score for name, score in record.scores.items() if name.partition(".")[0] != "judge"}
    if fault := rating.fault:
        tally.unscored[fault[0]] += 1
        failed = record.revised(rating.step(model), scores=scores, labels=labels | {"judge": fault[0]})
        return failed.reject("judge", "no_score", fault[1]) if options.unscored == "reject" else failed
    tally.judged += 1
    tally.with_source += bool(case.source)
    tally.standing.add(rating)
    tally.control.add(rating)
    judged = record.revised(rating.step(model), scores=scores | rating.scores, labels=labels)
    return _cut(judged, rating.means, options)


def _cut(record: Record, means: dict[str, float], options: Options) -> Record:
    """The record, rejected where a score lies under its cut: by the one that lies furthest under it."""
    under = [(means[name] - cut, name) for name, cut in options.above.items() if name in means]
    name = min(under)[1] if under else OVERALL
    if fault := cuts.outside(name, means[name], options.above.get(name), None):
        return record.reject("judge", *fault, score=round(means[name], 4))
    return record


def _without(tally: _Tally) -> str:
    if not tally.unscored:
        return ""
    told = ", ".join(f"{reason} {count}" for reason, count in tally.unscored.most_common())
    return f"{tally.unscored.total()} of {tally.unscored.total() + tally.judged} records could not be rated ({told})"
