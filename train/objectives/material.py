"""What an objective makes of the records: rows of token ids to learn from and to watch, and their sizes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seedbed.record import Record
from train.forgetting.general import is_general
from train.rows.data import Counts


@dataclass(frozen=True)
class Material:
    """`lengths` group rows into batches; `tokens` are all that a row has, and `wide` how many sequences it is."""

    rows: Any
    train: Counts
    validation: Any
    watched: Counts
    general: int
    lengths: list[int]
    tokens: list[int]
    wide: int = 1


def drawn(records: list[Record], limit: int, seed: int) -> list[Record]:
    """At most so many of the records, drawn by the seed."""
    return records if len(records) <= limit else random.Random(seed).sample(records, limit)


def general(records: Sequence[Record]) -> int:
    """How many of the records are general data, mixed in against forgetting."""
    return sum(map(is_general, records))
