"""Which records are forms of one another: an augmented record, what it was made from, and its other forms.

Near-duplicate checks spare such pairs: a noisy question, or one whose answer was polished, is near its origin on
purpose, and the stage that made it has judged the distance already. And what records are about to the letter: two
grounded questions that each name a figure, a code or an entry of a table which the other does not are about two facts.
"""

from __future__ import annotations

from seedbed.record import Record
from seedbed.text import exact_terms, normalise

# The step that makes a record a form of another one.
STAGE = "augment"


class Kin:
    """What is known of the records that were added, by id: the names each one has had (cleaning renames a record)."""

    def __init__(self) -> None:
        self._names: dict[str, frozenset[str]] = {}

    def add(self, record: Record) -> None:
        """Remembers the names of a record that stays."""
        parents = (parent for step in record.history for parent in step.parents)
        self._names[record.id] = frozenset((record.id, *parents))

    def of(self, record: Record, other: str) -> bool:
        """Whether `record` is a form of the added record `other`, or of what that one is a form of."""
        origin = next((step.parents[-1] for step in record.history if step.stage == STAGE and step.parents), "")
        return bool(origin) and origin in self._names.get(other, ())


def named(record: Record, text: str) -> frozenset[str]:
    """What a record's question, or another `text` of it, names to the letter (`seedbed.text.exact_terms`), and the
    entry of the table that it is about, where it names that."""
    entry = normalise(record.labels.get("entry", ""))
    return exact_terms(text) | ({entry} if entry and entry in normalise(text) else frozenset())
