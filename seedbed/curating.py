"""`seedbed curate DATA…`: which data sets the words of the command line mean, and what they look like from outside."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from seedbed import config, hub
from seedbed.errors import InputError
from seedbed.formats import recognise
from seedbed.importing import Options, watch
from seedbed.jsonl import BadLine
from seedbed.resources import resource
from seedbed.rows import SUFFIXES, rows

# `owner/name`, as the hub has it. A name without an owner could be a folder that was misspelt.
_ON_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_LOOKED_AT = 100  # rows of each file that a plan reads


def default_stages() -> list[Any]:
    """What is done without a --config: the stages of the shipped configs/curate.yaml."""
    stages: list[Any] = config.load(resource("configs") / "curate.yaml").raw["curate"]
    return stages


def sources(data: Sequence[str], format: str = "") -> dict[str, Any]:
    """The `records:` of a job for what stands on the command line: files, folders of them, folders that `datasets` has
    saved, names on the hub. Raises InputError for what is none of these."""
    paths, sets = [], []
    for word in data:
        path = Path(word).expanduser()
        if path.is_dir() and hub.is_saved(path):
            sets.append(str(path.resolve()))
        elif path.exists():
            paths.append(str(path.resolve()))
        elif _ON_HUB.fullmatch(word) and not word.lower().endswith(SUFFIXES):
            sets.append(word)
        else:
            step = f"Name a file ({', '.join(SUFFIXES)}), a folder, or a data set of the hub as owner/name"
            raise InputError("no such data file", where=word, next_step=step)
    if len(sets) > 1:
        step = "Curate one of them, or save them as files and name those"
        raise InputError("one data set of the hub at a time", where=f"{sets[0]}, {sets[1]}", next_step=step)
    found: dict[str, Any] = {"paths": paths} | ({"dataset": sets[0]} if sets else {})
    return found | ({"format": format} if format else {})


def with_options_of(configured: Any, given: dict[str, Any]) -> dict[str, Any]:
    """`given` with what a job says of its own records (format, columns), but not which records those are."""
    if not isinstance(configured, dict):
        return given
    places = {"paths", "dataset"} | (set() if "dataset" in given else {"config", "split", "revision"})
    return {key: value for key, value in configured.items() if key not in places} | given


def looked_at(options: Options) -> Iterator[str]:
    """What a plan tells of each file: its size, the formats of its first rows, and the first that cannot be read."""
    for path in watch(options) if not options.dataset else ():
        formats, bad = Counter[str](), list[BadLine]()
        try:
            first = list(islice(rows(path), _LOOKED_AT))
        except InputError as error:
            yield f"Reads nothing of {path.name}: {error}"
            continue
        for item in first:
            if isinstance(item, BadLine):
                bad.append(item)
                continue
            number, row = item
            try:
                formats[options.format or recognise(row)] += 1
            except ValueError as error:
                bad.append(BadLine(number, str(error), ""))
        told = ", ".join(f"{name} {count}" for name, count in formats.most_common()) or "no row"
        yield f"Reads {path.name}, {path.stat().st_size / 1e6:.1f} MB: {told} (of the first {_LOOKED_AT} rows)"
        if bad:
            yield f"  {len(bad)} of them cannot be read; line {bad[0].number}: {bad[0].why}"
    if options.dataset:
        yield f"Reads the data set {options.dataset}"
