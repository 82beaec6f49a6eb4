"""What losses and answers on one set come to: figures, and a sentence that says whether a difference is real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from seedbed.record import Record
from train.evaluation import intervals, metrics
from train.evaluation.intervals import Spread
from train.evaluation.scores import Answer, scores
from train.evaluation.subjects import BASE, TUNED

# name: (what is in it, the word where loss fell, the word where it rose)
SETS = {
    "test_seen": ("unseen questions on seen documents", "learned", "unlearned"),
    "test_heldout": ("questions on held-out documents", "carried over", "harmed"),
    "test_general": ("general data", "improved", "forgotten"),
}
# Running text of the same splits, which only some data sets have.
TEXTS = {
    "text_seen": ("running text of seen documents", "learned", "unlearned"),
    "text_heldout": ("running text of held-out documents", "carried over", "harmed"),
    "text_general": ("general running text", "improved", "forgotten"),
}
_ALL = SETS | TEXTS
# Model -> record id -> summed loss of its answers' tokens, and their number.
Losses = Mapping[str, Mapping[str, tuple[float, int]]]


def compare(
    name: str, records: list[Record], losses: Losses, said: list[Answer], samples: int, seed: int
) -> dict[str, Any]:
    """The figures of one set. `records` without losses did not fit; `said` are the models' own answers to a few."""
    title = _ALL[name][0]
    usable = [record for record in records if record.id in losses[BASE]]
    if not usable:
        why = f"none of {len(records)} records fits the student" if records else "no records"
        said_so = f"{title.capitalize()}: {why}, so nothing was measured."
        return {"title": title, "records": 0, "left_out": len(records), "sentence": said_so}
    ids = [record.id for record in usable]
    apart = difference(losses, TUNED, BASE, ids, seed)
    return {
        "title": title,
        "records": len(usable),
        "left_out": len(records) - len(usable),
        "tokens": sum(losses[BASE][key][1] for key in ids),
        **{side: _side(losses[side], ids, seed) for side in losses},
        "difference": apart.noted(),
        "real": apart.real,
        "sentence": sentence(name, apart, len(usable)),
        "others": {side: _beside_tuned(side, losses, ids, seed) for side in losses if side not in (BASE, TUNED)},
        "languages": _languages(usable, losses),
        "answers": scores(said, list(losses), seed),
        "samples": msgspec.to_builtins(said[:samples]),
    }


def difference(losses: Losses, side: str, than: str, ids: Sequence[str], seed: int) -> Spread:
    """Mean token loss of one model minus another's, over the same records."""
    changes = [losses[side][key][0] - losses[than][key][0] for key in ids]
    return intervals.mean(changes, seed, [losses[than][key][1] for key in ids])


def sentence(name: str, apart: Spread, records: int) -> str:
    """What the difference means, in words."""
    title, better, worse = _ALL[name]
    subject = f"{title.capitalize()}: loss {'fell' if apart.mean < 0 else 'rose'} by {abs(apart.mean):.2f}"
    if apart.low is None or apart.high is None:
        few = f"{records} records are" if records != 1 else "1 record is"
        return f"{subject}, but {few} too few to tell that from chance."
    ends = sorted((abs(apart.low), abs(apart.high))) if apart.real else (apart.low, apart.high)
    interval = f"(95 % interval {ends[0]:.2f} to {ends[1]:.2f}, {records} records)"
    if not apart.real:
        return f"{subject} {interval}: that may be chance."
    return f"{subject} {interval}: {better if apart.mean < 0 else worse}, more than chance explains."


def _beside_tuned(side: str, losses: Losses, ids: Sequence[str], seed: int) -> dict[str, Any]:
    """How far a merged model or a GGUF file is from the tuned model that it was made of."""
    apart = difference(losses, side, TUNED, ids, seed)
    tuned = _mean(losses[TUNED], ids)
    share = apart.mean / tuned if tuned else 0.0
    way = "above" if share > 0 else "below"
    told = f"{side}: loss {abs(share):.1%} {way} that of the tuned model, {len(ids)} records."
    return {"difference": apart.noted(), "share": round(share, 5), "real": apart.real, "sentence": told}


def _mean(losses: Mapping[str, tuple[float, int]], ids: Sequence[str]) -> float:
    """Mean token loss, each token counting once."""
    return sum(losses[key][0] for key in ids) / sum(losses[key][1] for key in ids)


def _side(losses: Mapping[str, tuple[float, int]], ids: Sequence[str], seed: int) -> dict[str, float | None]:
    own = intervals.mean([losses[key][0] for key in ids], seed, [losses[key][1] for key in ids]).noted()
    loss = _mean(losses, ids)
    return {"loss": round(loss, 4), "low": own["low"], "high": own["high"],
            "perplexity": round(metrics.perplexity(loss), 3)}


def _languages(records: list[Record], losses: Losses) -> dict[str, Any]:
    several: dict[str, list[str]] = {}
    for record in records:
        several.setdefault(record.language or "unknown", []).append(record.id)
    return {
        language: {"records": len(ids)} | {side: _plain(own, ids) for side, own in losses.items()}
        for language, ids in sorted(several.items())
    }


def _plain(losses: Mapping[str, tuple[float, int]], ids: Sequence[str]) -> dict[str, float]:
    loss = _mean(losses, ids)
    return {"loss": round(loss, 4), "perplexity": round(metrics.perplexity(loss), 3)}
