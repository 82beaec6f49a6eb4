"""Checks before a training, each with its figure, its reason and what to do. Nothing has been spent yet.

An `error` means that the training cannot run or would be worthless; a `warning` lets it run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from seedbed.context import Context
from seedbed.errors import PreflightError
from train.checks.memory import Memory
from train.options import Options
from train.rows.data import Counts
from train.students.model import Shape

Level = Literal["ok", "warning", "error"]

_GENERAL = 0.05  # share of general records below which forgetting shows (measured: docs/handbook, chapter 10)
_RATES = (0.25, 2.5)  # of the usual one; of adapters 5e-5 to 5e-4, within which published recipes lie
_RATE_ERROR = 50  # times the usual one, twenty times the upper end: the loss diverges
_FEW = 50  # records: a few dozen teach a style and hardly any facts
_FEW_STEPS = 10  # optimiser steps: with warm-up and cosine decay hardly one of them runs at the full rate
_LONG = 0.05  # share of records cut or left out
_MOST_LAYERS = 0.5  # share of the linear layers
_TIGHT = 0.8  # share of the memory that is there


class Finding(msgspec.Struct, frozen=True):
    """One check: what was found, why it matters, and what to do where it is not ok."""

    level: Level
    name: str
    figure: str
    why: str
    remedy: str = ""

    def line(self) -> str:
        """As one line for a person."""
        tail = f" {self.remedy}." if self.remedy and self.level != "ok" else ""
        return f"{self.level:7} {self.name.replace('_', ' ')}: {self.figure}. {self.why}{tail}"


class Facts(msgspec.Struct, kw_only=True):
    """What the checks look at. `pad` and `end` are the tokenizer's tokens; `free` memory and `disk` are in bytes."""

    options: Options
    train: Counts
    validation: Counts
    general: int
    steps: int
    shape: Shape
    pad: str
    end: str
    memory: Memory
    free: int
    disk: int
    disk_free: int


def check(facts: Facts) -> list[Finding]:
    """All findings, in a fixed order."""
    return [finding for rule in _RULES for finding in rule(facts)]


def tell(findings: list[Finding], context: Context) -> None:
    """Says each finding and keeps it in the figures. Raises PreflightError when one is an error."""
    context.figures["preflight"] = msgspec.to_builtins(findings)
    for finding in findings:
        context.progress.say(f"  {finding.line()}")
    if errors := [finding for finding in findings if finding.level == "error"]:
        what = "; ".join(f"{finding.name.replace('_', ' ')}: {finding.figure}. {finding.why}" for finding in errors)
        raise PreflightError(what.rstrip("."), where="train", next_step=errors[0].remedy)


def _records(facts: Facts) -> Iterator[Finding]:
    used = facts.train.records - facts.train.refused - facts.train.dropped
    figure = f"{used} records, {facts.steps} steps"
    if used == 0:
        left_out = f" ({facts.train.refused} refused: {facts.train.why})" if facts.train.refused else ""
        yield Finding("error", "training_records", figure + left_out, "There is nothing to train on.",
                      "Give records that end with an assistant's answer and have the split train")
    elif used < _FEW or facts.steps < _FEW_STEPS:
        yield Finding("warning", "training_records", figure, "A few dozen records teach a style and hardly any facts.",
                      "Make more records, or read the results as a trial")
    else:
        yield Finding("ok", "training_records", figure, "Enough to learn from.")


def _general(facts: Facts) -> Iterator[Finding]:
    share = facts.general / max(1, facts.train.records)
    figure = f"{facts.general} of {facts.train.records} ({share:.0%})"
    if share < _GENERAL:
        yield Finding("warning", "general_share", figure, "Below 5 % of general data a model forgets what it could do.",
                      "Put the stage `mix` into the job; its default is 8 %")
    else:
        yield Finding("ok", "general_share", figure, "General data keeps the model from forgetting.")


def _rate(facts: Facts) -> Iterator[Finding]:
    rate, advised = facts.options.learning_rate, facts.options.usual_rate
    low, high = (share * advised for share in _RATES)
    remedy = f"Set learning_rate: {advised:g}"
    figure, usual = f"{rate:g}", f"usual for {facts.options.method} are {low:g} to {high:g}"
    if rate > _RATE_ERROR * advised:
        yield Finding("error", "learning_rate", figure, f"So high a rate destroys the model; {usual}.",
                      remedy)
    elif rate > high:
        yield Finding("warning", "learning_rate", figure, f"The loss may jump; {usual}.", remedy)
    elif rate < low:
        yield Finding("warning", "learning_rate", figure, f"Hardly anything will be learned; {usual}.",
                      remedy)
    else:
        yield Finding("ok", "learning_rate", figure, f"Values {usual}.")


def _epochs(facts: Facts) -> Iterator[Finding]:
    if facts.options.epochs > 3:
        yield Finding("warning", "epochs", str(facts.options.epochs), "Beyond three epochs a model learns by heart.",
                      "Set epochs: 3, or make more records")
    else:
        yield Finding("ok", "epochs", str(facts.options.epochs), "Up to three keep learning ahead of memorising.")


def _targets(facts: Facts) -> Iterator[Finding]:
    chosen, every = facts.shape.targeted(facts.options.targets), facts.shape.linear
    figure = f"{len(chosen)} of {len(every)} linear layers"
    known = ", ".join(sorted({name.rpartition(".")[2] for name in every}))
    if not chosen:
        yield Finding("error", "target_modules", figure, "No layer of the student has such a name.", f"It has: {known}")
    elif len(chosen) < _MOST_LAYERS * len(every):
        yield Finding("warning", "target_modules", figure, "An adapter on few layers learns less than one on all.",
                      "Set targets: all-linear")
    else:
        yield Finding("ok", "target_modules", figure, "Adapters on all linear layers come closest to full fine-tuning.")
    odd = sorted({name for name, (into, _) in every.items() if into % 64})
    if odd and facts.options.method == "qlora":
        yield Finding("error", "quantisation", f"{len(odd)} layers, {odd[0]} first",
                      "Their number of inputs is no multiple of 64, as nf4 needs.", "Set method: lora")


def _template(facts: Facts) -> Iterator[Finding]:
    train = facts.train
    if train.refused:
        figure = f"{train.refused} of {train.records} records do not fit"
        yield Finding("warning", "chat_template", figure, f"{train.why}.",
                      "They are left out; bring their roles into the order that the template accepts")
    elif train.unclean:
        yield Finding("warning", "chat_template", f"{train.unclean} of {train.records} records",
                      "The prompt alone has other tokens than in front of its answer, so the model is asked otherwise "
                      "than it learned.", "Take a template whose prompt ends at a token's border, a line break say")
    else:
        yield Finding("ok", "chat_template", f"{train.learned:,} of {train.tokens:,} tokens are learned",
                      "The student's own template, masked to the token.")
    if train.folded:
        yield Finding("warning", "system_role", f"{train.folded} of {train.records} records",
                      "The template knows no system role; its text stands before the first question.",
                      "Ask the model in the same way later")
    if train.marked:
        yield Finding("warning", "special_tokens_in_text", f"{train.marked} of {train.records} records",
                      "Their text contains the student's own special tokens, which it reads as ends of turns.",
                      "Look at these records; in general they should be left out")


def _end(facts: Facts) -> Iterator[Finding]:
    if facts.train.endless:
        yield Finding("error", "end_token", f"missing in {facts.train.endless} of {facts.train.rows} rows",
                      "A model that never learns its end token does not stop.",
                      "Mend the chat template: each answer must close with the end token")
    else:
        yield Finding("ok", "end_token", facts.end, "Each answer closes with an end token, and it is learned.")


def _padding(facts: Facts) -> Iterator[Finding]:
    if facts.pad == facts.end:
        yield Finding("warning", "pad_token", f"{facts.pad} is the end token too",
                      "Harmless here, where padding is masked by position; other tools mask every end token with it.",
                      "Give the tokenizer a padding token of its own")
    else:
        yield Finding("ok", "pad_token", facts.pad, "Another token than the end token.")


def _length(facts: Facts) -> Iterator[Finding]:
    counts, limit = facts.train, facts.options.max_length
    touched = counts.cut + counts.dropped
    figure = f"longest {counts.longest} of {limit} tokens, {counts.cut} cut, {counts.dropped} left out"
    if limit > facts.shape.positions:
        yield Finding("error", "length", f"{limit} tokens, the student takes {facts.shape.positions}",
                      "Beyond its context a model is undefined.", f"Set max_length: {facts.shape.positions}")
    elif touched > _LONG * max(1, counts.records):
        yield Finding("warning", "length", figure, "Many answers lose their end.",
                      "Raise max_length, or shorten the answers")
    else:
        yield Finding("ok", "length", figure, "Instructions stay whole; answers are cut at a sentence end.")


def _validation(facts: Facts) -> Iterator[Finding]:
    if facts.validation.rows == 0:
        yield Finding("warning", "validation", "no records", "Nobody will see whether it learns by heart, nor stop it.",
                      "Put the stage `split` into the job")
    else:
        yield Finding("ok", "validation", f"{facts.validation.rows} rows", "Its loss is told during the training.")


def _memory(facts: Facts) -> Iterator[Finding]:
    need, free = facts.memory.total / 1e9, facts.free / 1e9
    figure = f"about {need:.1f} GB of {free:.1f} GB free"
    remedy = "Set batch: 1 and accumulation higher, a smaller max_length, or activation_checkpointing: on"
    if need > free:
        yield Finding("error", "memory", figure, "The training would be killed.", remedy)
    elif need > _TIGHT * free:
        yield Finding("warning", "memory", figure, "That is tight.", remedy)
    else:
        yield Finding("ok", "memory", figure, "It fits.")


def _disk(facts: Facts) -> Iterator[Finding]:
    figure = f"about {facts.disk / 1e6:,.0f} MB of {facts.disk_free / 1e6:,.0f} MB free"
    if facts.disk > facts.disk_free:
        yield Finding("error", "disk", figure, "The checkpoints would not fit.",
                      "Free some space or choose another folder with --out")
    else:
        yield Finding("ok", "disk", figure, "Room for the checkpoints and the adapter.")


_RULES = (_records, _general, _rate, _epochs, _targets, _template, _end, _padding, _length, _validation, _memory, _disk)
