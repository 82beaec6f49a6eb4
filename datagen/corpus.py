"""Passages as running text, for continued pre-training: no teacher, nothing reworded.

A passage is cut where a chapter goes on, so out of its document it may not say what it is about. `title` puts the
headings above it in front, save those with which the passage begins anyway. The record keeps its passage's place, so
that `split` holds it out with its document; code, tables and lists stay as the document has them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import takewhile

import msgspec

from seedbed.context import Context
from seedbed.record import Record, Step
from seedbed.text import length

VERSION = 1
TASK = "passage"

_HEADING = re.compile(r"#{1,6}\s+(.+?)[\s#]*$")


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which passages, and what stands before them.

    title    put the path of headings before the text ("KX-40 pump > Oil")
    minimum  shortest passage, in tokens of `seedbed.text`, without the headings
    """

    title: bool = False
    minimum: int = 40

    def __post_init__(self) -> None:
        if self.minimum < 0:
            raise ValueError("minimum: expected 0 or more tokens")


def passages(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Each passage as a `text` record; one that is too short bears the reason. What is no text is left alone."""
    kept: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    for record in records:
        if not record.text:
            continue
        made = _titled(record) if options.title else record
        step = Step(stage="passages", operation="title" if made is not record else "text")
        made = record.revised(step, text=made.text, task=TASK)
        size = length(record.text)
        if size < options.minimum:
            yield made.reject("passages", "too_short", f"{size} tokens; the minimum is {options.minimum}")
            continue
        kept[record.language] += 1
        tokens[record.language] += length(made.text)
        yield made
    context.figures |= {"texts": dict(sorted(kept.items())), "tokens": dict(sorted(tokens.items()))}


def _titled(record: Record) -> Record:
    """The record with the headings before its text that the text does not begin with itself."""
    if record.source is None:
        return record
    own = {found[1] for found in takewhile(bool, map(_HEADING.match, filter(None, record.text.splitlines()))) if found}
    path = [heading for heading in record.source.headings if heading not in own]
    return msgspec.structs.replace(record, text=f"{' > '.join(path)}\n\n{record.text}") if path else record
