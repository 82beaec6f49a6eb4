"""`seedbed train DATA --sweep mix=0,0.05,0.1`: the small ladder, each rung trained and measured in a folder of its own.

A finished rung has rung.json, written last, and is not trained again; one that was killed goes on from its checkpoint.

Files: KEY-VALUE/seed-N/ (adapter, training.json, losses.json, rung.json), sweep.json, sweep.html.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from seedbed import jsonl
from seedbed.context import Context, Progress
from seedbed.errors import InputError
from seedbed.progress import Plain
from seedbed.record import Record
from train import libraries
from train.evaluation import answers
from train.forgetting.sweep.advice import BOUND, Advice, advise
from train.forgetting.sweep.ladder import Rung, Sets, records_of, rungs, shown, take_apart
from train.forgetting.sweep.page import page
from train.forgetting.sweep.points import Losses, Measured, points, told
from train.options import Options
from train.rows.data import Fit
from train.rows.template import Template
from train.stage import train
from train.students import model


class _Steps:
    """A rung's progress without the checks before it, which are the same for all rungs."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        self._progress.update(done, total, note)

    def say(self, line: str) -> None:
        if not line.startswith("  "):
            self._progress.say(line)


def sweep(
    words: str, seeds: int, records: Iterable[Record], options: Options, out: Path, seed: int, progress: Plain
) -> Advice:
    """Trains and measures every rung that is not finished, writes sweep.json and sweep.html, and gives the advice.

    `words` are those of the command line: `mix=0,0.05,0.1`, `learning_rate=1e-4,2e-4`, …; `seeds` trainings a value.
    Raises InputError for what cannot be swept, and what a training raises.
    """
    ladder = rungs(words, seeds, seed)
    if options.method not in ("qlora", "lora"):
        raise InputError(f"compares adapters, and {options.method} makes none", where="--sweep",
                         next_step="Set method: qlora or lora")
    if options.objective != "sft":
        raise InputError(f"measures the loss of answers, which is not what objective {options.objective} is judged by",
                         where="--sweep", next_step="Set objective: sft, or compare single trainings with `evaluate`")
    sets = take_apart(list(records), options.forgetting, Context(out, seed))
    bases: dict[str, dict[str, tuple[float, int]]] = {}
    found = []
    for number, rung in enumerate(ladder, 1):
        progress.begin(f"{rung.key} {shown(rung.value)}, seed {rung.seed} ({number} of {len(ladder)})")
        try:
            found.append(_climbed(rung, sets, options, out, progress, bases))
        finally:
            progress.end()
        _say(found[-1], progress)
    key, bound = ladder[0].key, options.forgetting.bound or BOUND
    reached = points(found, seed)
    advice = advise(key, reached, bound)
    whole = {
        "key": key, "seeds": seeds, "bound": bound, "student": options.student,
        "records": {"domain": len(sets.domain), **{name: len(several) for name, several in sets.tests.items()}},
        "points": told(key, reached), "advice": msgspec.to_builtins(advice),
    }  # fmt: skip
    jsonl.write_text(out / "sweep.json", _encoded(whole))
    chinese = sum(record.language == "zh" for record in sets.domain) * 2 > len(sets.domain)
    jsonl.write_text(out / "sweep.html", page(key, reached, advice, bound, "zh" if chinese else "en"))
    return advice


def _climbed(
    rung: Rung, sets: Sets, options: Options, out: Path, progress: Progress, bases: dict[str, Any]
) -> Measured:
    """The rung's figures: those that are there, or those of a training now."""
    own, (given, share) = rung.options(options), records_of(rung, sets)
    folder = out / rung.folder
    ids = [(record.id, record.split, record.labels.get("repeat", "")) for record in given]
    mark = hashlib.sha256(msgspec.json.encode([own, rung.seed, ids], order="sorted")).hexdigest()[:32]
    if (done := _finished(folder / "rung.json")) and done.fingerprint == mark:
        return done
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    context = Context(folder, rung.seed, progress=_Steps(progress))
    train(given, own, context)
    losses = _measure(folder / "adapter", own, sets, context.progress, bases)
    done = Measured(
        fingerprint=mark, key=rung.key, value=rung.value, seed=rung.seed, share=share, losses=losses,
        steps=context.figures["steps"], kept_step=context.figures["kept_step"],
        seconds=round(time.monotonic() - began, 1),
    )  # fmt: skip
    jsonl.write_text(folder / "rung.json", _encoded(done))
    return done


def _finished(path: Path) -> Measured | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Measured)
    except (OSError, msgspec.DecodeError):
        return None


def _measure(
    adapter: Path, options: Options, sets: Sets, progress: Progress, bases: dict[str, dict[str, tuple[float, int]]]
) -> dict[str, dict[str, Losses]]:
    """Set -> record id -> losses of base and tuned. `bases` keeps the base's from rung to rung: it is one model."""
    with libraries.prepared(options.threads):
        folder = model.locate(options.student, progress)
        tokenizer = model.load_tokenizer(folder)
        template = Template(tokenizer, options.student)
        tuned = model.with_adapter(model.load(folder, options.method, tokenizer), adapter)
        fit = Fit(options.max_length)

        def taken(records: Sequence[Record]) -> dict[str, tuple[float, int]]:
            return answers.losses(tuned, template, records, fit, lambda _: None)

        found = {}
        for name, several in sets.tests.items():
            if name not in bases:
                with tuned.disable_adapter():
                    bases[name] = taken(several)
            after = taken(several)
            found[name] = {id_: Losses(loss, after[id_][0], n) for id_, (loss, n) in bases[name].items()}
            if not found[name]:
                raise InputError(f"no record of {name} fits the student", where="--sweep", next_step="Raise max_length")
        return found


def _say(done: Measured, progress: Progress) -> None:
    seen, general = (points([done], 0)[0].domain, points([done], 0)[0].general)
    progress.say(f"{done.key} {shown(done.value)}, seed {done.seed}: domain loss {seen.base:.2f} → {seen.tuned:.2f}, "
                 f"general loss {general.base:.2f} → {general.tuned:.2f} ({general.share:+.1%})")


def _encoded(value: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n"
