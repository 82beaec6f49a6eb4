"""`seedbed plan`: what a job would do, and what it would cost, before anything is spent.

Documents are read for it (that costs nothing) into a temporary folder, unless the run has read them already. A stage
tells its costs by `estimate(records, options)`, beside its function, and how many records it makes at most by
`expected(records, options)`, where its `target` does not tell. What an unfinished generator will make is not there to
be read yet, so later stages are estimated on as many stand-ins.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from seedbed import jsonl
from seedbed.context import Context
from seedbed.record import Record, chat
from seedbed.text import language

if TYPE_CHECKING:
    from seedbed.pipeline import Pipeline, Planned

# About as long as the pairs that doc_qa counts on (datagen/doc_qa/stage.py): 65 tokens a reply, with the JSON around.
_STAND_IN = {
    "en": ("What limits the pressure of pump {} while it starts at the plant?",
           "While it starts, the valve V2 limits the pressure of the pump to the value that is set at the factory."),
    "zh": ("{}号离心泵启动的时候靠什么来限制压力？", "启动的时候由阀门 V2 把压力限制在出厂时设定的数值以内。"),
}


@dataclass(frozen=True)
class _Cost:
    """What a stage is expected to cost."""

    calls: int = 0
    prompt: int = 0
    completion: int = 0
    money: float = 0.0

    def __add__(self, other: _Cost) -> _Cost:
        return _Cost(
            self.calls + other.calls,
            self.prompt + other.prompt,
            self.completion + other.completion,
            self.money + other.money,
        )


def describe(pipeline: Pipeline) -> Iterator[str]:
    """The plan, line by line."""
    yield from pipeline.check_prompts()
    yield f"Run directory: {pipeline.run.path}"
    foreseen = _Foreseen(pipeline)
    sure = most = _Cost()
    for step in pipeline.plan():
        done = None if foreseen.open else pipeline.finished(step)
        if done:
            yield f"  {step.name:18} done: {done.kept} kept, {done.rejected} rejected"
            continue
        foreseen.open.add(step.name)
        estimate = getattr(step.stage.module, "estimate", None)
        if estimate is None or (step.stage.teacher and not step.asks):
            yield f"  {step.name:18} to do"
            continue
        records, guessed = foreseen.read(step), any(map(foreseen.guessed, step.inputs))
        calls, prompt, completion = estimate(records, step.options)
        cost = _Cost(calls, prompt, completion, price(pipeline, prompt, completion))
        yield f"  {step.name:18} to do: {_reads(step, len(records), guessed)}{_words(cost)}"
        sure, most = sure if guessed else sure + cost, most + cost
    if most.calls:
        yield _total(pipeline, sure, most)
        yield "Calls answered before are in the journal and cost nothing again"
        yield "`seedbed generate JOB.yaml --preview 5` shows five records of each generator and what all costs by them"


def expected(step: Planned, records: Sequence[Record]) -> int:
    """How many records a generator makes of these, at most, as far as that can be told: by its own `expected`, by its
    target, or else one for each."""
    tell = getattr(step.stage.module, "expected", None)
    if tell is not None:
        return int(tell(records, step.options))
    return getattr(step.options, "target", None) or len(records)


def price(pipeline: Pipeline, prompt: int, completion: int) -> float:
    """What so many tokens cost. The only place that knows what a plan is priced by."""
    return pipeline.teachers.dearest.of(prompt, completion)


def money(pipeline: Pipeline, *amounts: float) -> str:
    """An amount, or a range of two, in the currency of the job's prices."""
    if not any(amounts):
        return "no money (the job names no `prices`)"
    return f"{' to '.join(dict.fromkeys(f'{amount:.2f}' for amount in amounts))} {pipeline.teachers.currency}"


@dataclass
class _Foreseen:
    """What the stages of a job give: read where they are finished, foreseen where they are not."""

    pipeline: Pipeline
    open: set[str] = field(default_factory=set)  # names of the stages that are not finished
    _given: dict[str, list[Record]] = field(default_factory=dict)

    def read(self, step: Planned) -> list[Record]:
        """The records that a stage will get."""
        return [record for before in step.inputs for record in self._of(before)]

    def guessed(self, step: Planned) -> bool:
        """Whether what a stage gives is not known before it has run."""
        return step.name in self.open and step.stage.group != "source"

    def _of(self, step: Planned) -> list[Record]:
        if step.name not in self._given:
            self._given[step.name] = self._foresee(step)
        return self._given[step.name]

    def _foresee(self, step: Planned) -> list[Record]:
        if step.name not in self.open:
            return list(jsonl.read(step.folder / "kept.jsonl"))
        if step.stage.group == "source":
            with tempfile.TemporaryDirectory() as folder:
                results = step.stage.function(iter(()), step.options, Context(Path(folder)))
                return [record for record in results if record.rejection is None]
        records = self.read(step)
        if step.stage.group == "generate":
            return stand_ins(expected(step, records), records)
        return records  # a curator keeps these at most


def stand_ins(count: int, records: Sequence[Record]) -> list[Record]:
    """So many pairs in the languages of `records`, spread over their sources; in both languages where there are
    none."""
    found = [(_language(record), record.source) for record in records] or [("en", None), ("zh", None)]
    made = []
    for number in range(count):
        lang, source = found[number % len(found)]
        question, answer = _STAND_IN[lang]
        made.append(chat(question.format(number), answer, language=lang, source=source))
    return made


def _language(record: Record) -> str:
    found = record.language or language(record.text or record.instruction)
    return "zh" if found in ("zh", "mixed") else "en"


def _reads(step: Planned, count: int, guessed: bool) -> str:
    if not step.inputs:
        return ""  # it brings its own seeds
    kind = "passages" if step.stage.reads == "source" and step.stage.group == "generate" else "records"
    return f"at most {count:,} {kind} of {', '.join(s.name for s in step.inputs)}, " if guessed else f"{count} {kind}, "


def _words(cost: _Cost) -> str:
    return f"about {cost.calls:,} calls, {cost.prompt:,} prompt and {cost.completion:,} completion tokens"


def _total(pipeline: Pipeline, sure: _Cost, most: _Cost) -> str:
    """The sum; a range where some stages read what is not there yet, and may therefore have nothing to do."""
    low, high = (f"{c.calls:,} calls, {c.prompt + c.completion:,} tokens" for c in (sure, most))
    if sure == most:
        return f"To come, about: {high}, {money(pipeline, most.money)}"
    return f"To come, about: {low} to {high}, {money(pipeline, sure.money, most.money)}"
