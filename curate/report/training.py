"""Training, as its stage noted it. What it did not note is left out, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curate.report import words
from curate.report.model import Training

_METHODS = {"qlora": "QLoRA", "lora": "LoRA"}


def training(figures: Mapping[str, Any]) -> Training | None:
    """Loss curves and checks; None where nothing was trained."""
    losses, validation = _points(figures.get("losses")), _points(figures.get("validation"))
    preflight = [dict(check) for check in figures.get("preflight") or [] if isinstance(check, Mapping)]
    if not (losses or validation or preflight):
        return None
    kept = figures["kept_step"] if numbers(figures, "kept_step") else None
    return Training(losses=losses, validation=validation, preflight=preflight, facts=_facts(figures), kept=kept)


def _facts(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a reader wants to know of a training, those parts that were noted."""
    found = []
    if method := figures.get("method"):
        rank = f", rank {figures['rank']}" if "rank" in figures else ""
        found.append(("Method", f"{_METHODS.get(str(method), method)}{rank}"))
    if numbers(figures, "trainable_parameters", "parameters") and figures["parameters"]:
        own, every = figures["trainable_parameters"], figures["parameters"]
        found.append(("Trained", f"{words.short(own)} of {words.short(every)} parameters"))
    if numbers(figures, "steps"):
        early = ", stopped early" if figures.get("stopped_early") else ""
        found.append(("Steps", f"{words.number(figures['steps'])}{early}"))
    if numbers(figures, "tokens_trained", "tokens_per_second"):
        rate = words.number(round(figures["tokens_per_second"]))
        found.append(("Tokens", f"{words.short(figures['tokens_trained'])}, {rate} a second"))
    if numbers(figures, "memory_peak") and figures["memory_peak"]:
        found.append(("Memory", f"{figures['memory_peak'] / 1e9:.1f} GB at most"))
    return found


def _points(noted: Any) -> list[tuple[float, float]]:
    if not isinstance(noted, list):
        return []
    return [
        (float(p["step"]), float(p["loss"])) for p in noted if isinstance(p, Mapping) and numbers(p, "step", "loss")
    ]


def numbers(noted: Any, *keys: str) -> bool:
    """Whether all of `keys` are there and are numbers."""
    return isinstance(noted, Mapping) and all(isinstance(noted.get(key), int | float) for key in keys)
