"""The stage `train`: a data set in, an adapter or, from full fine-tuning, a model out.

Only the assistant's tokens are learned, exactly (train/rows/template.py). All checks come before anything is spent
(train/checks/preflight.py). A training that was killed goes on from its last whole checkpoint when it is started
again, with the losses that it would have had.

Files: adapter/ or model/ (with the tokenizer), training.json (what it was trained on and how), losses.json, tokens/
(cached token ids), checkpoints/ (the last, and the best).
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from seedbed import jsonl
from seedbed.context import Context
from seedbed.errors import TrainingError
from seedbed.pairs import conversations
from seedbed.record import Record
from seedbed.repeats import repeated
from train import libraries
from train.checks import memory, preflight
from train.job import Job
from train.objectives import sft
from train.options import Options
from train.rows.batches import LengthGrouped, plan
from train.rows.data import Counts, Fit, lengths, prepare
from train.rows.template import Template
from train.students import faults, methods, model
from train.students.identity import weights_digest
from train.students.trained import ADAPTER, MODEL, NOTED, Training

__all__ = ["VERSION", "Options", "Training", "train"]

VERSION = 1
_CHECKPOINTING_FROM = 0.7  # of the free memory: beyond it, layers are computed twice to save room
_CURVE = 500  # points of the loss curve kept in the manifest; losses.json has them all


def train(records: Iterable[Record], options: Options, context: Context) -> None:
    """Trains an adapter on the records of the split `train` (and those of none), watching those of `validation`.

    Raises TemplateError, PreflightError, InputError before, and TrainingError when the loss or the adapter is no good.
    """
    began = time.monotonic()
    with libraries.prepared(options.threads):
        memory.forget_peak()
        folder = model.locate(options.student, context.progress)
        tokenizer = model.load_tokenizer(folder)
        template = Template(tokenizer, options.student)
        digest = template.digest  # before anybody sets the tokenizer to padding
        job, facts = _prepare(list(records), template, model.shape(folder), options, context)
        preflight.tell(preflight.check(facts), context)
        _forget_others(job, template)
        context.progress.update(0, job.plan.steps, "loading the student")
        finished = sft.fit(job, model.load(folder, options.method, tokenizer))
        _save(finished, job, digest, folder)
        _figures(finished, job, facts, began)


def _prepare(
    records: list[Record], template: Template, shape: model.Shape, options: Options, context: Context
) -> tuple[Job, preflight.Facts]:
    everything = [record for record in records if record.split in ("train", "")]
    # The chosen answer of a preference pair is learned once, from the chat record that it was made from if it is there.
    learned = conversations(everything)
    if left_out := len(everything) - len(learned):
        context.figures["pairs_left_out"] = left_out
    training = list(repeated(learned))
    watching = conversations([record for record in records if record.split == "validation"])
    if len(watching) > options.validation_limit:
        watching = random.Random(context.seed).sample(watching, options.validation_limit)
    fit, cache = Fit(options.max_length, options.too_long), context.folder / "tokens"
    rows, counts = prepare(training, template, fit, cache)
    validation, watched = prepare(watching, template, fit, cache)
    sampler = LengthGrouped(lengths(rows), options.batch, context.seed)
    counted = plan(sampler, options.epochs, options.accumulation)
    free, checkpointing = memory.available(), options.activation_checkpointing == "on"
    if options.activation_checkpointing == "auto":
        checkpointing = memory.estimate(shape, options, counts.longest, False).total > _CHECKPOINTING_FROM * free
    facts = preflight.Facts(
        options=options,
        train=counts,
        validation=watched,
        general=sum(record.task == "general" or record.labels.get("origin") == "general" for record in training),
        steps=counted.steps,
        shape=shape,
        pad=str(template.tokenizer.pad_token),
        end=str(template.tokenizer.eos_token),
        memory=memory.estimate(shape, options, counts.longest, checkpointing),
        free=free,
        disk=memory.disk_needed(shape, options),
        disk_free=shutil.disk_usage(context.folder).free,
    )
    watched_rows = validation if watched.rows else None
    return Job(options, context, template.tokenizer, rows, watched_rows, sampler, counted, checkpointing), facts


def _forget_others(job: Job, template: Template) -> None:
    """Deletes checkpoints of another training: other options, other rows or another template."""
    made_from = job.checkpoints / "made_from.json"
    rows = Path(job.rows.cache_files[0]["filename"]).stem  # a hash of the rows' content
    now = msgspec.json.encode([job.options, job.context.seed, template.digest, rows]).decode()
    if not made_from.exists() or made_from.read_text(encoding="utf-8") != now:
        shutil.rmtree(job.checkpoints, ignore_errors=True)
        jsonl.write_text(made_from, now)


def _save(finished: Any, job: Job, template: str, base: Path) -> None:
    """Leaves adapter/ or model/ whole or not at all, and beside it what it is."""
    if fault := faults.fault(finished.model, job.options, job.tokenizer, base):
        raise TrainingError(f"what was trained is worthless: {fault}", where="train",
                            next_step="Set another learning_rate and train again")
    name = MODEL if job.options.method == "full" else ADAPTER
    partial, final = job.context.folder / f"{name}.partial", job.context.folder / name
    shutil.rmtree(partial, ignore_errors=True)
    methods.save(finished.model, job.options, partial)
    job.tokenizer.save_pretrained(str(partial))
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
    options = job.options
    noted = Training(student=options.student, method=options.method, rank=options.rank, alpha=options.alpha,
                     seed=job.context.seed, max_length=options.max_length, template=template,
                     objective=options.objective, base=weights_digest(base))
    _write_json(job.context.folder / NOTED, noted)


def _figures(finished: Any, job: Job, facts: preflight.Facts, began: float) -> None:
    history = finished.state.log_history
    losses = [_point(entry, "loss") for entry in history if "loss" in entry]
    validation = [_point(entry, "eval_loss") for entry in history if "eval_loss" in entry]
    _write_json(job.context.folder / "losses.json", {"train": losses, "validation": validation})
    steps = finished.state.global_step
    tokens, seconds = sum(job.plan.step_tokens[:steps]), time.monotonic() - began
    options = job.options
    kept_best = validation and options.patience
    job.context.figures |= {
        "student": options.student,
        "method": options.method,
        "rank": options.rank,
        "steps": steps,
        "stopped_early": steps < job.plan.steps,
        "kept_step": finished.state.best_global_step if kept_best else steps,
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
    }


def _point(entry: dict[str, Any], key: str) -> dict[str, float]:
    point = {"step": int(entry["step"]), "epoch": round(float(entry["epoch"]), 3), "loss": float(entry[key])}
    extra = {name: float(entry[name]) for name in ("learning_rate", "grad_norm") if entry.get(name) is not None}
    return point | extra


def _train_seconds(history: list[dict[str, Any]]) -> float:
    return next((float(entry["train_runtime"]) for entry in reversed(history) if "train_runtime" in entry), 0.0)


def _thinned(points: list[dict[str, float]]) -> list[dict[str, float]]:
    stride = -(-len(points) // _CURVE) or 1
    return [{"step": point["step"], "loss": round(point["loss"], 4)} for point in points[::stride]]


def _left_out(counts: Counts) -> dict[str, Any]:
    return {key: value for key, value in msgspec.to_builtins(counts).items() if value or key == "records"}


def _write_json(path: Path, value: Any) -> None:
    jsonl.write_text(path, msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n")
