"""`seedbed plan`: what a job would do, and what it would cost, before anything is spent.

Documents are read for it (that costs nothing) into a temporary folder, unless the run has read them already.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from seedbed import jsonl
from seedbed.context import Context
from seedbed.record import Record

if TYPE_CHECKING:
    from seedbed.pipeline import Pipeline, Planned


def describe(pipeline: Pipeline) -> Iterator[str]:
    """The plan, line by line."""
    yield f"Run directory: {pipeline.run.path}"
    calls = prompt = completion = 0
    open_before = False
    for step in pipeline.plan():
        done = None if open_before else pipeline.finished(step)
        if done:
            yield f"  {step.name:18} done: {done.kept} kept, {done.rejected} rejected"
            continue
        open_before = True
        estimate = getattr(step.stage.module, "estimate", None)
        if estimate is None:
            yield f"  {step.name:18} to do"
            continue
        passages = _passages(pipeline, step)
        expected = estimate(passages, step.options)
        read = f"{len(passages)} passages, " if step.inputs else ""
        yield (
            f"  {step.name:18} to do: {read}about {expected[0]:,} calls, {expected[1]:,} prompt and {expected[2]:,} "
            "completion tokens"
        )
        calls, prompt, completion = calls + expected[0], prompt + expected[1], completion + expected[2]
    if calls:
        prices = pipeline.teachers.dearest
        cost = prices.of(prompt, completion)
        price = f"{cost:.2f} {prices.currency}" if cost else "no money (the job names no `prices`)"
        yield f"To come, at most: {calls:,} calls, {prompt + completion:,} tokens, {price}"
        yield "Calls answered before are in the journal and cost nothing again"


def _passages(pipeline: Pipeline, step: Planned) -> list[Record]:
    """The passages that a generator would get: from the finished source stage, or read for this purpose."""
    if not step.inputs:
        return []  # a generator that needs no source
    source = step.inputs[0]
    if pipeline.finished(source):
        return list(jsonl.read(source.folder / "kept.jsonl"))
    with tempfile.TemporaryDirectory() as folder:
        context = Context(Path(folder))
        results = source.stage.function(iter(()), source.options, context)
        return [record for record in results if record.rejection is None]
