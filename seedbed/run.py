"""The run directory: one folder a stage, a manifest written last, a lock, fingerprints.

run/job.yaml               the job as it was resolved
run/journal.sqlite         every teacher call (datagen/teacher/journal.py)
run/losses.sqlite          what a student measured (seedbed/likelihood.py); can be deleted, and is then made anew
run/NN-stage/kept.jsonl    what goes on;   rejected.jsonl: what does not, each with its reason
run/NN-stage/manifest.json "this is complete": counts, reasons, costs, figures and the fingerprint
run/earlier/NN-stage       stages that the job has no more: kept for the day they come back, read by nobody
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from seedbed import jsonl
from seedbed.errors import InputError, RunError
from seedbed.record import Record

_EARLIER = "earlier"


class Usage(msgspec.Struct, kw_only=True):
    """What the replies that a stage used cost, whether bought now or replayed from the journal."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: float = 0.0


class Manifest(msgspec.Struct, kw_only=True):
    """What one finished stage did. `output` is the SHA-256 of kept.jsonl (empty for tasks)."""

    stage: str
    fingerprint: str
    options: dict[str, Any] = {}
    prompts: dict[str, str] = {}
    read: int = 0
    kept: int = 0
    rejected: int = 0
    reasons: dict[str, int] = {}
    output: str = ""
    seconds: float = 0.0
    usage: Usage = msgspec.field(default_factory=Usage)
    figures: dict[str, Any] = {}


class Run:
    """One run directory, held by one process at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def __enter__(self) -> Run:
        """Makes the folder and takes its lock. Raises RunError when another run holds it or it cannot be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.truncate(self._lock, 0)
            os.write(self._lock, str(os.getpid()).encode())
        except BlockingIOError as error:
            holder = (self.path / ".lock").read_text(encoding="ascii", errors="replace").strip()
            self.__exit__()
            raise RunError(
                f"another seedbed (process {holder or '?'}) is working in this run directory",
                where=str(self.path),
                next_step="Wait for it, or give this run a folder of its own with --out",
            ) from error
        except OSError as error:
            self.__exit__()
            raise jsonl.cannot_write(self.path, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def folders(self, stages: Sequence[str]) -> list[Path]:
        """Where each stage of a job has its folder: `NN-stage`, or where an earlier form of the job left it."""
        wanted = self._wanted(stages)
        found = []
        for stage, path in zip(stages, wanted, strict=True):
            older = [
                p
                for p in _stage_folders(self.path, stage) + _stage_folders(self.path / _EARLIER, stage)
                if p not in wanted
            ]
            moved = not path.exists() and len(older) == 1 and stages.count(stage) == 1
            found.append(older[0] if moved else path)
        return found

    def arrange(self, stages: Sequence[str]) -> None:
        """Moves the folders of a job whose stages have changed: work goes with its stage, what has none goes to
        `earlier`, so that neither a report nor `show` takes it for a part of this run. Needs the lock."""
        wanted = self._wanted(stages)
        try:
            for now, path in zip(self.folders(stages), wanted, strict=True):
                if now != path:
                    now.rename(path)
            for stray in _stage_folders(self.path):
                if stray not in wanted:
                    kept = self.path / _EARLIER / stray.name
                    shutil.rmtree(kept, ignore_errors=True)
                    kept.parent.mkdir(exist_ok=True)
                    stray.rename(kept)
        except OSError as error:
            raise jsonl.cannot_write(self.path, error) from error

    def _wanted(self, stages: Sequence[str]) -> list[Path]:
        return [self.path / f"{number:02}-{stage}" for number, stage in enumerate(stages, 1)]

    def begin(self, folder: Path, fingerprint: str, keep_files: bool) -> None:
        """Readies a stage's folder: the manifest goes, and so do the files of a run with another fingerprint.

        Files of the SAME fingerprint stay: a training killed in the middle finds its checkpoints there. `keep_files`
        is for caches addressed by content, which are right under any fingerprint.
        """
        try:
            (folder / "manifest.json").unlink(missing_ok=True)
            started = folder / "started"
            if folder.exists() and not keep_files and (not started.exists() or started.read_text() != fingerprint):
                started.unlink(missing_ok=True)  # first: what is left of a broken-off removal has no fingerprint
                shutil.rmtree(folder)
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise jsonl.cannot_write(folder, error) from error
        jsonl.write_text(started, fingerprint)


def manifest(folder: Path) -> Manifest | None:
    """The manifest of a finished stage, or None. One that cannot be read counts as not there: the stage runs again."""
    try:
        return msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError):
        return None


def finish(folder: Path, done: Manifest) -> None:
    """Writes the manifest, the mark that a stage is complete."""
    encoded = msgspec.json.format(msgspec.json.encode(done, order="deterministic"), indent=2)
    jsonl.write_text(folder / "manifest.json", encoded.decode() + "\n")


def stage_folders(path: Path) -> list[Path]:
    """The stage folders of a run, in order. InputError when there are none."""
    folders = _stage_folders(path)
    if not folders:
        raise InputError("is not a run directory", where=str(path), next_step="Name one with --run; runs are in runs/")
    return folders


def _stage_folders(path: Path, stage: str = "*") -> list[Path]:
    return sorted(p for p in path.glob(f"[0-9][0-9]-{stage}") if p.is_dir())


def stage_name(folder: Path) -> str:
    """`doc_qa` of `02-doc_qa`."""
    return re.sub(r"^\d\d-", "", folder.name)


def separate(results: Iterable[Record], folder: Path, done: Manifest) -> None:
    """Drains a stage: kept and rejected records into their files, counts and reasons into the manifest."""
    with jsonl.Writer(folder / "kept.jsonl") as kept, jsonl.Writer(folder / "rejected.jsonl") as rejected:
        for record in results:
            if record.rejection is None:
                kept.write(record)
            else:
                rejected.write(record)
                done.reasons[record.rejection.reason] = done.reasons.get(record.rejection.reason, 0) + 1
    done.kept, done.rejected = kept.count, rejected.count
    done.output = file_hash(folder / "kept.jsonl")


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    try:
        with path.open("rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from error


def fingerprint(**parts: Any) -> str:
    """A hash of everything that decides a stage's outcome. Same fingerprint: skip."""
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()[:32]


def counted(records: Iterable[Record], done: Manifest) -> Iterator[Record]:
    """The same records, counted into the manifest as they are read."""
    for record in records:
        done.read += 1
        yield record
