"""Before and after training, as the evaluation noted it. What it did not note is left out, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curate.report.examples import SHORT, clip
from curate.report.model import Answers, Comparison, Evaluation, Judged, Own, Task
from curate.report.training import numbers
from curate.report.words import Words, signed

_SETS = {
    "test_seen": ("New questions, seen documents", "Was it learned?"),
    "test_heldout": ("Held-out documents", "Does the skill carry over?"),
    "test_general": ("General data", "Was anything forgotten?"),
    "text_seen": ("Running text, seen documents", "Was it learned?"),
    "text_heldout": ("Running text, held-out documents", "Does it carry over?"),
    "text_general": ("General running text", "Was anything forgotten?"),
}


_CUT = "\ufffd"  # what is left of a character when the answer's last token held a part of it
# Measures of the answers: label, whether it is a share, and whether more is better (1), worse (-1), or neither.
_OWN = {
    "figures_right": ("Figures right", True, 1),
    "exact": ("Exact match", True, 1),
    "rouge_l": ("ROUGE-L", False, 1),
    "bleu": ("BLEU", False, 1),
    "refusals": ("Refusals", True, -1),
    "length": ("Length in tokens", False, 0),
}


def evaluation(figures: Mapping[str, Any], words: Words) -> Evaluation:
    """All that was measured, the three usual sets first."""
    sets = figures.get("sets")
    if not isinstance(sets, Mapping):
        return Evaluation()
    order = [name for name in _SETS if name in sets] + [name for name in sets if name not in _SETS]
    known = {name: sets[name] for name in order if isinstance(sets[name], Mapping)}
    found = {name: _comparison(name, noted, words) for name, noted in known.items()}
    judge = figures.get("judge") or {}
    return Evaluation(
        base=str(figures.get("base") or ""),
        judge=str(judge.get("model") or ""),
        warning=_warning(judge, words),
        tasks=[task for noted in figures.get("tasks") or [] if (task := _task(noted))],
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
    measures = [measure for key in _OWN if (measure := _own(key, own.get(key), words))]
    right = next((measure for measure in measures if measure.name == "figures_right"), None)
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
        figures=_counts(right) if right else None,
        figures_of=right.records if right else 0,
        own=measures,
        others=_others(noted),
        judged=_judged(noted.get("judge")),
    )


def _own(key: str, noted: Any, words: Words) -> Own | None:
    if not numbers(noted, "base", "tuned", "records") or not noted["records"]:
        return None
    label, share, better = _OWN[key]
    apart = noted.get("difference") or {}
    values = {name: float(value) for name, value in noted.items() if _is_side(name, value)}
    real, way = bool(noted.get("real")), better * (apart.get("mean") or 0)
    return Own(
        name=key,
        label=words(label),
        records=int(noted["records"]),
        values=values,
        share=share,
        difference=apart.get("mean"),
        low=apart.get("low"),
        high=apart.get("high"),
        better=way > 0 if real and way else None,
    )


def _is_side(name: str, value: Any) -> bool:
    """Whether this is a model's value: all numbers are, but for how many there were and what the references have."""
    return name not in ("records", "reference", "real") and isinstance(value, int | float)


def _counts(right: Own) -> tuple[int, int]:
    return round(right.values["base"] * right.records), round(right.values["tuned"] * right.records)


def _others(noted: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
    return {
        name: (noted[name]["loss"], each["share"])
        for name, each in (noted.get("others") or {}).items()
        if numbers(noted.get(name), "loss") and numbers(each, "share")
    }


def _judged(noted: Any) -> Judged | None:
    if not numbers(noted, "wins", "losses", "ties") or not numbers(rate := noted.get("win_rate"), "mean"):
        return None
    return Judged(wins=noted["wins"], losses=noted["losses"], ties=noted["ties"], rate=rate["mean"],
                  low=rate.get("low"), high=rate.get("high"))


def _warning(judge: Mapping[str, Any], words: Words) -> str:
    """The evaluation's own warning; in Chinese one in short."""
    warning = str(judge.get("warning") or "")
    return words("The judge says nearly always the same, so its win rate tells nothing.") if warning else ""


def _task(noted: Any) -> Task | None:
    if not numbers(noted, "base", "tuned"):
        return None
    apart = noted.get("difference") or {}
    return Task(task=str(noted.get("task", "")), measure=str(noted.get("measure", "")),
                records=int(noted.get("records") or 0), before=noted["base"], after=noted["tuned"],
                low=apart.get("low"), high=apart.get("high"))


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
            before=clip(str(each["base"]).rstrip(_CUT), SHORT),
            after=clip(str(each["tuned"]).rstrip(_CUT), SHORT),
        )
        for each in samples
    ]
