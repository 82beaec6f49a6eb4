"""What a finished training says of itself: every loss in losses.json, and the figures of the report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec

from seedbed import jsonl
from train.checks import memory
from train.checks.preflight import Facts
from train.job import Job
from train.rows.data import Counts
from train.watching import stopping

_CURVE = 500  # points of the loss curve kept in the manifest; losses.json has them all


def note(finished: Any, job: Job, facts: Facts, began: float) -> None:
    """Writes losses.json, and puts what the report shows into the figures."""
    history = finished.state.log_history
    losses = [_point(entry, "loss") for entry in history if "loss" in entry]
    validation = [_point(entry, "eval_loss") for entry in history if "eval_loss" in entry]
    general = [_point(entry, stopping.GENERAL) for entry in history if stopping.GENERAL in entry]
    curves = {"train": losses, "validation": validation, "general": general}
    write_json(job.context.folder / "losses.json", curves)
    steps = finished.state.global_step
    tokens, seconds = sum(job.plan.step_tokens[:steps]), time.monotonic() - began
    options = job.options
    why = stopping.reason(history, options.patience, options.forgetting.bound) if steps < job.plan.steps else ""
    job.context.figures |= {
        "student": options.student,
        "method": options.method,
        "objective": options.objective,
        "rank": options.rank,
        "steps": steps,
        "stopped_early": steps < job.plan.steps,
        "stopped_by": why,
        "kept_step": finished.state.best_global_step if job.keeps_best else steps,
        "trainable_parameters": facts.shape.adapter_parameters(options),
        "parameters": facts.shape.parameters,
        "tokens_trained": tokens,
        "tokens_per_second": round(tokens / max(1e-9, _train_seconds(history) or seconds), 1),
        "seconds": round(seconds, 1),
        "padding_share": round(job.plan.padding_share, 4),
        "memory_estimated": facts.memory.total,
        "memory_peak": memory.peak(),
        "activation_checkpointing": job.checkpointing,
        "records": _left_out(facts.train),
        "validation_records": _left_out(facts.validation),
        "losses": _thinned(losses),
        "validation": validation,
        "general": general,
        "penalty": options.forgetting.penalty,
    }


def _point(entry: dict[str, Any], key: str) -> dict[str, float]:
    point = {"step": int(entry["step"]), "epoch": round(float(entry["epoch"]), 3), "loss": float(entry[key])}
    beside = ("learning_rate", "grad_norm", "penalty")
    extra = {name: float(entry[name]) for name in beside if entry.get(name) is not None}
    return point | extra


def _train_seconds(history: list[dict[str, Any]]) -> float:
    return next((float(entry["train_runtime"]) for entry in reversed(history) if "train_runtime" in entry), 0.0)


def _thinned(points: list[dict[str, float]]) -> list[dict[str, float]]:
    stride = -(-len(points) // _CURVE) or 1
    return [{"step": point["step"], "loss": round(point["loss"], 4)} for point in points[::stride]]


def _left_out(counts: Counts) -> dict[str, Any]:
    return {key: value for key, value in msgspec.to_builtins(counts).items() if value or key == "records"}


def write_json(path: Path, value: Any) -> None:
    """The value, readable, whole or not at all."""
    jsonl.write_text(path, msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n")
