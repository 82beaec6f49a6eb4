"""The formats that data sets come in, each to a Record and back without loss.

    alpaca      instruction, input, output; system, history
    sharegpt    conversations of from/value; system, tools
    messages    messages of role/content (OpenAI); tool_calls and the like stay on the message
    preference  prompt, chosen, rejected as strings or lists of turns; Alpaca and ShareGPT rows with chosen and rejected
    text        text
    record      seedbed's own

Keys that a format does not know are kept in `extra`. What the same content can be written as in several ways (an empty
`input` or none, a system turn or a `system` key) is noted under `extra["_shape"]`, so that a row comes back as it was;
`plain` forgets those notes, so that all rows of a file come out alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from seedbed.errors import InputError
from seedbed.jsonl import BadLine
from seedbed.record import Message, Record, Source, content_id, make
from seedbed.rows import Numbered, Row, rows
from seedbed.shapes import READERS, WRITERS
from seedbed.text import language
from seedbed.turns import SHAPE, shape_of, without_shape

FORMATS = ("alpaca", "sharegpt", "messages", "preference", "text", "record")

_RECORD_KEYS = frozenset(field.name for field in msgspec.structs.fields(Record))
_RECORD_ID = re.compile(r"[0-9a-f]{16}")


def recognise(row: Row) -> str:
    """The format of a row, by its keys. Raises ValueError when it is none of them."""
    if _is_record(row):
        return "record"
    if "chosen" in row and "rejected" in row:
        return "preference"
    if isinstance(row.get("messages"), list):
        return "messages"
    if isinstance(row.get("conversations"), list):
        return "sharegpt"
    if "instruction" in row and "output" in row:
        return "alpaca"
    if isinstance(row.get("text"), str):
        return "text"
    raise ValueError(
        f"no known format has the keys {', '.join(row) or '(none)'}; expected instruction and output, "
        "conversations, messages, prompt with chosen and rejected, or text"
    )


def from_row(row: Row, format: str, source: Source | None = None) -> Record:
    """The row as a Record. Raises ValueError, with the key and what was expected, when it does not fit."""
    if format == "record":
        try:
            return msgspec.convert(row, Record)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from error
    if format not in READERS:
        raise ValueError(f"unknown format {format!r}; known are {', '.join(FORMATS)}")
    if SHAPE in row:
        raise ValueError(f"the key {SHAPE} is reserved")
    fields, shape, known = READERS[format](row)
    extra = {key: value for key, value in row.items() if key not in known}
    spoken = " ".join(m.content for m in fields.get("messages", ()) if m.role in ("user", "assistant"))
    return make(
        **fields,
        extra=extra | ({SHAPE: shape} if shape else {}),
        labels={"format": format},
        language=language(fields.get("text") or spoken),
        source=source,
    )


def to_row(record: Record, format: str) -> Row:
    """The Record as a row. Raises ValueError, with the reason, when the format cannot hold it.

    A row that came in this format comes back equal. Alpaca holds no annotations of single turns: they are left out.
    """
    if format == "record":
        row: Row = msgspec.to_builtins(record)
        return row
    if format not in WRITERS:
        raise ValueError(f"unknown format {format!r}; known are {', '.join(FORMATS)}")
    own = record.labels.get("format") == format
    shape = shape_of(record) if own else {}
    row = WRITERS[format](record, shape)
    row |= {key: value for key, value in shape.get("empty", {}).items() if not row.get(key)}
    for key in shape.get("absent", ()):
        if not row[key]:
            del row[key]
    extra = {key: value for key, value in without_shape(record.extra).items() if key not in row}
    if "tools" in extra and not own:
        extra["tools"] = _tools(extra["tools"], as_text=format == "sharegpt")
    return row | extra


def plain(record: Record) -> Record:
    """The record (same id) without the notes and extra columns of the row it came from; tools, tool calls and the steps
    that led to an answer stay."""
    messages = tuple(_plain_message(message) for message in record.messages)
    rejected = record.rejected and _plain_message(record.rejected)
    labels = {key: value for key, value in record.labels.items() if key != "format"}
    extra = {"tools": record.extra["tools"]} if record.extra.get("tools") else {}
    return msgspec.structs.replace(record, messages=messages, rejected=rejected, labels=labels, extra=extra)


def read_records(path: Path, format: str | None = None, bad: list[BadLine] | None = None) -> Iterator[Record]:
    """The rows of a data set file as records, each knowing its file and line.

    A row that does not fit is appended to `bad`; where no such list is given, it raises InputError with the line's
    number. A file with no good row at all raises InputError too.
    """
    yield from as_records(rows(path), path.name, str(path), format, bad)


def as_records(
    numbered: Iterable[Numbered], document: str, where: str, format: str | None = None, bad: list[BadLine] | None = None
) -> Iterator[Record]:
    """Numbered rows as records that come from `document`; `where` is what errors call it. See `read_records`."""
    good = 0
    first: BadLine | None = None
    for item in numbered:
        problem = item if isinstance(item, BadLine) else None
        if not isinstance(item, BadLine):
            number, row = item
            try:
                record = from_row(row, format or recognise(row), Source(document=document, line=number))
            except ValueError as error:
                problem = BadLine(number, str(error), json.dumps(row, ensure_ascii=False, default=str)[:200])
            else:
                good += 1
                yield record
        if problem is not None:
            first = first or problem
            if bad is None:
                raise InputError(problem.why, where=f"{where}:{problem.number}", next_step="Mend or delete that line")
            bad.append(problem)
    if not good:
        why = f"no row could be read; the first (line {first.number}): {first.why}" if first else "holds no rows"
        raise InputError(why, where=where, next_step="Name the format if it was not recognised" if first else "")


def _is_record(row: Row) -> bool:
    if not (row.keys() <= _RECORD_KEYS and isinstance(row.get("id"), str) and _RECORD_ID.fullmatch(row["id"])):
        return False
    if isinstance(row.get("history"), list) or isinstance(row.get("source"), dict):
        return True
    try:
        return content_id(msgspec.convert(row, Record)) == str(row["id"])
    except msgspec.ValidationError:
        return False


def _tools(tools: Any, as_text: bool) -> Any:
    """ShareGPT has tool descriptions as JSON text, OpenAI as a list."""
    if as_text:
        return tools if isinstance(tools, str) else json.dumps(tools, ensure_ascii=False)
    try:
        return json.loads(tools) if isinstance(tools, str) else tools
    except ValueError:
        return tools


def _plain_message(message: Message) -> Message:
    kept = {key: message.extra[key] for key in ("tool_calls", "tool_call_id", "name") if message.extra.get(key)}
    if isinstance(steps := message.extra.get("reasoning_content"), str) and steps:
        kept["reasoning_content"] = steps
    if shape_of(message).get("from") == "function_call":
        kept[SHAPE] = {"from": "function_call"}
    return Message(message.role, message.content, kept)
