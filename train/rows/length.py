"""How long a row may be, and what a conversation loses that is longer: never a word of an instruction."""

from __future__ import annotations

from typing import Literal

import msgspec

from seedbed.text import sentences
from train.rows.conversation import Tools, says_something
from train.rows.template import Template, Turns


class Fit(msgspec.Struct, frozen=True):
    """How long a row may be, in the student's tokens, and what happens to a longer one."""

    max_length: int
    too_long: Literal["cut", "drop"] = "cut"


def shortened(turns: Turns, template: Template, max_length: int, tools: Tools | None = None) -> Turns | None:
    """The longest beginning of the conversation that fits: whole turns, the last answer cut at a sentence end.

    An instruction is never cut. Where not even the first answer's first sentence fits, there is None. No cut falls
    inside a fenced block of code, or inside the thoughts before an answer; a call of a tool stays whole or goes.
    """
    for i in range(len(turns) - 1, -1, -1):
        if turns[i]["role"] != "assistant" or not says_something(turns[i]):
            continue
        answer = turns[i]["content"]
        ends = cuts(answer) if not turns[i].get("tool_calls") else [len(answer)]
        fits = -1
        low, high = 0, len(ends) - 1
        while low <= high:  # more text is more tokens, so the longest that fits is found by halving
            middle = (low + high) // 2
            cut = turns[:i] + [turns[i] | {"content": answer[: ends[middle]]}]
            if _longest(cut, template, tools) <= max_length:
                fits, low = ends[middle], middle + 1
            else:
                high = middle - 1
        if fits >= 0:
            return turns[:i] + [turns[i] | {"content": answer[:fits]}]
    return None


def cuts(answer: str) -> list[int]:
    """Where an answer may be cut."""
    thought = max(answer.rfind("</think>"), 0)
    return [end for _, end in sentences(answer) if end > thought and answer[:end].count("```") % 2 == 0]


def _longest(turns: Turns, template: Template, tools: Tools | None) -> int:
    return max(len(template.prompt_ids(one.text)) for one in template.rows(turns, tools))
