"""One language's run directory, in which stages are run one by one over records of the benchmark's choosing.

A job always takes whole documents, and here a stage sees a drawn part of them. All else is as in a run: journal,
kept and rejected records and manifests lie where `seedbed show` looks for them, and a second call buys nothing again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datagen.documents.ingest import Options as IngestOptions
from datagen.documents.ingest import ingest
from datagen.teacher.budget import Budget
from datagen.teacher.client import open_teacher
from datagen.teacher.journal import Journal
from datagen.teacher.lending import Metered
from datagen.teacher.options import TeacherOptions
from seedbed import jsonl
from seedbed.chat import Complete, Loop
from seedbed.context import Context
from seedbed.progress import Plain
from seedbed.record import Record
from seedbed.run import Manifest, Run, finish, separate

SEED = 7

Stage = Callable[[Iterable[Record], Any, Context], Iterator[Record]]


@dataclass(frozen=True)
class Made:
    """What a stage left: its records and its manifest."""

    kept: list[Record]
    rejected: list[Record]
    done: Manifest


@dataclass(frozen=True)
class Desk:
    """A teacher, and the folder in which its work is kept."""

    folder: Path
    language: str
    teacher: Complete
    loop: Loop
    width: int
    seed: int = SEED

    def run(self, folder: str, stage: Stage, records: Iterable[Record], options: Any) -> Made:
        """One stage over `records`; `folder` is its name in the run directory, `02-doc_qa`."""
        path = self.folder / folder
        done = Manifest(stage=folder[3:], fingerprint="")
        meter, progress = Metered(self.teacher, done.usage), Plain()
        progress.begin(f"{self.language} {folder}")
        context = Context(
            path, self.seed, {}, done.figures, progress, complete=meter, loop=self.loop, width=2 * self.width
        )
        separate(stage(records, options, context), path, done)
        finish(path, done)
        kept, rejected = (list(jsonl.read(path / f"{name}.jsonl")) for name in ("kept", "rejected"))
        return Made(kept, rejected, done)

    def passages(self, document: Path, count: int) -> list[Record]:
        """`count` usable passages of a document, spread over it: one out of each of `count` equal stretches."""
        usable = self.run("01-ingest", ingest, (), IngestOptions(paths=(str(document),))).kept
        count = min(count, len(usable))
        chance = random.Random(self.seed)
        return [
            usable[chance.randrange(n * len(usable) // count, (n + 1) * len(usable) // count)] for n in range(count)
        ]

    def found(self, record: Record) -> bool:
        """Whether each of its quotes stands in its document's text at its span."""
        source = record.source
        if source is None:
            return False
        text = (self.folder / "01-ingest" / "documents" / f"{source.document_hash}.md").read_bytes().decode("utf-8")
        return all(text[part.start : part.end] == part.quote for part in record.evidence)


@contextmanager
def desk(folder: Path, language: str, options: TeacherOptions, seed: int = SEED) -> Iterator[Desk]:
    """The desk of one language, its teacher open and its run directory locked."""
    with (
        Run(folder),
        Loop() as loop,
        Journal(folder / "journal.sqlite") as journal,
        open_teacher(options, journal, Budget(), loop) as teacher,
    ):
        yield Desk(folder, language, teacher, loop, options.width, seed)
