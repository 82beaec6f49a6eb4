"""Runs the stages of a job in order, and skips what is finished.

Data flows from the source through every generator (each sees the passages, and the curators see all that they made)
and then through the curators one after the other. Tasks (train, evaluate, report) read the last records.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
import yaml

from datagen.teacher.endpoint import scrub
from datagen.teacher.journal import Journal
from datagen.teacher.lending import Lender as Lender
from datagen.teacher.lending import Teachers
from seedbed import jsonl, ranks, spread
from seedbed.config import Job, StageEntry, convert, suggest
from seedbed.context import Context, Progress, Silent
from seedbed.errors import InputError, JobError, SeedbedError
from seedbed.likelihood import Remembered
from seedbed.own_prompts import check
from seedbed.progress import Plain, clock
from seedbed.prompts import group_hashes
from seedbed.record import Record
from seedbed.run import Manifest, Run, counted, file_hash, fingerprint, finish, manifest, separate
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

    @property
    def asks(self) -> bool:
        """Whether it asks a teacher."""
        return self.stage.asks(self.options)


class Pipeline:
    """The stages of one job over one run directory."""

    def __init__(self, job: Job, out: Path | None = None, *, report: bool = True) -> None:
        self.job = job
        self.run = Run(out or job.out)
        self.teachers = Teachers.of(job)
        self.limits = job.top.limits
        self.prompts = _below(job.base, job.top.prompts) if job.top.prompts else None
        if self.prompts and not self.prompts.is_dir():
            raise JobError(
                "no such folder",
                where=job.where(("prompts",)),
                next_step="It holds en/ and zh/, as seedbed's own prompts/ does; leave it out to use those",
            )
        entries = [(find(e, job.where(e.key)), e) for e in job.stages() if report or e.name != "report"]
        self._entries = [(stage, _for_the_student(entry, job) if stage.student else entry) for stage, entry in entries]
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

    def check_prompts(self) -> list[str]:
        """Raises PromptError where a prompt of the user's cannot work in a stage of this job. Returns warnings."""
        return check([group for stage, _ in self._entries for group in stage.prompts], self.prompts)

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
            teacher=self.teachers.identity if step.asks else "",
            prior=[done.fingerprint if done else "" for done in prior],
        )

    def _prompt_hashes(self, stage: Stage) -> dict[str, str]:
        return {name: hash_ for group in stage.prompts for name, hash_ in group_hashes(group, self.prompts).items()}

    def finished(self, step: Planned) -> Manifest | None:
        """The manifest of a stage that need not run again, or None."""
        done = manifest(step.folder)
        return done if done and done.fingerprint == self.fingerprint(step) else None

    def execute(self, stop_after: str = "", progress: Plain | None = None) -> list[Planned]:
        """Runs all that is not finished. Returns the stages gone through; none in a process that only helps to train.

        Raises what the stages raise; whatever was finished stays, and the same call goes on from there.
        """
        progress = progress or Plain()
        if stop_after:
            _until(self.plan(), stop_after)
        if self._shares(stop_after):
            from train.launch import together

            together.wait()  # so that all of them know each other, however long the first one works alone
            if ranks.rank():
                return self._follow(stop_after)
        for warning in self.check_prompts():
            progress.say(warning)
        with self.held() as lender:
            self.run.arrange(self._names)
            steps = _until(self.plan(), stop_after) if stop_after else self.plan()
            self._write_job()
            for position, step in enumerate(steps):
                done = self.finished(step)
                if done is None:
                    if not any(later.asks for later in steps[position:]):
                        lender.close()
                    done = self.perform(step, progress, lender)
                    progress.say(line(step, done))
                else:
                    self._call(step, False)
                    counts = _counts(step, done)
                    progress.say(f"{step.name}: already done" + (f" ({counts})" if counts != "done" else ""))
                if not done.kept and _does_without(step):
                    where = step.folder / "rejected.jsonl"
                    progress.say(f"  {step.name} made nothing, and the job goes on without: see {where}")
                else:
                    self._refuse_empty(step, done, progress)
        return steps

    def _shares(self, stop_after: str) -> bool:
        """Whether this is one of several processes, and there is something to do together."""
        if ranks.world() == 1:
            return False
        steps = self.plan()
        return any(step.stage.together for step in (_until(steps, stop_after) if stop_after else steps))

    def _call(self, step: Planned, needed: bool) -> None:
        """Tells the other processes whether a stage that is done together is to be done."""
        if ranks.world() > 1 and step.stage.together:
            from train.launch import together

            if not together.agreed(needed):
                together.leave()

    def _follow(self, stop_after: str) -> list[Planned]:
        """What the other processes do: nothing but the stages that are done together, writing and saying nothing of
        them. Returns no steps, for the first process tells of them."""
        from train.launch import together

        names = [step.name for step in (_until(self.plan(), stop_after) if stop_after else self.plan())
                 if step.stage.together]
        for name in names:
            if together.agreed():
                step = next(step for step in self.plan() if step.name == name)
                nobodys = Manifest(stage=step.stage.name, fingerprint="")
                context = self.context(step, step.folder, nobodys, Silent())
                step.stage.function(records(step.inputs), step.options, context)
            else:
                together.leave()
        return []

    def _refuse_empty(self, step: Planned, done: Manifest, progress: Progress) -> None:
        """`refuse_empty`, but the report comes first: why everything was left out is what it is for.

        It lies where the job's report will lie, without a manifest: that one is still to come.
        """
        if step.stage.group == "task" or done.kept:
            return
        from curate.report.build import of_upstream

        folder = next((s.folder for s in self.plan() if s.stage.name == "report"), self.run.path / "report")
        try:
            self.run.begin(folder, "", keep_files=False)
            page = of_upstream([before.folder for before in (*step.earlier, step)], self.run.path, folder)
            progress.say(f"Report: {page}")
        except SeedbedError as error:
            progress.say(f"  no report could be made: {error}")
        refuse_empty(step, done)

    @contextmanager
    def held(self) -> Iterator[Lender]:
        """The run directory's lock, and the teachers, which are started when a stage needs them."""
        with self.run, ExitStack() as resources:
            yield Lender(self.teachers, self.limits, self.run.path / "journal.sqlite", resources)

    def perform(self, step: Planned, progress: Plain, lender: Lender) -> Manifest:
        """Runs one stage to its end, whatever is there of it."""
        began = time.monotonic()
        stage = step.stage
        done = Manifest(
            stage=stage.name,
            fingerprint=self.fingerprint(step),
            options=step.entry.options,
            prompts=self._prompt_hashes(stage),
        )
        self.run.begin(step.folder, done.fingerprint, keep_files=stage.keeps)
        context = self.context(step, step.folder, done, progress)
        if step.asks:
            lender.lend(context, done.usage, progress)
        progress.begin(stage.name)
        try:
            if workers := self._workers(step):
                inputs = [before.folder / "kept.jsonl" for before in step.inputs]
                spread.spread(stage.name, step.options, inputs, context, done, workers)
            else:
                with self._measuring(step, context):
                    self._call(step, True)
                    results = stage.function(counted(records(step.inputs), done), step.options, context)
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

    def _workers(self, step: Planned) -> int:
        """How many processes a stage is spread over; 0 where it runs in this one."""
        count = self.job.top.processes or spread.processes()
        if step.stage.scope != "record" or step.asks or count == 1:
            return 0
        size = sum((before.folder / "kept.jsonl").stat().st_size for before in step.inputs)
        return count if size >= spread.WORTH_IT else 0

    def context(self, step: Planned, folder: Path, done: Manifest, progress: Progress) -> Context:
        """A stage's surroundings, but for the teacher, with `folder` as its own."""
        last = {before.stage.name: before.folder for before in step.earlier}
        upstream = {
            before.stage.name if last[before.stage.name] == before.folder else before.folder.name: before.folder
            for before in step.earlier
        }
        return Context(folder, self.job.top.seed, upstream, done.figures, progress, prompts=self.prompts)

    @contextmanager
    def _measuring(self, step: Planned, context: Context) -> Iterator[None]:
        """Puts the student into the context of a stage that measures with one."""
        if not step.stage.student:
            yield
            return
        from train.evaluation.likelihood import Student

        options = step.options
        student = Student(options.student, options.window, options.threads, context.progress)
        with Remembered(student, self.run.path / "losses.sqlite") as context.likelihood:
            yield

    def spent(self) -> tuple[int, int, float]:
        """Calls, tokens and money that this run has bought so far."""
        path = self.run.path / "journal.sqlite"
        with Journal(path, read_only=True) if path.is_file() else nullcontext() as journal:
            return journal.spent() if journal else (0, 0, 0.0)

    def spans(self, keys: Iterable[str]) -> list[tuple[float, float]]:
        """When these calls were under way: their beginnings and ends, in seconds, in order."""
        path = self.run.path / "journal.sqlite"
        with Journal(path, read_only=True) if path.is_file() else nullcontext() as journal:
            rows = [row for key in keys if journal and (row := journal.row(key))]
        return sorted((row.time - row.seconds, row.time) for row in rows)

    def _write_job(self) -> None:
        resolved = self.job.raw | {"job_file": str(self.job.path)}
        text = yaml.safe_dump(resolved, allow_unicode=True, sort_keys=False, width=1_000)
        # A user may have put a password into a URL; here it is not needed.
        jsonl.write_text(self.run.path / "job.yaml", scrub(text))


def _for_the_student(entry: StageEntry, job: Job) -> StageEntry:
    """A stage that measures with a student measures with the one that the job trains, unless it names another."""
    trained = (job.top.train or {}).get("student")
    options = {"student": trained} | entry.options if trained else entry.options
    return replace(entry, options=options)


def _below(base: Path, path: str) -> Path:
    """A path of the job: relative to the job's folder, `~` for the home folder."""
    return base / Path(path).expanduser()


def records(inputs: tuple[Planned, ...]) -> Iterator[Record]:
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


def refuse_empty(step: Planned, done: Manifest) -> None:
    """InputError for a stage that kept nothing, for what comes after it would have nothing to read."""
    if step.stage.group == "task" or done.kept:
        return
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(done.reasons.items(), key=lambda r: -r[1]))
    raise InputError(
        f"nothing was kept of {done.rejected} ({reasons or 'nothing came in'})",
        where=step.name,
        next_step=f"See {step.folder / 'rejected.jsonl'} for each one's reason",
    )


def _does_without(step: Planned) -> bool:
    """Whether a job can go on without what this stage makes: a generator beside others that made something, or beside
    an imported data set."""
    if step.stage.group != "generate":
        return False
    beside = step.inputs if step.stage.reads == "records" else ()
    others = [s for s in step.earlier if s.stage.group == "generate" or s in beside]
    return any((made := manifest(other.folder)) and made.kept for other in others)


def line(step: Planned, done: Manifest) -> str:
    """What a stage did, in one line."""
    return f"{step.name}: {_counts(step, done)}, {clock(done.seconds)}"


def _counts(step: Planned, done: Manifest) -> str:
    if step.stage.group == "task":
        return "done"
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(done.reasons.items(), key=lambda r: -r[1])[:4])
    return f"{done.kept} kept" + (f", {done.rejected} rejected ({reasons})" if done.rejected else "")
