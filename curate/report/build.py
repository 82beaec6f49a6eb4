"""The quality report of a run: report.html, one file that opens offline, and report.json with the same figures.

`report` is the last task of a job; `build` does the same for a run that is over (`seedbed report RUN`). Both read the
manifests and stream the records; nothing is asked of a teacher and nothing of the run is changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from curate.report import coverage, plot, stages, summary
from curate.report.advice import advice
from curate.report.conceal import Concealer
from curate.report.evaluation import evaluation
from curate.report.examples import ANSWER, Sampler, quote
from curate.report.funnel import funnel
from curate.report.model import Report
from curate.report.model_records import Sample
from curate.report.model_set import Map, Pii
from curate.report.plot import Candidate, candidate
from curate.report.rejections import Rejections
from curate.report.survey import Survey
from curate.report.tally import Tally, change
from curate.report.training import training
from curate.report.words import Words
from seedbed import jsonl
from seedbed.context import Context
from seedbed.record import Record
from seedbed.run import stage_folders

VERSION = 3
_REJECTED = 10
# Chinese from this share of Chinese records on: a set of two languages in about equal parts gets the English page.
_CHINESE = 2 / 3


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the page shows, and how.

    title     its heading; the job's name by default
    samples   how many accepted records are shown
    language  of the page: en or zh; `auto` is zh where at least two thirds of the records are Chinese
    points    records on the map; 0 for no map
    encoder   that lays out the map: `auto`, or any of seedbed/encode.py
    """

    title: str | None = None
    samples: int = 20
    language: Literal["auto", "en", "zh"] = "auto"
    points: int = 1500  # of 90 characters each: a fifth of a megabyte, and a second to lay out
    encoder: str = "auto"

    def __post_init__(self) -> None:
        # 100 keep the page below 5 MB whatever their length: see examples.PASSAGE.
        if not 0 <= self.samples <= 100:
            raise ValueError("samples: a number from 0 to 100 is expected")
        if not 0 <= self.points <= 5000:  # what projection.py lays out in 3 s
            raise ValueError("points: a number from 0 to 5000 is expected")


def report(records: Iterable[Record], options: Options, context: Context) -> None:
    """Writes report.html and report.json into the stage's folder. `records` are the last kept ones of the run."""
    done = stages.finished(_siblings(list(context.upstream.values())))
    found = collect(done, records, options, context.folder.parent, context.seed)
    page = write(found, context.folder)
    context.figures |= {"records": found.dataset.records, "bytes": page.stat().st_size}


def build(run: Path, out: Path, options: Options | None = None) -> Path:
    """Writes report.html and report.json of a run into the folder `out`; returns the path of the page.

    Stages that are not finished are left out. Raises InputError when none is.
    """
    return write(of_run(run, options or Options()), out)


def of_job(run: Path, language: Literal["auto", "en", "zh"] | None = None) -> Options:
    """The options that the run's own job gives its report, with another language if one is named."""
    noted = stages.job(run).get("report")
    try:
        options = msgspec.convert(noted or {}, Options)
    except msgspec.ValidationError:
        options = Options()  # a job of another version of seedbed
    return msgspec.structs.replace(options, language=language) if language else options


def of_upstream(folders: list[Path], run: Path, out: Path) -> Path:
    """The report of a job that came no further than these stages, into the folder `out`."""
    done = stages.finished(folders)
    seed = stages.job(run).get("seed", 0)
    options = of_job(run)
    found = collect(done, stages.last_records(done), options, run, seed if isinstance(seed, int) else 0)
    return write(found, out)


def of_run(run: Path, options: Options) -> Report:
    """The figures of a run that is over."""
    done = stages.of_run(run)
    seed = stages.job(run).get("seed", 0)
    return collect(done, stages.last_records(done), options, run, seed if isinstance(seed, int) else 0)


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
    stayed: Sampler[Candidate] = Sampler(options.points, seed)
    for record in records:
        survey.add(record)
        if options.points:
            stayed.offer(record.id, candidate(record))
    before = Tally()
    for record in stages.first_records(done):
        before.add(record)
    words = Words(_language(options, survey.tally if survey.tally.records else before))
    conceal = Concealer(done, seed, words)
    rejections = Rejections(done, seed, options.points, conceal, words)
    samples = survey.samples()
    passages = coverage.read_passages(ingest, samples) if ingest else coverage.Passages()
    job = stages.job(run)
    costs = stages.costs(done)
    found = Report(
        title=options.title or str(job.get("name") or run.resolve().name),
        language=words.language,
        finished=stages.day(done, words) if done else "",
        teacher=_model(job.get("teacher")),
        student=str(stages.figures(done, "train").get("student") or ""),
        target=sum(int(stage.done.options.get("target") or 0) for stage in done if stage.group == "generate"),
        empty=not survey.records,
        stages=costs,
        cost=stages.cost(costs, survey.records - survey.general),
        dataset=survey.dataset(words, stages.last_records(done), rejections.scores),
        change=change(before, survey.tally) if before.records else None,
        map=_map(stayed.taken(), rejections, survey.records, options, seed, words),
        unreadable=coverage.unreadable(ingest) if ingest else [],
        topics=[topic for stage in done for topic in coverage.topics(stage.done.figures)],
        duplicates=rejections.duplicates(),
        pii=_pii(done),
        training=training(stages.figures(done, "train"), words),
        evaluation=evaluation(stages.figures(done, "evaluate"), words),
        samples=[_sample(record, passages, conceal, words) for record in samples],
        rejected=rejections.mixed(_REJECTED),
    )
    if ingest:
        found.documents = coverage.documents(ingest, passages, survey.cited, words)
    found.funnel = funnel(done, rejections, survey, found.documents, words)
    found.headline, found.summary = summary.headline(found, words), summary.summary(found, words)
    found.advice = advice(found, words)
    return found


def _siblings(folders: list[Path]) -> list[Path]:
    """All stages up to the last of `folders`: of two stages of one name, a context knows only the later."""
    if not folders:
        return []
    last = max(folder.name for folder in folders)
    return [folder for folder in stage_folders(folders[0].parent) if folder.name <= last]


def _language(options: Options, tally: Tally) -> Literal["en", "zh"]:
    if options.language != "auto":
        return options.language
    return "zh" if tally.records and tally.languages["zh"] >= _CHINESE * tally.records else "en"


def _map(
    kept: list[Candidate], rejections: Rejections, records: int, options: Options, seed: int, words: Words
) -> Map | None:
    if not options.points:
        return None
    sizes = (records, rejections.dropped)
    points = plot.drawn(kept, rejections.points(), sizes, options.points)
    return plot.plotted(points, sizes, plot.encoder(options.encoder), seed, words)


def _pii(done: list[stages.Finished]) -> Pii | None:
    """Counts by kind, as every stage that looked for personal data noted them; None where none looked."""
    noted = [stage.done.figures for stage in done if stage.name == "pii"]
    counted = [each for figures in noted if isinstance(each := figures.get("by_kind", figures.get("found")), dict)]
    if not counted:
        return None
    kinds: Counter[str] = Counter()
    for each in counted:
        kinds.update({str(kind): int(count) for kind, count in each.items()})
    return Pii(found=kinds.total(), by_kind=dict(kinds.most_common()))


def _sample(record: Record, passages: coverage.Passages, conceal: Concealer, words: Words) -> Sample:
    pieces = passages.pieces(record)
    shown = pieces if conceal.same("".join(text for text, _ in pieces)) else []
    return Sample(record=quote(record, ANSWER, words), pieces=shown, split=record.split)


def _model(section: Any) -> str:
    return str(section.get("model") or "") if isinstance(section, dict) else ""
