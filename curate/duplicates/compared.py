"""What of a record is compared, and with which other records."""

from __future__ import annotations

from typing import Literal

from seedbed.pairs import is_pair
from seedbed.record import Record

On = Literal["both", "instruction", "answer"]


def group(record: Record) -> str:
    """Records are compared within their group: a preference pair asks what its chat record asks and is no repetition of
    it, and two pairs that are wrong in different ways are two."""
    return f"pair {record.labels.get('negative', '')}" if is_pair(record) else ""


def parts(record: Record, on: On) -> list[str]:
    """What is compared: the users' turns and the input, the assistant's turns and the rejected answer, or all in order.

    A text record is its text, whatever `on` says.
    """
    if not record.messages:
        return [record.text]
    roles = {"both": ("user", "assistant", "tool"), "instruction": ("user",), "answer": ("assistant",)}[on]
    found = [message.content for message in record.messages if message.role in roles]
    if on != "answer":
        found.append(record.input)
    if on != "instruction" and record.rejected:
        found.append(record.rejected.content)
    return found


def text(record: Record, on: On) -> str:
    """The same as one text; empty when there is nothing to compare."""
    return "\n\n".join(part for part in parts(record, on) if part.strip())
