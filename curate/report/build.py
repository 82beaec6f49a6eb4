"""The quality report of a run: report.html, one file that opens offline, and report.json with the same figures.

`report` is the last task of a job; `build` does the same for a run that is over (`seedbed report RUN`). Both read the
manifests and stream the records; nothing is asked of a teacher and nothing of the run is changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from curate.report import coverage, stages, summary
from curate.report.advice import advice
from curate.report.evaluation import evaluation
from curate.report.examples import Rejections, quote
from curate.report.funnel import funnel
from curate.report.model import Report, Sample
from curate.report.survey import Survey
from curate.report.training import training
from seedbed import jsonl
from seedbed.context import Context
from seedbed.record import Record

VERSION = 1
_REJECTED = 10


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`title` is the heading of the page, the job's name by default; `samples`: how many accepted records are shown."""

    title: str | None = None
    samples: int = 20

    def __post_init__(self) -> None:
        # 100 keep the page below 5 MB whatever their length: see examples.PASSAGE.
        if not 0 <= self.samples <= 100:
            raise ValueError("samples: a number from 0 to 100 is expected")


def report(records: Iterable[Record], options: Options, context: Context) -> None:
    """Writes report.html and report.json into the stage's folder. `records` are the last kept ones of the run."""
    found = collect(stages.finished(context.upstream), records, options, context.folder.parent, context.seed)
    page = write(found, context.folder)
    context.figures |= {"records": found.dataset.records, "bytes": page.stat().st_size}


def build(run: Path, out: Path, options: Options | None = None) -> Path:
    """Writes report.html and report.json of a run into the folder `out`; returns the path of the page.

    Stages that are not finished are left out. Raises InputError when none is.
    """
    options = options or Options()
    done = stages.of_run(run)
    seed = stages.job(run).get("seed", 0)
    return write(collect(done, stages.last_records(done), options, run, seed if isinstance(seed, int) else 0), out)


def write(found: Report, folder: Path) -> Path:
    """Both files. Returns the path of the page."""
    from curate.report.page import render

    encoded = msgspec.json.format(msgspec.json.encode(found), indent=1)
    jsonl.write_text(folder / "report.json", encoded.decode() + "\n")
    jsonl.write_text(folder / "report.html", render(found))
    return folder / "report.html"


def collect(done: list[stages.Finished], records: Iterable[Record], options: Options, run: Path, seed: int) -> Report:
    """All figures of a run, from finished stages and its last records."""
    ingest = stages.only(done, "ingest")
    survey = Survey(ingest.folder if ingest else None, options.samples, seed)
    for record in records:
        survey.add(record)
    samples = survey.samples()
    passages = coverage.read_passages(ingest, samples) if ingest else coverage.Passages()
    rejections = Rejections(done, seed)
    job = stages.job(run)
    found = Report(
        title=options.title or str(job.get("name") or run.resolve().name),
        finished=stages.day(done) if done else "",
        teacher=_model(job.get("teacher")),
        student=str(stages.figures(done, "train").get("student") or ""),
        target=sum(int(stage.done.options.get("target") or 0) for stage in done if stage.group == "generate"),
        stages=stages.costs(done),
        dataset=survey.dataset(),
        unreadable=coverage.unreadable(ingest) if ingest else [],
        duplicates=rejections.clusters(),
        training=training(stages.figures(done, "train")),
        evaluation=evaluation(stages.figures(done, "evaluate")),
        samples=[_sample(record, passages) for record in samples],
        rejected=rejections.mixed(_REJECTED),
    )
    if ingest:
        found.documents = coverage.documents(ingest, passages, survey.cited)
    found.funnel = funnel(done, rejections, survey, found.documents)
    found.headline, found.summary = summary.headline(found), summary.summary(found)
    found.advice = advice(found)
    return found


def _sample(record: Record, passages: coverage.Passages) -> Sample:
    return Sample(record=quote(record), pieces=passages.pieces(record), split=record.split)


def _model(section: Any) -> str:
    return str(section.get("model") or "") if isinstance(section, dict) else ""
