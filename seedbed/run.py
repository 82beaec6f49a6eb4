"""The run directory: one folder a stage, a manifest written last, a lock, fingerprints.

    run/job.yaml               the job as it was resolved
    run/journal.sqlite         every teacher call (datagen/teacher/journal.py)
    run/NN-stage/kept.jsonl    what goes on;   rejected.jsonl: what does not, each with its reason
    run/NN-stage/manifest.json "this is complete": counts, reasons, costs, figures and the fingerprint
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from seedbed import jsonl
from seedbed.errors import InputError, RunError
from seedbed.record import Record


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
        self._lock: Any = None

    def __enter__(self) -> Run:
        """Makes the folder and takes its lock. Raises RunError when another run holds it or it cannot be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = (self.path / ".lock").open("a+")
        except OSError as error:
            raise jsonl.cannot_write(self.path, error) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.seek(0)
            raise RunError(
                f"another seedbed (process {self._lock.read().strip() or '?'}) is working in this run directory",
                where=str(self.path),
                next_step="Wait for it, or give this run a folder of its own with --out",
            ) from error
        self._lock.truncate(0)
        self._lock.write(str(os.getpid()))
        self._lock.flush()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def folder(self, index: int, stage: str) -> Path:
        """`NN-stage`; a folder of that stage under an older number is moved to the new one, so that its work is kept."""
        wanted = self.path / f"{index:02}-{stage}"
        if not wanted.exists():
            older = [p for p in self.path.glob(f"[0-9][0-9]-{stage}") if p.is_dir()]
            if len(older) == 1:
                older[0].rename(wanted)
        return wanted

    def begin(self, folder: Path, fingerprint: str, keep_files: bool) -> None:
        """Readies a stage's folder: the manifest goes, and so do the files of a run with another fingerprint.

        Files of the SAME fingerprint stay: a training killed in the middle finds its checkpoints there. `keep_files`
        is for caches addressed by content, which are right under any fingerprint.
        """
        try:
            (folder / "manifest.json").unlink(missing_ok=True)
            started = folder / "started"
            if folder.exists() and not keep_files and (not started.exists() or started.read_text() != fingerprint):
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
    folders = sorted(p for p in path.glob("[0-9][0-9]-*") if p.is_dir())
    if not folders:
        raise InputError("is not a run directory", where=str(path), next_step="Name one with --run; runs are in runs/")
    return folders


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
