"""The job that is meant by what was typed: a job file with flags put over it, or one part alone, made into a job."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seedbed.config import Job
    from seedbed.pipeline import Pipeline


def job_of(given: argparse.Namespace) -> Job:
    """The job file with the flags put over it. Flags are relative to the current folder, the job's paths to the job."""
    from seedbed import config

    job = config.load(given.job)
    changes = _teacher_changes(given, job.raw)
    if documents := getattr(given, "documents", ""):
        old = job.raw.get("documents")
        kept = {key: value for key, value in old.items() if key != "database"} if isinstance(old, dict) else {}
        changes |= {"documents": kept | {"paths": [str(Path(documents).resolve())]}, "records": None}
    if given.out:
        changes["out"] = str(given.out.resolve())
    raw = {key: value for key, value in (job.raw | changes).items() if value is not None}
    return config.build(job.path, raw, job.lines)


def _teacher_changes(given: argparse.Namespace, raw: dict[str, Any]) -> dict[str, Any]:
    """The parts of a job that --teacher, --model and --limit put in the place of those in `raw`."""
    changes: dict[str, Any] = {}
    if given.teacher or given.model:
        teacher = dict(raw.get("teacher") or {})
        if given.teacher:
            teacher = {name: value for name, value in teacher.items() if name != "endpoints"} | {"url": given.teacher}
        teacher |= {"model": _model(given.model)} if given.model else {}
        if given.model.startswith(_OWN) and not given.teacher:
            for name in ("url", "endpoints"):  # seedbed brings this model itself: it is not behind the job's endpoint
                teacher.pop(name, None)
        changes["teacher"] = teacher
    if getattr(given, "limit", None) is not None:
        changes["generate"] = [_with_target(item, given.limit) for item in raw.get("generate") or []]
    return changes


# Teachers that need no endpoint.
_OWN = ("embedded", "path:", "scripted:")


def _model(name: str) -> str:
    """A model as the job would name it; a file given here is relative to the current folder."""
    kind, _, path = name.partition(":")
    return f"{kind}:{Path(path).expanduser().resolve()}" if kind in ("path", "scripted") and path else name


def _with_target(item: Any, target: int) -> Any:
    """The generator `item` with another target; one that has none, or that makes no sense, stays as it is."""
    from seedbed.stages import STAGES

    name, options = (item, {}) if isinstance(item, str) else next(iter(item.items()), ("", 0))
    if name not in STAGES or "target" not in STAGES[name].options.__struct_fields__:
        return item
    return {name: (options or {}) | {"target": target}} if isinstance(options, dict | None) else item


def options_of(given: argparse.Namespace) -> dict[str, Any]:
    """The options of `train` and `evaluate` that have flags; paths are relative to the current folder."""
    names = ("student", "adapter", "judge", "tasks", "tasks_folder", "also")
    options = {name: value for name in names if (value := getattr(given, name, ""))}
    for name in ("tasks", "also"):
        if name in options:
            options[name] = [each.strip() for each in options[name].split(",") if each.strip()]
    for name in ("adapter", "tasks_folder"):
        if name in options:
            options[name] = str(Path(options[name]).expanduser().resolve())
    if "also" in options:
        made = ("merged", "gguf")  # by the training's own folder
        options["also"] = [n if n in made else str(Path(n).expanduser().resolve()) for n in options["also"]]
    return options


def near(given: argparse.Namespace, job: Job) -> Job:
    """The job with --rethreshold and --against put over it."""
    from seedbed.redeciding import against, rethresholded

    if given.rethreshold:
        job, notes = rethresholded(job, given.rethreshold, given.out)
        for note in notes:
            print(note)
    if not given.against:
        return job
    remote = given.against.startswith(("redis://", "rediss://"))
    return against(job, given.against if remote else str(Path(given.against).expanduser().resolve()))


def alone(
    given: argparse.Namespace, raw: dict[str, Any], keep: tuple[str, ...], typed: dict[str, Any] | None = None
) -> Pipeline:
    """A job of one part: its own input and `raw`, with the parts in `keep` taken from --config where it has them."""
    from seedbed import config, curating
    from seedbed.pipeline import Pipeline

    base, lines = Path.cwd() / "(command line)", {}
    if given.config:
        job = config.load(given.config)
        base, lines = job.path, job.lines
        if "records" in raw:
            raw["records"] = curating.with_options_of(job.raw.get("records"), raw["records"])
        for key in ("seed", *keep):
            if key in job.raw and key != "documents":
                raw[key] = job.raw[key] | (typed or {}) if isinstance(job.raw[key], dict) and typed else job.raw[key]
            elif key == "documents" and isinstance(job.raw.get(key), dict):
                raw[key] = {k: v for k, v in job.raw[key].items() if k not in ("paths", "database")} | raw[key]
    if hasattr(given, "teacher"):
        raw |= _teacher_changes(given, raw)
    job = config.build(base, raw, lines)
    if "curate" in keep:
        job = near(given, job)
    return Pipeline(job, given.out.resolve(), report="curate" in keep)
