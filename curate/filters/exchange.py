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
    evidence: str = ""  # the quotes that the record rests on
    place: int = 0  # 0 is the first exchange of its conversation
    told: str = ""  # what tools have answered so far
    tools: bool = False  # the conversation has tools, which can look things up

    @property
    def known(self) -> str:
        """All that an answer can rest on: what was said before it, the input, the evidence."""
        return f"{self.earlier}\n{self.given}\n{self.evidence}\n{self.told}"


def exchanges(record: Record) -> Iterator[Exchange]:
    """The exchanges of a record, in order; turns that call tools are none. A text record has one, with no question."""
    if not record.messages:
        yield Exchange(record.text, asked=False)
    question, given, earlier, told, place = "", record.input, "", "", 0
    evidence = "\n".join(quote.quote for quote in record.evidence)
    tools = "tools" in record.extra or any(message.role == "tool" or calls_tool(message) for message in record.messages)
    expected = record.language if record.task == "doc_qa" or record.evidence else ""
    general = record.labels.get("origin") == "general"
    for message in record.messages:
        if message.role in ("system", "user"):
            question = message.content if message.role == "user" else question
            earlier += f"{message.content}\n"
        elif message.role == "assistant" and not calls_tool(message):
            before = _ends(f"{earlier}{given}")
            yield Exchange(message.content, question, given, True, before, expected, general, evidence, place,
                           _ends(told), tools)
            given, place = "", place + 1
        elif message.role == "tool":
            told += f"{message.content}\n"


_HEAD, _TAIL = 8_000, 24_000


def _ends(text: str) -> str:
    """Beginning and end of a long text: each answer of a dialogue of thousands of turns looks at what came before."""
    return text if len(text) <= _HEAD + _TAIL else f"{text[:_HEAD]}\n{text[-_TAIL:]}"


def calls_tool(message: Message) -> bool:
    """Whether the turn calls a tool."""
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
