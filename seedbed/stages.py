"""Which stages there are: name -> where its function lives. The only file that names all wings.

Strings, resolved on use, so that `seedbed --help` imports none of it. Adding a stage is one file and one line here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from seedbed.config import StageEntry, suggest
from seedbed.errors import JobError, MissingExtra


@dataclass(frozen=True)
class Stage:
    """One kind of stage.

    group    source | generate | curate | task: which part of a job may name it
    teacher  it asks a teacher
    student  it measures with the student that its options name (`student`, `window`, `threads`)
    prompts  its groups of prompt files, whose hashes are part of the fingerprint
    extra    the pip extra that brings its libraries
    alone    a generator that needs no source: it brings its own seeds
    reads    of a generator: `source` (passages), or `records`: what the generators before it made, those that its
             `from` names, or an imported data set
    scope    of a curator: `record` where it decides each record by itself, so that any part of the data, in any order,
             gives the same: then it runs over all cores (see `seedbed.spread`, also for what its figures may be). It
             is called once for each part, so what is dear to make is made once for the process. Or `dataset`
    together every process of a launch takes part (`seedbed.ranks`); all other stages run in the first one alone
    """

    name: str
    target: str
    group: str
    teacher: bool = False
    student: bool = False
    prompts: tuple[str, ...] = ()
    extra: str = ""
    alone: bool = False
    reads: str = "source"
    scope: str = "dataset"
    together: bool = False

    @property
    def module(self) -> ModuleType:
        module, _, _ = self.target.partition(":")
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise MissingExtra(error.name or module, self.extra or "all") from error

    @property
    def function(self) -> Callable[..., Any]:
        return getattr(self.module, self.target.partition(":")[2])  # type: ignore[no-any-return]

    @property
    def options(self) -> type[msgspec.Struct]:
        return self.module.Options  # type: ignore[no-any-return]

    @property
    def version(self) -> int:
        return self.module.VERSION  # type: ignore[no-any-return]

    @property
    def keeps(self) -> bool:
        """Whether its folder holds things that are right under other options too, and says by itself of what."""
        return self.group == "source" or getattr(self.module, "KEEPS", False)

    def watched(self, options: Any) -> list[Path]:
        """Files outside the run whose content decides the outcome."""
        watch = getattr(self.module, "watch", None)
        return watch(options) if watch else []

    def asks(self, options: Any) -> bool:
        """Whether it asks a teacher with these options: a filter may have a judge, and does without one by default."""
        return self.teacher and bool(getattr(options, "judge", True))

    def marks(self, options: Any) -> list[tuple[str, str]]:
        """What else outside the run decides the outcome and is no file (rows of a database): its name and a hash."""
        marks = getattr(self.module, "marks", None)
        return marks(options) if marks else []


_ALL = [
    Stage("ingest", "datagen.documents.ingest:ingest", "source", extra="documents"),
    Stage("import", "seedbed.importing:import_records", "source"),
    Stage(
        "self_instruct",
        "datagen.self_instruct.stage:self_instruct",
        "generate",
        teacher=True,
        prompts=("self_instruct", "answer"),
        alone=True,
    ),
    Stage("doc_qa", "datagen.doc_qa.stage:doc_qa", "generate", teacher=True, prompts=("doc_qa", "answer")),
    Stage(
        "evol_instruct",
        "datagen.evol_instruct.stage:evol_instruct",
        "generate",
        teacher=True,
        prompts=("evol_instruct", "answer"),
        alone=True,
        reads="records",
    ),
    Stage(
        "dialogue",
        "datagen.dialogue.stage:dialogue",
        "generate",
        teacher=True,
        prompts=("dialogue", "doc_qa", "answer"),
    ),
    Stage(
        "preference",
        "datagen.preference.stage:preference",
        "generate",
        teacher=True,
        prompts=("preference",),
        reads="records",
    ),
    Stage("passages", "datagen.corpus:passages", "generate"),
    Stage("rewrite", "datagen.rewrite.stage:rewrite", "generate", teacher=True, prompts=("rewrite",)),
    Stage("augment", "datagen.augment.stage:augment", "generate", teacher=True, prompts=("augment",), reads="records"),
    Stage("clean", "curate.cleaning.clean:clean", "curate", scope="record"),
    Stage("rules", "curate.filters.rules:rules", "curate", scope="record"),
    Stage("language", "curate.filters.language:language", "curate", extra="language", scope="record"),
    Stage("donts", "curate.filters.donts.stage:donts", "curate", teacher=True, prompts=("donts",), scope="record"),
    Stage("contradictions", "curate.filters.contradictions:contradictions", "curate"),
    Stage("safety", "curate.filters.safety:safety", "curate", teacher=True, prompts=("safety",), scope="record"),
    Stage("refusals", "curate.filters.refusals:refusals", "curate"),
    Stage("exact", "curate.duplicates.exact:exact", "curate"),
    Stage("rouge", "curate.duplicates.rouge:rouge", "curate"),
    Stage("minhash", "curate.duplicates.minhash:minhash", "curate"),
    Stage("semantic", "curate.duplicates.semantic:semantic", "curate"),
    Stage("decontaminate", "curate.shaping.decontaminate:decontaminate", "curate"),
    Stage("pii", "curate.pii.stage:pii", "curate", extra="pii", scope="record"),
    Stage("judge", "curate.scoring.judge:judge", "curate", teacher=True, prompts=("judge",)),
    Stage("ifd", "curate.scoring.ifd:ifd", "curate", student=True, extra="train"),
    Stage("perplexity", "curate.scoring.perplexity:perplexity", "curate", student=True, extra="train"),
    Stage("select", "curate.scoring.select:select", "curate", extra="encoder"),
    Stage("balance", "curate.shaping.balance:balance", "curate"),
    Stage("split", "curate.shaping.split:split", "curate"),
    Stage("mix", "curate.shaping.mix:mix", "curate"),
    Stage("export", "curate.export.export:export", "curate"),
    Stage("train", "train.stage:train", "task", extra="train", together=True),
    Stage("evaluate", "train.evaluation.stage:evaluate", "task", teacher=True, prompts=("evaluate",), extra="train"),
    Stage("report", "curate.report.build:report", "task"),
]
STAGES = {stage.name: stage for stage in _ALL}


def find(entry: StageEntry, where: str) -> Stage:
    """The stage an entry of a job names; JobError with the nearest name when there is none in that group."""
    stage = STAGES.get(entry.name)
    if stage is None or stage.group != entry.group:
        known = [s.name for s in _ALL if s.group == entry.group]
        if stage is not None:
            what = f"`{entry.name}` is a {stage.group} stage and cannot stand under `{entry.group}`"
            raise JobError(what, where=where, next_step=f"Known there: {', '.join(known)}")
        raise JobError(f"unknown stage `{entry.name}`", where=where, next_step=suggest(entry.name, known))
    return stage
