"""Vectors of many texts on disk: encoding costs far more than everything else, and is never done twice.

The file grows by chunks; beside it stands, line by line, of which texts each chunk is. A run that was killed goes on
behind its last whole chunk, and another threshold finds all of them. Texts are told apart by their hash, so what was
changed before the stage is encoded anew, from the first chunk on that is not as it was.

The trap: a text's vector depends (by 1e-6) on the texts that were encoded with it. Chunks begin at the same records in
every run, so whether they were found or made makes no difference to a byte.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedbed import jsonl
from seedbed.context import Progress
from seedbed.encode import Encoder

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

VECTORS, CHUNKS = "vectors.f32", "vectors.chunks"
_CHUNK = 1024  # records; 2 s of the default encoder, and 4 MB of two sides of it


def encoded(
    folder: Path, encoder: Encoder, texts: Iterable[tuple[str, ...]], count: int, sides: int, progress: Progress
) -> Array:
    """The vectors of `count` records, float32 (count, sides * width), read from the disk as they are used.

    Each record is as many texts as there are `sides`. Its row is their vectors beside each other, of length 1
    altogether; 0 where a text is empty.
    """
    import numpy as np

    width = sides * encoder.width
    try:
        with _Chunks(folder, f"{encoder.name} {sides}x{encoder.width}") as chunks:
            source = iter(texts)
            for done, chunk in enumerate(iter(lambda: list(islice(source, _CHUNK)), []), 1):
                if not chunks.has(key := _hash(chunk)):
                    chunks.add(key, _rows(encoder, chunk).tobytes())
                progress.update(min(done * _CHUNK, count), count, "encoded")
    except OSError as error:
        raise jsonl.cannot_write(folder, error) from error
    if not count:
        return np.zeros((0, width), np.float32)
    return np.memmap(folder / VECTORS, np.float32, "r", shape=(count, width))


def _rows(encoder: Encoder, chunk: list[tuple[str, ...]]) -> Array:
    import numpy as np

    flat = [text for texts in chunk for text in texts]
    rows = encoder.encode(flat).reshape(len(chunk), -1)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    found: Array = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return found


def _hash(chunk: list[tuple[str, ...]]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for text in (text for texts in chunk for text in texts):
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8))
        digest.update(data)
    return digest.hexdigest()


class _Chunks:
    """The two files, in order: `has` and `add` go from chunk to chunk."""

    def __init__(self, folder: Path, about: str) -> None:
        self._data, self._names = folder / VECTORS, folder / CHUNKS
        self._about = about
        self._end = 0  # of the last chunk that was found or added

    def __enter__(self) -> _Chunks:
        self._known = self._read()
        if next(self._known, "") != self._about:
            self._names.write_text(f"{self._about}\n", encoding="utf-8")
            self._data.write_bytes(b"")
            self._known = iter(())
        self._file = self._data.open("r+b")
        self._kept = len(self._about.encode()) + 1  # bytes of names that are still right
        return self

    def __exit__(self, *_: object) -> None:
        self._file.truncate(self._end)
        self._file.close()
        os.truncate(self._names, self._kept)

    def _read(self) -> Iterator[str]:
        """The first line, and then one a chunk; what was cut off by a kill is passed over."""
        try:
            lines = self._names.read_bytes().decode("utf-8").split("\n")
        except (OSError, UnicodeDecodeError):
            return iter(())
        return iter(lines[:-1])

    def has(self, key: str) -> bool:
        """Whether the next chunk is there and is this one. After the first that is not, none is."""
        name, _, end = next(self._known, "").partition(" ")
        if name != key or not end.isdigit() or int(end) > self._data.stat().st_size:
            self._known = iter(())
            return False
        self._end = int(end)
        self._kept += len(name) + len(end) + 2
        return True

    def add(self, key: str, rows: bytes) -> None:
        """Writes the next chunk, and its name once its rows are safe."""
        self._file.seek(self._end)
        self._file.write(rows)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._end += len(rows)
        line = f"{key} {self._end}\n"
        with self._names.open("r+b") as names:
            names.truncate(self._kept)
            names.seek(self._kept)
            names.write(line.encode())
        self._kept += len(line)
