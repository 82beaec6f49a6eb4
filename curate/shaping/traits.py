"""What a record can be counted, capped and weighed by."""

from __future__ import annotations

from seedbed.record import Record

# What every record may have; all else is a label.
TRAITS = ("task", "language", "source", "shape")
DIALOGUE, INSTRUCTION = "dialogue", "instruction"


def trait(record: Record, name: str) -> str:
    """`task`, `language`, `source` (its document or data file) or `shape` of a record, or the label of that name; empty
    where it has none."""
    if name == "task":
        return record.task
    if name == "language":
        return record.language
    if name == "source":
        return record.source.document if record.source else ""
    if name == "shape":
        return shape(record)
    return record.labels.get(name, "")


def shape(record: Record) -> str:
    """`text`, `preference`, `dialogue` (the user speaks more than once) or `instruction`."""
    if not record.messages:
        return "text"
    if record.rejected is not None:
        return "preference"
    return DIALOGUE if sum(message.role == "user" for message in record.messages) > 1 else INSTRUCTION


# Characters of a question that are compared: about ten pages. Two fields of 10 MB would take the LCS for minutes.
_ENOUGH = 20_000


def question(record: Record) -> str:
    """What is compared to find the same question again: the first user turn with its input, or the running text."""
    return (record.user_text or record.text)[:_ENOUGH]
