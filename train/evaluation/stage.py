"""Base against tuned, on three sets that ask three questions.

- test_seen: unseen questions on seen documents. Was it learned?
- test_heldout: questions on documents kept out. Does the skill carry over?
- test_general: general data. What was forgotten?

The base is the very model that was trained on with the adapter switched off: after QLoRA the nf4 one, so that the
adapter is the only difference. Nothing here asks a teacher.

Files: evaluation.json (the figures), answers.jsonl (every generated answer beside its reference).
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from seedbed import jsonl
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.pairs import conversations
from seedbed.record import Record
from train import libraries
from train.evaluation import answers
from train.evaluation.comparison import SETS, Answer, compare
from train.evaluation.metrics import Losses
from train.rows.data import Fit
from train.rows.template import Template
from train.students import model
from train.students.trained import Training

VERSION = 1

_BASE = {
    "qlora": "the nf4-quantised student without the adapter, as it was during training; the original in bf16 is a "
    "little better than that",
    "lora": "the student in bf16 without the adapter",
}
_ANSWER = 4  # a generated answer takes about as long as four losses (measured: 96 tokens, 24 side by side)


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is measured. `adapter` and `student` are those of the job's training where they are empty.

    limit      records of each set whose loss is measured, drawn by the job's seed; bounds the time
    generate   records of each set that both models answer themselves; 0: none
    samples    answers kept side by side in the figures
    """

    PATHS: ClassVar[tuple[str, ...]] = ("adapter",)

    adapter: str = ""
    student: str = ""
    limit: int = 64
    generate: int = 8
    max_new_tokens: int = 96
    samples: int = 3
    threads: int = 0  # 0: all cores

    def __post_init__(self) -> None:
        for name, least in (("limit", 1), ("generate", 0), ("max_new_tokens", 1), ("samples", 0), ("threads", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name}: expected {least} or more")


def watch(options: Options) -> list[Path]:
    """An adapter from outside the run decides the outcome."""
    return [Path(options.adapter) / "adapter_model.safetensors"] if options.adapter else []


@dataclass
class Bench:
    """The tuned model, how to see its base, and how far the measuring is."""

    tuned: Any
    template: Template
    fit: Fit
    options: Options
    context: Context
    total: int = 0
    done: int = 0

    def side(self, name: str) -> AbstractContextManager[Any]:
        """The model acts as base or as tuned within the block."""
        return self.tuned.disable_adapter() if name == "base" else nullcontext()

    def tick(self, work: int, note: str) -> None:
        """So much more is done."""
        self.done = min(self.total, self.done + work)
        self.context.progress.update(self.done, self.total, note)


def evaluate(records: Iterable[Record], options: Options, context: Context) -> None:
    """Measures loss, perplexity, ROUGE-L and figures-right of base and tuned model on each set that has records.

    A set that is missing or too small says so in its figures. Raises InputError without an adapter.
    """
    began = time.monotonic()
    adapter, trained = _adapter(options, context)
    sets = _sets(records, options.limit, context.seed)
    with libraries.prepared(options.threads):
        folder = model.locate(options.student or trained.student, context.progress)
        tokenizer = model.load_tokenizer(folder)
        tuned = model.with_adapter(model.load(folder, trained.method, tokenizer), adapter)
        bench = Bench(tuned, Template(tokenizer, trained.student), Fit(trained.max_length), options, context)
        bench.total = sum(2 * (len(ones) + _ANSWER * min(len(ones), options.generate)) for ones in sets.values())
        losses = {name: _losses(name, ones, bench) for name, ones in sets.items()}
        said = _answers({name: [r for r in ones if r.id in losses[name]] for name, ones in sets.items()}, bench)
    figures = {
        name: compare(name, sets[name], losses[name], said[name], options.samples, context.seed) for name in SETS
    }
    jsonl.write(context.folder / "answers.jsonl", [one for several in said.values() for one in several])
    context.figures |= {
        "student": trained.student,
        "method": trained.method,
        "base": _BASE[trained.method],
        "sets": figures,
        "seconds": round(time.monotonic() - began, 1),
    }
    encoded = msgspec.json.format(msgspec.json.encode(context.figures), indent=1)
    jsonl.write_text(context.folder / "evaluation.json", encoded.decode() + "\n")
    for noted in figures.values():
        context.progress.say(f"  {noted['sentence']}")


def _adapter(options: Options, context: Context) -> tuple[Path, Training]:
    """The adapter's folder, and what it was trained on."""
    folder = Path(options.adapter) if options.adapter else context.upstream.get("train", Path()) / "adapter"
    if not (folder / "adapter_config.json").is_file():
        raise InputError("no adapter to evaluate", where=str(folder),
                         next_step="Train first, or name the folder of an adapter with `adapter:`")
    noted = folder.parent / "training.json"
    if noted.is_file():
        return folder, msgspec.json.decode(noted.read_bytes(), type=Training)
    if not options.student:
        raise InputError("training.json is missing beside the adapter, so its student is unknown", where=str(folder),
                         next_step="Name the student with `student:`")
    unknown = Training(student=options.student, method="lora", rank=0, alpha=0, seed=0, max_length=1024, template="")
    return folder, unknown


def _sets(records: Iterable[Record], limit: int, seed: int) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {name: [] for name in SETS}
    for record in records:
        if record.split in found and record.answer:
            found[record.split].append(record)
    found = {name: conversations(several) for name, several in found.items()}
    return {
        name: several if len(several) <= limit else random.Random(f"{seed} {name}").sample(several, limit)
        for name, several in found.items()
    }


def _losses(name: str, records: list[Record], bench: Bench) -> dict[str, Losses]:
    """Record id -> its losses, for those that fit."""
    summed = {}
    for side in ("base", "tuned"):
        tick = partial(bench.tick, note=f"{name}, {side} model, loss")
        with bench.side(side):
            summed[side] = answers.losses(bench.tuned, bench.template, records, bench.fit, tick)
    return {key: Losses(loss, summed["tuned"][key][0], tokens) for key, (loss, tokens) in summed["base"].items()}


def _answers(sets: dict[str, list[Record]], bench: Bench) -> dict[str, list[Answer]]:
    """What both models answer to a few records of each set; all sets together, since long batches cost hardly more."""
    chosen = [
        (name, record)
        for name, several in sets.items()
        for record in random.Random(f"{bench.context.seed} {name} answers").sample(
            several, min(len(several), bench.options.generate)
        )
    ]
    made = {}
    for side in ("base", "tuned"):
        bench.tick(0, f"{side} model, {len(chosen)} answers")
        with bench.side(side):
            questions = [record for _, record in chosen]
            made[side] = answers.answer(bench.tuned, bench.template, questions, bench.options.max_new_tokens)
        bench.tick(_ANSWER * len(chosen), f"{side} model, answers")
    said: dict[str, list[Answer]] = {name: [] for name in sets}
    for (name, record), base, tuned in zip(chosen, made["base"], made["tuned"], strict=True):
        question = record.turns()[-2]["content"]
        said[name].append(Answer(name, record.id, record.language, question, record.answer, base, tuned))
    return said
