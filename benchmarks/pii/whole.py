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
from curate.pii.finder import finder
from seedbed.context import Context
from seedbed.record import Evidence, Message, Record, Source, make

_LEAST = 4  # signs: the surname 于 is in half of all Chinese texts, and "Lee" in "sleep"


@dataclass(frozen=True)
class Checked:
    records: int
    touched: int
    left: int
    inconsistent: int
    same: bool


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


def checked(action: str, count: int) -> Checked:
    """Runs the stage twice over the same records, the second time in the other order."""
    os.environ.setdefault("SEEDBED_PII_SALT", "a salt for measuring, known to all")
    options = stage.Options(action=action, names=True)
    given = list(records(count))
    done = list(stage.pii(given, options, Context(Path())))
    again = list(stage.pii(reversed(given), options, Context(Path())))[::-1]
    look = finder(options.profile, options.wanted(), options.languages())
    left = inconsistent = touched = 0
    for old, new in zip(given, done, strict=True):
        cast = stage.entities(old, look)
        touched += bool(cast.entities)
        whole = msgspec.json.encode(new).decode() + json.dumps(msgspec.to_builtins(new))
        forms = {form for entity in cast.entities.values() for form in entity.forms}
        left += sum(len(form) >= _LEAST and form in _unescaped(whole) for form in forms)
        # The same sentence stood in all places, so it must be one sentence in all of them still.
        inconsistent += len({new.messages[0].content, new.messages[1].content, new.input, new.messages[4].content,
                             new.evidence[0].quote, new.extra["row"]["note"]}) > 1
    return Checked(len(given), touched, left, inconsistent, msgspec.json.encode(done) == msgspec.json.encode(again))


def _unescaped(text: str) -> str:
    return text + text.replace("\\n", "\n").replace("\\\\n", "\n").replace("\\", "")
