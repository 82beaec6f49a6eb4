"""What a model makes of preference pairs: how likely it finds the chosen answer, and how likely the rejected one.

The reward of an answer is beta × (its log-probability − that in the model before), and a pair is right when the chosen
answer has the higher one (Rafailov et al. 2023, section 4). Accuracy says nothing about beta, and nothing about the
chosen answer: it rises as well when both become unlikely and the rejected one more so ("likelihood displacement", Razin
et al. 2024, "Unintentional Unalignment"). So the chosen answer's own log-probability stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from seedbed.record import Record
from train.evaluation import intervals
from train.evaluation.answers import row_losses
from train.rows.data import Fit
from train.rows.pairs import Pair, PairCounts, pairs
from train.rows.template import Template

# Nats a token by which the chosen answers may become less likely before it is called a collapse: their perplexity is up
# by a tenth. The bound is ours; Razin et al. count any fall.
COLLAPSE = 0.1


class Score(msgspec.Struct, frozen=True):
    """One pair: summed log-probability (nats) and tokens of both answers."""

    chosen: float
    rejected: float
    chosen_tokens: int
    rejected_tokens: int


def score(model: Any, tokenizer: Any, several: Sequence[Pair], tick: Callable[[int], None]) -> list[Score]:
    """Both answers of each pair under the model as it stands. `tick` is told sequences done."""
    rows = [row for pair in several for row in pair.sides()]
    losses = row_losses(model, tokenizer, rows, tick)
    return [
        Score(-losses[2 * i], -losses[2 * i + 1], len(pair.chosen_ids), len(pair.rejected_ids))
        for i, pair in enumerate(several)
    ]


def compared(before: Sequence[Score], after: Sequence[Score], seed: int) -> dict[str, Any]:
    """Figures of the same pairs before and after: nats a token, shares of pairs, margins in nats without beta.

    preferred        pairs whose chosen answer has the higher log-probability as it is
    reward_accuracy  pairs whose chosen answer gained more than the rejected one; before it is nothing
    """
    both = list(zip(before, after, strict=True))
    if not both:
        return {"pairs": 0}
    gains = [(new.chosen - old.chosen) - (new.rejected - old.rejected) for old, new in both]
    lost, tokens = [old.chosen - new.chosen for old, new in both], [old.chosen_tokens for old in before]
    fell = intervals.mean(lost, seed, tokens)
    return {
        "pairs": len(both),
        "preferred": {"base": _share(before), "tuned": _share(after)},
        "reward_accuracy": round(sum(gain > 0 for gain in gains) / len(gains), 4),
        "margin": round(sum(gains) / len(gains), 4),
        "chosen": {"base": _mean(before, "chosen"), "tuned": _mean(after, "chosen")},
        "rejected": {"base": _mean(before, "rejected"), "tuned": _mean(after, "rejected")},
        "chosen_fell": msgspec.to_builtins(fell),
        "collapsed": fell.mean > COLLAPSE,
    }


def measure(
    records: Sequence[Record], template: Template, fit: Fit, scored: Callable[[str, list[Pair]], list[Score]], seed: int
) -> dict[str, Any]:
    """Figures of the pairs among held-out records, for `seedbed evaluate`; empty where there are none.

    `scored` gives the scores of pairs under "base" and under "tuned".
    """
    found = [pair for _, pair in pairs(records, template, fit, PairCounts())]
    if not found:
        return {}
    figures = compared(scored("base", found), scored("tuned", found), seed)
    return figures | {"sentence": f"Held-out preferences: {sentence(figures)}."}


def sentence(figures: dict[str, Any]) -> str:
    """What the figures mean, in words."""
    fell, chosen = figures["chosen_fell"]["mean"], figures["chosen"]
    said = (f"{figures['reward_accuracy']:.0%} of {figures['pairs']} pairs right; log-probability of the chosen "
            f"{chosen['base']:.2f} to {chosen['tuned']:.2f} a token")
    if figures["collapsed"]:
        said += f": the chosen answers became less likely too, by {fell:.2f}"
    return said


def _share(scores: Sequence[Score]) -> float:
    return round(sum(one.chosen > one.rejected for one in scores) / len(scores), 4)


def _mean(scores: Sequence[Score], side: str) -> float:
    """Mean log-probability a token, each token counting once."""
    summed, tokens = (sum(getattr(one, name) for one in scores) for name in (side, f"{side}_tokens"))
    return round(float(summed / tokens), 4)
