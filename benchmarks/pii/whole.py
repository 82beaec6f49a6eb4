"""Whole records through the stage: is anything left, and does the same stay the same?"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.pii.sentences import HALVES, sentences
from curate.pii import stage
from curate.pii.cast import Cast
from curate.pii.finder import finder
from curate.pii.salt import Salt
from seedbed.context import Context
from seedbed.record import Evidence, Message, Record, Source, make

_LEAST = 4  # signs: the surname 于 is in half of all Chinese texts, and "Lee" in "sleep"


_SALT = "a salt for measuring, known to all"


@dataclass(frozen=True)
class Checked:
    """Of one action: records that had something, originals that are left, records in which the same became different
    things."""

    touched: int
    left: int
    inconsistent: int


def records(count: int) -> Iterator[Record]:
    """Records that have their sentence in every place where text can be."""
    for language in ("en", "zh"):
        for half in HALVES:
            for number, sentence in enumerate(sentences(language, half, count // 4, seed=1)):
                text = sentence.text
                values = [text[start:end] for _, _, start, end in sentence.spans]
                call = {"function": {"name": "note", "arguments": json.dumps({"text": text, "values": values})}}
                yield make(
                    messages=(
                        Message("system", text), Message("user", text),
                        Message("assistant", "", {"tool_calls": [call], "reasoning_content": f"1. {text}"}),
                        Message("tool", json.dumps({"seen": values}, ensure_ascii=False)), Message("assistant", text),
                    ),
                    input=text, rejected=Message("assistant", f"{text} {text}"), language=language,
                    source=Source(document=f"{number}.md", headings=(text,), start=0, end=len(text)),
                    evidence=(Evidence(text, 0, len(text)),), extra={"row": {"note": text, "values": values}},
                )


def casts(given: list[Record]) -> list[Cast]:
    """What is personal in each record."""
    options = stage.Options(names=True)
    look = finder(options.profile, options.wanted(), options.languages())
    return [stage.entities(record, look) for record in given]


def checked(action: str, given: list[Record], found: list[Cast]) -> Checked:
    options = stage.Options(action=action)
    salt = Salt(_SALT.encode(), "environment")
    left = inconsistent = 0
    for record, cast in zip(given, found, strict=True):
        new = stage.replaced(record, cast, options, salt) if cast.entities else record
        whole = msgspec.json.encode(new).decode() + json.dumps(msgspec.to_builtins(new))
        forms = {form for entity in cast.entities.values() for form in entity.forms}
        left += sum(len(form) >= _LEAST and form in _unescaped(whole) for form in forms)
        # The same sentence stood in all places, so it must be one sentence in all of them still.
        inconsistent += len({new.messages[0].content, new.messages[1].content, new.input, new.messages[4].content,
                             new.evidence[0].quote, new.extra["row"]["note"]}) > 1
    return Checked(sum(bool(cast.entities) for cast in found), left, inconsistent)


def any_order(given: list[Record]) -> bool:
    """Whether the stage writes the same bytes of each record when it reads them in the other order."""
    os.environ["SEEDBED_PII_SALT"] = _SALT
    options = stage.Options(names=True)
    done = list(stage.pii(given, options, Context(Path())))
    again = list(stage.pii(reversed(given), options, Context(Path())))
    return msgspec.json.encode(done) == msgspec.json.encode(again[::-1])


def _unescaped(text: str) -> str:
    return text + text.replace("\\n", "\n").replace("\\\\n", "\n").replace("\\", "")
