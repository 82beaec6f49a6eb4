"""What losses and answers on one set come to: figures, and a sentence that says whether a difference is real."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from seedbed.record import Record
from train.evaluation import metrics
from train.evaluation.metrics import Difference, Losses

# name: (what is in it, the word where loss fell, the word where it rose)
SETS = {
    "test_seen": ("unseen questions on seen documents", "learned", "unlearned"),
    "test_heldout": ("questions on held-out documents", "carried over", "harmed"),
    "test_general": ("general data", "improved", "forgotten"),
}


class Answer(msgspec.Struct, frozen=True):
    """One question, the reference, and what both models said."""

    set: str
    id: str
    language: str
    question: str
    reference: str
    base: str
    tuned: str


def compare(
    name: str, records: list[Record], losses: dict[str, Losses], said: list[Answer], samples: int, seed: int
) -> dict[str, Any]:
    """The figures of one set. `records` without losses did not fit; `said` are both models' own answers to a few."""
    title = SETS[name][0]
    usable = [record for record in records if record.id in losses]
    if not usable:
        why = f"none of {len(records)} records fits the student" if records else "no records"
        said_so = f"{title.capitalize()}: {why}, so nothing was measured."
        return {"title": title, "records": 0, "left_out": len(records), "sentence": said_so}
    spread = metrics.difference(list(losses.values()), seed)
    return {
        "title": title,
        "records": len(usable),
        "left_out": len(records) - len(usable),
        "tokens": sum(one.tokens for one in losses.values()),
        **_sides(list(losses.values())),
        "difference": msgspec.to_builtins(spread),
        "real": spread.real,
        "sentence": sentence(name, spread, len(usable)),
        "languages": _languages(usable, losses),
        "answers": _scores(said),
        "samples": msgspec.to_builtins(said[:samples]),
    }


def sentence(name: str, spread: Difference, records: int) -> str:
    """What the difference means, in words."""
    title, better, worse = SETS[name]
    subject = f"{title.capitalize()}: loss {'fell' if spread.mean < 0 else 'rose'} by {abs(spread.mean):.2f}"
    if spread.low is None or spread.high is None:
        return f"{subject}, but {records} records are too few to tell that from chance."
    ends = sorted((abs(spread.low), abs(spread.high))) if spread.real else (spread.low, spread.high)
    interval = f"(95 % interval {ends[0]:.2f} to {ends[1]:.2f}, {records} records)"
    if not spread.real:
        return f"{subject} {interval}: that may be chance."
    return f"{subject} {interval}: {better if spread.mean < 0 else worse}, more than chance explains."


def _sides(losses: Sequence[Losses]) -> dict[str, dict[str, float]]:
    base, tuned = metrics.mean_loss(losses)
    return {
        name: {"loss": round(loss, 4), "perplexity": round(metrics.perplexity(loss), 3)}
        for name, loss in (("base", base), ("tuned", tuned))
    }


def _languages(records: list[Record], losses: dict[str, Losses]) -> dict[str, Any]:
    several: dict[str, list[Losses]] = {}
    for record in records:
        several.setdefault(record.language or "unknown", []).append(losses[record.id])
    return {language: {"records": len(ones), **_sides(ones)} for language, ones in sorted(several.items())}


def _scores(said: list[Answer]) -> dict[str, Any]:
    """ROUGE-L and figures-right of both models' own answers."""
    found: dict[str, Any] = {"records": len(said)}
    if not said:
        return found
    found["rouge_l"] = {
        side: round(sum(metrics.rouge_l(one.reference, getattr(one, side)) for one in said) / len(said), 4)
        for side in ("base", "tuned")
    }
    with_figures = [one for one in said if metrics.numbers(one.reference)]
    found["figures_right"] = {"records": len(with_figures)} | {
        side: sum(bool(metrics.figures_right(one.reference, getattr(one, side))) for one in with_figures)
        for side in ("base", "tuned")
    }
    return found
