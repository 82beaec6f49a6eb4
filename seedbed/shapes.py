"""How each format of `seedbed.formats` is read into the fields of a Record, and written out again.

A reader gives the Record's fields, notes on how the row was written where that is not the usual way, and the keys
that are thereby dealt with. A writer gives the row's own keys in the usual shape, or in the noted one. Both raise
ValueError.
"""

from __future__ import annotations

from typing import Any

import msgspec

from seedbed.record import Message, Record
from seedbed.rows import Row
from seedbed.turns import (
    OPENAI,
    SHAPE,
    SHAREGPT,
    Style,
    calls_tools,
    from_turn,
    shape_of,
    style_of,
    to_turn,
    without_shape,
)

_JOINT = "\n\n"  # between an instruction and its input, as in Record.user_text
_PROMPT_KEYS = {
    "alpaca": {"instruction", "input", "system", "history"},
    "sharegpt": {"conversations", "system"},
    "strings": {"prompt", "system"},
    "lists": {"prompt"},
}
_Read = tuple[dict[str, Any], dict[str, Any], set[str]]


def _from_alpaca(row: Row) -> _Read:
    instruction, output, given = _string(row, "instruction"), _string(row, "output"), _optional(row, "input")
    messages = _system(row)
    for number, turn in enumerate(_list(row, "history"), 1):
        if not (isinstance(turn, list | tuple) and len(turn) == 2 and all(isinstance(part, str) for part in turn)):
            raise ValueError(f"history {number}: expected a pair of question and answer")
        messages += [Message("user", turn[0]), Message("assistant", turn[1])]
    if row.get("history") and given:  # Record.input belongs to the first turn, this one to the last
        messages.append(Message("user", instruction + _JOINT + given, {SHAPE: {"input": given}}))
        given = ""
    else:
        messages.append(Message("user", instruction))
    messages.append(Message("assistant", output))
    shape = _empties(row, "system", "history", "input")
    if "input" not in row:
        shape["absent"] = ["input"]
    return {"messages": tuple(messages), "input": given}, shape, {*_PROMPT_KEYS["alpaca"], "output"}


def _from_sharegpt(row: Row) -> _Read:
    turns = _list(row, "conversations")
    style = style_of(turns)
    messages = _system(row) + _turns(turns, style, "conversations")
    shape = _empties(row, "system")
    if style is OPENAI:
        shape |= {"style": style.role, "system": "key" if row.get("system") else "turn"}
    return {"messages": _conversation(messages)}, shape, {"conversations", "system"}


def _from_messages(row: Row) -> _Read:
    turns = _list(row, "messages")
    style = style_of(turns)
    shape = {} if style is OPENAI else {"style": style.role}
    return {"messages": _conversation(_turns(turns, style, "messages"))}, shape, {"messages"}


def _from_text(row: Row) -> _Read:
    return {"text": _string(row, "text")}, {}, {"text"}


def _from_preference(row: Row) -> _Read:
    if missing := [key for key in ("chosen", "rejected") if key not in row]:
        raise ValueError(f"{missing[0]}: expected an answer, got nothing")
    if "conversations" in row:
        kind = "sharegpt"
        fields, shape, _ = _from_sharegpt(row | {"conversations": [*_list(row, "conversations"), row["chosen"]]})
        rejected = from_turn(row["rejected"], style_of([row["rejected"]]), "rejected")
    elif "instruction" in row:
        kind = "alpaca"
        fields, shape, _ = _from_alpaca(row | {"output": _string(row, "chosen")})
        rejected = Message("assistant", _string(row, "rejected"))
    elif isinstance(row["chosen"], list):
        kind = "lists"
        fields, shape, rejected = _from_lists(row)
    else:
        kind = "strings"
        question, answer = Message("user", _string(row, "prompt")), Message("assistant", _string(row, "chosen"))
        fields, shape = {"messages": (*_system(row), question, answer)}, _empties(row, "system")
        rejected = Message("assistant", _string(row, "rejected"))
    known = _PROMPT_KEYS[kind] | {"chosen", "rejected"}
    if shape.get("prompt") == "kept":
        known -= {"prompt"}
    return fields | {"rejected": rejected}, shape | {"preference": kind}, known


def _from_lists(row: Row) -> tuple[dict[str, Any], dict[str, Any], Message]:
    """Answers as lists of turns, the prompt a list too, a string, or the turns that both lists begin with."""
    chosen, rejected, prompt = _list(row, "chosen"), _list(row, "rejected"), row.get("prompt")
    style = style_of(chosen)
    answers, others = _turns(chosen, style, "chosen"), _turns(rejected, style, "rejected")
    if not answers or not others or answers[:-1] != others[:-1]:
        raise ValueError("rejected: expected the turns of chosen but for the last one")
    opening: list[Message] = []
    shape: dict[str, Any] = {"style": style.role}
    if isinstance(prompt, list):
        opening = _turns(prompt, style, "prompt")
        shape["prompt"] = len(opening)
    elif prompt is not None:
        shape["prompt"] = "kept" if any(m.role == "user" for m in answers) else "text"
        opening = [Message("user", _string(row, "prompt"))] if shape["prompt"] == "text" else []
    elif "prompt" in row:
        shape["empty"] = {"prompt": None}
    if others[-1].role != "assistant":
        raise ValueError("rejected: the last turn is not the assistant's")
    return {"messages": _conversation(opening + answers)}, shape, others[-1]


def _to_alpaca(record: Record, shape: dict[str, Any]) -> Row:
    head, rest = _chat(record, "Alpaca", joined=False)
    roles = [message.role for message in rest]
    if not rest or roles != ["user", "assistant"] * (len(rest) // 2) or any(calls_tools(message) for message in rest):
        raise ValueError("Alpaca holds questions and answers in turn, without tools")
    user, answer = rest[-2], rest[-1]
    instruction, given = user.content, record.input
    pairs = [[q.content, a.spoken] for q, a in zip(rest[:-2:2], rest[1:-2:2], strict=True)]
    if pairs:
        if record.input:
            pairs[0][0] = record.user_text
        given = shape_of(user).get("input", "")
        instruction = user.content.removesuffix(_JOINT + given) if given else user.content
        given = given if instruction != user.content else ""
    row: Row = {"instruction": instruction, "input": given, "output": answer.spoken}
    return row | ({"system": head.content} if head else {}) | ({"history": pairs} if pairs else {})


def _to_sharegpt(record: Record, shape: dict[str, Any]) -> Row:
    head, rest = _chat(record, "ShareGPT", keep_turn="from")
    if head and shape.get("system") == "turn":
        rest, head = [head, *rest], None
    style = OPENAI if shape.get("style") == OPENAI.role else SHAREGPT
    return {"conversations": [to_turn(message, style) for message in rest]} | ({"system": head.content} if head else {})


def _to_messages(record: Record, shape: dict[str, Any]) -> Row:
    _chat(record, "messages")
    style = SHAREGPT if shape.get("style") == SHAREGPT.role else OPENAI
    return {"messages": [to_turn(message, style) for message in _joined(record)]}


def _to_text(record: Record, shape: dict[str, Any]) -> Row:
    if record.messages:
        raise ValueError("a conversation is not plain text")
    return {"text": record.text}


def _to_preference(record: Record, shape: dict[str, Any]) -> Row:
    if record.rejected is None:
        raise ValueError("there is no rejected answer")
    if not record.messages:
        raise ValueError("there is nothing that was asked")
    one = msgspec.structs.replace(record, rejected=None)
    simple = [message.role for message in record.messages] == ["user", "assistant"]
    kind = shape.get("preference") or ("strings" if simple else "lists")
    if kind == "sharegpt":
        row = _to_sharegpt(one, shape)
        rejected = to_turn(record.rejected, OPENAI if OPENAI.role in row["conversations"][-1] else SHAREGPT)
        return row | {"chosen": row["conversations"].pop(), "rejected": rejected}
    if kind == "alpaca":
        row = _to_alpaca(one, shape)
        return row | {"chosen": row.pop("output"), "rejected": record.rejected.spoken}
    if kind == "lists":
        return _to_lists(record, shape)
    head = {"system": record.messages[0].content} if record.messages[0].role == "system" else {}
    return {"prompt": record.user_text, "chosen": record.messages[-1].spoken, "rejected": record.rejected.spoken} | head


def _to_lists(record: Record, shape: dict[str, Any]) -> Row:
    assert record.rejected is not None
    style = SHAREGPT if shape.get("style") == SHAREGPT.role else OPENAI
    turns = [to_turn(message, style) for message in _joined(record)]
    prompt = shape.get("prompt") if shape else len(turns) - 1
    start = prompt if isinstance(prompt, int) else 1 if prompt == "text" else 0
    row: Row = {"chosen": turns[start:], "rejected": [*turns[start:-1], to_turn(record.rejected, style)]}
    if prompt == "text":
        row["prompt"] = record.instruction
    elif isinstance(prompt, int):
        row["prompt"] = turns[:start]
    return row


READERS = {
    "alpaca": _from_alpaca,
    "sharegpt": _from_sharegpt,
    "messages": _from_messages,
    "preference": _from_preference,
    "text": _from_text,
}
WRITERS = {
    "alpaca": _to_alpaca,
    "sharegpt": _to_sharegpt,
    "messages": _to_messages,
    "preference": _to_preference,
    "text": _to_text,
}


def _chat(record: Record, name: str, keep_turn: str = "", joined: bool = True) -> tuple[Message | None, list[Message]]:
    """The system message that goes into a key of its own, and the other messages; ValueError when it is no chat.

    `keep_turn`: a system message that was written as a turn in that style stays one.
    """
    if record.rejected is not None:
        raise ValueError(f"{name} holds one answer, and a preference record has two")
    if not record.messages:
        raise ValueError(f"{name} holds conversations, and this is plain text")
    messages = _joined(record) if joined else list(record.messages)
    head = messages[0]
    if head.role != "system" or (keep_turn and (keep_turn in shape_of(head) or without_shape(head.extra))):
        return None, messages
    return head, messages[1:]


def _joined(record: Record) -> list[Message]:
    """The messages, with an Alpaca input joined to the first user turn where it cannot stay apart."""
    messages = list(record.messages)
    if record.input:
        first = next((number for number, message in enumerate(messages) if message.role == "user"), None)
        if first is None:
            raise ValueError("it has an input, and no turn is the user's")
        messages[first] = msgspec.structs.replace(messages[first], content=record.user_text)
    return messages


def _conversation(messages: list[Message]) -> tuple[Message, ...]:
    if not any(message.role == "user" for message in messages):
        raise ValueError("no turn is the user's")
    if messages[-1].role != "assistant":
        raise ValueError("the last turn is not the assistant's")
    return tuple(messages)


def _turns(turns: list[Any], style: Style, key: str) -> list[Message]:
    return [from_turn(turn, style, f"{key} {number}") for number, turn in enumerate(turns, 1)]


def _system(row: Row) -> list[Message]:
    words = _optional(row, "system")
    return [Message("system", words)] if words else []


def _string(row: Row, key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key}: expected text, got {'nothing' if value is None else type(value).__name__}")
    return value


def _optional(row: Row, key: str) -> str:
    return _string(row, key) if row.get(key) is not None else ""


def _list(row: Row, key: str) -> list[Any]:
    value = row.get(key)
    if value is not None and not isinstance(value, list):
        raise ValueError(f"{key}: expected a list, got {type(value).__name__}")
    return value or []


def _empties(row: Row, *keys: str) -> dict[str, Any]:
    """A note of optional keys that are there and empty; an empty text in `input` is the usual shape."""
    found = {key: row[key] for key in keys if key in row and not row[key] and (key, row[key]) != ("input", "")}
    return {"empty": found} if found else {}
