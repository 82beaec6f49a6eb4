"""What each command does with what was typed. The parts of a job that stand alone on the command line are jobs too,
made here.

Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedbed.errors import InputError

if TYPE_CHECKING:
    from seedbed.config import Job
    from seedbed.pipeline import Pipeline


def job_of(given: argparse.Namespace) -> Job:
    """The job file with the flags put over it. Flags are relative to the current folder, the job's paths to the job."""
    from seedbed import config

    job = config.load(given.job)
    changes = _teacher_changes(given, job.raw)
    if documents := getattr(given, "documents", ""):
        old = job.raw.get("documents")
        kept = {key: value for key, value in old.items() if key != "database"} if isinstance(old, dict) else {}
        changes |= {"documents": kept | {"paths": [str(Path(documents).resolve())]}, "records": None}
    if given.out:
        changes["out"] = str(given.out.resolve())
    raw = {key: value for key, value in (job.raw | changes).items() if value is not None}
    return config.build(job.path, raw, job.lines)


def _teacher_changes(given: argparse.Namespace, raw: dict[str, Any]) -> dict[str, Any]:
    """The parts of a job that --teacher, --model and --limit put in the place of those in `raw`."""
    changes: dict[str, Any] = {}
    if given.teacher or given.model:
        teacher = dict(raw.get("teacher") or {})
        if given.teacher:
            teacher = {name: value for name, value in teacher.items() if name != "endpoints"} | {"url": given.teacher}
        teacher |= {"model": _model(given.model)} if given.model else {}
        if given.model.startswith(_OWN) and not given.teacher:
            for name in ("url", "endpoints"):  # seedbed brings this model itself: it is not behind the job's endpoint
                teacher.pop(name, None)
        changes["teacher"] = teacher
    if given.limit is not None:
        changes["generate"] = [_with_target(item, given.limit) for item in raw.get("generate") or []]
    return changes


# Teachers that need no endpoint.
_OWN = ("embedded", "path:", "scripted:")


def _model(name: str) -> str:
    """A model as the job would name it; a file given here is relative to the current folder."""
    kind, _, path = name.partition(":")
    return f"{kind}:{Path(path).expanduser().resolve()}" if kind in ("path", "scripted") and path else name


def _with_target(item: Any, target: int) -> Any:
    """The generator `item` with another target; one that has none, or that makes no sense, stays as it is."""
    from seedbed.stages import STAGES

    name, options = (item, {}) if isinstance(item, str) else next(iter(item.items()), ("", 0))
    if name not in STAGES or "target" not in STAGES[name].options.__struct_fields__:
        return item
    return {name: (options or {}) | {"target": target}} if isinstance(options, dict | None) else item


def run(given: argparse.Namespace) -> None:
    from seedbed.pipeline import Pipeline

    pipeline = Pipeline(job_of(given))
    if given.preview is not None:
        if given.stop_after:
            raise InputError("stops before anything is run", where="--preview", next_step="Leave out --stop-after")
        _preview(pipeline, given.preview)
        return
    _go(pipeline, given.stop_after)


def _go(pipeline: Pipeline, stop_after: str = "") -> None:
    from seedbed.progress import for_terminal

    steps = pipeline.execute(stop_after, for_terminal())
    if not steps:
        return  # another process of the launch tells
    print(f"Done: {pipeline.run.path}")
    if (page := steps[-1].folder / "report.html").is_file():
        print(f"Report: {page}")


def _preview(pipeline: Pipeline, count: int) -> None:
    from seedbed.preview import preview
    from seedbed.progress import for_terminal

    for line in preview(pipeline, count, for_terminal()):
        print(line, flush=True)


def plan(given: argparse.Namespace) -> None:
    from seedbed.pipeline import Pipeline
    from seedbed.planning import describe

    for line in describe(Pipeline(job_of(given))):
        print(line)


def _tell_plan(pipeline: Pipeline) -> None:
    from seedbed import curating
    from seedbed.planning import describe

    for line in (*curating.looked_at(pipeline.plan()[0].options), *describe(pipeline)):
        print(line)


def show(given: argparse.Namespace) -> None:
    from datagen.teacher.journal import Journal
    from seedbed.show import describe, newest_run

    run = given.run or newest_run()
    path = run / "journal.sqlite"
    with Journal(path, read_only=True) if path.is_file() else nullcontext() as journal:
        for line in describe(run, given.id, journal.row if journal else None):
            print(line)


def ingest(given: argparse.Namespace) -> None:
    _execute(given, {"documents": {"paths": [str(Path(p).resolve()) for p in given.paths]}}, ("documents",))


def generate(given: argparse.Namespace) -> None:
    """Data files to records, as every stage alone; or the generators of a job, up to the last of them."""
    from seedbed.pipeline import Pipeline
    from seedbed.progress import for_terminal

    if Path(given.data[0]).suffix.lower() not in (".yaml", ".yml"):
        if given.out is None:
            raise InputError("name the run directory to write", where="generate", next_step="Add --out DIR")
        stage(given)
        return
    if len(given.data) > 1 or given.config:
        raise InputError("a job file stands alone", where=given.data[0], next_step="It names its own data and options")
    given.job = Path(given.data[0])
    pipeline = Pipeline(job_of(given), report=False)
    if given.preview is not None:
        _preview(pipeline, given.preview)
        return
    last = [step.name for step in pipeline.plan() if step.stage.group == "generate"]
    if not last:
        raise InputError("has no generator", where=given.data[0], next_step="Add one to `generate:`")
    pipeline.execute(last[-1], for_terminal())
    print(f"Done: {pipeline.run.path}")


def stage(given: argparse.Namespace) -> None:
    part: str = given.part
    if not given.data:
        _redecide(given)
        return
    from seedbed import curating

    raw: dict[str, Any] = {"records": curating.sources(given.data, getattr(given, "format", ""))}
    defaults: dict[str, Any] = {"generate": ["doc_qa"], "evaluate": {}}
    if part == "curate":
        defaults["curate"] = curating.default_stages()
        raw["processes"] = given.processes
    options = {name: value for name in ("student", "adapter") if (value := getattr(given, name, ""))}
    if "adapter" in options:
        options["adapter"] = str(Path(options["adapter"]).resolve())
    raw[part] = defaults[part] | options if options else defaults[part]
    asks = ("teacher", "limits", "prompts")  # generators and some curators ask a teacher
    keep = (part, *asks) if part in ("generate", "curate") else (part,)
    _execute(given, raw, keep, options)


def train(given: argparse.Namespace) -> None:
    """Data files, or a job as far as its training; with one of the looking flags, what that shows and no training."""
    from seedbed import training
    from seedbed.progress import for_terminal

    options = training.flags(given)
    if Path(given.data[0]).suffix.lower() in (".yaml", ".yml"):
        pipeline = training.of_job(given, options)
    else:
        from seedbed import curating

        if given.out is None:
            raise InputError("name the run directory to write", where="train", next_step="Add --out DIR")
        raw = {"records": curating.sources(given.data, given.format), "train": options}
        pipeline = _alone(given, raw, ("train",), options)
    if given.launch is not None:
        _launch(given, pipeline)
        return
    if given.sweep:
        _sweep(given, pipeline)
        return
    if not (given.check or given.show):
        _go(pipeline, "train")
        return
    from train.checks import preflight, table
    from train.stage import check

    with training.handed(pipeline, for_terminal()) as (records, options_, context):
        findings = check(records, options_, context)
    table.show(findings)
    preflight.refuse(findings)


def _launch(given: argparse.Namespace, pipeline: Pipeline) -> None:
    """Writes what runs this same command on several GPUs into the run directory."""
    from seedbed.training import as_typed
    from train.launch import written

    options = next(step for step in pipeline.plan() if step.stage.name == "train").options
    for line in written.write(pipeline.run.path / "launch", as_typed(sys.argv[1:]), options, given.launch):
        print(line)


def _redecide(given: argparse.Namespace) -> None:
    """Another threshold for a run that is finished, as far as its curators go."""
    from seedbed.pipeline import Pipeline
    from seedbed.progress import for_terminal
    from seedbed.redeciding import finished

    if not given.rethreshold:
        next_step = "Name data files, or a new threshold for the run in --out: --rethreshold 0.6"
        raise InputError("names no data", where="curate", next_step=next_step)
    before = finished(given.out)
    job = _near_flags(given, before.job)
    pipeline = Pipeline(job, before.run.path, report=before.plan()[-1].stage.name == "report")
    last = [step.name for step in pipeline.plan() if step.stage.group == "curate"][-1]
    pipeline.execute(last, for_terminal())
    print(f"Done: {pipeline.run.path}. To keep it, write the threshold into the job")


def _near_flags(given: argparse.Namespace, job: Job) -> Job:
    """The job with --rethreshold and --against put over it."""
    from seedbed.redeciding import against, rethresholded

    if given.rethreshold:
        job, notes = rethresholded(job, given.rethreshold, given.out)
        for note in notes:
            print(note)
    if not given.against:
        return job
    remote = given.against.startswith(("redis://", "rediss://"))
    return against(job, given.against if remote else str(Path(given.against).expanduser().resolve()))


def export(given: argparse.Namespace) -> None:
    from seedbed import curating

    formats = [name.strip() for name in given.formats.split(",")]
    raw = {"records": curating.sources(given.data), "curate": [{"export": {"formats": formats}}]}
    _execute(given, raw, ())


def _alone(
    given: argparse.Namespace, raw: dict[str, Any], keep: tuple[str, ...], flags: dict[str, Any] | None = None
) -> Pipeline:
    """A job of one part: its own input and `raw`, with the parts in `keep` taken from --config where it has them."""
    from seedbed import config, curating
    from seedbed.pipeline import Pipeline

    base, lines = Path.cwd() / "(command line)", {}
    if given.config:
        job = config.load(given.config)
        base, lines = job.path, job.lines
        if "records" in raw:
            raw["records"] = curating.with_options_of(job.raw.get("records"), raw["records"])
        for key in ("seed", *keep):
            if key in job.raw and key != "documents":
                raw[key] = job.raw[key] | (flags or {}) if isinstance(job.raw[key], dict) and flags else job.raw[key]
            elif key == "documents" and isinstance(job.raw.get(key), dict):
                raw[key] = {k: v for k, v in job.raw[key].items() if k not in ("paths", "database")} | raw[key]
    if "generate" in raw:
        raw |= _teacher_changes(given, raw)
    job = config.build(base, raw, lines)
    if "curate" in keep:
        job = _near_flags(given, job)
    return Pipeline(job, given.out.resolve(), report="curate" in keep)


def _execute(
    given: argparse.Namespace, raw: dict[str, Any], keep: tuple[str, ...], flags: dict[str, Any] | None = None
) -> None:
    """Runs a job of one part, or says what it would do where that is asked for."""
    pipeline = _alone(given, raw, keep, flags)
    if getattr(given, "preview", None) is not None:
        _preview(pipeline, given.preview)
        return
    if getattr(given, "plan", False):
        _tell_plan(pipeline)
        return
    _go(pipeline, getattr(given, "stop_after", ""))


def _sweep(given: argparse.Namespace, pipeline: Pipeline) -> None:
    """The data set is read as a job reads it; then the wing climbs its ladder."""
    from seedbed import training
    from seedbed.progress import for_terminal
    from train.forgetting.sweep.run import sweep

    progress, seed = for_terminal(), pipeline.job.top.seed
    with training.handed(pipeline, progress) as (records, options, _):
        advice = sweep(given.sweep, given.seeds, records, options, pipeline.run.path, seed, progress)
    print(advice.why)
    print(f"Done: {pipeline.run.path / 'sweep.html'}")


def report(given: argparse.Namespace) -> None:
    from curate.report import build

    if (given.run is None) == (given.compare is None):
        step = "seedbed report RUN, or seedbed report --compare RUN1 RUN2"
        raise InputError("name one run, or two to compare", where="report", next_step=step)
    if given.compare:
        from curate.report.compare import build as compare

        first, second = given.compare
        print(f"Comparison: {compare(first, second, given.out or second / 'compare', given.language or 'auto')}")
        return
    options = build.of_job(given.run, given.language)
    print(f"Report: {build.build(given.run, given.out or given.run / 'report', options)}")


def prompts(given: argparse.Namespace) -> None:
    from seedbed import config, own_prompts
    from seedbed.pipeline import Pipeline

    if given.action == "eject":
        lines = own_prompts.eject(given.folder, given.group, given.language, force=given.force)
    else:
        folder = Pipeline(config.load(given.job)).prompts if given.job else None
        if given.action == "show":
            sys.stdout.write(own_prompts.text(given.name, folder))
            return
        lines = own_prompts.listed(folder)
    for line in lines:
        print(line)


def models(given: argparse.Namespace) -> None:
    from seedbed import models
    from seedbed.progress import for_terminal

    if given.action == "list":
        for model in models.CATALOGUE:
            state = "here" if models.path(model.name) else f"{model.bytes / 1e6:.0f} MB to fetch"
            print(f"{model.name:32} {model.role:10} {model.licence:12} {state}")
        return
    if not given.name:
        raise InputError("no model is named", where="models pull", next_step="`seedbed models list` shows their names")
    progress = for_terminal()
    progress.begin(f"pull {given.name}")
    try:
        path = models.pull(given.name, progress)
    finally:
        progress.end()
    print(path)


def init(given: argparse.Namespace) -> None:
    from seedbed.setup import init

    for line in init(given.folder):
        print(line)


def doctor(given: argparse.Namespace) -> None:
    from seedbed.setup import doctor

    for line in doctor():
        print(line)
