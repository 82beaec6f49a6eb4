"""Training, as its stage noted it. What it did not note is left out, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curate.report.model import Training
from curate.report.words import Words, number

_STOPPED = {
    "general": ", stopped early: it was forgetting",
    "domain": ", stopped early: it no longer improved",
}
_METHODS = {"qlora": "QLoRA", "lora": "LoRA"}


def training(figures: Mapping[str, Any], words: Words) -> Training | None:
    """Loss curves and checks; None where nothing was trained."""
    losses, validation, general = (_points(figures.get(name)) for name in ("losses", "validation", "general"))
    preflight = [dict(check) for check in figures.get("preflight") or [] if isinstance(check, Mapping)]
    if not (losses or validation or preflight):
        return None
    kept = figures["kept_step"] if numbers(figures, "kept_step") else None
    facts = [*_facts(figures, words), *_forgotten(figures, general, words)]
    return Training(losses=losses, validation=validation, general=general, preflight=preflight, facts=facts, kept=kept)


def _facts(figures: Mapping[str, Any], words: Words) -> list[tuple[str, str]]:
    """What a reader wants to know of a training, those parts that were noted."""
    found = []
    if method := figures.get("method"):
        rank = words(", rank {n}", n=figures["rank"]) if "rank" in figures else ""
        found.append((words("Method"), f"{_METHODS.get(str(method), method)}{rank}"))
    if numbers(figures, "trainable_parameters", "parameters") and figures["parameters"]:
        own, every = figures["trainable_parameters"], figures["parameters"]
        share = words("{own} of {all} parameters", own=words.short(own), all=words.short(every))
        found.append((words("Trained"), share))
    if numbers(figures, "steps"):
        why = _STOPPED.get(str(figures.get("stopped_by")), ", stopped early")
        early = words(why) if figures.get("stopped_early") else ""
        found.append((words("Steps"), f"{number(figures['steps'])}{early}"))
    if numbers(figures, "tokens_trained", "tokens_per_second"):
        rate = number(round(figures["tokens_per_second"]))
        tokens = words.short(figures["tokens_trained"])
        found.append((words("Tokens"), words("{n}, {rate} a second", n=tokens, rate=rate)))
    if numbers(figures, "memory_peak") and figures["memory_peak"]:
        found.append((words("Memory"), words("{n} GB at most", n=f"{figures['memory_peak'] / 1e9:.1f}")))
    return found + _preferences(figures.get("preferences"), words)


def _preferences(noted: Any, words: Words) -> list[tuple[str, str]]:
    """How many pairs come out right, and whether the chosen answers stayed likely; held-out ones if there are any."""
    sets = noted if isinstance(noted, Mapping) else {}
    held = sets.get("validation") or sets.get("train")
    held = held if isinstance(held, Mapping) else {}
    chosen = held.get("chosen") or {}
    if not (numbers(held, "pairs", "reward_accuracy") and numbers(chosen, "base", "tuned")):
        return []
    right = words("{share} of {n} pairs right", share=f"{held['reward_accuracy']:.0%}", n=number(held["pairs"]))
    likely = words("{before} before, {after} after", before=f"{chosen['base']:.2f}", after=f"{chosen['tuned']:.2f}")
    if held.get("collapsed"):
        likely += words(": collapsed")
    label = "Held-out preferences" if "validation" in sets else "Preferences"
    return [(words(label), right), (words("Log-probability of the chosen, a token"), likely)]


def _forgotten(figures: Mapping[str, Any], general: list[tuple[float, float]], words: Words) -> list[tuple[str, str]]:
    """How far the general loss of the adapter that was kept is from the base's."""
    kept = [loss for step, loss in general if step == figures.get("kept_step")]
    if not kept or general[0][0] != 0:
        return []
    said = f"{general[0][1]:.2f} → {kept[0]:.2f} ({100 * (kept[0] / general[0][1] - 1):+.1f} %)"
    return [(words("General loss"), said)]


def _points(noted: Any) -> list[tuple[float, float]]:
    if not isinstance(noted, list):
        return []
    return [
        (float(p["step"]), float(p["loss"])) for p in noted if isinstance(p, Mapping) and numbers(p, "step", "loss")
    ]


def numbers(noted: Any, *keys: str) -> bool:
    """Whether all of `keys` are there and are numbers."""
    return isinstance(noted, Mapping) and all(isinstance(noted.get(key), int | float) for key in keys)
