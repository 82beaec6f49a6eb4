"""`seedbed train DATA…` or `seedbed train JOB.yaml`: the job that is meant, and what its training would be handed."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seedbed import config
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.pipeline import Pipeline, records
from seedbed.progress import Plain
from seedbed.record import Record
from seedbed.run import Manifest

_FLAGS = ("student", "method", "objective", "from", "epochs", "learning_rate")


def options_of(given: argparse.Namespace) -> dict[str, Any]:
    """The options of a training that stand on the command line. A path is meant from the current folder."""
    said = {name: value for name in _FLAGS if (value := getattr(given, name)) not in (None, "")}
    path = Path(said.get("student", "").removeprefix("path:")).expanduser()
    if said.get("student") and path.exists():
        said["student"] = str(path.resolve())
    if "from" in said:
        said["from"] = str(Path(said["from"]).expanduser().resolve())
    return said


def of_job(given: argparse.Namespace, options: dict[str, Any]) -> Pipeline:
    """The job file with the flags put over its `train`."""
    if len(given.data) > 1 or given.config or given.format:
        raise InputError("a job file stands alone", where=given.data[0], next_step="It names its own data and options")
    job = config.load(Path(given.data[0]))
    if (own := job.raw.get("train")) is None and "train" not in job.raw:
        raise InputError("trains nothing", where=given.data[0], next_step="Add `train:` to the job")
    raw = job.raw | {"train": (own or {}) | options} if isinstance(own, dict | None) else job.raw
    return Pipeline(config.build(job.path, raw, job.lines), given.out.resolve() if given.out else None)


def without_launch(words: list[str]) -> list[str]:
    """The command without --launch and its number."""
    kept: list[str] = []
    dropping = False
    for word in words:
        if dropping and word.isdigit():
            dropping = False
        elif word.partition("=")[0] == "--launch":
            dropping = "=" not in word
        else:
            kept, dropping = [*kept, word], False
    return kept


@contextmanager
def handed(pipeline: Pipeline, progress: Plain) -> Iterator[tuple[Iterable[Record], Any, Context]]:
    """What the training would be called with, everything before it done: for whoever looks and does not train. Token
    ids that are made on the way lie where the training finds them."""
    step = next(step for step in pipeline.plan() if step.stage.name == "train")
    if step.earlier:
        pipeline.execute(step.earlier[-1].name, progress)
    with pipeline.held():
        step.folder.mkdir(parents=True, exist_ok=True)
        nobodys = Manifest(stage="train", fingerprint="", options=step.entry.options)
        yield records(step.inputs), step.options, pipeline.context(step, step.folder, nobodys, progress)
