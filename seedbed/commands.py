"""What each command does with what was typed; those about a trained model stand in commands_train.py.

Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedbed import flags
from seedbed.errors import InputError

if TYPE_CHECKING:
    from seedbed.pipeline import Pipeline


def run(given: argparse.Namespace) -> None:
    from seedbed.pipeline import Pipeline

    pipeline = Pipeline(flags.job_of(given))
    if given.preview is not None:
        if given.stop_after:
            raise InputError("stops before anything is run", where="--preview", next_step="Leave out --stop-after")
        _preview(pipeline, given.preview)
        return
    go(pipeline, given.stop_after)


def go(pipeline: Pipeline, stop_after: str = "") -> None:
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

    for line in describe(Pipeline(flags.job_of(given))):
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
    pipeline = Pipeline(flags.job_of(given), report=False)
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
    options = flags.options_of(given)
    raw[part] = defaults[part] | options if options else defaults[part]
    asks = ("teacher", "limits", "prompts")  # generators and some curators ask a teacher
    keep = (part,) if part == "train" else (part, *asks)
    _execute(given, raw, keep, options)


def _redecide(given: argparse.Namespace) -> None:
    """Another threshold for a run that is finished, as far as its curators go."""
    from seedbed.pipeline import Pipeline
    from seedbed.progress import for_terminal
    from seedbed.redeciding import finished

    if not given.rethreshold:
        next_step = "Name data files, or a new threshold for the run in --out: --rethreshold 0.6"
        raise InputError("names no data", where="curate", next_step=next_step)
    before = finished(given.out)
    job = flags.near(given, before.job)
    pipeline = Pipeline(job, before.run.path, report=before.plan()[-1].stage.name == "report")
    last = [step.name for step in pipeline.plan() if step.stage.group == "curate"][-1]
    pipeline.execute(last, for_terminal())
    print(f"Done: {pipeline.run.path}. To keep it, write the threshold into the job")


def export(given: argparse.Namespace) -> None:
    from seedbed import curating

    formats = [name.strip() for name in given.formats.split(",")]
    raw = {"records": curating.sources(given.data), "curate": [{"export": {"formats": formats}}]}
    _execute(given, raw, ())


def _execute(
    given: argparse.Namespace, raw: dict[str, Any], keep: tuple[str, ...], typed: dict[str, Any] | None = None
) -> None:
    """Runs a job of one part, or says what it would do where that is asked for."""
    pipeline = flags.alone(given, raw, keep, typed)
    if getattr(given, "preview", None) is not None:
        _preview(pipeline, given.preview)
        return
    if getattr(given, "plan", False):
        _tell_plan(pipeline)
        return
    go(pipeline, getattr(given, "stop_after", ""))


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
