"""What the models' own answers come to: one figure a measure and model, with intervals, and a sentence on each change.

    rouge_l        mean ROUGE-L F1 with the reference
    bleu           BLEU of the set, 0 to 100
    exact          share that is the reference but for case, punctuation and articles
    figures_right  share that has every number of the reference, of those whose question does not tell them already.
                   The source is never shown, so this is the closed-book answer: what the model knows by itself
    refusals       share that declines, or says that the documents do not tell
    length         mean tokens; `reference` beside it is that of the references
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from seedbed import phrases
from seedbed.text import length
from train.evaluation import bleu, intervals, metrics
from train.evaluation.intervals import Spread
from train.evaluation.subjects import BASE, TUNED


class Answer(msgspec.Struct, frozen=True):
    """One question, the reference, and what the models said; `others` are those besides base and tuned."""

    set: str
    id: str
    language: str
    question: str
    reference: str
    base: str
    tuned: str
    others: dict[str, str] = {}

    def of(self, side: str) -> str:
        """What that model said."""
        return self.base if side == BASE else self.tuned if side == TUNED else self.others[side]


class Measure(NamedTuple):
    """One figure of an answer; None where it says nothing of it. `better`: 1 where more is, -1 less, 0 neither."""

    name: str
    title: str
    better: int
    share: bool
    of: Callable[[str, str, str], float | bool | None]  # reference, answer, question


MEASURES = (
    Measure("rouge_l", "ROUGE-L", 1, False, lambda reference, said, _: metrics.rouge_l(reference, said)),
    Measure("exact", "exact answers", 1, True, lambda reference, said, _: metrics.exact(reference, said)),
    Measure("figures_right", "answers with the right figures", 1, True, metrics.figures_right),
    Measure("refusals", "refusals", -1, True, lambda _, said, __: bool(phrases.kind(said))),
    Measure("length", "length in tokens", 0, False, lambda _, said, __: float(length(said))),
)
_BLEU = Measure("bleu", "BLEU", 1, False, lambda *_: None)
_OF_REFERENCES = ("refusals", "length")  # what the references themselves come to stands beside


def scores(said: Sequence[Answer], sides: Sequence[str], seed: int) -> dict[str, Any]:
    """The figures of all measures; those that nothing can be said of are missing. `nothing` counts empty answers."""
    found: dict[str, Any] = {"records": len(said)}
    if not said:
        return found
    for measure in MEASURES:
        each = {side: [measure.of(one.reference, one.of(side), one.question) for one in said] for side in sides}
        if noted := _noted(measure, {side: [v for v in all_ if v is not None] for side, all_ in each.items()}, seed):
            found[measure.name] = noted
            if measure.name in _OF_REFERENCES:
                own = [float(measure.of(one.reference, one.reference, one.question) or 0) for one in said]
                noted["reference"] = round(sum(own) / len(own), 4)
    found["bleu"] = _bleu(said, sides, seed)
    nothing = {side: sum(not one.of(side).strip() for one in said) for side in sides}
    if any(nothing.values()):
        found["nothing"] = nothing
    return found


def _noted(measure: Measure, each: dict[str, list[float]], seed: int) -> dict[str, Any]:
    count = len(each[BASE])
    if not count:
        return {}
    if measure.share:
        sides = {side: intervals.share(int(sum(own)), count) for side, own in each.items()}
    else:
        sides = {side: intervals.mean(own, seed) for side, own in each.items()}
    changes = [after - before for before, after in zip(each[BASE], each[TUNED], strict=True)]
    return _figures(measure, count, sides, intervals.mean(changes, seed))


def _bleu(said: Sequence[Answer], sides: Sequence[str], seed: int) -> dict[str, Any]:
    of = {side: bleu.figure([bleu.counts(one.reference, one.of(side)) for one in said]) for side in sides}
    each = {side: intervals.spread(figure, len(said), seed) for side, figure in of.items()}
    apart = intervals.spread(lambda drawn: of[TUNED](drawn) - of[BASE](drawn), len(said), seed)
    return _figures(_BLEU, len(said), each, apart)


def _figures(measure: Measure, count: int, sides: dict[str, Spread], apart: Spread) -> dict[str, Any]:
    return {
        "records": count,
        **{side: round(own.mean, 4) for side, own in sides.items()},
        "intervals": {side: [noted["low"], noted["high"]] for side, own in sides.items() if (noted := own.noted())},
        "difference": apart.noted(),
        "real": apart.real,
        "sentence": _sentence(measure, count, sides[BASE].mean, sides[TUNED].mean, apart),
    }


def _sentence(measure: Measure, count: int, before: float, after: float, apart: Spread) -> str:
    """What the change means, in words."""
    written = "{:.0%}" if measure.share else "{:.1f}" if max(before, after) > 1 else "{:.2f}"
    answers = f"{count} answer{'s' if count != 1 else ''}"
    if apart.mean == 0:
        return f"{measure.title}: {written.format(after)} before and after, {answers}."
    way = "rose" if apart.mean > 0 else "fell"
    change = f"{measure.title} {way} from {written.format(before)} to {written.format(after)}"
    if apart.low is None or apart.high is None:
        return f"{change}, but {answers} {'are' if count != 1 else 'is'} too few to tell that from chance."
    told = f"{change} (difference {written.format(apart.mean)}, 95 % interval {written.format(apart.low)} to " \
           f"{written.format(apart.high)}, {answers})"
    if not apart.real:
        return f"{told}: that may be chance."
    verdict = {1: "better, ", -1: "worse, ", 0: ""}[measure.better * (1 if apart.mean > 0 else -1)]
    return f"{told}: {verdict}more than chance explains."
