"""What a student is, by content: an adapter is worth something on the very weights that it was trained on.

A hash of the weight files. Files above a gigabyte are read in slices, since hashing 15 GB at each start of a chat would
take 15 s: any training, merge or conversion changes every matrix and so every slice; a single value changed by hand may
go unseen there.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

_WHOLE = 1 << 30  # bytes: up to here a file is read from end to end (1 s)
_SLICE, _EVERY = 1 << 20, 16 << 20  # of larger ones a mebibyte in sixteen
_WEIGHTS = ("*.safetensors", "*.bin")


def weights_digest(folder: Path) -> str:
    """Names, sizes and content of a model's weight files; empty where there are none."""
    files = sorted(path for pattern in _WEIGHTS for path in folder.glob(pattern))
    content = hashlib.blake2b(digest_size=10)
    for path in files:
        content.update(f"{path.name} {path.stat().st_size} ".encode())
        _read(path, content)
    return content.hexdigest() if files else ""


def fingerprint(path: Path) -> str:
    """Size and content of one file, read as above."""
    content = hashlib.blake2b(str(path.stat().st_size).encode(), digest_size=6)
    _read(path, content)
    return content.hexdigest()


def _read(path: Path, content: Any) -> None:
    size = path.stat().st_size
    with path.open("rb") as data:
        for start in range(0, size, _SLICE if size <= _WHOLE else _EVERY):
            data.seek(start)
            content.update(data.read(_SLICE))
