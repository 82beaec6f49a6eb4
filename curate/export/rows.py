"""One record as a row of an exported format, or the reason why there is none."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from curate.export.columns import Row
from seedbed.formats import plain, to_row
from seedbed.record import Record


def row_of(record: Record, format: str) -> Row:
    """The record in this format, alike for all records. Raises ValueError, with the reason, where it does not fit.

    Tools, and the arguments of their calls, are JSON text: as objects, every tool would get the fields of all the
    others as soon as a loader makes columns of them.
    """
    if format == "record":
        # NaN is no JSON; written as null it could not be read as a score again.
        scores = {name: score for name, score in record.scores.items() if math.isfinite(score)}
        return to_row(msgspec.structs.replace(record, scores=scores), format)
    if fault := _fault(record):
        raise ValueError(fault)
    row = to_row(plain(record), format)
    tools = row.pop("tools", None)
    if tools and tools != "[]":
        row["tools"] = tools if isinstance(tools, str) else _text(tools)
    for name in ("messages", "prompt", "chosen", "rejected"):
        if isinstance(row.get(name), list):
            row[name] = [_with_text_arguments(turn) for turn in row[name]]
    return row


def _fault(record: Record) -> str:
    """What no trainer can use, whatever the format; empty where there is nothing of the kind."""
    if not record.messages:
        if record.rejected is not None:
            return "there are two answers and no question"
        return "" if record.text.strip() else "there is no text"
    asked = [message.content for message in record.messages if message.role == "user"]
    if not asked or not (record.input + "".join(asked)).strip():
        return "there is no question"
    return "" if record.answer.strip() else "there is no answer at the end"


def _with_text_arguments(turn: Row) -> Row:
    calls = turn.get("tool_calls")
    return turn | {"tool_calls": [_with_text(call) for call in calls]} if isinstance(calls, list) else turn


def _with_text(call: Any) -> Any:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or isinstance(function.get("arguments"), str):
        return call
    return call | {"function": function | {"arguments": _text(function.get("arguments", {}))}}


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
