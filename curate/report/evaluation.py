"""Before and after training, as the evaluation noted it. What it did not note is left out, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curate.report.examples import SHORT, clip
from curate.report.model import Answers, Comparison, Evaluation
from curate.report.training import numbers
from curate.report.words import Words, signed

_SETS = {
    "test_seen": ("New questions, seen documents", "Was it learned?"),
    "test_heldout": ("Held-out documents", "Does the skill carry over?"),
    "test_general": ("General data", "Was anything forgotten?"),
}


def evaluation(figures: Mapping[str, Any], words: Words) -> Evaluation:
    """All that was measured, the three usual sets first."""
    sets = figures.get("sets")
    if not isinstance(sets, Mapping):
        return Evaluation()
    order = [name for name in _SETS if name in sets] + [name for name in sets if name not in _SETS]
    known = {name: sets[name] for name in order if isinstance(sets[name], Mapping)}
    found = {name: _comparison(name, noted, words) for name, noted in known.items()}
    return Evaluation(
        base=str(figures.get("base") or ""),
        comparisons=[each for each in found.values() if each],
        unmeasured=[
            said for name in known if not found[name] and (said := _unmeasured(name, known[name], words))
        ],
        answers=[answer for name, noted in known.items() for answer in _answers(name, noted, words)],
    )


def _comparison(name: str, noted: Mapping[str, Any], words: Words) -> Comparison | None:
    base, tuned, apart = (noted.get(key) or {} for key in ("base", "tuned", "difference"))
    if not (numbers(base, "loss") and numbers(tuned, "loss")):
        return None
    label, asks = _SETS.get(name, (name.replace("_", " "), ""))
    own = noted.get("answers") or {}
    right = own.get("figures_right") or {}
    return Comparison(
        name=name,
        label=words(label),
        asks=words(asks) if asks else "",
        records=int(noted.get("records", 0)),
        before=base["loss"],
        after=tuned["loss"],
        perplexity_before=base.get("perplexity"),
        perplexity_after=tuned.get("perplexity"),
        difference=apart.get("mean"),
        low=apart.get("low"),
        high=apart.get("high"),
        sentence=_sentence(noted, apart, words),
        languages=_languages(noted.get("languages")),
        rouge=_sides(own.get("rouge_l")),
        figures=(int(right["base"]), int(right["tuned"])) if right.get("records") and _sides(right) else None,
        figures_of=int(right.get("records") or 0),
    )


def _sentence(noted: Mapping[str, Any], apart: Mapping[str, Any], words: Words) -> str:
    """The evaluation's own sentence; in Chinese one made from the same figures."""
    if not words.chinese or not numbers(apart, "mean"):
        return "" if words.chinese else str(noted.get("sentence", ""))
    if not numbers(apart, "low", "high"):
        return words("Loss changed by {n}; too few records to tell whether that is chance.", n=signed(apart["mean"]))
    fell, chance = apart["mean"] < 0, apart["low"] <= 0 <= apart["high"]
    said = "Loss rose by {n} (95 % interval {low} to {high})"
    if fell:
        said = "Loss fell by {n} (95 % interval {low} to {high})"
    ends = sorted(abs(apart[key]) for key in ("low", "high")) if not chance else [apart["low"], apart["high"]]
    told = words(said, n=f"{abs(apart['mean']):.2f}", low=f"{ends[0]:.2f}", high=f"{ends[1]:.2f}")
    return told + words(": that may be chance." if chance else ": more than chance explains.")


def _unmeasured(name: str, noted: Mapping[str, Any], words: Words) -> str:
    if words.chinese:
        return words("{set}: not measured, it had no records.", set=words(_SETS.get(name, (name, ""))[0]))
    return str(noted.get("sentence", ""))


def _languages(noted: Any) -> dict[str, tuple[float, float]]:
    if not isinstance(noted, Mapping):
        return {}
    return {
        name: (each["base"]["loss"], each["tuned"]["loss"])
        for name, each in noted.items()
        if numbers(each.get("base"), "loss") and numbers(each.get("tuned"), "loss")
    }


def _sides(noted: Any) -> tuple[float, float] | None:
    return (noted["base"], noted["tuned"]) if numbers(noted, "base", "tuned") else None


def _answers(name: str, noted: Mapping[str, Any], words: Words) -> list[Answers]:
    keys = ("question", "reference", "base", "tuned")
    samples = [each for each in noted.get("samples") or [] if isinstance(each, Mapping) and set(keys) <= each.keys()]
    return [
        Answers(
            set=words(_SETS.get(name, (name.replace("_", " "), ""))[0]),
            language=str(each.get("language", "")),
            question=clip(str(each["question"]), SHORT),
            reference=clip(str(each["reference"]), SHORT),
            before=clip(str(each["base"]), SHORT),
            after=clip(str(each["tuned"]), SHORT),
        )
        for each in samples
    ]
