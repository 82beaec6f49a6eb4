"""What must not be shown: texts from before the `pii` stage, which it never saw.

A record that an earlier stage left out still has its telephone numbers, and so has the passage it came from. Where a
run has a `pii` stage, such texts go through that stage again, with its own options, before they are shown; where that
cannot be done they are not shown at all.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from curate.report.stages import Finished
from curate.report.words import Words
from seedbed.context import Context
from seedbed.errors import SeedbedError
from seedbed.record import Message, Record, make
from seedbed.stages import STAGES

_NAME = "pii"
_HIDDEN = "(not shown: it was left out before personal data was looked for)"


class Concealer:
    """Treats what stands before the run's `pii` stage; without such a stage everything stays as it is."""

    def __init__(self, stages: Sequence[Finished], seed: int, words: Words) -> None:
        self._stage = next((stage for stage in stages if stage.name == _NAME), None)
        names = [stage.key for stage in stages]
        self._before = set(names[: names.index(self._stage.key)]) if self._stage else set()
        self._seed, self._hidden = seed, words(_HIDDEN)
        self._known: dict[str, Record | None] = {}

    def applies(self, stage: Finished | None) -> bool:
        """Whether what this stage left is from before personal data was looked for."""
        return bool(self._stage) and (stage is None or stage.key in self._before)

    def prepare(self, records: Sequence[Record]) -> None:
        """Treats many at once: the stage loads its recognisers once for all of them."""
        plain = [_plain(record) for record in records]
        self._known |= dict(zip([record.id for record in plain], self._run(plain), strict=True))

    def record(self, stage: Finished | None, record: Record) -> Record:
        """The record as it may be shown. `stage` is the one whose files it was found in."""
        if not self.applies(stage):
            return record
        treated = self._treated(record)
        if treated is not None:
            return msgspec.structs.replace(treated, id=record.id, rejection=record.rejection)
        empty = record.messages and (Message("user", self._hidden), Message("assistant", ""))
        text = "" if record.messages else self._hidden
        return msgspec.structs.replace(record, messages=empty or (), input="", text=text, extra={})

    def text(self, stage: Finished | None, text: str) -> str:
        """A piece of text as it may be shown."""
        if not text or not self.applies(stage):
            return text
        treated = self._treated(make(text=text))
        return treated.text if treated else ""

    def same(self, text: str) -> bool:
        """Whether a passage, which is from before all curation, may be shown as it is."""
        if self._stage is None:
            return True
        treated = self._treated(make(text=text))
        return treated is not None and treated.text == text

    def _treated(self, record: Record) -> Record | None:
        """The record after the `pii` stage; None where it would be dropped, or where the stage cannot be had."""
        if record.id not in self._known:
            self.prepare([record])
        return self._known[record.id]

    def _run(self, records: Sequence[Record]) -> list[Record | None]:
        """The stage's result for each record."""
        nothing: list[Record | None] = [None] * len(records)
        if self._stage is None or _NAME not in STAGES or not records:
            return nothing
        try:
            stage = STAGES[_NAME]
            options = msgspec.convert(self._stage.done.options, stage.options)
            with tempfile.TemporaryDirectory() as folder:
                treated = list(stage.function(iter(records), options, Context(Path(folder), self._seed)))
        except (SeedbedError, msgspec.ValidationError):
            return nothing
        if len(treated) != len(records):
            return nothing
        return [each if each.rejection is None else None for each in treated]


def _plain(record: Record) -> Record:
    """The record as the stage takes it: without its rejection, the raw reply of a teacher as its text."""
    raw = record.extra.get("raw")
    plain = msgspec.structs.replace(record, rejection=None, extra={})
    return msgspec.structs.replace(plain, text=str(raw)) if raw and not (record.messages or record.text) else plain
