"""Runs the stages of a job in order, and skips what is finished.

Data flows from the source through every generator (each sees the passages, and the curators see all that they made)
and then through the curators one after the other. Tasks (train, evaluate, report) read the last records.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import yaml

from datagen.teacher.budget import Budget, Prices
from datagen.teacher.client import Stats, open_teacher
from datagen.teacher.endpoint import scrub
from datagen.teacher.journal import Journal
from datagen.teacher.options import TeacherOptions
from seedbed import jsonl
from seedbed.chat import Complete, Loop, Reply, Request
from seedbed.config import Job, StageEntry, convert, suggest
from seedbed.context import Context
from seedbed.errors import InputError, JobError
from seedbed.progress import Plain, clock
from seedbed.prompts import group_hashes
from seedbed.record import Record
from seedbed.run import Manifest, Run, Usage, counted, file_hash, fingerprint, finish, manifest, separate
from seedbed.stages import Stage, find

# A full disk or a read-only one, met in a file that `jsonl` did not open.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True)
class Planned:
    """One stage of a job, resolved: what runs, with which options, in which folder, after which others."""

    stage: Stage
    entry: StageEntry
    options: Any
    folder: Path
    inputs: tuple[Planned, ...]
    earlier: tuple[Planned, ...]

    @property
    def name(self) -> str:
        return self.folder.name


@dataclass
class Metered:
    """A teacher whose replies are counted for the stage that uses them, whether bought now or replayed: each once,
    however often the stage asks for it."""

    inner: Complete
    prices: Prices
    usage: Usage = field(default_factory=Usage)
    _counted: set[str] = field(default_factory=set)

    @property
    def model(self) -> str:
        return self.inner.model

    async def __call__(self, request: Request) -> Reply:
        reply = await self.inner(request)
        if reply.key and reply.key in self._counted:
            return reply
        self._counted.add(reply.key)
        self.usage.calls += 1
        self.usage.prompt_tokens += reply.prompt_tokens
        self.usage.completion_tokens += reply.completion_tokens
        self.usage.money = round(self.usage.money + self.prices.of(reply.prompt_tokens, reply.completion_tokens), 9)
        return reply


class Pipeline:
    """The stages of one job over one run directory."""

    def __init__(self, job: Job, out: Path | None = None, *, report: bool = True) -> None:
        self.job = job
        self.run = Run(out or job.out)
        self.teacher = _local_paths(convert(job.top.teacher, TeacherOptions, job, ("teacher",)), job.base)
        self.limits = job.top.limits
        if self.limits.money is not None and not (self.teacher.prices.prompt or self.teacher.prices.completion):
            raise JobError(
                "counts money, and the teacher has no prices",
                where=job.where(("limits", "money")),
                next_step="Add `prices: {prompt: …, completion: …}` (per million tokens) under `teacher:`",
            )
        self.prompts = _below(job.base, job.top.prompts) if job.top.prompts else None
        if self.prompts and not self.prompts.is_dir():
            raise JobError(
                "no such folder",
                where=job.where(("prompts",)),
                next_step="It holds en/ and zh/, as seedbed's own prompts/ does; leave it out to use those",
            )
        self._entries = [(find(e, job.where(e.key)), e) for e in job.stages() if report or e.name != "report"]
        stages = [stage for stage, _ in self._entries]
        generators = [stage for stage in stages if stage.group == "generate"]
        sourceless = generators and all(stage.alone or stage.reads == "records" for stage in generators)
        if stages[0].group != "source" and not sourceless:
            raise job.no_source()
        self._options = [self._resolve(stage, entry) for stage, entry in self._entries]

    def _resolve(self, stage: Stage, entry: StageEntry) -> Any:
        options = convert(entry.options, stage.options, self.job, entry.key)
        changes: dict[str, Any] = {}
        for name in getattr(type(options), "PATHS", ()):
            value = getattr(options, name)
            if isinstance(value, str) and value:
                changes[name] = str(_below(self.job.base, value))
            elif isinstance(value, tuple):
                changes[name] = tuple(str(_below(self.job.base, path)) for path in value)
        options = msgspec.structs.replace(options, **changes) if changes else options
        return options.placed(self.job.base) if hasattr(options, "placed") else options

    @property
    def _names(self) -> list[str]:
        return [stage.name for stage, _ in self._entries]

    def plan(self) -> list[Planned]:
        """The stages in order, each with its folder and with the stages that it reads. Changes nothing."""
        planned: list[Planned] = []
        inputs: tuple[Planned, ...] = ()
        source: tuple[Planned, ...] = ()
        made: tuple[Planned, ...] = ()
        folders = self.run.folders(self._names)
        for folder, (stage, entry), options in zip(folders, self._entries, self._options, strict=True):
            if stage.group == "generate":
                reads = source if stage.reads == "source" else self._existing(entry, options, made, source)
            elif stage.group == "curate" or stage.group == "task":
                reads = inputs
            else:
                reads = ()
            step = Planned(stage, entry, options, folder, reads, tuple(planned))
            planned.append(step)
            if stage.group == "source":
                source = inputs = (step,)
            elif stage.group == "generate":
                made = (*made, step)
                # An imported data set stays beside what is made of its records; passages are only material.
                grown = any(s in step.inputs for step in made for s in source if step.stage.reads == "records")
                inputs = (*source, *made) if grown else made
            elif stage.group == "curate":
                inputs = (step,)
        return planned

    def _existing(
        self, entry: StageEntry, options: Any, made: tuple[Planned, ...], source: tuple[Planned, ...]
    ) -> tuple[Planned, ...]:
        """What a generator that works on records reads: the stages its `from` names (`records` is the imported data
        set); without one all generators before it; without any of those the imported data set."""
        imported = tuple(step for step in source if step.stage.name == "import")
        named = (options.from_,) if isinstance(options.from_, str) else options.from_
        if named in ((), ("",)):
            reads = made or imported
            if not reads and not find(entry, "").alone:
                raise JobError(
                    f"`{entry.name}` works on records, and nothing before it makes any",
                    where=self.job.where(entry.key),
                    next_step="Put a generator such as `doc_qa` before it, or name data sets under `records:`",
                )
            return reads
        known = {step.stage.name: tuple(s for s in made if s.stage.name == step.stage.name) for step in made}
        known |= {"records": imported} if imported else {}
        own = getattr(type(options), "OWN", ())
        for name in named:
            if name not in known and name not in own:
                raise JobError(
                    f"no stage `{name}` before `{entry.name}`",
                    where=self.job.where((*entry.key, "from")),
                    next_step=suggest(name, [*known, *own]),
                )
        return tuple(step for name in dict.fromkeys(named) for step in known.get(name, ()))

    def fingerprint(self, step: Planned) -> str:
        """Everything that decides a stage's outcome: code version, options, inputs, prompts, teacher, seed."""
        prior = [manifest(before.folder) for before in step.earlier] if step.stage.group == "task" else []
        return fingerprint(
            stage=step.stage.name,
            version=step.stage.version,
            options=step.entry.options,
            seed=self.job.top.seed,
            inputs=[done.output if (done := manifest(i.folder)) else "" for i in step.inputs],
            watched=[(path.name, file_hash(path)) for path in step.stage.watched(step.options)]
            + step.stage.marks(step.options),
            prompts=self._prompt_hashes(step.stage),
            teacher=self._teacher_parts() if step.stage.teacher else "",
            prior=[done.fingerprint if done else "" for done in prior],
        )

    def _teacher_parts(self) -> tuple[Any, ...]:
        """What of the teacher decides its replies; how fast it is asked does not."""
        teacher = self.teacher
        return (teacher.model, teacher.urls, teacher.extra, *([teacher.max_tokens] if teacher.max_tokens else []))

    def _prompt_hashes(self, stage: Stage) -> dict[str, str]:
        return {name: hash_ for group in stage.prompts for name, hash_ in group_hashes(group, self.prompts).items()}

    def finished(self, step: Planned) -> Manifest | None:
        """The manifest of a stage that need not run again, or None."""
        done = manifest(step.folder)
        return done if done and done.fingerprint == self.fingerprint(step) else None

    def execute(self, stop_after: str = "", progress: Plain | None = None) -> list[Planned]:
        """Runs all that is not finished. Returns the stages gone through.

        Raises what the stages raise; whatever was finished stays, and the same call goes on from there.
        """
        progress = progress or Plain()
        if stop_after:
            _until(self.plan(), stop_after)
        with self.run, ExitStack() as resources:
            self.run.arrange(self._names)
            steps = _until(self.plan(), stop_after) if stop_after else self.plan()
            self._write_job()
            teacher = _LazyTeacher(self, resources)
            for step in steps:
                done = self.finished(step)
                if done is None:
                    if not step.stage.teacher:
                        teacher.close_if_over(steps, step)
                    done = self._execute(step, progress, teacher)
                    progress.say(_line(step, done))
                else:
                    counts = _counts(step, done)
                    progress.say(f"{step.name}: already done" + (f" ({counts})" if counts != "done" else ""))
                _refuse_empty(step, done)
        return steps

    def _execute(self, step: Planned, progress: Plain, teacher: _LazyTeacher) -> Manifest:
        began = time.monotonic()
        stage = step.stage
        done = Manifest(
            stage=stage.name,
            fingerprint=self.fingerprint(step),
            options=step.entry.options,
            prompts=self._prompt_hashes(stage),
        )
        self.run.begin(step.folder, done.fingerprint, keep_files=stage.group == "source")
        upstream = {before.stage.name: before.folder for before in step.earlier}
        context = Context(step.folder, self.job.top.seed, upstream, done.figures, progress, prompts=self.prompts)
        if stage.teacher:
            teacher.lend(context, done, progress)
        progress.begin(stage.name)
        try:
            results = stage.function(counted(_records(step.inputs), done), step.options, context)
            if stage.group != "task":
                separate(results, step.folder, done)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise jsonl.cannot_write(step.folder, error) from error
        finally:
            progress.end()
            progress.meter = str
        done.seconds = round(time.monotonic() - began, 2)
        finish(step.folder, done)
        return done

    def _write_job(self) -> None:
        resolved = self.job.raw | {"job_file": str(self.job.path)}
        text = yaml.safe_dump(resolved, allow_unicode=True, sort_keys=False, width=1_000)
        # A user may have put a password into a URL; here it is not needed.
        jsonl.write_text(self.run.path / "job.yaml", scrub(text))


class _LazyTeacher:
    """Opened when the first stage needs it, closed before others want the cores (a local teacher spins on them)."""

    def __init__(self, pipeline: Pipeline, resources: ExitStack) -> None:
        self._pipeline, self._resources = pipeline, resources
        self._open: Any = None
        self._stack = resources.enter_context(ExitStack())
        self._loop: Loop | None = None

    def lend(self, context: Context, done: Manifest, progress: Plain) -> None:
        """Puts the teacher, metered for this stage, into its context."""
        pipeline = self._pipeline
        if self._open is None:
            self._loop = self._stack.enter_context(Loop())
            journal = self._stack.enter_context(Journal(pipeline.run.path / "journal.sqlite"))
            budget = Budget(pipeline.limits, pipeline.teacher.prices)
            self._open = self._stack.enter_context(open_teacher(pipeline.teacher, journal, budget, self._loop))
        context.complete = Metered(self._open, pipeline.teacher.prices, done.usage)
        # Twice what can be under way: the next pieces of work wait ready while the first in order is still talking.
        context.loop, context.width = self._loop, 2 * pipeline.teacher.width
        progress.meter = lambda: _live(self._open.stats, pipeline.teacher.prices.currency)

    def close_if_over(self, steps: Sequence[Planned], now: Planned) -> None:
        """Stops the teacher when no later stage asks it."""
        if self._open is not None and not any(s.stage.teacher for s in steps[steps.index(now) :]):
            self._stack.close()
            self._open = None


def _below(base: Path, path: str) -> Path:
    """A path of the job: relative to the job's folder, `~` for the home folder."""
    return base / Path(path).expanduser()


def _local_paths(teacher: TeacherOptions, base: Path) -> TeacherOptions:
    """`path:` and `scripted:` files are relative to the job, as all its paths are."""
    kind, _, path = teacher.model.partition(":")
    if kind not in ("path", "scripted") or not path:
        return teacher
    return msgspec.structs.replace(teacher, model=f"{kind}:{_below(base, path)}")


def _live(stats: Stats, currency: str) -> str:
    """The live line's part about the teacher: speed, and money where there is a price."""
    speed = f"{stats.tokens_per_second:.0f} tokens/s" if stats.paid else "replayed"
    return f"{speed}, {stats.money:.2f} {currency}" if stats.money else speed


def _records(inputs: tuple[Planned, ...]) -> Iterator[Record]:
    return chain.from_iterable(jsonl.read(step.folder / "kept.jsonl") for step in inputs)


def _until(steps: list[Planned], name: str) -> list[Planned]:
    last = [i for i, step in enumerate(steps) if name in (step.stage.name, step.name)]
    if not last:
        raise InputError(
            f"no stage `{name}` in this job",
            where="--stop-after",
            next_step=f"It has: {', '.join(step.stage.name for step in steps)}",
        )
    return steps[: last[-1] + 1]


def _refuse_empty(step: Planned, done: Manifest) -> None:
    if step.stage.group == "task" or done.kept:
        return
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(done.reasons.items(), key=lambda r: -r[1]))
    raise InputError(
        f"nothing was kept of {done.rejected} ({reasons or 'nothing came in'})",
        where=step.name,
        next_step=f"See {step.folder / 'rejected.jsonl'} for each one's reason",
    )


def _line(step: Planned, done: Manifest) -> str:
    return f"{step.name}: {_counts(step, done)}, {clock(done.seconds)}"


def _counts(step: Planned, done: Manifest) -> str:
    if step.stage.group == "task":
        return "done"
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(done.reasons.items(), key=lambda r: -r[1])[:4])
    return f"{done.kept} kept" + (f", {done.rejected} rejected ({reasons})" if done.rejected else "")
