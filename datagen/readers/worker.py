"""Reads documents in a process of its own, so that a hostile, broken or hanging file costs that file only.

The process is started once and reused; it is replaced after a crash or a time-out. It has an address-space limit, so
that a bomb meets MemoryError instead of the machine's last page, and it dies with its parent. The time limit is one of
computing, because a busy machine must not change which documents are read; the clock bounds what waits and never ends.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO

import msgspec

from datagen.readers import read
from datagen.readers.document import Document, Unreadable

_START_LIMIT = 30.0  # seconds for the interpreter to come up on a busy machine; 0.2 on an idle one
_CLOCK = 5  # times the limit, by the clock: a busy machine slowed our readers up to so much
_CHUNK = 1 << 20
_PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV")


class _Failure(msgspec.Struct, tag="failure"):
    reason: str
    detail: str


class _Success(msgspec.Struct, tag="success"):
    document: Document


class _Task(msgspec.Struct):
    name: str
    path: str
    timeout: float


_Answer = _Success | _Failure


class Worker:
    """The reading process, as its user sees it. A context manager; started on first use."""

    def __init__(self, timeout: float, memory_mb: int) -> None:
        self._timeout, self._memory_mb = timeout, memory_mb
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def read(self, name: str, path: Path) -> Document:
        """The document at `path`. Raises Unreadable, also with timeout, too_large (memory) and broken (crash)."""
        process = self._started()
        try:
            _send(process.stdin, msgspec.msgpack.encode(_Task(name, str(path), self._timeout)))
            answer = _receive(process.stdout, time.monotonic() + _CLOCK * self._timeout)
        except TimeoutError as error:
            self._stop()
            raise self._too_long() from error
        except (EOFError, BrokenPipeError) as error:
            raise self._crashed() from error
        outcome: _Answer = msgspec.msgpack.decode(answer, type=_Success | _Failure)
        if isinstance(outcome, _Failure):
            if outcome.reason == "too_large":
                self._stop()  # what it holds on to may be large as well
            raise Unreadable(outcome.reason, outcome.detail)
        return outcome.document

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            # -P: no module is taken from the current folder, which may be the one with the documents.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "datagen.readers.worker", str(self._memory_mb)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
            try:
                _receive(self._process.stdout, time.monotonic() + _START_LIMIT)
            except (TimeoutError, EOFError) as error:
                self._stop()
                raise Unreadable(
                    "broken", f"no process to read it could be started; is `memory_mb: {self._memory_mb}` too little?"
                ) from error
        return self._process

    def _crashed(self) -> Unreadable:
        assert self._process is not None
        code = self._process.wait(timeout=5)
        self._stop()
        if code in (-signal.SIGALRM, -signal.SIGPROF):
            return self._too_long()
        how = signal.Signals(-code).name if code < 0 else f"exit {code}"
        return Unreadable(
            "broken", f"its reader crashed on it ({how}), or it needs more than {self._memory_mb} MB; export it again"
        )

    def _too_long(self) -> Unreadable:
        return Unreadable("timeout", f"it took longer than {self._timeout:g} s to read; raise `timeout` or split it")

    def _stop(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(BrokenPipeError):  # closing writes what a process that crashed did not take
                    pipe.close()
        process.wait()


def _environment() -> dict[str, str]:
    """What the process needs to start, and no more: a teacher's key has no business beside a hostile file."""
    kept = {name: os.environ[name] for name in _PASSED if name in os.environ}
    paths = [str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", "")]
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "OMP_NUM_THREADS": "1"}


def _send(pipe: IO[bytes] | None, message: bytes) -> None:
    assert pipe is not None
    pipe.write(len(message).to_bytes(8, "big") + message)
    pipe.flush()


def _receive(pipe: IO[bytes] | None, until: float) -> bytes:
    """One message. Raises TimeoutError, and EOFError when the other side is gone."""
    assert pipe is not None
    size = int.from_bytes(_exactly(pipe, 8, until), "big")
    return _exactly(pipe, size, until)


def _exactly(pipe: IO[bytes], size: int, until: float) -> bytes:
    data = bytearray()
    while len(data) < size:
        ready, _, _ = select.select([pipe], [], [], max(until - time.monotonic(), 0))
        if not ready:
            raise TimeoutError
        part = os.read(pipe.fileno(), min(size - len(data), _CHUNK))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def _serve(memory_mb: int) -> None:
    """The process itself: one task after the other until its parent closes the pipe."""
    tasks, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not mix with the answers
    _limit_memory(memory_mb)
    _send(answers, b"ready")
    while head := tasks.read(8):
        task = msgspec.msgpack.decode(tasks.read(int.from_bytes(head, "big")), type=_Task)
        signal.setitimer(signal.ITIMER_PROF, task.timeout)
        # Should the parent be killed meanwhile, nobody else would end a file that hangs.
        signal.setitimer(signal.ITIMER_REAL, _CLOCK * task.timeout + 1)
        answer = _answer(task)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _send(answers, answer)


def _answer(task: _Task) -> bytes:
    try:
        outcome: _Answer = _Success(read(task.name, Path(task.path).read_bytes()))
    except Unreadable as error:
        outcome = _Failure(error.reason, error.detail)
    except MemoryError:
        outcome = _Failure("too_large", "it needs more memory than `memory_mb` allows; raise that or split it")
    except ImportError as error:
        outcome = _Failure("no_reader", f'{error.name} is not installed; pip install "seedbed[documents]"')
    except OSError as error:
        outcome = _Failure("unreadable", f"the file cannot be opened: {error.strerror}")
    except (ValueError, RuntimeError, LookupError, ArithmeticError, TypeError, AttributeError, SyntaxError) as error:
        # A fault in a library or in a reader, met on this file: the file goes, the run does not.
        outcome = _Failure("broken", f"its reader failed on it: {type(error).__name__}: {str(error)[:200]}")
    return msgspec.msgpack.encode(outcome)


def _limit_memory(memory_mb: int) -> None:
    import resource

    limit = memory_mb * 1024 * 1024
    for kind, most in ((resource.RLIMIT_AS, limit), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
