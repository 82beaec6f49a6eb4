"""Which records are forms of one another: an augmented record, what it was made from, and its other forms.

Near-duplicate checks spare such pairs: a noisy question, or one whose answer was polished, is near its origin on
purpose, and the stage that made it has judged the distance already.
"""

from __future__ import annotations

from seedbed.record import Record

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
