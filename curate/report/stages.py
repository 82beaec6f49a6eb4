"""The finished stages of a run, as the report reads them: their manifests and, streamed, their records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from curate.report import model
from curate.report.words import Words
from seedbed import jsonl
from seedbed.errors import InputError
from seedbed.record import Record
from seedbed.run import Manifest, manifest, stage_folders, stage_name
from seedbed.stages import STAGES


@dataclass(frozen=True)
class Finished:
    """One finished stage. `group` is source, generate, curate or task; a stage nobody knows counts as a curator."""

    name: str
    folder: Path
    done: Manifest
    group: str

    @property
    def key(self) -> str:
        """Its folder's name: tells two stages of one kind apart."""
        return self.folder.name


def finished(folders: Iterable[Path]) -> list[Finished]:
    """The stages whose manifest is there, in order; the report itself is left out."""
    return [stage for folder in folders if (stage := _finished(stage_name(folder), folder))]


def of_run(run: Path) -> list[Finished]:
    """The finished stages of a run directory. InputError when there are none."""
    found = finished(stage_folders(run))
    if not found:
        raise InputError(
            "no stage of this run is finished", where=str(run), next_step="Run the job first; what was done is kept"
        )
    return found


def _finished(name: str, folder: Path) -> Finished | None:
    done = manifest(folder)
    if done is None or name == "report":
        return None
    return Finished(name, folder, done, STAGES[name].group if name in STAGES else "curate")


def last_records(stages: list[Finished]) -> Iterator[Record]:
    """What the last curator kept, or else what all generators made: the records that the tasks of a job are given."""
    curated = [stage for stage in stages if stage.group == "curate"][-1:]
    sources = curated or [stage for stage in stages if stage.group == "generate"] or stages[:1]
    return chain.from_iterable(records(stage.folder / "kept.jsonl") for stage in sources)


def records(path: Path) -> Iterator[Record]:
    """The records of a file, one at a time; none when it is not there. A damaged line costs that line."""
    return jsonl.read(path, bad=[]) if path.is_file() else iter(())


def only(stages: list[Finished], name: str) -> Finished | None:
    """The last stage of that name, or None."""
    return next((stage for stage in reversed(stages) if stage.name == name), None)


def figures(stages: list[Finished], name: str) -> dict[str, Any]:
    """The figures that a stage left, or nothing."""
    stage = only(stages, name)
    return stage.done.figures if stage else {}


def first_records(stages: list[Finished]) -> Iterator[Record]:
    """What went into the first curator; nothing where there is none."""
    first = next((stage for stage in stages if stage.group == "curate"), None)
    made = [stage for stage in stages if stage.group == "generate"]
    read = [stage for stage in stages if stage.name == "import"]
    if first is None:
        return iter(())
    # An imported data set stays beside what is made of its records, and only beside that: its manifest tells.
    every = [*read, *made]
    sources = every if not made or sum(stage.done.kept for stage in every) == first.done.read else made
    return chain.from_iterable(records(stage.folder / "kept.jsonl") for stage in sources)


def costs(stages: list[Finished]) -> list[model.Stage]:
    """Counts, time and teacher costs, stage by stage."""
    return [
        model.Stage(
            seconds_per_kept=_each(stage.done.seconds, stage.done.kept),
            tokens_per_kept=_each(stage.done.usage.prompt_tokens + stage.done.usage.completion_tokens, stage.done.kept),
            money_per_kept=_each(stage.done.usage.money, stage.done.kept),
            name=stage.name,
            read=stage.done.read,
            kept=stage.done.kept,
            rejected=stage.done.rejected,
            seconds=stage.done.seconds,
            calls=stage.done.usage.calls,
            prompt_tokens=stage.done.usage.prompt_tokens,
            completion_tokens=stage.done.usage.completion_tokens,
            money=stage.done.usage.money,
        )
        for stage in stages
    ]


def cost(stages: list[model.Stage], records: int) -> model.Cost:
    """All stages together; `records` are those of the data set."""
    total = model.Cost(
        seconds=round(sum(stage.seconds for stage in stages), 2),
        calls=sum(stage.calls for stage in stages),
        prompt_tokens=sum(stage.prompt_tokens for stage in stages),
        completion_tokens=sum(stage.completion_tokens for stage in stages),
        money=sum(stage.money for stage in stages),
    )
    total.seconds_per_record = _each(total.seconds, records)
    total.tokens_per_record = _each(total.prompt_tokens + total.completion_tokens, records)
    total.money_per_record = _each(total.money, records)
    return total


def _each(whole: float, records: int) -> float | None:
    return whole / records if whole and records else None


def day(stages: list[Finished], words: Words) -> str:
    """The day (UTC) on which the last stage was finished."""
    newest = max((stage.folder / "manifest.json").stat().st_mtime for stage in stages)
    return words.day(datetime.fromtimestamp(newest, UTC))


def job(run: Path) -> dict[str, Any]:
    """The job that the run was made from; empty when it is not there or cannot be read."""
    try:
        read = yaml.safe_load((run / "job.yaml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return read if isinstance(read, dict) else {}
