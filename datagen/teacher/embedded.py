"""A local GGUF model behind the same OpenAI-compatible client as any other teacher (`seedbed.llama_server`).

By hand: `python -m seedbed.llama_server MODEL --port 8089`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from seedbed import llama_server, models
from seedbed.errors import InputError, TeacherError
from seedbed.llama_server import ServerOptions

__all__ = ["ServerOptions", "locate", "serving"]


def locate(model: str) -> tuple[Path, str]:
    """The file of a catalogue name (fetched if need be) or of `path:FILE`, and its name in the journal.

    The name tells contents, not places, so that a journal holds wherever it is moved. A file of the user's own is told
    by its size, its first and its last mebibyte: reading gigabytes at each start would take longer than it is worth.
    """
    if not model.startswith("path:"):
        entry = models.find(model)
        return models.pull(model), f"{entry.name}@{entry.sha256[:12]}"
    file = Path(model.removeprefix("path:")).expanduser()
    try:
        size = file.stat().st_size
        with file.open("rb") as data:
            digest = hashlib.blake2b(f"{size}:".encode() + data.read(1 << 20), digest_size=6)
            data.seek(max(0, size - (1 << 20)))
            digest.update(data.read())
    except OSError as error:
        raise TeacherError(f"the model cannot be read: {error.strerror}", where=str(file),
                           next_step="Give the path of a .gguf file after path:") from error
    return file, f"{file.stem}@{digest.hexdigest()}"


@contextmanager
def serving(model: Path, options: ServerOptions | None = None, patience: float = 300.0) -> Iterator[str]:
    """The base URL of a server for `model`, which is up when this yields and gone when it returns.

    Raises TeacherError, with the last lines of the server's log, when it is not up after `patience` seconds.
    """
    with ExitStack() as stack:
        try:
            url = stack.enter_context(llama_server.serving(model, options, patience))
        except InputError as error:
            raise TeacherError(error.what, where=error.where, next_step=error.next_step) from error
        yield url
