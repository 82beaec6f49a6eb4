"""A generator for tests that reads records: it tells each one again, and leaves out those about oil."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from seedbed.chat import Request
from seedbed.context import Context
from seedbed.record import Message, Record, Step, make
from seedbed.stages import Stage

VERSION = 1
STAGE = Stage("retold", "tests.seedbed.retold:retold", "generate", teacher=True, reads="records")


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    from_: str = msgspec.field(default="", name="from")


def retold(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    complete, loop = context.teacher()
    for record in records:
        asked = Message("user", f"Tell this again: {record.answer}")
        reply = loop.run(complete(Request(messages=(asked,))))
        step = Step(stage="retold", operation="tell", parents=(record.id,), calls=(reply.key,))
        turns = (Message("user", f"再说一遍 Again: {record.instruction}"), Message("assistant", reply.text))
        made = make(messages=turns, rejected=Message("assistant", "No idea. 不知道。"), history=(step,))
        yield made.reject("retold", "about_oil", "oil is told elsewhere") if "oil" in record.instruction else made


def estimate(records: Iterable[Record], options: Options) -> tuple[int, int, int]:
    calls = len(list(records))
    return calls, 40 * calls, 10 * calls
