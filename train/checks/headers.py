"""A student as far as the checks need it: configuration, tokenizer and template, without its weights.

What lies here is used as it is. Of a hub's model only the small files are fetched, and a GGUF file is read for its
header, so that a check takes seconds where the training itself would first fetch or convert gigabytes.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from seedbed import models
from seedbed.context import Progress, Silent
from seedbed.errors import InputError
from train.students import converting, model
from train.students.identity import fingerprint

_SMALL = ["*.json", "*.jinja", "tokenizer*", "*.model"]


def locate(name: str, progress: Progress) -> Path:
    """A folder with the student's configuration and tokenizer; with its weights too where they are here already.

    Raises InputError where there is no such model or it cannot be read.
    """
    given = Path(name.removeprefix("path:")).expanduser()
    if given.suffix == ".gguf" or given.is_file():
        return _of_gguf(given)
    if given.is_dir() or name.startswith("path:"):
        return model.locate(name, progress)
    if "/" in name:
        return _of_hub(name, progress)
    return _of_gguf(models.path(name) or models.pull(name, progress))


def _of_gguf(gguf: Path) -> Path:
    if not gguf.is_file():
        return converting.convert(gguf, Silent())  # which says so
    stem = f"{gguf.stem}-{fingerprint(gguf)}"
    whole, header = models.folder() / stem, models.folder() / f"{stem}-header"
    for folder in (whole, header):
        if (folder / "config.json").is_file():
            return folder
    partial = header.with_name(f"{header.name}.{os.getpid()}.partial")
    try:
        _write_header(gguf, partial)
        if not header.exists():
            partial.rename(header)
    except (ValueError, KeyError, IndexError, RuntimeError, OSError) as error:
        raise InputError(f"cannot be read: {error or type(error).__name__}", where=str(gguf),
                         next_step="Check that the file is whole and of an architecture that transformers reads",
                         ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return header


def _write_header(gguf: Path, folder: Path) -> None:
    import transformers as hf

    place = {"gguf_file": gguf.name, "local_files_only": True}
    hf.AutoTokenizer.from_pretrained(str(gguf.parent), **place).save_pretrained(str(folder))
    hf.AutoConfig.from_pretrained(str(gguf.parent), **place).save_pretrained(str(folder))


def _of_hub(name: str, progress: Progress) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(snapshot_download(name, allow_patterns=_SMALL, local_files_only=True))
    except (OSError, HFValidationError):
        progress.say(f"fetching the configuration and tokenizer of {name} from the hub")
    try:
        return Path(snapshot_download(name, allow_patterns=_SMALL))
    except (OSError, HFValidationError) as error:
        raise InputError(f"cannot be had from the hub ({type(error).__name__})", where=name,
                         next_step="Name a model of `seedbed models list`, a folder, or path:/some/model.gguf",
                         ) from error
