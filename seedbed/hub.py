"""Rows of a Hugging Face data set: by its name on the hub, or from a folder, which needs no network.

`datasets` builds the columns of all rows alike, so a key that a row lacks comes as null and is taken out again. Two
things differ from reading the files of a folder ourselves (`seedbed.rows`): rows are numbered within their split, and a
file that is damaged costs the data set, not a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seedbed.errors import InputError, MissingExtra
from seedbed.rows import Row, without_nulls

# What `save_to_disk` leaves; such a folder is Arrow files, which nothing else reads.
_SAVED = ("dataset_dict.json", "state.json")


def is_saved(folder: Path) -> bool:
    """Whether a folder was written by `save_to_disk`."""
    return any((folder / name).is_file() for name in _SAVED)


def splits(dataset: str, config: str = "", split: str = "", revision: str = "") -> Iterator[tuple[str, Iterator[Row]]]:
    """(split, its rows) of a data set, all splits in their order unless one is named.

    Raises InputError where it cannot be had: no network, no such name, config or split, a damaged file.
    """
    try:
        import datasets
    except ImportError as error:
        raise MissingExtra("datasets", "hub") from error
    _be_quiet(datasets)
    folder = Path(dataset)
    with _told(dataset):
        if folder.is_dir() and is_saved(folder):
            found = datasets.load_from_disk(dataset)
        else:
            # A folder is streamed: no second copy of it goes to the cache.
            found = datasets.load_dataset(
                dataset, config or None, revision=revision or None, streaming=folder.is_dir()
            )
    parts = found if isinstance(found, dict) else {"train": found}
    if split and split not in parts:
        raise _wrong(dataset, f"has no split {split}", f"It has {', '.join(parts)}")
    for name, part in parts.items():
        if split in ("", name):
            yield name, _rows(dataset, part)


def _rows(dataset: str, part: Iterable[dict[str, Any]]) -> Iterator[Row]:
    with _told(dataset):
        for row in part:
            yield {name: _turned(value) for name, value in without_nulls(row).items()}


@contextmanager
def _told(dataset: str) -> Iterator[None]:
    """Whatever `datasets` raises, as one error with a next step."""
    from datasets.exceptions import DatasetsError

    try:
        yield
    except ConnectionError as error:
        step = "Check the network, or download it elsewhere and name its folder"
        raise _wrong(dataset, "cannot be fetched from the hub", step) from error
    except FileNotFoundError as error:
        raise _wrong(dataset, f"cannot be found: {_said(error)}", "Check the name, or name a folder") from error
    except (DatasetsError, ValueError, TypeError, RuntimeError, OSError) as error:
        step = "Check `config` and `revision`"
        if Path(dataset).is_dir():
            step = "Name its files under `paths`, where one bad row costs one row"
        raise _wrong(dataset, f"cannot be loaded: {_said(error)}", step) from error


def _turned(value: Any) -> Any:
    """Lists of equal length by field, as older data sets hold a conversation, as a list of turns."""
    if not (isinstance(value, dict) and value and all(isinstance(part, list) for part in value.values())):
        return value
    if len({len(part) for part in value.values()}) != 1:
        return value
    return [dict(zip(value, turn, strict=True)) for turn in zip(*value.values(), strict=True)]


def _be_quiet(datasets: Any) -> None:
    """The hub's client tells each of its five attempts; what comes of them is told here, once."""
    import huggingface_hub

    datasets.logging.set_verbosity(50)
    datasets.disable_progress_bars()
    huggingface_hub.logging.set_verbosity(50)


def _said(error: BaseException) -> str:
    from datasets.exceptions import DatasetGenerationError

    while isinstance(error, DatasetGenerationError) and error.__cause__ is not None:  # it says only that there was one
        error = error.__cause__
    return " ".join(str(error).split())[:200]


def _wrong(dataset: str, what: str, next_step: str) -> InputError:
    return InputError(what, where=f"records: dataset: {dataset}", next_step=next_step)
