"""One turn of a conversation, as data sets write it, to a Message and back.

Two styles: `role`/`content` (OpenAI) and `from`/`value` (ShareGPT). What a Message cannot hold by itself stays in its
`extra`: unknown keys as they are, and under `_shape` how the same content was written (another role name, content in
parts, null), so that the turn comes back as it was. Tool calls are carried over between the styles.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from seedbed.record import Message, Role

SHAPE = "_shape"

_NAMES: dict[Role, tuple[str, ...]] = {
    "user": ("user", "human"),
    "assistant": ("assistant", "gpt", "chatgpt", "model", "function_call"),
    "system": ("system", "developer"),
    "tool": ("tool", "observation", "function", "function_response"),
}
_ROLES: dict[str, Role] = {name: role for role, names in _NAMES.items() for name in names}


@dataclass(frozen=True)
class Style:
    """The keys of a turn, and the usual name of each role."""

    role: str
    content: str
    names: dict[str, str]


OPENAI = Style("role", "content", {name: name for name in ("user", "assistant", "system", "tool")})
# In ShareGPT the system prompt usually has a key of its own, so a system *turn* is noted as such.
SHAREGPT = Style("from", "value", {"user": "human", "assistant": "gpt", "tool": "observation"})


def style_of(turns: list[Any]) -> Style:
    """The style of a list of turns, by the keys of its first."""
    return SHAREGPT if turns and isinstance(turns[0], dict) and "from" in turns[0] else OPENAI


def from_turn(turn: Any, style: Style, place: str) -> Message:
    """The turn as a Message. Raises ValueError, which names `place`, when it is not a turn in that style."""
    if not isinstance(turn, dict):
        got = type(turn).__name__
        raise ValueError(f"{place}: expected an object with {style.role} and {style.content}, got {got}")
    name, raw = turn.get(style.role), turn.get(style.content)
    if not isinstance(name, str) or name not in _ROLES:
        raise ValueError(f"{place}: unknown {style.role} {name!r}; known are {', '.join(_ROLES)}")
    role = _ROLES[name]
    if raw is None and "tool_calls" not in turn:
        raise ValueError(f"{place}: no {style.content}")
    content = _words(raw, f"{place}: {style.content}")
    shape: dict[str, Any] = {}
    if name != style.names.get(role):
        shape[style.role] = name
    if style.content not in turn:
        shape["absent"] = style.content
    elif not isinstance(raw, str):
        shape[style.content] = raw
    extra = {key: value for key, value in turn.items() if key not in (style.role, style.content)}
    return Message(role, content, extra | ({SHAPE: shape} if shape else {}))


def to_turn(message: Message, style: Style) -> dict[str, Any]:
    """The Message as a turn. Raises ValueError when the style cannot hold it."""
    shape, extra = shape_of(message), without_shape(message.extra)
    if style is SHAREGPT and (calls := extra.pop("tool_calls", None)):
        if message.content.strip():
            raise ValueError("a turn with both words and tool calls does not fit ShareGPT")
        return {"from": "function_call", "value": _calls_as_json(calls)} | extra
    if style is OPENAI and shape.get("from") == "function_call" and (calls := _calls_from_json(message.content)):
        return {"role": "assistant", "content": "", "tool_calls": calls} | extra
    name = shape.get(style.role, style.names.get(message.role, message.role))
    if style is not OPENAI and "reasoning_content" in extra:  # whoever reads ShareGPT looks at the values alone
        return {style.role: name, style.content: message.spoken} | {
            key: value for key, value in extra.items() if key != "reasoning_content"
        }
    turn = {style.role: name, style.content: message.content}
    if style.content in shape and _words(shape[style.content], "") == message.content:
        turn[style.content] = shape[style.content]
    if shape.get("absent") == style.content and not message.content:
        del turn[style.content]
    return turn | {key: value for key, value in extra.items() if key not in (style.role, style.content)}


def calls_tools(message: Message) -> bool:
    """Whether the turn is a call of tools or the answer of one."""
    calls = shape_of(message).get("from") == "function_call" or message.extra.get("tool_calls")
    return bool(calls) or message.role == "tool"


def shape_of(item: Any) -> dict[str, Any]:
    """The notes on how a message or record was written."""
    shape: dict[str, Any] = item.extra.get(SHAPE, {})
    return shape


def without_shape(extra: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in extra.items() if key != SHAPE}


def _words(raw: Any, place: str) -> str:
    """The text of a content: a string, null, or parts of type text."""
    if raw is None:
        return ""
    if isinstance(raw, str):
        return raw
    if isinstance(raw, list) and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in raw):
        return "".join(part["text"] for part in raw)
    got = "parts that are not text" if isinstance(raw, list) else type(raw).__name__
    raise ValueError(f"{place}: expected text, got {got}")


def _calls_as_json(calls: Any) -> str:
    """OpenAI tool calls as ShareGPT's value: one object, or a list of several, with name and arguments."""
    plain = []
    for call in calls if isinstance(calls, list) else [calls]:
        function = call.get("function", call) if isinstance(call, dict) else {}
        if not isinstance(function, dict) or "name" not in function:
            raise ValueError("tool_calls: expected functions with a name")
        arguments = function.get("arguments", {})
        plain.append({"name": function["name"], "arguments": _parsed(arguments)})
    return json.dumps(plain[0] if len(plain) == 1 else plain, ensure_ascii=False)


def _calls_from_json(value: str) -> list[dict[str, Any]]:
    """The other way; empty when the value is not such JSON, which then stays an ordinary turn."""
    found = _parsed(value)
    calls = found if isinstance(found, list) else [found]
    if not all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in calls):
        return []
    return [
        {"type": "function", "function": {"name": call["name"], "arguments": _as_json(call.get("arguments", {}))}}
        for call in calls
    ]


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _as_json(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
