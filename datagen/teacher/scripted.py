"""A teacher that says what it is told to: for tests of stages, of the pipeline and of what happens when things break.

It is a transport like a real endpoint, so its replies pass through the same journal, budget, limits and retries.

In Python, `scripted({"mutex": "A lock."}, default="?")` gives replies by what the last message contains, a list gives
them one after the other, and a function decides from the request. In a job, `model: scripted:replies.jsonl` reads
rules, of which the first that fits is taken; a reply is text, or `json`, which is written out:

    {"match": "mutex", "text": "A lock.", "delay": 0.1}
    {"match": "queue", "json": {"answer": "A list."}, "finish": "length"}
    {"match": "hello", "fault": "429", "times": 2, "text": "Hi."}
    {"default": "I do not know."}

Faults: 429, 500, 401, 400, broken, hang, unreachable; with `times` the fault passes after so many calls of that rule.
`cut` gives half the text and finish "length", `empty` gives nothing, `not_json` gives prose.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from datagen.teacher.endpoint import BadRequest, Broken, Refused, Unreachable
from seedbed import jsonl
from seedbed.chat import Reply, Request
from seedbed.errors import InputError, TeacherError
from seedbed.text import length

Fault = Literal["429", "500", "401", "400", "broken", "hang", "unreachable", "cut", "empty", "not_json"]


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reply, and when it is given. `times` counts calls of this rule that meet the fault; None is every call."""

    match: str = ""
    text: str = ""
    json: Any = None
    default: Any = None
    finish: str = "stop"
    delay: float = 0.0
    fault: Fault | None = None
    times: int | None = None
    retry_after: float | None = None

    @property
    def says(self) -> str:
        """The reply's text."""
        value = self.json if self.json is not None else self.default if self.default is not None else self.text
        return value if isinstance(value, str) else msgspec.json.encode(value).decode()


class Script:
    """A transport that follows rules. `requests` are all that it was sent, in order, faults included."""

    def __init__(self, choose: Callable[[Request], Rule], name: str = "scripted") -> None:
        self._choose = choose
        self.name = name
        self.requests: list[Request] = []
        self._met: dict[Rule, int] = {}

    @property
    def calls(self) -> int:
        return len(self.requests)

    @classmethod
    def load(cls, path: Path) -> Script:
        """The rules of a file. Raises InputError with the line that does not fit."""
        rules = list(jsonl.read_as(Rule, path))
        if not rules:
            raise InputError("no rules for the scripted teacher", where=str(path), next_step='Add {"default": "…"}')
        digest = hashlib.blake2b(path.read_bytes(), digest_size=6).hexdigest()
        return cls(_first_fitting(rules), f"scripted@{digest}")

    async def send(self, request: Request) -> Reply:
        self.requests.append(request)
        rule = self._choose(request)
        await asyncio.sleep(rule.delay)
        text, finish = rule.says, rule.finish
        if rule.fault and self._meets(rule):
            if rule.fault == "hang":
                await asyncio.Event().wait()
            text, finish = _broken(rule, text)
        if not text.strip() and finish == "stop":
            finish = "empty"
        prompt = sum(length(message.content) for message in request.messages)
        return Reply(text=text, finish=finish, prompt_tokens=prompt, completion_tokens=max(1, length(text)))

    async def aclose(self) -> None:
        pass

    def _meets(self, rule: Rule) -> bool:
        key = msgspec.structs.replace(rule, json=None, default=None)  # hashable
        self._met[key] = self._met.get(key, 0) + 1
        return rule.times is None or self._met[key] <= rule.times


def _broken(rule: Rule, text: str) -> tuple[str, str]:
    """What a fault makes of the reply, or the exception that a real endpoint would raise."""
    match rule.fault:
        case "429":
            raise Refused("scripted", rule.retry_after)
        case "500" | "broken":
            raise Broken("scripted", rule.retry_after)
        case "unreachable":
            raise Unreachable("scripted")
        case "400":
            raise BadRequest("scripted: the context is too long", certain=True)
        case "401":
            raise TeacherError("the teacher refuses the key (401)", where="scripted")
        case "cut":
            return text[: len(text) // 2], "length"
        case "empty":
            return "", "stop"
        case _:
            return "I would rather tell you in prose. 我还是用文字说吧。", "stop"


Replies = Mapping[str, "str | Rule"] | Sequence["str | Rule"] | Callable[[Request], "str | Rule"]


def scripted(replies: Replies, default: str | None = None) -> Script:
    """A script from a mapping (part of the last message -> reply), a list (in turn) or a function of the request.

    Without a default, a message that fits nothing raises AssertionError: the test forgot it.
    """
    if callable(replies):
        function = replies
        return Script(lambda request: _rule(function(request)))
    if isinstance(replies, Mapping):
        rules = [msgspec.structs.replace(_rule(reply), match=match) for match, reply in replies.items()]
        return Script(_first_fitting(rules + ([Rule(text=default)] if default is not None else [])))
    turn = iter(replies)

    def next_in_turn(_: Request) -> Rule:
        reply = next(turn, default)
        assert reply is not None, "the scripted teacher has no reply left"
        return _rule(reply)

    return Script(next_in_turn)


def _rule(reply: str | Rule) -> Rule:
    return reply if isinstance(reply, Rule) else Rule(text=reply)


def _first_fitting(rules: list[Rule]) -> Callable[[Request], Rule]:
    def choose(request: Request) -> Rule:
        last = request.messages[-1].content
        found = next((rule for rule in rules if rule.match in last), None)
        assert found is not None, f"the scripted teacher has no reply to: {last[:200]}"
        return found

    return choose
