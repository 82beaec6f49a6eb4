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
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from seedbed import jsonl
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.record import Record
from train import answers, libraries, metrics, model
from train.data import Fit
from train.metrics import Difference, Losses
from train.sft import Training
from train.template import Template

VERSION = 1

SETS = {
    "test_seen": ("unseen questions on seen documents", "learned", "unlearned"),
    "test_heldout": ("questions on held-out documents", "carried over", "harmed"),
    "test_general": ("general data", "improved", "forgotten"),
}
_BASE = {
    "qlora": "the nf4-quantised student without the adapter, as it was during training; the original in bf16 is a "
    "little better than that",
    "lora": "the student in bf16 without the adapter",
}
_ANSWER = 5  # a generated answer takes about as long as five losses (measured, 96 tokens in batches of 8)


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


class Answer(msgspec.Struct, frozen=True):
    """One question, the reference, and what both models said."""

    set: str
    id: str
    language: str
    question: str
    reference: str
    base: str
    tuned: str


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
    said: list[Answer] = field(default_factory=list)

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
        figures = {name: _measure(name, sets[name], bench) for name in SETS}
    jsonl.write(context.folder / "answers.jsonl", bench.said)
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
    return {
        name: several if len(several) <= limit else random.Random(f"{seed} {name}").sample(several, limit)
        for name, several in found.items()
    }


def _measure(name: str, records: list[Record], bench: Bench) -> dict[str, Any]:
    title = SETS[name][0]
    summed = {}
    for side in ("base", "tuned"):
        tick = partial(bench.tick, note=f"{name}, {side} model, loss")
        with bench.side(side):
            summed[side] = answers.losses(bench.tuned, bench.template, records, bench.fit, tick)
    usable = [record for record in records if record.id in summed["base"]]
    if not usable:
        return {"title": title, "records": 0, "sentence": f"{title.capitalize()}: no records, so nothing was measured."}
    losses = {r.id: Losses(summed["base"][r.id][0], summed["tuned"][r.id][0], summed["base"][r.id][1]) for r in usable}
    spread = metrics.difference(list(losses.values()), bench.context.seed)
    said = _answers(name, usable, bench)
    bench.said += said
    return {
        "title": title,
        "records": len(usable),
        "left_out": len(records) - len(usable),
        "tokens": sum(one.tokens for one in losses.values()),
        **_sides(list(losses.values())),
        "difference": msgspec.to_builtins(spread),
        "real": spread.real,
        "sentence": sentence(name, spread, len(usable)),
        "languages": _languages(usable, losses),
        "answers": _scores(said),
        "samples": msgspec.to_builtins(said[: bench.options.samples]),
    }


def sentence(name: str, spread: Difference, records: int) -> str:
    """What the difference means, in words."""
    title, better, worse = SETS[name]
    subject = f"{title.capitalize()}: loss {'fell' if spread.mean < 0 else 'rose'} by {abs(spread.mean):.2f}"
    if spread.low is None or spread.high is None:
        return f"{subject}, but {records} records are too few to tell that from chance."
    ends = sorted((abs(spread.low), abs(spread.high))) if spread.real else (spread.low, spread.high)
    interval = f"(95 % interval {ends[0]:.2f} to {ends[1]:.2f}, {records} records)"
    if not spread.real:
        return f"{subject} {interval}: that may be chance."
    return f"{subject} {interval}: {better if spread.mean < 0 else worse}, more than chance explains."


def _sides(losses: Sequence[Losses]) -> dict[str, dict[str, float]]:
    base, tuned = metrics.mean_loss(losses)
    return {
        name: {"loss": round(loss, 4), "perplexity": round(metrics.perplexity(loss), 3)}
        for name, loss in (("base", base), ("tuned", tuned))
    }


def _languages(records: list[Record], losses: dict[str, Losses]) -> dict[str, Any]:
    several: dict[str, list[Losses]] = {}
    for record in records:
        several.setdefault(record.language or "unknown", []).append(losses[record.id])
    return {language: {"records": len(ones), **_sides(ones)} for language, ones in sorted(several.items())}


def _answers(name: str, records: list[Record], bench: Bench) -> list[Answer]:
    count = min(len(records), bench.options.generate)
    chosen = random.Random(f"{bench.context.seed} {name} answers").sample(records, count)
    if not chosen:
        return []
    made = {}
    for side in ("base", "tuned"):
        with bench.side(side):
            made[side] = answers.answer(bench.tuned, bench.template, chosen, bench.options.max_new_tokens)
        bench.tick(_ANSWER * count, f"{name}, {side} model, answers")
    return [
        Answer(name, record.id, record.language, record.turns()[-2]["content"], record.answer, base, tuned)
        for record, base, tuned in zip(chosen, made["base"], made["tuned"], strict=True)
    ]


def _scores(said: list[Answer]) -> dict[str, Any]:
    """ROUGE-L and figures-right of both models' own answers."""
    found: dict[str, Any] = {"records": len(said)}
    if not said:
        return found
    found["rouge_l"] = {
        side: round(sum(metrics.rouge_l(one.reference, getattr(one, side)) for one in said) / len(said), 4)
        for side in ("base", "tuned")
    }
    with_figures = [one for one in said if metrics.numbers(one.reference)]
    found["figures_right"] = {"records": len(with_figures)} | {
        side: sum(bool(metrics.figures_right(one.reference, getattr(one, side))) for one in with_figures)
        for side in ("base", "tuned")
    }
    return found
