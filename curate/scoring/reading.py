"""One reading of a record by a judge: what it is shown, and the scores and reasons that it writes.

The rubric is in prompts/{en,zh}/judge: the criteria, the scale, and examples with and without a source. All of it can
be turned round: criteria in the reverse order, and the scale from the other end, in the rubric, in the examples and in
the schema of the reply. The digits keep their meaning. Judges lean towards what comes first (Zheng et al. 2023,
"Judging LLM-as-a-judge"); what stands in both readings does not come from the place.

Reasons come before the score, so that the score follows from something.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec

from seedbed.chat import Complete, Request
from seedbed.parse import ask
from seedbed.prompts import load
from seedbed.record import Message, Record

Criterion = Literal["correctness", "groundedness", "helpfulness", "clarity", "format"]
CRITERIA: tuple[Criterion, ...] = get_args(Criterion)
NEEDS_SOURCE: Criterion = "groundedness"
LEAST, MOST = 1, 5

_REASON = 160  # characters; a local model fills what it is given
_SAYS = {
    "en": {"system": "System: ", "user": "Question: ", "assistant": "Answer: ", "tool": "Tool: "},
    "zh": {"system": "系统：", "user": "问题：", "assistant": "回答：", "tool": "工具："},
}


class Mark(msgspec.Struct, frozen=True):
    """What a judge says of one criterion."""

    score: Annotated[int, msgspec.Meta(ge=LEAST, le=MOST)]
    reason: str = ""


@dataclass(frozen=True)
class Reading:
    """Marks by criterion, or the `fault` (reason, words) why there are none. `calls` are keys of the journal."""

    marks: dict[str, Mark] = field(default_factory=dict)
    fault: tuple[str, str] | None = None
    calls: tuple[str, ...] = ()
    prompt: str = ""


@dataclass(frozen=True)
class Case:
    """A record before the judge, with the source it rests on, if any."""

    record: Record
    source: str
    language: str
    criteria: tuple[str, ...]
    max_tokens: int
    prompts: Path | None = None

    def messages(self, turned: bool) -> tuple[tuple[Message, ...], str]:
        """The request, and the label of its prompt file."""
        criteria = self.criteria[::-1] if turned else self.criteria
        prompt = load(self.language, f"judge/{'with' if self.source else 'without'}_source", self.prompts)
        shown = {
            "criteria": _lines(self._table("criteria"), criteria),
            "scale": _lines(self._table("scale"), [str(n) for n in range(LEAST, MOST + 1)][:: -1 if turned else 1]),
            "conversation": _safe(conversation(self.record, self.language)),
        }
        rendered = prompt.messages(**shown, **({"source": _safe(self.source)} if self.source else {}))
        return tuple(_ordered(message, criteria) for message in rendered), prompt.label

    def _table(self, name: str) -> dict[str, str]:
        text = load(self.language, f"judge/{name}", self.prompts).text
        rows = (line.partition(":") for line in text.splitlines() if line.strip())
        return {key.strip(): words.strip() for key, _, words in rows}


async def read(complete: Complete, case: Case, turned: bool = False) -> Reading:
    """Asks the judge once, and once more where the reply cannot be read."""
    messages, label = case.messages(turned)
    criteria = case.criteria[::-1] if turned else case.criteria
    request = Request(messages=messages, max_tokens=case.max_tokens, temperature=0.0, schema=_schema(criteria))
    parsed = await ask(complete, request, _reply(criteria))
    calls = tuple(key for key in parsed.calls if key)
    if parsed.value is None:
        return Reading(fault=(parsed.reason, parsed.detail), calls=calls, prompt=label)
    return Reading({name: getattr(parsed.value, name) for name in case.criteria}, calls=calls, prompt=label)


def conversation(record: Record, language: str) -> str:
    """What was asked and answered, turn by turn, each with the name of who says it."""
    said, given = _SAYS[language], record.input
    lines = []
    for turn in record.messages:
        text = f"{turn.content}\n\n{given}" if given and turn.role == "user" else turn.content
        given = "" if turn.role == "user" else given
        lines.append(said[turn.role] + text.strip())
    return "\n".join(lines)


def _lines(table: dict[str, str], keys: list[str] | tuple[str, ...]) -> str:
    return "\n".join(f"- {key}: {table[key]}" for key in keys)


def _ordered(message: Message, criteria: tuple[str, ...]) -> Message:
    """An example's reply with the criteria that are asked for, in their order. Whatever is no JSON stays as it is."""
    if message.role != "assistant":
        return message
    try:
        marks = msgspec.json.decode(message.content, type=dict[str, Any])
    except msgspec.DecodeError:
        return message
    kept = {name: marks[name] for name in criteria if name in marks}
    return Message("assistant", msgspec.json.encode(kept).decode())


@lru_cache
def _reply(criteria: tuple[str, ...]) -> type[Any]:
    return msgspec.defstruct("Marks", [(name, Mark) for name in criteria], frozen=True)


def _schema(criteria: tuple[str, ...]) -> dict[str, Any]:
    mark = {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "maxLength": _REASON},
            "score": {"type": "integer", "enum": list(range(LEAST, MOST + 1))},
        },
        "required": ["reason", "score"],
        "additionalProperties": False,
    }
    named = {"properties": dict.fromkeys(criteria, mark), "required": list(criteria)}
    return {"type": "object", **named, "additionalProperties": False}


def _safe(text: str) -> str:
    """Marks of chat templates broken up: what a record says must not end the user's turn."""
    return text.replace("<|", "< |")
