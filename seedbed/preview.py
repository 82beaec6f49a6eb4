"""`seedbed generate --preview N`: some records of each generator to read, and what the whole would cost by them.

The source stage runs as it would anyway (it costs nothing, and its result stays). Each generator gets a small seeded
sample of its passages or records, one batch after the other until N records are accepted or the sample is spent. A
batch is worked off to its end with the job's own options: cut short at the N-th record, calls under way would be paid
for without their records being seen, and what is asked of a passage is then just what the run asks. The journal is the
run's, so that what the run asks in the same words is not bought again; the stages' folders are left alone.
"""

from __future__ import annotations

import random
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from seedbed import jsonl
from seedbed.context import Context
from seedbed.errors import InputError, LimitReached
from seedbed.outlook import Trial, busy, of_job, of_trial
from seedbed.planning import expected, stand_ins
from seedbed.progress import Plain
from seedbed.record import Record
from seedbed.run import Manifest
from seedbed.show import content, origin
from seedbed.text import language

if TYPE_CHECKING:
    from seedbed.pipeline import Lender, Pipeline, Planned

# Records that a sample may give for each that is asked for: enough where a quarter is accepted, and all that a teacher
# who gives nothing costs.
_SAMPLE = 4


def preview(pipeline: Pipeline, count: int, progress: Plain | None = None) -> Iterator[str]:
    """The preview, line by line, those of a generator as soon as it is through.

    Raises what stages raise; LimitReached after what came before it was shown.
    """
    if count < 1:
        raise InputError("expected 1 or more records", where="--preview")
    steps = pipeline.plan()
    generators = [step for step in steps if step.stage.group == "generate"]
    if not generators:
        where = str(pipeline.job.path)
        raise InputError("has no generator to preview", where=where, next_step="Add one to `generate:`")
    yield from pipeline.check_prompts()
    before = pipeline.spent()
    with pipeline.held() as lender:
        bench = _Bench(pipeline, count, lender, progress or Plain())
        bench.read_source(steps)
        for step in generators:
            trial = bench.trials[step.name] = bench.trial(step)
            yield from _told(trial, count)
            yield from () if trial.done else of_trial(pipeline, trial)
            if trial.stopped:
                break
        trials = list(bench.trials.values())
        yield from of_job(pipeline, steps, trials, before)
    if stopped := trials[-1].stopped:
        raise stopped


@dataclass
class _Bench:
    """Where generators are tried, one after the other: later ones read what earlier ones made here."""

    pipeline: Pipeline
    count: int
    lender: Lender
    progress: Plain
    trials: dict[str, Trial] = field(default_factory=dict)

    def read_source(self, steps: Sequence[Planned]) -> None:
        """Runs the source stage where it is not finished."""
        from seedbed.pipeline import line, refuse_empty

        for step in (step for step in steps if step.stage.group == "source"):
            done = self.pipeline.finished(step)
            if done is None:
                done = self.pipeline.perform(step, self.progress, self.lender)
                self.progress.say(line(step, done))
            refuse_empty(step, done)

    def trial(self, step: Planned) -> Trial:
        """One generator on its sample; one that the run has finished shows what it made there."""
        earlier = [self.trials[before.name] for before in step.inputs if before.name in self.trials]
        done = self.pipeline.finished(step) if all(trial.done for trial in earlier) else None
        if done:
            kept = self._drawn(list(jsonl.read(step.folder / "kept.jsonl")))
            return Trial(step, kept=kept[: self.count], done=done)
        trial = Trial(step)
        inputs = self._inputs(trial)
        trial.planned = _planned(trial, inputs)
        sample = _enough(step, self._drawn(inputs), _SAMPLE * self.count)
        if step.inputs and not sample:
            return trial
        try:
            with tempfile.TemporaryDirectory() as folder:
                self._work_off(trial, sample, Path(folder) / step.name)
        except LimitReached as limit:
            trial.stopped = limit
        return trial

    def _inputs(self, trial: Trial) -> list[Record]:
        """What the generator can be tried on, and into `trial.whole` how much of it the run will have."""
        found: list[Record] = []
        for before in trial.step.inputs:
            earlier = self.trials.get(before.name)
            tried = earlier is not None and not earlier.done
            records = earlier.kept if earlier and tried else list(jsonl.read(before.folder / "kept.jsonl"))
            found += records
            more = earlier.records if earlier and tried else len(records)
            trial.whole = None if trial.whole is None or more is None else trial.whole + more
        return found

    def _drawn(self, records: list[Record]) -> list[Record]:
        """Some of them, drawn by the job's seed, the languages by turns."""
        random.Random(f"{self.pipeline.job.top.seed}:preview").shuffle(records)
        return _by_turns(records)[: _SAMPLE * self.count]

    def _work_off(self, trial: Trial, sample: list[Record], folder: Path) -> None:
        """Batch after batch of the sample, until as many records are accepted as were asked for."""
        step, done = trial.step, Manifest(stage=trial.step.stage.name, fingerprint="")
        folder.mkdir()
        context = self.pipeline.context(step, folder, done, _Quiet(self.progress))
        if step.stage.teacher:
            self.lender.lend(context, done.usage, self.progress)
        self.progress.begin(f"preview of {step.stage.name}")
        try:
            while len(trial.kept) < self.count and (trial.used < len(sample) or not step.inputs):
                own = step.stage.alone or not step.inputs  # it has seeds of its own: a second batch would start anew
                wanted = self.count - len(trial.kept)
                batch = sample[: self.count] if own else _enough(step, sample[trial.used :], wanted)
                self._work_off_batch(trial, batch, context)
                trial.used += len(batch)
                if own:
                    break
        finally:
            self.progress.end()
            self.progress.meter = str
            trial.usage = done.usage
            trial.seconds = busy(self.pipeline.spans(_keys(context)))

    def _work_off_batch(self, trial: Trial, batch: list[Record], context: Context) -> None:
        step = trial.step
        options, bounded = self._bounded(step, self.count - len(trial.kept))
        if not bounded:
            context.width = self.count
        for record in step.stage.function(iter(batch), options, context):
            if _made_here(step, record):
                (trial.kept if record.rejection is None else trial.rejected).append(record)
            if not bounded and (len(trial.kept) >= self.count or trial.made >= _SAMPLE * self.count):
                break

    def _bounded(self, step: Planned, missing: int) -> tuple[Any, bool]:
        """The options to work a batch off with, and whether that soon comes to an end by itself: with the batch, or,
        where only a target (or a count of drawn seeds) bounds what is made, with what is missing as that."""
        options = step.options
        told = step.inputs and not step.stage.alone and hasattr(step.stage.module, "expected")
        bounds = ("target", "count") if step.stage.alone else ("target",)
        bound = next((name for name in bounds if name in options.__struct_fields__), "")
        if told or not bound:
            return options, bool(step.inputs) and not step.stage.alone
        return msgspec.structs.replace(options, **{bound: min(getattr(options, bound) or missing, missing)}), True


@dataclass(frozen=True)
class _Quiet:
    """Passes on how far a stage is, and not its advice: a sample is always too small for a target."""

    inner: Plain

    def update(self, done: int, total: int | None = None, note: str = "") -> None:
        self.inner.update(done, total, note)

    def say(self, line: str) -> None:
        pass


def _enough(step: Planned, records: list[Record], wanted: int) -> list[Record]:
    """As few of the records as may give so many, but of each language one where there is room for it."""
    if not hasattr(step.stage.module, "expected"):
        return records[:wanted]
    fewest = max(1, min(wanted, len({_language(record) for record in records})))
    enough = (n for n in range(fewest, len(records)) if expected(step, records[:n]) >= wanted)
    return records[: next(enough, len(records))]


def _made_here(step: Planned, record: Record) -> bool:
    """Whether this stage's teacher had a part in the record; seeds that are handed on beside what is made of them did
    without."""
    own = (done for done in record.history if done.stage == step.stage.name)
    return not step.stage.teacher or record.rejection is not None or any(done.calls for done in own)


def _planned(trial: Trial, inputs: list[Record]) -> int:
    """The calls that a generator with seeds of its own expects for the whole."""
    estimate = getattr(trial.step.stage.module, "estimate", None)
    if estimate is None or not trial.step.stage.alone or trial.whole is None:
        return 0
    return int(estimate(stand_ins(round(trial.whole), inputs) if inputs else [], trial.step.options)[0])


def _language(record: Record) -> str:
    return record.language or language(record.text or record.instruction)


def _by_turns(records: Sequence[Record]) -> list[Record]:
    """The same records, the languages by turns."""
    by_language: dict[str, list[Record]] = {}
    for record in records:
        by_language.setdefault(_language(record), []).append(record)
    return [record for turn in zip_longest(*by_language.values()) for record in turn if record is not None]


def _keys(context: Context) -> set[str]:
    """The journal's keys of all replies that a stage was given."""
    teachers = (context.complete, *context.roles.values())
    return set().union(*(getattr(teacher, "counted", ()) for teacher in teachers))


def _told(trial: Trial, count: int) -> Iterator[str]:
    """The accepted records to read."""
    shown = _by_turns(trial.kept)[:count]
    source = f" from {trial.used} of {trial.whole:,.0f} {trial.unit}" if trial.used and trial.whole else ""
    if trial.done:
        done = f"{trial.done.kept} kept, {trial.done.rejected} rejected"
        yield f"{trial.step.name}: finished ({done}); {len(shown)} of its records"
    elif trial.step.inputs and not trial.used and not trial.stopped:
        yield f"{trial.step.name}: no records to try it on: the generators that it reads made none in this preview"
    else:
        shown_of = f"{len(shown)} of {len(trial.kept)} accepted records" if shown else "no accepted record"
        yield f"{trial.step.name}: {shown_of}{source}"
    for number, record in enumerate(shown, 1):
        yield f"  record {number}"
        yield from (textwrap.indent(line, "  ") for line in chain(content(record), origin(record)))
