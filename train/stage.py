"""The stage `train`: a data set in, an adapter or, from full fine-tuning, a model out.

Only the assistant's tokens are learned, exactly (train/rows/template.py). All checks come before anything is spent
(train/checks/preflight.py). A training that was killed goes on from its last whole checkpoint when it is started
again, with the losses that it would have had.

Files: adapter/ or model/ (with the tokenizer), training.json (what it was trained on and how), losses.json, tokens/
(cached token ids), checkpoints/ (the last, and the best).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from seedbed import importing, jsonl, ranks
from seedbed.context import Context
from seedbed.errors import TemplateError, TrainingError
from seedbed.record import Record
from train import figures, libraries, names
from train.checks import headers, memory, preflight
from train.checks.talk import look
from train.forgetting import general
from train.job import Job
from train.launch import together
from train.launch.shares import share
from train.objectives import dpo, pretrain, sft, start
from train.objectives.material import Material
from train.options import Options
from train.rows.batches import plan
from train.rows.data import Fit, prepare
from train.rows.ordering import ordered, told
from train.rows.template import Template
from train.students import faults, methods, model
from train.students.identity import fingerprint, weights_digest
from train.students.trained import ADAPTER, MODEL, NOTED, Training
from train.watching import trackers

__all__ = ["VERSION", "Options", "Training", "check", "train"]

VERSION = 2
# Token ids are kept by their content, and checkpoints say what they are of: both are right under any other options.
KEEPS = True
OBJECTIVES: dict[str, Any] = {"sft": sft, "dpo": dpo, "pretrain": pretrain}
_ROOM = 0.8  # of the memory that was there: what to lower is told with something to spare
_CHECKPOINTING_FROM = 0.7  # of the free memory: beyond it, layers are computed twice to save room


@dataclass(frozen=True)
class Ready:
    """A training of which everything is known before it begins. `base` and `template` say what the student is."""

    job: Job
    facts: preflight.Facts
    folder: Path
    base: str
    template: str


def watch(options: Options) -> list[Path]:
    """The adapter that it goes on with, and general records from outside the run, decide the outcome."""
    folder, general_data = start.adapter(options), options.forgetting.general
    adapter = [folder / "adapter_model.safetensors"] if folder else []
    return [*adapter, *(importing.watch(importing.Options(paths=(general_data,))) if general_data else [])]


def train(records: Iterable[Record], options: Options, context: Context) -> None:
    """Trains on the records of the split `train` (and those of none), watching those of `validation`.

    Raises TemplateError, PreflightError, InputError before, TrainingError when a loss or the outcome is no good or the
    memory does not suffice, and KeyboardInterrupt, with a checkpoint written, when it is asked to stop.
    """
    began = time.monotonic()
    trackers.check(options.track)
    with libraries.prepared(options.threads):
        names.refuse_missing()
        memory.forget_peak()
        with together.first_alone():
            ready = _ready(records, options, context)
            if not ranks.rank():
                _forget_others(ready)
        job = ready.job
        job.checkpointing = together.agreed(job.checkpointing)  # for it depends on the memory that is free just now
        context.progress.update(0, job.plan.steps, "loading the student")
        finished = _fitted(ready)
        with together.gathered(finished):
            if not ranks.rank():
                _save(finished, ready)
                figures.note(finished, job, ready.facts, began)
        together.leave()


def _ready(records: Iterable[Record], options: Options, context: Context) -> Ready:
    start.adapter(options)
    share(options)
    folder = model.locate(options.student, context.progress)
    tokenizer = model.load_tokenizer(folder)
    template = Template(tokenizer, options.student, needed=options.objective != "pretrain")
    digest, base = template.digest, weights_digest(folder)  # before anybody sets the tokenizer to padding
    shape = model.shape(folder)
    start.refuse_other(options, shape, base, digest)
    job, facts = _prepare(list(records), template, shape, options, context, folder)
    preflight.tell(preflight.check(facts), context)
    return Ready(job, facts, folder, base, digest)


def _fitted(ready: Ready) -> Any:
    """The finished trainer. Out of memory becomes a TrainingError that says what to lower."""
    job, facts, options = ready.job, ready.facts, ready.job.options
    try:
        return OBJECTIVES[options.objective].fit(job, model.load(ready.folder, options.method, job.tokenizer))
    except (RuntimeError, MemoryError, OSError) as error:
        if not libraries.out_of_memory(error):
            raise
        # Where the estimate says that it fits, the estimate is what was wrong, and its figure was the limit.
        room = int(_ROOM * min(facts.free, facts.memory.total))
        said = f"the memory did not suffice: about {facts.memory.total / 1e9:.1f} GB were expected to be needed and " \
               f"{facts.free / 1e9:.1f} GB were free"
        step = memory.fitting(facts.shape, options, facts.longest, room)
        raise TrainingError(said, where="train", next_step=step) from error


def check(records: Iterable[Record], options: Options, context: Context) -> list[preflight.Finding]:
    """All findings about a training that is not begun: no weights are fetched, converted or loaded for it."""
    start.adapter(options)
    with libraries.prepared(options.threads):
        folder = headers.locate(options.student, context.progress)
        tokenizer = model.load_tokenizer(folder)
        shape = model.shape(folder)
        try:
            template = Template(tokenizer, options.student, needed=options.objective != "pretrain")
        except TemplateError as error:
            facts = preflight.without_template(options, shape, tokenizer, error)
        else:
            _, facts = _prepare(list(records), template, shape, options, context, folder)
        return preflight.check(facts)


def _prepare(
    records: list[Record], template: Template, shape: model.Shape, options: Options, context: Context, folder: Path
) -> tuple[Job, preflight.Facts]:
    training = [record for record in records if record.split in ("train", "")]
    watching = [record for record in records if record.split == "validation" and not general.is_general(record)]
    material: Material = OBJECTIVES[options.objective].gather(training, watching, template, options, context)
    counts = material.train
    beside = general.choose(records, options.forgetting, context, validating=material.validation is not None)
    fit, cache = Fit(options.max_length, options.too_long), context.folder / "tokens"
    (watched, seen), (held, bound) = (prepare(ones, template, fit, cache) for ones in (beside.watched, beside.held))
    general.check(seen.rows, bound.rows, options.forgetting)
    context.figures["general_from"] = beside.source
    sampler = ordered(material.lengths, options, context.seed)
    counted = plan(sampler, options.epochs, options.accumulation, material.tokens, material.wide)
    context.progress.say(told(sampler, options, material.wide))
    free, checkpointing = memory.available(), options.activation_checkpointing == "on"
    longest = material.wide * sampler.longest  # tokens that a row of a batch takes
    if options.activation_checkpointing == "auto":
        checkpointing = memory.estimate(shape, options, longest, False).total > _CHECKPOINTING_FROM * free
    facts = preflight.Facts(
        options=options,
        train=counts,
        validation=material.watched,
        general=material.general,
        steps=counted.steps,
        shape=shape,
        pad=template.tokenizer.pad_token or "",
        end=template.tokenizer.eos_token or "",
        talk=None if options.objective == "pretrain" else look(template, folder),
        longest=longest,
        memory=memory.estimate(shape, options, longest, checkpointing),
        free=free,
        processes=1 if memory.on_gpu() else ranks.here(),
        disk=memory.disk_needed(shape, options),
        disk_free=shutil.disk_usage(context.folder).free,
    )
    job = Job(options, context, template.tokenizer, material.rows, material.validation, sampler, counted, checkpointing,
              watched if seen.rows else None, held if bound.rows else None)
    return job, facts


def _forget_others(ready: Ready) -> None:
    """Deletes what another training left: of other options, rows, weights or another template."""
    job = ready.job
    made_from = job.checkpoints / "made_from.json"
    # The names of their files are hashes of the rows' content.
    rows = [Path(one.cache_files[0]["filename"]).stem for one in (job.rows, job.held) if one is not None]
    began_at = [fingerprint(path) for path in watch(job.options)]
    said = [job.options, job.context.seed, ready.base, ready.template, rows, began_at]
    now = msgspec.json.encode(said).decode()
    if not made_from.exists() or made_from.read_text(encoding="utf-8") != now:
        for name in ("checkpoints", ADAPTER, MODEL):
            shutil.rmtree(job.context.folder / name, ignore_errors=True)
        jsonl.write_text(made_from, now)


def _save(finished: Any, ready: Ready) -> None:
    """Leaves adapter/ or model/ whole or not at all, and beside it what it is."""
    job, options = ready.job, ready.job.options
    if fault := faults.fault(finished.model, options, job.tokenizer, ready.folder):
        raise TrainingError(f"what was trained is worthless: {fault}", where="train",
                            next_step="Set another learning_rate and train again")
    name = MODEL if options.method == "full" else ADAPTER
    partial, final = job.context.folder / f"{name}.partial", job.context.folder / name
    shutil.rmtree(partial, ignore_errors=True)
    methods.save(finished.model, options, partial)
    job.tokenizer.save_pretrained(str(partial))
    noted = Training(student=options.student, method=options.method, rank=options.rank, alpha=options.alpha,
                     seed=job.context.seed, max_length=options.max_length, template=ready.template,
                     objective=options.objective, base=ready.base)
    figures.write_json(job.context.folder / NOTED, noted)
    shutil.rmtree(final, ignore_errors=True)
    partial.rename(final)
