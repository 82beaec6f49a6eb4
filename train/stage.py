"""The stage `train`: a data set in, an adapter out: QLoRA (Dettmers et al. 2023) or LoRA (Hu et al. 2021).

Only the assistant's tokens are learned, exactly (train/rows/template.py). All checks come before anything is spent
(train/checks/preflight.py). A training that was killed goes on from its last whole checkpoint when it is started
again, with the losses that it would have had.

Files: adapter/ (with the tokenizer), training.json (what it was trained on and how), losses.json, tokens/ (cached token
ids), checkpoints/ (the last, and the best).
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from seedbed import importing, jsonl
from seedbed.context import Context
from seedbed.errors import TrainingError
from seedbed.pairs import conversations
from seedbed.record import Record
from seedbed.repeats import repeated
from train import libraries
from train.checks import memory, preflight
from train.forgetting import general
from train.job import Job
from train.objectives import sft
from train.options import Options
from train.rows.batches import LengthGrouped, plan
from train.rows.data import Counts, Fit, lengths, prepare
from train.rows.template import Template
from train.students import model
from train.watching import stopping, trackers

__all__ = ["VERSION", "Options", "Training", "train"]

VERSION = 1
_CHECKPOINTING_FROM = 0.7  # of the free memory: beyond it, layers are computed twice to save room
_CURVE = 500  # points of the loss curve kept in the manifest; losses.json has them all


class Training(msgspec.Struct, frozen=True, kw_only=True):
    """training.json: what an adapter was trained on and how, for whoever uses it later."""

    student: str
    method: str
    rank: int
    alpha: int
    seed: int
    max_length: int
    template: str


def watch(options: Options) -> list[Path]:
    """General records from outside the run decide the outcome."""
    general = options.forgetting.general
    return importing.watch(importing.Options(paths=(general,))) if general else []


def train(records: Iterable[Record], options: Options, context: Context) -> None:
    """Trains an adapter on the records of the split `train` (and those of none), watching those of `validation`.

    Raises TemplateError, PreflightError, InputError before, and TrainingError when the loss or the adapter is no good.
    """
    began = time.monotonic()
    trackers.check(options.track)
    with libraries.prepared(options.threads):
        memory.forget_peak()
        folder = model.locate(options.student, context.progress)
        tokenizer = model.load_tokenizer(folder)
        template = Template(tokenizer, options.student)
        job, facts = _prepare(list(records), template, model.shape(folder), options, context)
        preflight.tell(preflight.check(facts), context)
        _forget_others(job, template)
        context.progress.update(0, job.plan.steps, "loading the student")
        finished = sft.fit(job, model.load(folder, options.method, tokenizer))
        _save(finished, job, template)
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
    watching = conversations([r for r in records if r.split == "validation" and not general.is_general(r)])
    if len(watching) > options.validation_limit:
        watching = random.Random(context.seed).sample(watching, options.validation_limit)
    fit, cache = Fit(options.max_length, options.too_long), context.folder / "tokens"
    rows, counts = prepare(training, template, fit, cache)
    validation, watched = prepare(watching, template, fit, cache)
    beside = general.choose(records, options.forgetting, context, validating=watched.rows > 0)
    (watch, seen), (held, bound) = (prepare(ones, template, fit, cache) for ones in (beside.watched, beside.held))
    general.check(seen.rows, bound.rows, options.forgetting)
    context.figures["general_from"] = beside.source
    sampler = LengthGrouped(lengths(rows), options.batch, context.seed)
    counted = plan(sampler, options.epochs, options.accumulation)
    free, checkpointing = memory.available(), options.activation_checkpointing == "on"
    if options.activation_checkpointing == "auto":
        checkpointing = memory.estimate(shape, options, counts.longest, False).total > _CHECKPOINTING_FROM * free
    facts = preflight.Facts(
        options=options,
        train=counts,
        validation=watched,
        general=sum(map(general.is_general, training)),
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
    job = Job(options, context, template.tokenizer, rows, watched_rows, sampler, counted, checkpointing,
              watch if seen.rows else None, held if bound.rows else None)
    return job, facts


def _forget_others(job: Job, template: Template) -> None:
    """Deletes checkpoints of another training: other options, other rows or another template."""
    made_from = job.checkpoints / "made_from.json"
    # The names of their files are hashes of the rows' content.
    rows = [Path(one.cache_files[0]["filename"]).stem for one in (job.rows, job.held) if one is not None]
    now = msgspec.json.encode([job.options, job.context.seed, template.digest, rows]).decode()
    if not made_from.exists() or made_from.read_text(encoding="utf-8") != now:
        shutil.rmtree(job.checkpoints, ignore_errors=True)
        jsonl.write_text(made_from, now)


def _save(finished: Any, job: Job, template: Template) -> None:
    if fault := model.adapter_fault(finished.model):
        raise TrainingError(f"the adapter is worthless: {fault}", where="train",
                            next_step="Lower learning_rate and train again")
    partial, final = job.context.folder / "adapter.partial", job.context.folder / "adapter"
    shutil.rmtree(partial, ignore_errors=True)
    for config in finished.model.peft_config.values():
        config.base_model_name_or_path = job.options.student  # a name, not this machine's path
    finished.model.save_pretrained(str(partial), save_embedding_layers=False)
    (partial / "README.md").unlink(missing_ok=True)
    job.tokenizer.save_pretrained(str(partial))
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
    options = job.options
    noted = Training(student=options.student, method=options.method, rank=options.rank, alpha=options.alpha,
                     seed=job.context.seed, max_length=options.max_length, template=template.digest)
    _write_json(job.context.folder / "training.json", noted)


def _figures(finished: Any, job: Job, facts: preflight.Facts, began: float) -> None:
    history = finished.state.log_history
    losses = [_point(entry, "loss") for entry in history if "loss" in entry]
    validation = [_point(entry, "eval_loss") for entry in history if "eval_loss" in entry]
    general = [_point(entry, stopping.GENERAL) for entry in history if stopping.GENERAL in entry]
    curves = {"train": losses, "validation": validation, "general": general}
    _write_json(job.context.folder / "losses.json", curves)
    steps = finished.state.global_step
    tokens, seconds = sum(job.plan.step_tokens[:steps]), time.monotonic() - began
    options = job.options
    why = stopping.reason(history, options.patience, options.forgetting.bound) if steps < job.plan.steps else ""
    job.context.figures |= {
        "student": options.student,
        "method": options.method,
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


def _write_json(path: Path, value: Any) -> None:
    jsonl.write_text(path, msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n")
