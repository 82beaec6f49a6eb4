"""The tensors of a model's folder, one at a time, and a folder of them written the same way.

A merge or an export then holds one matrix and one shard in memory, not the model: 8 B parameters in bf16 are 16 GB.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seedbed import jsonl
from seedbed.errors import InputError

_SHARD = 2 << 30  # bytes: what is held in memory while a shard is put together
_INDEX = "model.safetensors.index.json"


class Tensors:
    """The weights of a folder, by name, in the order of the files. Raises InputError where there are none to read."""

    def __init__(self, folder: Path) -> None:
        from safetensors import SafetensorError, safe_open

        files = sorted(folder.glob("*.safetensors"))
        if not files:
            step = "Save it as safetensors first: from_pretrained(…).save_pretrained(FOLDER)"
            raise InputError("holds no safetensors", where=str(folder), next_step=step)
        self._open: dict[str, Any] = {}
        for path in files:
            try:
                handle = safe_open(str(path), framework="pt")
            except (SafetensorError, OSError) as error:
                raise InputError(f"cannot be read: {error}", where=str(path),
                                 next_step="Fetch or make the model anew") from error
            self._open |= dict.fromkeys(handle.keys(), handle)  # type: ignore[no-untyped-call]

    def __iter__(self) -> Iterator[str]:
        return iter(self._open)

    def __contains__(self, name: str) -> bool:
        return name in self._open

    def __len__(self) -> int:
        return len(self._open)

    def shape(self, name: str) -> tuple[int, ...]:
        """Without reading the tensor."""
        return tuple(self._open[name].get_slice(name).get_shape())

    def get(self, name: str) -> Any:
        """The tensor itself, as it is in the file."""
        return self._open[name].get_tensor(name)


class Shards:
    """Writes tensors into `folder` as transformers reads them: one file, or several and an index."""

    def __init__(self, folder: Path, limit: int = _SHARD) -> None:
        self._folder, self._limit = folder, limit
        self._held: dict[str, Any] = {}
        self._bytes = self._total = 0
        self._files: list[list[str]] = []

    def add(self, name: str, tensor: Any) -> None:
        """One more tensor; a full shard goes to disk first."""
        if self._held and self._bytes + tensor.nbytes > self._limit:
            self._flush()
        self._held[name] = tensor.contiguous()
        self._bytes += tensor.nbytes

    def finish(self) -> None:
        """The last shard, and the names that tell how many there are."""
        self._flush()
        count = len(self._files)
        weights: dict[str, str] = {}
        for number, names in enumerate(self._files, 1):
            name = "model.safetensors" if count == 1 else f"model-{number:05}-of-{count:05}.safetensors"
            self._part(number).rename(self._folder / name)
            weights |= dict.fromkeys(names, name)
        if count > 1:
            index = {"metadata": {"total_size": self._total}, "weight_map": weights}
            jsonl.write_text(self._folder / _INDEX, json.dumps(index, indent=1) + "\n")

    def _part(self, number: int) -> Path:
        return self._folder / f"part-{number:05}.safetensors"

    def _flush(self) -> None:
        from safetensors.torch import save_file

        self._files.append(list(self._held))
        path = self._part(len(self._files))
        try:
            save_file(self._held, str(path), metadata={"format": "pt"})
            with path.open("rb") as written:
                os.fsync(written.fileno())
        except OSError as error:
            raise jsonl.cannot_write(path, error) from error
        self._total += self._bytes
        self._held, self._bytes = {}, 0
