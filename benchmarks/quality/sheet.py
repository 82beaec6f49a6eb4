"""A sheet of drawn pairs beside their evidence, for a person to read: figures do not tell whether one would train on
them."""

from __future__ import annotations

import random
from collections.abc import Sequence

from benchmarks.quality.desk import SEED
from seedbed.record import Record


def sheet(records: Sequence[Record], count: int) -> str:
    """`count` of the records, numbered, in an order of chance."""
    drawn = random.Random(SEED).sample(records, min(count, len(records)))
    return "\n".join(line for number, record in enumerate(drawn, 1) for line in _lines(number, record)) + "\n"


def _lines(number: int, record: Record) -> list[str]:
    said = [f"{number}. {record.id} ({record.labels.get('kind', record.task)})", f"   Q: {record.instruction}"]
    said.append(f"   A: {record.answer}")
    return [*said, *(f"   > {' '.join(part.quote.split())}" for part in record.evidence), ""]
