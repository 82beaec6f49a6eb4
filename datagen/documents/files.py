"""Finds the files that a user's paths name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from seedbed.errors import InputError


class File(NamedTuple):
    """A file and the name by which the user knows it: its path below the folder given, with `/`.

    `suffix` is what a name lacks that is not a file's: a row of a database is called `faults/E17` and is Markdown.
    """

    name: str
    path: Path
    suffix: str = ""

    @property
    def full_name(self) -> str:
        """The name with the suffix that tells what it is."""
        return self.name + self.suffix


def find(paths: tuple[str, ...], exclude: tuple[str, ...] = ()) -> list[File]:
    """The files below `paths`, in order, each once; hidden ones and those that a pattern of `exclude` fits left out.

    Patterns are matched against the path below the folder and against the bare name. Where two folders hold the same
    name, all names are led by their folder's. Raises InputError where there is nothing to read.
    """
    if not paths:
        raise InputError(
            "no documents are named", where="ingest: paths", next_step="Add a file or folder, or pass --documents DIR"
        )
    found: list[tuple[Path, Path]] = []  # (the root's folder, the file)
    for given in paths:
        root = Path(given).expanduser()
        if not root.exists():
            raise InputError("no such file or folder", where=given, next_step="Check the path of the documents")
        found += [(root, file) for file in _walk(root)] if root.is_dir() else [(root.parent, root)]
    if not found:
        raise InputError(
            "there are no documents in it",
            where=", ".join(paths),
            next_step="Put PDF, Word, PowerPoint, Excel, HTML, EPUB, Markdown, text, CSV or JSON files there",
        )
    kept = [(root, path) for root, path in found if not _excluded(path.relative_to(root).as_posix(), exclude)]
    if not kept:
        raise InputError(
            f"all {len(found)} documents are excluded", where="ingest: exclude", next_step="Loosen the patterns"
        )
    return _named(list({path.resolve(): (root, path) for root, path in reversed(kept)}.values())[::-1])


def _walk(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder, onerror=_closed):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(at, name)
            if not name.startswith(".") and path.is_file():
                yield path


def _closed(error: OSError) -> None:
    where = str(error.filename)
    raise InputError(f"cannot be opened: {error.strerror}", where=where, next_step="Allow it, or exclude it") from error


def _excluded(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(name, pattern) or fnmatch(name.rsplit("/", 1)[-1], pattern) for pattern in patterns)


def _named(found: list[tuple[Path, Path]]) -> list[File]:
    """Each file with a name that no other has."""
    roots = list(dict.fromkeys(root for root, _ in found))
    folders = {root: root.resolve().name + "/" for root in roots}
    numbered = {root: f"{number}-{folders[root]}" for number, root in enumerate(roots, 1)}
    for prefixes in (dict.fromkeys(roots, ""), folders, numbered):
        files = [File(prefixes[root] + path.relative_to(root).as_posix(), path) for root, path in found]
        if len({file.name for file in files}) == len(files):
            break
    return sorted(files)
