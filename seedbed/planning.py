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
    open_before = unknown = False
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
        if not any(expected):
            unknown = True
            makers = " and ".join(before.stage.name for before in step.inputs)
            yield f"  {step.name:18} to do: as many calls as the records of {makers} take; those are not made yet"
            continue
        what = "passages" if step.stage.reads == "source" else "records"
        read = f"{len(passages)} {what}, " if passages else ""
        yield (
            f"  {step.name:18} to do: {read}about {expected[0]:,} calls, {expected[1]:,} prompt and {expected[2]:,} "
            "completion tokens"
        )
        calls, prompt, completion = calls + expected[0], prompt + expected[1], completion + expected[2]
    if calls:
        prices = pipeline.teachers.dearest
        cost = prices.of(prompt, completion)
        price = f"{cost:.2f} {prices.currency}" if cost else "no money (the job names no `prices`)"
        bound = "as far as is known" if unknown else "at most"
        yield f"To come, {bound}: {calls:,} calls, {prompt + completion:,} tokens, {price}"
        yield "Calls answered before are in the journal and cost nothing again"


def _passages(pipeline: Pipeline, step: Planned) -> list[Record]:
    """The passages or records that a generator would get: from the stages that are finished, and from a source that is
    not, read for this purpose. What another generator is still to make nobody knows."""
    found: list[Record] = []
    for before in step.inputs:
        if pipeline.finished(before):
            found += jsonl.read(before.folder / "kept.jsonl")
        elif before.stage.group == "source":
            with tempfile.TemporaryDirectory() as folder:
                results = before.stage.function(iter(()), before.options, Context(Path(folder)))
                found += [record for record in results if record.rejection is None]
    return found
