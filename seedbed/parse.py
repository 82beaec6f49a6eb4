"""A teacher's reply, as typed fields or with a reason why not.

Tolerant of wrapping and strict about substance: thoughts, fences and prose around the JSON are taken off, slips are
repaired (and noted), but a reply that was cut is never taken for whole.

Reasons: `empty`, `refused`, `cut`, `not_json`, `wrong_shape`, and `bad_request` where the endpoint would not answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Generic, TypeVar

import msgspec

from seedbed import prompts
from seedbed.chat import Complete, Reply, Request
from seedbed.record import Message
from seedbed.resources import resource
from seedbed.text import language, normalise

T = TypeVar("T")

_THOUGHT = re.compile(r"<(think|thinking|reasoning|thought)>.*?</\1>", re.S | re.I)
_OPEN_THOUGHT = re.compile(r"^\s*<(?:think|thinking|reasoning|thought)>.*", re.S | re.I)
_END_OF_THOUGHT = re.compile(r"^.*</(?:think|thinking|reasoning|thought)>", re.S | re.I)
_FENCE = re.compile(r"```[\w-]*[ \t]*\n(.*?)(?:\n[ \t]*```|\Z)", re.S)
_BRACKET = re.compile(r"[{\[]")
_DECODER = json.JSONDecoder(strict=False)  # line breaks inside strings are let through
_STARTS = 50  # brackets tried as the start of a value; a reply of brackets alone must not take quadratic time
_DEEPEST = 100  # open brackets; json-repair takes 5 s for 20,000 of them
_OPENING = 160  # characters in which a reply that refuses says so
_ASK_AGAIN = ("empty", "not_json", "wrong_shape")


@dataclass(frozen=True)
class Parsed(Generic[T]):
    """A value, or the `reason` and, in words, the `detail` why there is none.

    `raw` is the last reply as it came and `calls` are the journal keys of all replies; `repaired` says what had to be
    mended, empty when the reply was right as it was. `tokens` are the reply's, where the request asked for them.
    """

    value: T | None = None
    reason: str = ""
    detail: str = ""
    raw: str = ""
    calls: tuple[str, ...] = ()
    repaired: str = ""
    tokens: tuple[tuple[str, float], ...] = ()


async def ask(complete: Complete, request: Request, type_: type[T], *, keep_whole_items: bool = False) -> Parsed[T]:
    """Asks for a `type_`, and once more, showing the error, when the reply is not one.

    The request's schema is that of `type_` unless it has its own. A reply that was cut, a refusal and a bad request are
    not asked again: the same would come at the same price.
    """
    if request.schema is None:
        request = msgspec.structs.replace(request, schema=schema_of(type_))
    reply = await complete(request)
    first = parse(reply, type_, keep_whole_items=keep_whole_items)
    if first.reason not in _ASK_AGAIN:
        return first
    reply = await complete(_again(request, reply, first.detail))
    second = parse(reply, type_, keep_whole_items=keep_whole_items)
    return replace(second, calls=first.calls + second.calls)


def parse(reply: Reply, type_: type[T], *, keep_whole_items: bool = False) -> Parsed[T]:
    """One reply as a `type_`.

    With `keep_whole_items`, a reply that was cut inside a list gives the items before the cut; the cut one is dropped.
    """
    calls = (reply.key,) if reply.key else ()

    def failed(reason: str, detail: str) -> Parsed[T]:
        return Parsed(None, reason, detail, reply.text, calls)

    if why := withheld(reply):
        return failed(*why)
    text = strip_thoughts(reply.text)
    if not text:
        if reply.finish == "length":
            return failed("cut", "the reply was all thoughts when it reached the token limit")
        return failed("empty", "the reply is empty")
    if reply.finish == "length":
        whole = _convert(_whole_items(text), type_) if keep_whole_items else _Failed("")
        if isinstance(whole, _Failed):
            return failed("cut", "the reply stopped at the token limit")
        return Parsed(whole.value, raw=reply.text, calls=calls, repaired="cut; whole items kept")
    found = _find(text, type_)
    if isinstance(found, _Failed):
        if found.reason == "not_json" and (phrase := evasion(text[:_OPENING])):
            return failed("refused", f"the reply refuses: {phrase}")
        return failed(found.reason, found.detail)
    return Parsed(found.value, raw=reply.text, calls=calls, repaired=found.repaired, tokens=reply.tokens)


def withheld(reply: Reply) -> tuple[str, str] | None:
    """Why the endpoint gave no reply at all, as reason and words; None where it gave one."""
    if reply.finish.startswith("error"):
        return "bad_request", reply.finish.removeprefix("error").lstrip(": ")
    if reply.finish == "content_filter":
        return "refused", "the endpoint's content filter stopped the reply"
    return None


def strip_thoughts(text: str) -> str:
    """The reply without what a reasoning model thinks aloud; an unfinished thought is no reply."""
    text = _THOUGHT.sub("", text)
    text = _END_OF_THOUGHT.sub("", text)  # some templates put the opening tag into the prompt
    return _OPEN_THOUGHT.sub("", text).strip()


def evasion(text: str) -> str:
    """The first phrase of seeds/evasions in `text`: a refusal, or the model speaking of itself; empty if none."""
    found = _evasions().search(_flat(text))
    return found.group() if found else ""


def schema_of(type_: type[Any]) -> dict[str, Any]:
    """The JSON schema of a msgspec type, written out without references, which not every endpoint resolves.

    Objects take no further properties. Recursive types are not for this.
    """
    schema = msgspec.json.schema(type_)
    definitions = schema.pop("$defs", {})

    def written_out(node: Any) -> Any:
        if isinstance(node, list):
            return [written_out(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return written_out(definitions[node["$ref"].rsplit("/", 1)[-1]])
        closed = {"additionalProperties": False} if node.get("type") == "object" and "properties" in node else {}
        return {name: written_out(item) for name, item in node.items() if name != "title"} | closed

    flat: dict[str, Any] = written_out(schema)
    return flat


# ---- finding the value ----


@dataclass(frozen=True)
class _Found:
    value: Any
    repaired: str = ""


@dataclass(frozen=True)
class _Failed:
    reason: str
    detail: str = ""


def _find(text: str, type_: type[Any]) -> _Found | _Failed:
    """The first JSON value in `text` that fits; failing that, after repair; failing that, why not."""
    failure = _Failed("not_json", "the reply holds no JSON")
    for number, value in enumerate(_values(text)):
        found = _convert(value, type_)
        if isinstance(found, _Found):
            return found
        # The first value is the one that was meant, more likely than not: its error is the one to show.
        failure = found if number == 0 else failure
    if (start := _BRACKET.search(text)) and not _decodes(text, start.start()):
        found = _repaired(text, type_)
        if isinstance(found, _Found) or failure.reason == "not_json":
            return found
    return failure


def _decodes(text: str, start: int) -> bool:
    try:
        _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return False
    return True


def _values(text: str) -> Iterator[Any]:
    """JSON values in a reply: all of it, then what is fenced (the last fence first), then what stands among prose."""
    fences = [match.group(1) for match in _FENCE.finditer(text)]
    for candidate in (text, *reversed(fences)):
        try:
            value = _DECODER.decode(candidate.strip())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict | list):
            yield value
    position = 0
    for _ in range(_STARTS):
        start = _BRACKET.search(text, position)
        if not start:
            return
        try:
            value, position = _DECODER.raw_decode(text, start.start())
            yield value
        except (ValueError, RecursionError):
            position = start.end()


def _repaired(text: str, type_: type[Any]) -> _Found | _Failed:
    """What json-repair makes of the first value. One that ends inside a string was cut, whatever the endpoint says."""
    import json_repair

    fence = _FENCE.search(text)
    body = fence.group(1) if fence else text
    start = _BRACKET.search(body)
    body = body[start.start() :] if start else body
    scan = _scan(body)
    if scan.in_string:
        return _Failed("cut", "the reply ends in the middle of a string")
    if len(scan.stack) > _DEEPEST:
        return _Failed("not_json", "the reply's brackets never close")
    failure = _Failed("not_json", "the reply's JSON cannot be mended")
    for candidate in (body, _half_width_marks(body)):
        try:
            value = json_repair.loads(candidate)
        except (ValueError, RecursionError):
            continue
        found = _convert(value, type_) if isinstance(value, dict | list) and value else failure
        if isinstance(found, _Found):
            return _Found(found.value, "; ".join(filter(None, ["JSON mended", found.repaired])))
        failure = found
    return failure


def _half_width_marks(text: str) -> str:
    """Chinese quotes, colons and commas as JSON's own; only for text that is not JSON without it."""
    return text.translate(str.maketrans("“”：，｛｝［］", '"":,{}[]'))


def _convert(value: Any, type_: type[Any]) -> _Found | _Failed:
    """The value as `type_`: as it is, then unwrapped ({"items": […]} for a list, [x] for x), then with "1" for 1."""
    try:
        value = _encodable(value)
        return _Found(msgspec.convert(value, type_))
    except RecursionError:
        return _Failed("wrong_shape", "the reply is nested too deeply")
    except msgspec.ValidationError as error:
        failure = _Failed("wrong_shape", str(error))
    inner = next(iter(value.values())) if isinstance(value, dict) and len(value) == 1 else None
    inner = value[0] if isinstance(value, list) and len(value) == 1 else inner
    for candidate, strict, note in ((inner, True, "unwrapped"), (value, False, "types"), (inner, False, "unwrapped")):
        try:
            return _Found(msgspec.convert(candidate, type_, strict=strict), note)
        except msgspec.ValidationError:
            continue
    return failure


def _encodable(value: Any) -> Any:
    """The value without lone surrogates (`\\ud800`), which could not be written to any file later."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return value
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    if isinstance(value, dict):
        return {_encodable(name): _encodable(item) for name, item in value.items()}
    return value


# ---- replies that were cut ----


@dataclass
class _Scan:
    """Where a JSON text stops: the open brackets, whether in a string, and the end of the outer list's last item."""

    stack: list[str]
    in_string: bool = False
    item_end: int = 0
    item_stack: tuple[str, ...] = ()


def _scan(text: str) -> _Scan:
    """Walks over the brackets and strings of a JSON text that may stop anywhere.

    The outer list is the value itself or stands directly in the outer object.
    """
    scan, escaped = _Scan([]), False
    for position, mark in enumerate(text):
        if scan.in_string:
            scan.in_string = escaped or mark != '"'
            escaped = mark == "\\" and not escaped
            if scan.in_string:
                continue
        elif mark == '"':
            scan.in_string = True
            continue
        elif mark in "{[":
            scan.stack.append(mark)
            continue
        elif mark in "}]" and scan.stack:
            scan.stack.pop()
        elif mark != ",":
            continue
        in_outer_list = len(scan.stack) in (1, 2) and scan.stack[-1] == "["
        if in_outer_list:
            scan.item_end = position if mark == "," else position + 1
            scan.item_stack = tuple(scan.stack)
    return scan


def _whole_items(text: str) -> Any:
    """The cut JSON up to the last whole item of its outer list, closed; None when there is none."""
    start = _BRACKET.search(text)
    if not start:
        return None
    body = text[start.start() :]
    scan = _scan(body)
    closing = "".join("}" if mark == "{" else "]" for mark in reversed(scan.item_stack))
    try:
        return _DECODER.decode(body[: scan.item_end] + closing)
    except (ValueError, RecursionError):
        return None


# ---- asking again ----


def _again(request: Request, reply: Reply, why: str) -> Request:
    """The same conversation, the reply in it, and what was wrong with it."""
    asked = request.messages[-1]
    note = prompts.load("zh" if language(asked.content) == "zh" else "en", "parse/again").render(why=why)
    if reply.text.strip():
        more = (*request.messages, Message("assistant", reply.text), Message("user", note))
    else:
        more = (*request.messages[:-1], Message(asked.role, f"{asked.content}\n\n{note}", asked.extra))
    return msgspec.structs.replace(request, messages=more)


@lru_cache
def _evasions() -> re.Pattern[str]:
    files = [resource("seeds") / f"evasions.{name}.txt" for name in ("en", "zh")]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    phrases = (re.escape(_flat(line)) for line in lines if line.strip())
    # Latin letters must not go on before or after ("Alaska has an airport" holds "as an ai").
    return re.compile("|".join(rf"(?<![a-z]){phrase}(?![a-z])" for phrase in phrases))


def _flat(text: str) -> str:
    return normalise(text).replace("，", ",").replace(" ,", ",")
