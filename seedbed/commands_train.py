"""The commands about a trained model: training it, talking with it, making files of it.

Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from seedbed import flags
from seedbed.commands import go
from seedbed.errors import InputError

if TYPE_CHECKING:
    from seedbed.context import Context, Progress
    from seedbed.pipeline import Pipeline
    from seedbed.record import Record


def train(given: argparse.Namespace) -> None:
    """Data files, or a job as far as its training; with one of the looking flags, what that shows and no training."""
    from seedbed import training
    from seedbed.progress import for_terminal

    options = training.options_of(given)
    looking = given.check or given.show is not None
    if given.served and given.show is None:
        raise InputError("compares examples", where="--served", next_step="Say how many: --show 3 --served URL")
    with ExitStack() as temporary:
        if Path(given.data[0]).suffix.lower() in (".yaml", ".yml"):
            pipeline = training.of_job(given, options)
        else:
            from seedbed import curating

            if given.out is None and not looking:
                raise InputError("name the run directory to write", where="train", next_step="Add --out DIR")
            given.out = given.out or Path(temporary.enter_context(TemporaryDirectory(prefix="seedbed-")))
            raw = {"records": curating.sources(given.data, given.format), "train": options}
            pipeline = flags.alone(given, raw, ("train",), options)
        if given.sweep:
            _sweep(given, pipeline)
        elif given.launch is not None:
            _launch(given, pipeline)
        elif not looking:
            go(pipeline, "train")
        else:
            with training.handed(pipeline, for_terminal()) as (records, options_, context):
                _look(given, records, options_, context)


def _launch(given: argparse.Namespace, pipeline: Pipeline) -> None:
    """Writes what runs this same command on several GPUs into the run directory."""
    from seedbed import training
    from train.launch import written

    step = next(step for step in pipeline.plan() if step.stage.name == "train")
    typed = training.without_launch(sys.argv[1:])
    for line in written.write(pipeline.run.path / "launch", typed, step.options, given.launch):
        print(line)


def _look(given: argparse.Namespace, records: Iterable[Record], options: Any, context: Context) -> None:
    """What a training would read, or what its checks say of it."""
    if given.show is not None:
        from train.rows.show import coloured, show

        colours, progress = coloured(sys.stdout), context.progress
        for line in show(records, options, given.show, progress, colours=colours, served=given.served):
            print(line)
        return
    from train.checks import preflight, table
    from train.stage import check

    findings = check(records, options, context)
    table.show(findings)
    preflight.refuse(findings)


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


def chat(given: argparse.Namespace) -> None:
    from seedbed.progress import for_terminal
    from train import libraries
    from train.serving.chat import chat as talk
    from train.serving.speaker import Manner, open_speaker

    with libraries.prepared(given.threads):
        speaker = open_speaker(given.run, for_terminal(), given.student)
        talk(speaker, Manner(given.temperature, max_tokens=given.max_tokens), given.both)


def serve(given: argparse.Namespace) -> None:
    from seedbed.progress import for_terminal
    from train import libraries
    from train.serving.server import server
    from train.serving.speaker import open_speaker

    with libraries.prepared(given.threads):
        ready = server(lambda: open_speaker(given.run, for_terminal(), given.student), given.host, given.port)
        print(f"Serving on http://{given.host}:{ready.server_port}/v1 until Ctrl-C", flush=True)
        with ready, suppress(KeyboardInterrupt):
            ready.serve_forever()


def merge(given: argparse.Namespace) -> None:
    from train.after.export import merge_run

    _tell(given, "merge", lambda progress: merge_run(given.run, given.into, given.out, given.student, progress))


def gguf(given: argparse.Namespace) -> None:
    from train.after.export import gguf_run

    options = (given.type, given.adapter, given.out, given.check, given.into, given.student)
    _tell(given, "gguf", lambda progress: gguf_run(given.run, *options, progress))


def _tell(given: argparse.Namespace, name: str, work: Callable[[Progress], list[str]]) -> None:
    """Does the work beside a line that says how far it is, then says what came of it."""
    from seedbed.progress import for_terminal

    if not given.run.is_dir():
        raise InputError("no such folder", where=str(given.run), next_step="Name a run, or the folder of an adapter")
    progress = for_terminal()
    progress.begin(name)
    try:
        lines = work(progress)
    finally:
        progress.end()
    for line in lines:
        print(line)
