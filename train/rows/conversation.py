"""A record as chat templates want it: turns with their tool calls and results, and the tools that were on offer.

Data sets write tool calls in many ways (seedbed/turns.py); templates know one, transformers' own: `tool_calls` of
functions whose arguments are an object, not JSON text, since templates write them with `tojson` and text would be
quoted twice. Mistral's templates demand ids of nine letters or digits, so calls without an id get such ones.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from seedbed.record import Message, Record
from seedbed.turns import OPENAI, calls_tools, to_turn

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
    pending: list[str] = []  # ids of calls that have no result yet
    for number, (message, turn) in enumerate(zip(record.messages, turns, strict=True)):
        if message.role == "tool":
            made.append(turn | _result(message, pending))
        elif calls := _calls(message, number):
            pending = [call["id"] for call in calls]
            content = "" if _only_calls(message) else turn["content"]
            made.append({"role": turn["role"], "content": content, "tool_calls": calls})
        else:
            made.append(turn)
    return Conversation(made, _tools(record.extra.get("tools")))


def says_something(turn: dict[str, Any]) -> bool:
    """Whether an assistant's turn has anything to learn. An empty one would teach the model to stop at once."""
    return bool(turn["content"].strip() or turn.get("tool_calls"))


def _calls(message: Message, number: int) -> Tools:
    found = to_turn(message, OPENAI).get("tool_calls") if calls_tools(message) else None
    calls = []
    for place, call in enumerate(found if isinstance(found, list) else []):
        function = call.get("function", call) if isinstance(call, dict) else {}
        known = str(call.get("id") or f"call{number % 1000:03}{place % 100:02}") if isinstance(call, dict) else ""
        named = {"name": str(function.get("name", "")), "arguments": _object(function.get("arguments"))}
        calls.append({"id": known, "type": "function", "function": named})
    return calls


def _only_calls(message: Message) -> bool:
    """Whether the content is the calls themselves, as ShareGPT writes them."""
    return not message.extra.get("tool_calls")


def _result(message: Message, pending: list[str]) -> dict[str, Any]:
    kept = {key: message.extra[key] for key in ("name", "tool_call_id") if message.extra.get(key)}
    if "tool_call_id" not in kept and pending:
        kept["tool_call_id"] = pending.pop(0)
    return kept


def _object(arguments: Any) -> Any:
    try:
        return json.loads(arguments) if isinstance(arguments, str) else arguments or {}
    except ValueError:
        return arguments


def _tools(raw: Any) -> Tools:
    """The `tools` of a row: a list, or the same as JSON text."""
    found = _object(raw)
    return [tool for tool in found if isinstance(tool, dict)] if isinstance(found, list) else []
