"""The exchanges of a record: what was asked, what was answered, and what stood before. What the filters look at."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from seedbed.record import Message, Record


class Exchange(msgspec.Struct, frozen=True):
    """An answer and what was asked before it. A text record is an answer to no question."""

    answer: str
    question: str = ""
    given: str = ""  # the Alpaca input
    asked: bool = True
    earlier: str = ""  # system prompt and questions so far, where a language may be asked for
    expected: str = ""  # the language of the documents, where that is known
    general: bool = False


def exchanges(record: Record) -> Iterator[Exchange]:
    """The exchanges of a record, in order; turns that call tools are none. A text record has one, with no question."""
    if not record.messages:
        yield Exchange(record.text, asked=False)
    question, given, earlier = "", record.input, ""
    expected = record.language if record.task == "doc_qa" or record.evidence else ""
    general = record.labels.get("origin") == "general"
    for message in record.messages:
        if message.role in ("system", "user"):
            question = message.content if message.role == "user" else question
            earlier += f"{message.content}\n"
        elif message.role == "assistant" and not _calls_tool(message):
            yield Exchange(message.content, question, given, True, f"{earlier}{given}", expected, general)
            given = ""


def _calls_tool(message: Message) -> bool:
    return bool(message.extra.get("tool_calls")) or (is_json(message.content) and '"arguments"' in message.content)


def is_json(text: str) -> bool:
    """Whether the text is a JSON object or list and nothing else."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return False
    return True
