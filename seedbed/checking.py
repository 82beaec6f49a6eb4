"""`seedbed train --check`: a job as far as its training, the checks of it, and nothing trained."""

from __future__ import annotations

import tempfile
from itertools import chain
from pathlib import Path

from seedbed import jsonl
from seedbed.errors import InputError
from seedbed.pipeline import Pipeline, Planned
from seedbed.progress import Plain
from seedbed.run import Manifest


def check(pipeline: Pipeline, progress: Plain) -> None:
    """Prints the table of all checks. Raises PreflightError when one is an error.

    What comes before the training is run where it is not finished. Token ids go where the training will look for them,
    unless that is finished already.
    """
    from train.checks import preflight, table
    from train.stage import check as find

    step = training(pipeline)
    before = step.earlier[-1]
    if pipeline.finished(before) is None:
        pipeline.execute(before.name, progress)
        step = training(pipeline)
    with pipeline.run, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) if pipeline.finished(step) else step.folder
        if folder == step.folder:
            pipeline.run.begin(folder, pipeline.fingerprint(step), keep_files=step.stage.keeps)
        records = chain.from_iterable(jsonl.read(one.folder / "kept.jsonl") for one in step.inputs)
        context = pipeline.context(step, folder, Manifest(stage="train", fingerprint=""), progress)
        progress.begin("train --check")
        try:
            findings = find(records, step.options, context)
        finally:
            progress.end()
    table.show(findings)
    preflight.refuse(findings)


def training(pipeline: Pipeline) -> Planned:
    """The step of a job that trains. Raises InputError where there is none."""
    for step in pipeline.plan():
        if step.stage.name == "train":
            return step
    raise InputError("has no `train:`", where=str(pipeline.job.path), next_step="Add `train: {}` to the job")
