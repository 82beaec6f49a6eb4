"""Whether a server asks the model with the very ids that it learned behind.

llama.cpp's server is asked to write each prompt of a conversation with the model's own template (`/apply-template`) and
to tokenise it as its chat does (`/tokenize`: special tokens are read, a begin token is added where the file says so).
The ids are compared with those that stand before each learned answer in the training rows. Where they differ, the model
is asked with something that it never saw: another template in the file, a second begin token, today's date.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import msgspec

from seedbed.errors import InputError
from seedbed.record import Record
from train.rows.conversation import Tools, Turns, conversation, says_something
from train.rows.template import IGNORED, Row, Template

_PATIENCE = 60.0  # seconds for a server that is busy with others
_AROUND = 5  # tokens shown before a difference, and from it on


class Difference(msgspec.Struct, frozen=True):
    """The first place, in tokens, at which the prompt before an answer (counted from 1) is not the same."""

    record: str
    answer: int
    place: int
    learned: str
    served: str

    def line(self) -> str:
        """For a person."""
        return (f"record {self.record}, answer {self.answer}: from token {self.place} on it learned behind "
                f"{self.learned!r} and is asked with {self.served!r}")


def differences(record: Record, template: Template, url: str) -> list[Difference]:
    """Where the prompts of a record are served otherwise than they were learned; empty where all ids are equal.

    `url` is a llama.cpp server's, with or without /v1. Raises InputError where it does not answer as one.
    """
    said = conversation(record)
    asked = [i for i, turn in enumerate(said.turns) if i and turn["role"] == "assistant" and says_something(turn)]
    prompts = [ids for row in template.trained(said.turns, said.tools).rows for ids in learned_behind(row)]
    found = []
    for number, (turn, learned) in enumerate(zip(asked, prompts, strict=True), 1):
        served = served_ids(url, said.turns[:turn], said.tools)
        if learned != served:
            found.append(_difference(record, number, learned, served, template.tokenizer))
    return found


def learned_behind(row: Row) -> list[list[int]]:
    """The ids before each learned answer of a row."""
    before = [IGNORED, *row.labels[:-1]]
    starts = [i for i, label in enumerate(row.labels) if label != IGNORED and before[i] == IGNORED]
    return [row.input_ids[:start] for start in starts]


def served_ids(url: str, turns: Turns, tools: Tools | None = None) -> list[int]:
    """The ids with which a server would ask for the next turn."""
    asked = {"messages": [_as_sent(turn) for turn in turns]} | ({"tools": tools} if tools else {})
    written = _post(url, "apply-template", asked, "prompt")
    return list(_post(url, "tokenize", {"content": written, "add_special": True, "parse_special": True}, "tokens"))


def _as_sent(turn: dict[str, Any]) -> dict[str, Any]:
    """Over the wire, the arguments of a call are JSON text."""
    calls = [call | {"function": call["function"] | {"arguments": json.dumps(call["function"]["arguments"],
                                                                            ensure_ascii=False)}}
             for call in turn.get("tool_calls", ())]
    return turn | ({"tool_calls": calls} if calls else {})


def _post(url: str, path: str, body: dict[str, Any], key: str) -> Any:
    address = f"{url.rstrip('/').removesuffix('/v1')}/{path}"
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as reply:
            return json.load(reply)[key]
    except urllib.error.HTTPError as error:
        why = f"refuses: {error.read(300).decode(errors='replace')}"
    except (OSError, ValueError, KeyError) as error:
        why = f"does not answer as llama.cpp's server: {error or type(error).__name__}"
    raise InputError(why, where=address, next_step="Serve the model with llama.cpp, with its own template")


def _difference(record: Record, number: int, learned: list[int], served: list[int], tokenizer: Any) -> Difference:
    pairs = zip(learned, served, strict=False)
    place = next((i for i, (one, other) in enumerate(pairs) if one != other), min(len(learned), len(served)))
    near = slice(max(0, place - _AROUND), place + _AROUND)
    return Difference(record.id, number, place, tokenizer.decode(learned[near]), tokenizer.decode(served[near]))
