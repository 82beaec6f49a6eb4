"""Which records are forms of one another: an augmented record, what it was made from, and its other forms.

Near-duplicate checks spare such pairs: a noisy question, or one whose answer was polished, is near its origin on
purpose, and the stage that made it has judged the distance already. And what records are about to the letter: two
grounded questions that each name a figure, a code or an entry of a table which the other does not are about two facts.
"""

from __future__ import annotations

import re
from sys import intern

from seedbed.record import Record
from seedbed.text import exact_terms, normalise

_LATIN = re.compile(r"[a-z][a-z0-9_.+-]*[a-z0-9+]", re.ASCII)
# The step that makes a record a form of another one.
STAGE = "augment"


def origin(record: Record) -> str:
    """The id of the record that this one is a form of; empty when it is none."""
    return next((step.parents[-1] for step in record.history if step.stage == STAGE and step.parents), "")


def names(record: Record) -> tuple[str, ...]:
    """The other names that a record has had (cleaning renames it), that of its origin among them.

    Interned, because many records share a parent and all are held at once.
    """
    return tuple(dict.fromkeys(intern(parent) for step in record.history for parent in step.parents))


def named(record: Record, text: str) -> frozenset[str]:
    """What a record's question, or another `text` of it, names to the letter (`seedbed.text.exact_terms`), and the
    entry of the table that it is about, where it names that. In Chinese a Latin word is a name, too: nothing
    else tells "aptitude 是什么工具？" from "exiv2 是什么工具？"."""
    entry, plain = normalise(record.labels.get("entry", "")), normalise(text)
    latin = frozenset(_LATIN.findall(plain)) if record.language == "zh" else frozenset()
    return exact_terms(text) | latin | ({entry} if entry and entry in plain else frozenset())
