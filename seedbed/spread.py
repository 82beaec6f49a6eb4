"""A record-scope stage over several processes: chunks of lines in, kept and rejected lines out, in their order.

Such a stage decides each record by itself, so a chunk more or less changes nothing, and the files have the same bytes
as from one process. What is passed on are lines: the parent decodes no record. A process has one chunk at a time and
the parent holds a few of each, so memory does not grow with the data. A process that is slow on one chunk does not
stop the others; what they finish meanwhile waits for its turn.

Figures: every process adds up its own, and they are added up in the end. So the figures of a record-scope stage are
COUNTS, and tables of counts; whatever else stands there (the name of a model) must be the same from every chunk.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from seedbed import errors, jsonl
from seedbed.context import Context
from seedbed.errors import InputError, RunError, SeedbedError
from seedbed.run import Manifest, file_hash

# Below this a stage is done sooner than two processes have started (0.4 s of computing each, for a stage that does
# 400 records of 1.5 KB in the same time).
WORTH_IT = 2 << 20
_CHUNK = 1 << 18  # bytes of lines: about 200 records, so that the last ones to finish are not far apart
_AHEAD = 4  # chunks a process that may wait for an earlier one to be written


class Setting(msgspec.Struct):
    """The first message to a process: the stage and what surrounds it."""

    stage: str
    options: Any
    folder: str
    seed: int
    upstream: dict[str, str]
    prompts: str | None


class Chunk(msgspec.Struct):
    """Lines of `path`, the first of which is number `first`."""

    path: str
    first: int
    lines: bytes


class Done(msgspec.Struct, tag="done"):
    """What became of a chunk: its lines kept and rejected, reasons counted, what the stage said and counted."""

    read: int
    kept: bytes
    rejected: bytes
    kept_count: int
    reasons: dict[str, int]
    said: list[str]
    figures: dict[str, Any]


class Failed(msgspec.Struct, tag="failed"):
    """An error of seedbed's tree, or (kind empty) a fault with its trace."""

    kind: str
    what: str
    where: str = ""
    next_step: str = ""


Answer = Done | Failed


def processes() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spread(stage: str, options: Any, inputs: Sequence[Path], context: Context, done: Manifest, count: int) -> None:
    """Runs a record-scope stage over the lines of `inputs` in `count` processes: writes its files, fills its manifest.

    Raises what the stage raises, and RunError when a process comes to an end by itself.
    """
    setting = Setting(stage, msgspec.to_builtins(options), str(context.folder), context.seed,
                      {name: str(folder) for name, folder in context.upstream.items()},
                      str(context.prompts) if context.prompts else None)  # fmt: skip
    rejected, said = 0, set[str]()
    with ExitStack() as resources:
        kept_file = resources.enter_context(jsonl.Writer(context.folder / "kept.jsonl"))
        rejected_file = resources.enter_context(jsonl.Writer(context.folder / "rejected.jsonl"))
        workers = [resources.enter_context(_Worker(setting)) for _ in range(count)]
        for part in _in_order(workers, _chunks(inputs)):
            kept_file.write_bytes(part.kept)
            rejected_file.write_bytes(part.rejected)
            done.read += part.read
            done.kept += part.kept_count
            rejected += part.read - part.kept_count
            add(done.reasons, part.reasons)
            add(done.figures, part.figures)
            for line in part.said:
                if line not in said:
                    said.add(line)
                    context.progress.say(line)
            context.progress.update(done.read)
    done.rejected = rejected
    done.output = file_hash(context.folder / "kept.jsonl")


def add(whole: dict[str, Any], part: dict[str, Any]) -> None:
    """Adds the figures of one part to those of the whole: counts are added, tables key by key.

    Raises TypeError for anything else that is not the same in both: it would depend on how the records were divided.
    """
    for name, value in part.items():
        if isinstance(value, dict):
            add(whole.setdefault(name, {}), value)
        elif isinstance(value, int) and not isinstance(value, bool):
            whole[name] = whole.get(name, 0) + value
        elif whole.setdefault(name, value) != value:
            raise TypeError(f"a record-scope stage's figure `{name}` is no count: {whole[name]!r} and {value!r}")


class _Worker:
    """One process, as the parent sees it. In a process group of its own: Ctrl-C is for the parent, which ends it."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.chunk = -1  # the number of the one it is working on

    def __enter__(self) -> _Worker:
        root = str(Path(__file__).resolve().parents[1])
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "seedbed.spread_worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)])},
        )  # fmt: skip
        assert self._process.stdin and self._process.stdout
        self._in, self.out = self._process.stdin, self._process.stdout
        self._send(self._setting)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        for pipe in (self._in, self.out):
            with suppress(OSError):  # closing writes what a process that is gone did not take
                pipe.close()
        self._process.wait()

    def give(self, number: int, chunk: Chunk) -> None:
        """Work to do; its answer comes through `answer`."""
        self.chunk = number
        self._send(chunk)

    def answer(self) -> Done:
        """What became of the chunk. Raises as `spread` does."""
        message = receive(self.out)
        if message is None:
            raise self._gone()
        answer: Answer = msgspec.msgpack.decode(message, type=Done | Failed)
        if isinstance(answer, Done):
            return answer
        if not answer.kind:
            raise RuntimeError(f"in a process of its own: {answer.what}")
        raise _again(answer)

    def _send(self, message: Any) -> None:
        try:
            send(self._in, message)
        except BrokenPipeError:
            raise self._gone() from None

    def _gone(self) -> RunError:
        code = self._process.wait()
        how = f"signal {-code}" if code < 0 else f"exit {code}"
        return RunError(
            f"a process that worked on it came to an end ({how}); the memory of the machine may be too little",
            where=self._setting.stage,
            next_step="Run the same command again, with `--processes 1` if it happens again",
        )


def _in_order(workers: list[_Worker], chunks: Iterator[Chunk]) -> Iterator[Done]:
    """What becomes of the chunks, in their order."""
    numbered = enumerate(chunks)
    idle, busy = list(workers), dict[IO[bytes], _Worker]()
    finished: dict[int, Done] = {}
    written, ended = 0, False
    while True:
        while idle and not ended:
            waiting = max(finished, default=written) - written
            if waiting >= _AHEAD * len(workers):
                break
            number, chunk = next(numbered, (-1, None))
            if chunk is None:
                ended = True
            else:
                worker = idle.pop()
                worker.give(number, chunk)
                busy[worker.out] = worker
        if not busy:
            return
        ready, _, _ = select.select(list(busy), [], [])
        for out in ready:
            worker = busy.pop(out)
            finished[worker.chunk] = worker.answer()
            idle.append(worker)
        while written in finished:
            yield finished.pop(written)
            written += 1


def _chunks(inputs: Sequence[Path]) -> Iterator[Chunk]:
    for path in inputs:
        first = 1
        try:
            with path.open("rb") as source:
                while lines := source.read(_CHUNK):
                    lines += source.readline()
                    yield Chunk(str(path), first, lines)
                    first += lines.count(b"\n")
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from error


def _again(answer: Failed) -> SeedbedError:
    """The error that a process met, as it was raised there."""
    kind = getattr(errors, answer.kind)
    error: SeedbedError = kind.__new__(kind)
    SeedbedError.__init__(error, answer.what, where=answer.where, next_step=answer.next_step)
    return error


def send(pipe: IO[bytes], message: Any) -> None:
    """One message, its length before it."""
    data = msgspec.msgpack.encode(message)
    pipe.write(len(data).to_bytes(8, "big") + data)
    pipe.flush()


def receive(pipe: IO[bytes]) -> bytes | None:
    """One message; None when the other side is gone."""
    head = pipe.read(8)
    if len(head) < 8:
        return None
    size = int.from_bytes(head, "big")
    data = pipe.read(size)
    return data if len(data) == size else None
