"""The source stage of a job that starts from data sets instead of documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import msgspec

from seedbed import hub
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.formats import FORMATS, as_records
from seedbed.jsonl import BadLine
from seedbed.record import Record, Source, make
from seedbed.rows import SUFFIXES, Numbered, rows

VERSION = 2
# Files beside a data set that describe it and hold no rows.
_ABOUT = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which data sets, and what their rows are where that should not be recognised.

    paths     data files (JSON, JSONL, CSV, TSV, Parquet) or folders of them
    dataset   a Hugging Face data set: its name on the hub, or a folder that `datasets` can load
    config, split, revision
              which part and which state of `dataset`; every split where none is named
    format    alpaca, sharegpt, messages, preference, text or record
    columns   our name -> theirs, for tables that call things otherwise: {instruction: question, output: answer}
    """

    PATHS: ClassVar[tuple[str, ...]] = ("paths",)
    paths: tuple[str, ...] = ()
    dataset: str = ""
    config: str = ""
    split: str = ""
    revision: str = ""
    format: str | None = None
    columns: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.format is not None and self.format not in FORMATS:
            raise ValueError(f"format: unknown {self.format!r}; known: {', '.join(FORMATS)}")
        for name in ("config", "split", "revision"):
            if getattr(self, name) and not self.dataset:
                raise ValueError(f"{name}: is of a Hugging Face data set, and `dataset` names none")

    def placed(self, base: Path) -> Options:
        """The same with `dataset` as a folder below `base`, if there is one of that name."""
        folder = base / Path(self.dataset).expanduser()
        return msgspec.structs.replace(self, dataset=str(folder)) if self.dataset and folder.is_dir() else self


def watch(options: Options) -> list[Path]:
    """The data files: their content is part of the fingerprint. What lies on the hub is taken as its name says."""
    folder = Path(options.dataset)
    own = sorted(path for path in folder.rglob("*") if path.is_file()) if options.dataset and folder.is_dir() else []
    return [*(path for _, path in _files(options.paths)), *own]


def import_records(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every row of the files and the data set as a record; a row that fits no format is rejected with its number.

    Of several files one without a good row is one rejection more. InputError where that is all of them.
    """
    unusable: list[InputError] = []
    parts = list(sources(options))
    for document, where, numbered in parts:
        yield from _records(numbered, document, where, options.format, unusable)
    if unusable and len(unusable) == len(parts):
        raise unusable[0]


def sources(options: Options) -> Iterator[tuple[str, str, Iterable[Numbered]]]:
    """Of each file and each split of the data set: its name, what errors call it, and its rows by our names."""
    for name, path in _files(options.paths):
        yield name, str(path), _by_our_names(rows(path), options)
    if options.dataset:
        called = Path(options.dataset).name if Path(options.dataset).is_dir() else options.dataset
        for split, found in hub.splits(options.dataset, options.config, options.split, options.revision):
            where = f"{options.dataset}: {split}"
            yield f"{called}/{split}", where, _by_our_names(enumerate(found, 1), options)


def _by_our_names(numbered: Iterable[Numbered], options: Options) -> Iterable[Numbered]:
    return (_renamed(item, options.columns) for item in numbered) if options.columns else numbered


def _records(
    numbered: Iterable[Numbered], document: str, where: str, format: str | None, unusable: list[InputError]
) -> Iterator[Record]:
    bad: list[BadLine] = []
    try:
        yield from as_records(numbered, document, where, format, bad)
    except InputError as error:
        unusable.append(error)
        yield make(text="", source=Source(document=document)).reject("import", "bad_file", str(error))
    for line in bad:
        record = make(text=line.start, source=Source(document=document, line=line.number))
        yield record.reject("import", "bad_line", f"{where}:{line.number}: {line.why}")


def _renamed(item: Numbered, columns: dict[str, str]) -> Numbered:
    if isinstance(item, BadLine):
        return item
    number, row = item
    theirs = {theirs: ours for ours, theirs in columns.items()}
    kept = {name: value for name, value in row.items() if name in theirs or name not in columns}
    return number, {theirs.get(name, name): value for name, value in kept.items()}


def _files(paths: tuple[str, ...]) -> list[tuple[str, Path]]:
    """The data files that are named or lie in a folder that is named, each once, with its name or path below that."""
    found: dict[Path, str] = {}
    for path in map(Path, paths):
        for file in _within(path) if path.is_dir() else [path]:
            found.setdefault(file, file.relative_to(path).as_posix() if path.is_dir() else file.name)
    missing = [path for path in found if not path.is_file()]
    if missing:
        next_step = "Name a JSON, JSONL, CSV or Parquet file, or a folder of them"
        raise InputError("no such data file", where=str(missing[0]), next_step=next_step)
    return [(name, path) for path, name in found.items()]


def _within(folder: Path) -> list[Path]:
    if hub.is_saved(folder):
        next_step = f"Name it as `dataset: {folder.name}` instead of under `paths`"
        raise InputError("was saved by `datasets` as Arrow files", where=str(folder), next_step=next_step)
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.name not in _ABOUT and not path.name.startswith(".")
    )
    if not found:
        next_step = f"Expected one of {', '.join(SUFFIXES)}"
        raise InputError("there are no data files in it", where=str(folder), next_step=next_step)
    return found
