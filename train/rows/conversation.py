"""A record as chat templates want it: turns with their tool calls and results, and the tools that were on offer.

Data sets write tool calls in many ways (seedbed/turns.py); templates know one, transformers' own: `tool_calls` of
functions whose arguments are an object, not JSON text, since templates write them with `tojson` and text would be
quoted twice. Mistral's templates demand ids of nine letters or digits, so other ids, and missing ones, become such.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from seedbed.record import Message, Record
from seedbed.turns import OPENAI, calls_tools, to_turn

_ID = re.compile(r"[A-Za-z0-9]{9}")

Turns = list[dict[str, Any]]
Tools = list[dict[str, Any]]


class Conversation(msgspec.Struct, frozen=True):
    """What a chat template is given. `tools` is empty where the record offers none."""

    turns: Turns
    tools: Tools = []


def conversation(record: Record) -> Conversation:
    """The record's turns, the Alpaca input joined to the first question, and its tools."""
    turns = record.turns()
    if not any(calls_tools(message) for message in record.messages):
        return Conversation(turns, _tools(record.extra.get("tools")))
    made: Turns = []
    pending: dict[str, str] = {}  # the record's id of a call that has no result yet -> the id as written here
    for number, (message, turn) in enumerate(zip(record.messages, turns, strict=True)):
        if message.role == "tool":
            made.append(turn | _result(message, pending))
        elif calls := _calls(message):
            pending = {str(call.get("id") or place): _id(call, number, place) for place, call in enumerate(calls)}
            # ShareGPT has the calls themselves in the place of words.
            said = turn["content"] if message.extra.get("tool_calls") else ""
            written = [_call(call, name) for call, name in zip(calls, pending.values(), strict=True)]
            made.append({"role": turn["role"], "content": said, "tool_calls": written})
        else:
            made.append(turn)
    return Conversation(made, _tools(record.extra.get("tools")))


def says_something(turn: dict[str, Any]) -> bool:
    """Whether an assistant's turn has anything to learn. An empty one would teach the model to stop at once."""
    return bool(turn["content"].strip() or turn.get("tool_calls"))


def _calls(message: Message) -> Tools:
    found = to_turn(message, OPENAI).get("tool_calls") if calls_tools(message) else None
    return [call for call in found if isinstance(call, dict)] if isinstance(found, list) else []


def _id(call: dict[str, Any], number: int, place: int) -> str:
    given = str(call.get("id") or "")
    return given if _ID.fullmatch(given) else f"call{number % 1000:03}{place % 100:02}"


def _call(call: dict[str, Any], name: str) -> dict[str, Any]:
    function = call.get("function", call)
    function = function if isinstance(function, dict) else {}
    named = {"name": str(function.get("name", "")), "arguments": _object(function.get("arguments"))}
    return {"id": name, "type": "function", "function": named}


def _result(message: Message, pending: dict[str, str]) -> dict[str, Any]:
    """The name and the call of a result; without an id it belongs to the first call that has no result yet."""
    kept = {"name": message.extra["name"]} if message.extra.get("name") else {}
    given = str(message.extra.get("tool_call_id") or next(iter(pending), ""))
    known = pending.pop(given, given)
    return kept | ({"tool_call_id": known} if known else {})


def _object(arguments: Any) -> Any:
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments or {}
    except ValueError:
        return arguments


def _tools(raw: Any) -> Tools:
    """The `tools` of a row: a list, or the same as JSON text."""
    found = _object(raw)
    return [tool for tool in found if isinstance(tool, dict)] if isinstance(found, list) else []
