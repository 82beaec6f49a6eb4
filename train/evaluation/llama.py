"""A GGUF file measured by llama.cpp itself: the loss of given tokens, and greedy answers.

llama.cpp's server tells how likely the token was that it sampled, before any bias, among all tokens of the vocabulary
(checked against all 49,152 of SmolLM2: equal to 3e-6). So each learned token is sampled by force, with a bias that no
other can outweigh, and what stands before it comes from the cache: one request a token, exact, about as slow as writing
the text. Token ids go in and come out, so llama.cpp's own tokenizer and template play no part.

It runs in a process of its own, as inside a process that has other OpenMP threads calls hang (measured); that process
reads requests and writes replies as lines of JSON, and ends when its input does.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from seedbed.errors import InputError, MissingExtra
from train.rows.template import IGNORED, Row

_FORCE = 1e4  # added to a token's logit; others are tens apart at most
_ROOT = Path(__file__).resolve().parents[2]


class Work(msgspec.Struct, frozen=True):
    """One request: the ids, and the places whose tokens are measured, or how many tokens shall follow."""

    ids: list[int]
    places: list[int] = []
    max_new_tokens: int = 0


class Done(msgspec.Struct, frozen=True):
    """The summed loss in nats, or the ids that followed."""

    loss: float = 0.0
    ids: list[int] = []


class Llama:
    """A GGUF model in a process of its own. Use `opened`."""

    def __init__(self, file: Path, process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
        self._file, self._process, self._log = file, process, log

    def loss(self, row: Row) -> float:
        """The summed cross-entropy of the row's learned tokens (nats)."""
        places = [place for place, label in enumerate(row.labels) if label != IGNORED and place]
        return self._asked(Work(row.input_ids, places)).loss

    def answer(self, prompt: list[int], max_new_tokens: int) -> list[int]:
        """The ids that follow the prompt greedily, up to where the model ends its turn."""
        return self._asked(Work(prompt, max_new_tokens=max_new_tokens)).ids

    def ready(self) -> None:
        """Waits until the file is loaded. Raises InputError where it cannot be."""
        self._reply()

    def _asked(self, work: Work) -> Done:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(msgspec.json.encode(work) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # the reply that does not come says why
        return self._reply()

    def _reply(self) -> Done:
        assert self._process.stdout is not None
        if line := self._process.stdout.readline():
            return msgspec.json.decode(line, type=Done)
        self._log.seek(0)
        lines = self._log.read().decode("utf-8", "replace").splitlines()
        said = [line for line in lines if " E " in line or "rror" in line]
        raise InputError(f"llama.cpp cannot run it: {' | '.join(said[-3:]) or 'it ended without a word'}",
                         where=str(self._file), next_step="Check that the file is whole, and the free memory")


@contextmanager
def opened(file: Path, context: int, threads: int) -> Iterator[Llama]:
    """The model of a GGUF file, with room for `context` tokens; gone when the block ends. Raises InputError, and
    MissingExtra without xllamacpp."""
    import importlib.util

    if importlib.util.find_spec("xllamacpp") is None:
        raise MissingExtra("xllamacpp", "embedded")
    paths = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
    # Threads of OpenMP spin while they wait, by default, and bring a busy machine to a stand.
    environment = {**os.environ, "PYTHONPATH": paths, "OMP_WAIT_POLICY": "passive"}
    command = [sys.executable, "-m", __name__, str(file), str(context), str(threads or os.cpu_count() or 1)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment)
        try:
            llama = Llama(file, process, log)
            llama.ready()
            yield llama
        finally:
            process.kill()  # it holds nothing worth saving
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()


# ---- inside that process ----


def main(file: str, context: str, threads: str) -> None:
    """Answers requests until its input ends."""
    import xllamacpp

    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the library prints goes to the log
    params = xllamacpp.CommonParams()
    params.model.path, params.n_ctx, params.n_parallel, params.cpuparams.n_threads = file, int(context), 1, int(threads)
    params.warmup = params.ui = False
    server = xllamacpp.Server(params)
    _write(out, Done())
    for line in sys.stdin.buffer:
        work = msgspec.json.decode(line, type=Work)
        _write(out, _answered(server, work) if work.max_new_tokens else _measured(server, work))


def _write(out: IO[bytes], done: Done) -> None:
    out.write(msgspec.json.encode(done) + b"\n")
    out.flush()


def _measured(server: Any, work: Work) -> Done:
    loss = 0.0
    for place in work.places:
        forced = {"logit_bias": [[work.ids[place], _FORCE]]}
        (said,) = _tokens(server, {"prompt": work.ids[:place], "max_tokens": 1, **forced})
        assert said["id"] == work.ids[place]
        loss -= said["logprob"]
    return Done(loss=loss)


def _answered(server: Any, work: Work) -> Done:
    return Done(ids=[said["id"] for said in _tokens(server, {"prompt": work.ids, "max_tokens": work.max_new_tokens})])


def _tokens(server: Any, request: dict[str, Any]) -> list[dict[str, Any]]:
    greedy = {"temperature": 0, "n_probs": 1, "cache_prompt": True, "repeat_penalty": 1.0}
    found = server.handle_completions(request | greedy)
    if "choices" not in found:
        sys.exit(f"error: {found}")
    return (found["choices"][0].get("logprobs") or {}).get("content") or []


if __name__ == "__main__":
    main(*sys.argv[1:])
