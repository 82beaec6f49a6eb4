"""Evaluation sets as items: what each one asks, whatever its rows look like.

Every file, folder and hub name that `import` takes. Most benchmarks have rows of no format that seedbed knows
(`question` with `choices`, `problem`, `题目`): of those the question is read under its usual names, or under the one
that `columns` gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from seedbed import importing
from seedbed.errors import InputError
from seedbed.formats import from_row, recognise
from seedbed.jsonl import BadLine
from seedbed.rows import Row
from seedbed.text import tokenize

# In the order in which they are looked for: the names of the commonest public benchmarks.
_ASKED = ("question", "problem", "prompt", "instruction", "query", "input", "sentence", "ctx", "goal", "messages",
          "问题", "题目", "题干", "提问")  # fmt: skip


class Item(msgspec.Struct, frozen=True):
    """One item: where it stands (`file:line`), the file's name, and what it asks."""

    where: str
    name: str
    text: str


class Unusable(msgspec.Struct, frozen=True):
    """A row that asks nothing."""

    where: str
    name: str
    why: str


def read(options: importing.Options) -> Iterator[Item | Unusable]:
    """The items of all evaluation sets. InputError for one that has none at all, and for one that cannot be read."""
    for name, where, numbered in importing.sources(options):
        good = False
        first = ""
        for row in numbered:
            found = _item(row, name, options.format)
            good |= isinstance(found, Item)
            if isinstance(found, Unusable):
                first = first or f"; the first, {found.where}: {found.why}"
            yield found
        if not good:
            raise InputError(
                f"no row asks anything{first}",
                where=where,
                next_step="Say which column holds the question: columns: {instruction: NAME}",
            )


def _item(numbered: tuple[int, Row] | BadLine, name: str, format: str | None) -> Item | Unusable:
    if isinstance(numbered, BadLine):
        return Unusable(f"{name}:{numbered.number}", name, numbered.why)
    number, row = numbered
    where = f"{name}:{number}"
    try:
        text = _asked(row, format)
    except ValueError as error:
        return Unusable(where, name, str(error))
    return Item(where, name, text) if tokenize(text) else Unusable(where, name, "the question is blank")


def _asked(row: Row, format: str | None) -> str:
    """What a row asks: all turns of the user, or the text. Raises ValueError where nothing can be found."""
    try:
        record = from_row(row, format or recognise(row))
    except ValueError as error:
        if text := next((value for key in _ASKED if (value := _words(row.get(key)))), ""):
            return text
        raise ValueError(str(error)) from error
    if not record.messages:
        return record.text
    return "\n\n".join([*(m.content for m in record.messages if m.role == "user"), record.input]).strip()


def _words(value: Any) -> str:
    """A text, or what the user says in a list of turns."""
    if isinstance(value, list):
        turns = [turn for turn in value if isinstance(turn, dict) and turn.get("role") == "user"]
        return "\n\n".join(_words(turn.get("content")) for turn in turns)
    return value.strip() if isinstance(value, str) else ""
