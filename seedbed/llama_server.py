"""A llama.cpp server for one GGUF file, in a process of its own that ends with the one that started it.

llama.cpp (xllamacpp) must not run inside the client's process: calls hang there (measured). The server listens on
loopback only, speaks the OpenAI API under /v1, and is gone when its parent is, also after a `kill -9`.

By hand: `python -m seedbed.llama_server MODEL --port 8089`, MODEL being a catalogue name or a path to a .gguf file.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from seedbed import models
from seedbed.errors import InputError, MissingExtra

_READY = "seedbed-ready "


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is run.

    slots    answers written at once; on 2 cores 4 give 1.5 times the tokens a second of one (measured)
    context  tokens of prompt and reply together, for each slot
    threads  0: one for each core
    adapter  a LoRA adapter as a GGUF file, applied to the model; empty: none
    """

    slots: int = 4
    context: int = 4096
    threads: int = 0
    port: int = 0
    adapter: str = ""


@contextmanager
def serving(model: Path, options: ServerOptions | None = None, patience: float = 300.0) -> Iterator[str]:
    """The base URL of a server for `model`, which is up when this yields and gone when it returns.

    Raises InputError, with the last lines of the server's log, when it is not up after `patience` seconds.
    """
    if not model.is_file():
        raise InputError("no such model file", where=str(model), next_step="Give the path of a .gguf file")
    with tempfile.TemporaryFile() as log:
        process = _start(model, options or ServerOptions(), log)
        try:
            yield _await_ready(process, log, model, patience)
        finally:
            _stop(process)


def _start(model: Path, options: ServerOptions, log: IO[bytes]) -> subprocess.Popen[bytes]:
    arguments = [f"--{name}={value}" for name, value in msgspec.structs.asdict(options).items()]
    command = [sys.executable, "-m", "seedbed.llama_server", str(model), "--child", *arguments]
    root = str(Path(__file__).resolve().parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)})


def _await_ready(process: subprocess.Popen[bytes], log: IO[bytes], model: Path, patience: float) -> str:
    """Waits for the line that names the URL; the timer ends a server that never says it."""
    timer = threading.Timer(patience, process.kill)
    timer.start()
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(_READY.encode()):
                return line.decode()[len(_READY):].strip()
    finally:
        timer.cancel()
    process.wait()
    why = f"was not ready after {patience:.0f} s" if process.returncode == -signal.SIGKILL else "did not start"
    raise InputError(f"the server of llama.cpp {why}; its log ends: {_tail(log)}", where=str(model),
                     next_step="Check the free memory and the file (seedbed models pull verifies it)")


def _tail(log: IO[bytes], lines: int = 5) -> str:
    log.seek(0, os.SEEK_END)
    log.seek(max(0, log.tell() - 4096))
    said = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines() if line.strip()]
    return " | ".join(said[-lines:]) or "(nothing)"


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()  # it holds nothing worth saving
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()


# ---- inside the server's process ----


def main() -> None:
    """Serves until it is stopped, or, as somebody's child, until that process is gone."""
    parser = argparse.ArgumentParser(prog="python -m seedbed.llama_server", description=main.__doc__)
    parser.add_argument("model", help="a name of `seedbed models list`, or a path to a .gguf file")
    parser.add_argument("--child", action="store_true", help="end when standard input closes")
    for name, value in msgspec.structs.asdict(ServerOptions()).items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    given = parser.parse_args()
    if given.child:
        _end_with_parent()
    model = Path(given.model) if given.model.endswith(".gguf") else models.pull(given.model)
    options = ServerOptions(**{name: getattr(given, name) for name in ServerOptions.__struct_fields__})
    server, url = _serve(model, options)
    sys.stdout.write(f"{_READY}{url}\n")
    sys.stdout.flush()
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        os._exit(0)
    del server


def _serve(model: Path, options: ServerOptions) -> tuple[object, str]:
    # OpenMP's threads spin while they wait, by default. Beside one other busy process on 2 cores that brought the model
    # to a stand (not even loaded in 180 s); waiting passively it loads in 8 s and answers. Read when the library loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        import xllamacpp
    except ImportError as error:
        raise MissingExtra("xllamacpp", "embedded") from error
    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_parallel = options.slots
    params.n_ctx = options.context * options.slots
    params.cpuparams.n_threads = options.threads or os.cpu_count() or 1
    params.use_jinja = True
    params.port = options.port
    if options.adapter:
        params.lora_adapters = [xllamacpp.CommonAdapterLoraInfo(options.adapter, 1.0)]
    params.ui = False
    params.cors_origins = "http://127.0.0.1"  # no web page the user looks at may ask this server
    # Prompts with the same beginning: each slot keeps its last one, and these MiB keep those that had to leave (28 KiB
    # a token at 1.5B: a score of passages). Four questions a passage, eight passages at once: 80 % of the prompt's
    # tokens come from there, 25 % without; at the library's own 8,192 MiB the server grew to 4 GiB.
    params.cache_ram_mib = 1024
    server = xllamacpp.Server(params)
    return server, server.listening_address + "/v1"


def _end_with_parent() -> None:
    """Ends this process when its parent ends: by the kernel on Linux, by the closing of standard input everywhere."""
    parent = os.getppid()
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1 is PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)
    threading.Thread(target=_wait_for_end_of_input, daemon=True).start()


def _wait_for_end_of_input() -> None:
    while os.read(0, 1024):  # not sys.stdin, whose lock would break an exit of this process by itself
        pass
    os._exit(0)


if __name__ == "__main__":
    main()
