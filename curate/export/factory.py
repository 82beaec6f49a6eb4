"""What LLaMA-Factory (0.9.5) is told of a file, and what it would pass over.

Its words are explained in its data/README.md; what it really takes was read in its `data/converter.py`:

    a conversation has to alternate, from the user's turn (or a tool's) to the assistant's (or a call of a tool);
    another one is skipped with a warning in the log, and trains nothing
    rows of role/content lose their tool calls: the assistant's turn is then learned as an empty answer; and the steps
    in `reasoning_content` (which stand in the text itself in `alpaca` and `sharegpt`)
    two answers to a dialogue are single turns beside `conversations`, not lists of turns
"""

from __future__ import annotations

from typing import Any

from curate.export.columns import Columns, Row
from seedbed.turns import OPENAI, SHAREGPT, from_turn, to_turn

# In the folder of `preference`: the pairs as LLaMA-Factory wants them where answers are lists of turns.
FOLDER = "llama_factory"
_SHAREGPT_TAGS = {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt",
                  "observation_tag": "observation", "function_tag": "function_call", "system_tag": "system"}
_OPENAI_TAGS = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant",
                "observation_tag": "tool", "function_tag": "function_call", "system_tag": "system"}
_LOST = ("tool_calls", "reasoning_content")
_CONVERSATIONS = {"messages": "conversations", "system": "system", "tools": "tools"}
_TOLD: dict[str, dict[str, Any]] = {
    "alpaca": {
        "columns": {"prompt": "instruction", "query": "input", "response": "output", "system": "system",
                    "history": "history", "tools": "tools"},
    },
    "sharegpt": {"formatting": "sharegpt", "columns": _CONVERSATIONS, "tags": _SHAREGPT_TAGS},
    "messages": {
        "formatting": "sharegpt", "columns": {"messages": "messages", "tools": "tools"}, "tags": _OPENAI_TAGS,
    },
    "preference": {"ranking": True, "columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"}},
    FOLDER: {
        "formatting": "sharegpt", "ranking": True, "tags": _SHAREGPT_TAGS,
        "columns": _CONVERSATIONS | {"chosen": "chosen", "rejected": "rejected"},
    },
    "text": {"columns": {"prompt": "text"}},
}
# What may stand at an even place of a conversation, and at an odd one.
_ASKING, _ANSWERING = {"human", "observation", "user", "tool"}, {"gpt", "function_call", "assistant"}


def entry(format: str, file_name: str, columns: Columns) -> dict[str, Any] | None:
    """What `dataset_info.json` says of a file; None where LLaMA-Factory has no form for such rows."""
    told = _TOLD.get(format)
    if told is None or (format == "preference" and columns.types.get("prompt") != "string"):
        return None
    if format == "messages" and _has_more(columns):
        return None
    there = {role: name for role, name in told["columns"].items() if name in columns.types}
    return {"file_name": file_name, **told, "columns": there}


def passes_over(row: Row) -> bool:
    """Whether LLaMA-Factory would skip this row of conversations or messages."""
    turns = row.get("conversations") or row.get("messages")
    if not isinstance(turns, list):
        return False
    roles = [turn.get("from", turn.get("role")) for turn in turns]
    roles = roles[1:] if roles[:1] == ["system"] else roles
    fit = all(role in (_ANSWERING if place % 2 else _ASKING) for place, role in enumerate(roles))
    return not fit or len(roles) % 2 != ("chosen" in row)


def as_conversation(row: Row) -> Row:
    """A preference row of turns as LLaMA-Factory has it. Raises ValueError where ShareGPT cannot hold a turn."""
    turns, chosen, rejected = (
        [to_turn(from_turn(turn, OPENAI, name), SHAREGPT) for turn in row[name]]
        for name in ("prompt", "chosen", "rejected")
    )
    system = turns.pop(0)["value"] if turns and turns[0]["from"] == "system" else ""
    tools = {"tools": row["tools"]} if row.get("tools") else {}
    return {"conversations": turns, "chosen": chosen[-1], "rejected": rejected[-1], "system": system} | tools


def _has_more(columns: Columns) -> bool:
    """Whether turns hold what would be lost."""
    turns = columns.types.get("messages")
    return isinstance(turns, list) and isinstance(turns[0], dict) and not turns[0].keys().isdisjoint(_LOST)
