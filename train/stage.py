"""The stage `train`: a data set in, an adapter out: QLoRA (Dettmers et al. 2023) or LoRA (Hu et al. 2021).

Only the assistant's tokens are learned, exactly (train/rows/template.py). All checks come before anything is spent
(train/checks/preflight.py). A training that was killed goes on from its last whole checkpoint when it is started
again, with the losses that it would have had.

Files: adapter/ (with the tokenizer), training.json (what it was trained on and how), losses.json, tokens/ (cached token
ids), checkpoints/ (the last, and the best).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from seedbed import jsonl
from seedbed.context import Context
from seedbed.errors import TrainingError
from seedbed.record import Record
from train import libraries
from train.checks import memory, preflight
from train.job import Job
from train.objectives import dpo, pretrain, sft
from train.objectives.material import Material
from train.options import Options
from train.rows.batches import LengthGrouped, plan
from train.rows.data import Counts
from train.rows.template import Template
from train.students import model

__all__ = ["VERSION", "Options", "Training", "train"]

VERSION = 1
OBJECTIVES: dict[str, Any] = {"sft": sft, "dpo": dpo, "pretrain": pretrain}
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
    objective: str = "sft"


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
        job, facts = _prepare(list(records), template, model.shape(folder), options, context)
        preflight.tell(preflight.check(facts), context)
        _forget_others(job, template)
        context.progress.update(0, job.plan.steps, "loading the student")
        finished = OBJECTIVES[options.objective].fit(job, model.load(folder, options.method, tokenizer))
        _save(finished, job, template)
        _figures(finished, job, facts, began)


def _prepare(
    records: list[Record], template: Template, shape: model.Shape, options: Options, context: Context
) -> tuple[Job, preflight.Facts]:
    training = [record for record in records if record.split in ("train", "")]
    watching = [record for record in records if record.split == "validation"]
    material: Material = OBJECTIVES[options.objective].gather(training, watching, template, options, context)
    counts = material.train
    sampler = LengthGrouped(material.lengths, options.batch, context.seed)
    counted = plan(sampler, options.epochs, options.accumulation, material.tokens, material.wide)
    free, checkpointing = memory.available(), options.activation_checkpointing == "on"
    longest = material.wide * counts.longest  # tokens that a row of a batch takes
    if options.activation_checkpointing == "auto":
        checkpointing = memory.estimate(shape, options, longest, False).total > _CHECKPOINTING_FROM * free
    facts = preflight.Facts(
        options=options,
        train=counts,
        validation=material.watched,
        general=material.general,
        steps=counted.steps,
        shape=shape,
        pad=str(template.tokenizer.pad_token),
        end=str(template.tokenizer.eos_token),
        memory=memory.estimate(shape, options, longest, checkpointing),
        free=free,
        disk=memory.disk_needed(shape, options),
        disk_free=shutil.disk_usage(context.folder).free,
    )
    job = Job(options, context, template.tokenizer, material.rows, material.validation, sampler, counted, checkpointing)
    return job, facts


def _forget_others(job: Job, template: Template) -> None:
    """Deletes checkpoints of another training: other options, other rows or another template."""
    made_from = job.checkpoints / "made_from.json"
    rows = Path(job.rows.cache_files[0]["filename"]).stem  # a hash of the rows' content
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
                     seed=job.context.seed, max_length=options.max_length, template=template.digest,
                     objective=options.objective)
    _write_json(job.context.folder / "training.json", noted)


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
        "objective": options.objective,
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
