"""All texts of a record, and the record with each of them replaced.

Not only what is said: what was called with which arguments, the reasoning, quotes, headings, the name of the file,
labels, notes of earlier stages, and whatever columns a row brought along.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from seedbed.record import Message, Record, Source
from seedbed.turns import SHAPE

# What becomes of a text; the second argument says whether it is prose, in which names may be told by the sentence.
Change = Callable[[str, bool], str]

_JSON_PART = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*', re.S)
# Words of seedbed's own, not the user's.
_OWN_LABELS = frozenset({"format", "kind", "level", "origin"})


def changed(record: Record, change: Change) -> dict[str, Any]:
    """The fields of the record that hold text, each put through `change`."""
    return {
        "messages": tuple(_message(message, change) for message in record.messages),
        "rejected": record.rejected and _message(record.rejected, change),
        "input": text(record.input, change),
        "text": text(record.text, change),
        "source": record.source and _source(record.source, change),
        "evidence": tuple(msgspec.structs.replace(e, quote=change(e.quote, True)) for e in record.evidence),
        "labels": {change(key, False): value if key in _OWN_LABELS else change(value, False)
                   for key, value in record.labels.items()},
        "history": tuple(msgspec.structs.replace(step, note=change(step.note, False)) for step in record.history),
        "extra": _extra(record.extra, change),
    }


def _message(message: Message, change: Change) -> Message:
    return msgspec.structs.replace(message, content=text(message.content, change), extra=_extra(message.extra, change))


def _extra(extra: dict[str, Any], change: Change) -> dict[str, Any]:
    return {text(key, change, False): _value(value, change, key != SHAPE) for key, value in extra.items()}


def _source(source: Source, change: Change) -> Source:
    headings = tuple(change(heading, True) for heading in source.headings)
    return msgspec.structs.replace(source, document=change(source.document, False), headings=headings)


def _value(value: Any, change: Change, prose: bool = True) -> Any:
    """Anything that JSON can hold. A number that is changed to what is no number becomes a string."""
    if isinstance(value, str):
        return text(value, change, prose)
    if isinstance(value, dict):
        return {text(key, change, False): _value(item, change, prose) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item, change, prose) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        # A column of whole numbers with gaps comes from pandas as floats.
        said = str(int(value) if isinstance(value, float) and value.is_integer() else value)
        new = change(said, False)
        return value if new == said else type(value)(new) if re.fullmatch(r"[1-9]\d*", new) else new
    return value


def text(value: str, change: Change, prose: bool = True) -> str:
    """A text put through `change`; JSON as what it says, so that it stays JSON and escapes hide nothing."""
    if not is_json(value):
        return change(value, prose)
    change(as_json(value), False)

    def part(match: re.Match[str]) -> str:
        token = match.group()
        if not token.startswith('"'):
            new = change(token, False)
            return new if re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", new) or new == token else encoded(new)
        said = msgspec.json.decode(token)
        new = change(said, prose)
        if new == said:
            return token
        return encoded(new) if any(map(_wide, token)) else _ascii(encoded(new))

    return _JSON_PART.sub(part, value)


def _wide(character: str) -> bool:
    return not character.isascii()


def as_json(value: Any) -> str:
    """Anything as one text, in which `"password": "…"` is told by the name before it. What is JSON within JSON, as the
    arguments of tool calls are, is opened, for its escapes look like letters before a word."""
    return encoded(_opened(value))


def _opened(value: Any) -> Any:
    if isinstance(value, str):
        return _opened(msgspec.json.decode(value)) if is_json(value) else value
    if isinstance(value, dict):
        return {key: _opened(item) for key, item in value.items()}
    return [_opened(item) for item in value] if isinstance(value, list | tuple) else value


def encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _ascii(value: str) -> str:
    """As JSON that was written in ASCII alone; most is, and then nothing changes."""
    return "".join(sign if sign.isascii() else _escaped(sign) for sign in value)


def _escaped(sign: str) -> str:
    units = sign.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def is_json(value: str) -> bool:
    """Whether a text is a JSON object or list."""
    if value.lstrip()[:1] not in ("{", "["):
        return False
    try:
        msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return True
