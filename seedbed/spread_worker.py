"""The process that `seedbed.spread` starts: one chunk of lines after the other, until its parent closes the pipe."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import msgspec

from seedbed.context import Context, Silent
from seedbed.errors import InputError, SeedbedError
from seedbed.record import Record
from seedbed.spread import Answer, Chunk, Done, Failed, Setting, receive, send
from seedbed.stages import STAGES


class _Heard(Silent):
    """Keeps what a stage says, for the parent to say it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def work(setting: Setting, chunk: Chunk) -> Done:
    """One chunk through the stage. Raises what the stage raises."""
    stage = STAGES[setting.stage]
    heard, encode = _Heard(), msgspec.json.Encoder(order="deterministic").encode
    upstream = {name: Path(folder) for name, folder in setting.upstream.items()}
    prompts = Path(setting.prompts) if setting.prompts else None
    context = Context(Path(setting.folder), setting.seed, upstream, progress=heard, prompts=prompts)
    options = msgspec.convert(setting.options, stage.options)
    records = list(_records(chunk))
    kept, rejected, reasons = list[bytes](), list[bytes](), dict[str, int]()
    for record in stage.function(iter(records), options, context):
        (rejected if record.rejection else kept).append(encode(record))
        if record.rejection:
            reasons[record.rejection.reason] = reasons.get(record.rejection.reason, 0) + 1
    return Done(len(records), _lines(kept), _lines(rejected), len(kept), reasons, heard.lines, context.figures)


def _records(chunk: Chunk) -> Iterator[Record]:
    decode = msgspec.json.Decoder(Record).decode
    for number, line in enumerate(chunk.lines.split(b"\n"), chunk.first):
        if line.strip():
            try:
                yield decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise InputError(
                    f"not a valid line: {error}", where=f"{chunk.path}:{number}", next_step="Mend or delete that line"
                ) from error


def _lines(encoded: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in encoded)


def _answer(setting: Setting, chunk: Chunk) -> Answer:
    try:
        return work(setting, chunk)
    except SeedbedError as error:
        return Failed(type(error).__name__, error.what, error.where, error.next_step)
    except Exception:  # noqa: BLE001  the edge of this process: the parent tells it
        return Failed("", traceback.format_exc())


def _serve() -> None:
    tasks, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not mix with the answers
    first = receive(tasks)
    if first is None:
        return
    setting = msgspec.msgpack.decode(first, type=Setting)
    while (message := receive(tasks)) is not None:
        send(answers, _answer(setting, msgspec.msgpack.decode(message, type=Chunk)))


if __name__ == "__main__":
    _serve()
