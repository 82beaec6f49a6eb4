"""`seedbed show ID`: a record and its whole history, from passage to verdict, and its family (seedbed/lineage.py)."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seedbed import jsonl
from seedbed.errors import InputError
from seedbed.lineage import lineage
from seedbed.record import Record, Step
from seedbed.run import stage_folders, stage_name

# From a journal key to the stored call: request, reply and counts, as plain data; None where there is no such row.
JournalRow = Callable[[str], Any]


def newest_run() -> Path:
    """The run directory under runs/ that was written last."""
    runs = sorted((p for p in Path("runs").glob("*") if (p / "job.yaml").is_file()), key=lambda p: p.stat().st_mtime)
    if not runs:
        raise InputError("no run under runs/ here", next_step="Name one with --run DIR")
    return runs[-1]


def describe(run: Path, wanted: str, row: JournalRow | None = None) -> Iterator[str]:
    """Everything the run knows of the record whose id begins with `wanted`. InputError for none and for several."""
    sightings = list(_sightings(run, wanted))
    ids = sorted({record.id for _, _, record in sightings})
    if len(ids) != 1:
        what = "no record has this id" if not ids else f"{len(ids)} records begin like this: {', '.join(ids[:5])}"
        raise InputError(what, where=wanted, next_step=f"Ids stand in the JSONL files of {run} and in its report")
    last = sightings[-1][2]
    yield f"record {last.id}"
    yield from content(last)
    yield from origin(last)
    if (passage := _passage(run, last)) and passage != last.text:
        yield from _block("passage", passage)
    yield "history"
    for step in last.history:
        yield from _step(step, row)
    yield "family"
    yield from (f"  {line}" for line in lineage(run, last))
    yield "stages"
    for folder, kept, record in sightings:
        yield f"  {folder.name}: {'kept' if kept else _verdict(record)}"


def _sightings(run: Path, wanted: str) -> Iterator[tuple[Path, bool, Record]]:
    """Each stage's word on the record: folder, whether it was kept, and the record as it stood there."""
    mark = f'"id":"{wanted}'.encode()
    for folder in stage_folders(run):
        for name in ("kept", "rejected"):
            path = folder / f"{name}.jsonl"
            if path.is_file() and _mentions(path, mark):
                yield from ((folder, name == "kept", r) for r in jsonl.read(path) if r.id.startswith(wanted))


def _mentions(path: Path, mark: bytes) -> bool:
    with path.open("rb") as lines:
        return any(mark in line for line in lines)


def _verdict(record: Record) -> str:
    why = record.rejection
    if why is None:
        return "kept"
    match = f" of {why.match}" if why.match else ""
    score = f" {why.score:.2f}" if why.score is not None else ""
    return f"rejected: {why.reason}{score}{match}" + (f" ({why.detail})" if why.detail else "")


def content(record: Record) -> Iterator[str]:
    """What a record says, indented: turns, texts, labels and scores."""
    for turn in record.messages:
        yield from _block(turn.role, turn.content)
    if record.rejected:
        yield from _block("rejected answer", record.rejected.content)
    for name, text in (("input", record.input), ("text", record.text), ("raw reply", str(record.extra.get("raw", "")))):
        if text:
            yield from _block(name, text)
    about = {"language": record.language, "task": record.task, "split": record.split} | record.labels
    if any(about.values()):
        yield "  " + ", ".join(f"{key} {value}" for key, value in about.items() if value)
    if record.scores:
        yield "  scores: " + ", ".join(f"{key} {value:.3f}" for key, value in record.scores.items())


def origin(record: Record) -> Iterator[str]:
    """Where a record comes from, and the quotes it rests on."""
    source = record.source
    if source is None:
        return
    page = f", page {source.page}" if source.page else ""
    line = f", line {source.line}" if source.line else ""
    span = f", characters {source.start} to {source.end}" if source.start is not None else ""
    yield f"from {source.document}{page}{line}{span}"
    if source.headings:
        yield f"  under {' > '.join(source.headings)}"
    for quote in record.evidence:
        yield from _block(f"evidence [{quote.start}:{quote.end}]", quote.quote)


def _passage(run: Path, record: Record) -> str:
    source = record.source
    if source is None or source.start is None:
        return ""
    for folder in stage_folders(run):
        document = folder / "documents" / f"{source.document_hash}.md"
        if stage_name(folder) == "ingest" and document.is_file():
            return document.read_bytes().decode("utf-8")[source.start : source.end]
    return ""


def _step(step: Step, row: JournalRow | None) -> Iterator[str]:
    parents = f" from {', '.join(step.parents)}" if step.parents else ""
    prompt = f", prompt {step.prompt}" if step.prompt else ""
    teacher = f", teacher {step.teacher}" if step.teacher else ""
    note = f": {step.note}" if step.note else ""
    yield f"  {step.stage} {step.operation}{parents}{prompt}{teacher}{note}"
    for key in step.calls:
        call = row(key) if row else None
        if call is None:
            yield f"    call {key}"
            continue
        yield f"    call {key}"
        for message in call.request["messages"]:
            yield from _block(f"  {message['role']}", message["content"], indent=6)
        yield from _block("  reply", call.reply.text, indent=6)


def _block(name: str, text: str, indent: int = 2) -> Iterator[str]:
    pad = " " * indent
    lines = text.strip().splitlines() or [""]
    yield f"{pad}{name.strip()}: {lines[0]}" if len(lines) == 1 else f"{pad}{name.strip()}:"
    if len(lines) > 1:
        yield textwrap.indent("\n".join(lines), pad + "  ")
