"""Arrays in a file that appears whole or not at all, in numpy's own format: equal arrays are equal bytes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import msgspec

from seedbed import jsonl

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


def save(path: Path, **arrays: Array) -> None:
    """Writes beside its name, syncs, then renames, as `jsonl.Writer` does. Raises RunError on a full disk."""
    import numpy as np

    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise jsonl.cannot_write(path, error) from error


def load(path: Path) -> dict[str, Array] | None:
    """The arrays of a file, or None when it is not there or cannot be read."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as arrays:
            return dict(arrays)
    except (OSError, ValueError, EOFError, BadZipFile):
        return None


def packed(item: Any) -> Array:
    """Anything msgspec knows as an array of bytes; `msgspec.json.decode(array.tobytes())` unpacks it."""
    import numpy as np

    return np.frombuffer(msgspec.json.encode(item), np.uint8)
