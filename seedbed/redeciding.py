"""Near-duplicate stages from the command line: another threshold for a run that is finished, the standing index.

Such a stage keeps the pairs that it found, down to a floor. So another threshold is a change of options like any other:
the stage runs again, finds its pairs kept, and only decides. What comes after it runs as it always does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from seedbed.config import Job, build, suggest
from seedbed.errors import InputError
from seedbed.pipeline import Pipeline
from seedbed.run import manifest, stage_folders, stage_name
from seedbed.stages import STAGES

_FLAG = "--rethreshold"
# The curators behind which `minhash` is put where a job has none.
_BEFORE = ("clean", "rules", "language", "exact", "rouge")


def finished(run: Path) -> Pipeline:
    """The job of a run directory, as it lies there. InputError when its curation is not finished."""
    folders = stage_folders(run)
    try:
        raw = yaml.safe_load((run / "job.yaml").read_text(encoding="utf-8"))
        path = Path(raw.pop("job_file"))
    except (OSError, ValueError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise InputError("has no job.yaml that can be read", where=str(run), next_step="Run its job again") from error
    pipeline = Pipeline(build(path, raw), run.resolve(), report="report" in map(stage_name, folders))
    for step in pipeline.plan():
        if step.stage.group != "task" and pipeline.finished(step) is None:
            next_step = "Finish it first by the command that began it; its data may have changed since"
            raise InputError("is not finished", where=f"{run}: {step.name}", next_step=next_step)
    return pipeline


def rethresholded(job: Job, thresholds: str, run: Path) -> tuple[Job, list[str]]:
    """The job with other thresholds, `0.6` or `minhash=0.6,rouge=0.8`, and what is to be said of it.

    A number alone is for every near-duplicate stage that found its pairs from there on, except those whose threshold
    hangs on their encoder. InputError for a stage that the job does not have, and for a threshold below the floor of
    the pairs that the run has.
    """
    near = [name for name in map(_name, job.raw.get("curate") or []) if "floor" in _fields(name)]
    floors = _floors(run)
    wanted: dict[str, float] = {}
    notes: list[str] = []
    for name, threshold in _parts(thresholds):
        if name and name not in near:
            what = f"no near-duplicate stage `{name}` in this job"
            raise InputError(what, where=_FLAG, next_step=suggest(name, near))
        meant = [name] if name else [n for n in near if _has_own_threshold(n)]
        if not meant:
            next_step = "Name the stage, as in semantic=0.9" if near else "Such stages are rouge, minhash and semantic"
            raise InputError("no near-duplicate stage that it could be for", where=_FLAG, next_step=next_step)
        if threshold <= 0:
            what = f"expected a similarity above 0 and up to 1, got {threshold:g}"
            raise InputError(what, where=_FLAG, next_step="Write 0.6, or minhash=0.6,rouge=0.8")
        chosen = [n for n in meant if not threshold < floors.get(n, 0.0)]
        if not chosen:
            raise _below(meant[0], threshold, floors[meant[0]])
        notes += [f"{n} stays as it is: it found its pairs from {floors[n]:g} on" for n in meant if n not in chosen]
        wanted |= dict.fromkeys(chosen, threshold)
    changes = {name: {"threshold": threshold} | _floor(name, floors) for name, threshold in wanted.items()}
    return _with(job, changes), notes


def _below(name: str, threshold: float, floor: float) -> InputError:
    return InputError(
        f"{threshold:g} is below the floor of {floor:g}, from which on {name} found its pairs",
        where=_FLAG,
        next_step=f"Set `floor: {threshold:g}` and the threshold of `{name}` in the job and run it: it finds them anew",
    )


def _parts(thresholds: str) -> Iterator[tuple[str, float]]:
    """`minhash=0.6,rouge=0.8` as names and numbers; a number alone has no name."""
    for part in thresholds.split(","):
        name, _, number = part.strip().rpartition("=")
        try:
            yield name, float(number)
        except ValueError:
            next_step = "Write 0.6, or minhash=0.6,rouge=0.8"
            raise InputError(f"expected a number, got {number!r}", where=_FLAG, next_step=next_step) from None


def against(job: Job, index: str) -> Job:
    """The job with a standing index for its `minhash`, which is put behind the other curators of duplicates if it has
    none."""
    curate = list(job.raw.get("curate") or [])
    names = [_name(item) for item in curate]
    if "minhash" not in names:
        before = [number for number, name in enumerate(names, 1) if name in _BEFORE]
        curate.insert(max(before, default=0), "minhash")
    return _with(build(job.path, job.raw | {"curate": curate}, job.lines), {"minhash": {"against": index}})


def _has_own_threshold(name: str) -> bool:
    """Whether the stage itself says what a usual threshold is; where its encoder does, a number means nothing alone."""
    return bool(msgspec.structs.asdict(STAGES[name].options())["threshold"])


def _floors(run: Path) -> dict[str, float]:
    """From where on each stage of a run has found pairs."""
    folders = [folder for folder in sorted(run.glob("[0-9][0-9]-*")) if folder.is_dir()]
    done = {stage_name(folder): manifest(folder) for folder in folders}
    return {name: float(it.figures["floor"]) for name, it in done.items() if it and "floor" in it.figures}


def _floor(name: str, floors: dict[str, float]) -> dict[str, float]:
    """Named in the options, so that a floor that follows the threshold stays where it is."""
    return {"floor": floors[name]} if name in floors else {}


def _with(job: Job, changes: dict[str, dict[str, Any]]) -> Job:
    """The job with options of its curators changed."""
    curate = [
        {name: _options(item) | changes[name]} if (name := _name(item)) in changes else item
        for item in job.raw.get("curate") or []
    ]
    return build(job.path, job.raw | {"curate": curate}, job.lines)


def _name(item: Any) -> str:
    return item if isinstance(item, str) else str(next(iter(item), "")) if isinstance(item, dict) else ""


def _options(item: Any) -> dict[str, Any]:
    found = None if isinstance(item, str) else next(iter(item.values()), None)
    return found if isinstance(found, dict) else {}


def _fields(name: str) -> tuple[str, ...]:
    stage = STAGES.get(name)
    if stage is None or stage.group != "curate":
        return ()
    return tuple(field.encode_name for field in msgspec.structs.fields(stage.options))
