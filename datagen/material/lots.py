"""What is decided by lot, of each text by itself: no other text of the job changes it.

So a new document, or a change in another one, leaves what was drawn about this one, and the calls that were bought for
it, as they were. Drawn by what is said and not by a record's id, which a text put in above it, or a new name of its
file, changes.
"""

from __future__ import annotations

import random

import msgspec

from seedbed.record import Record, content_id


def lot(seed: int | str, text: str) -> float:
    """Where a text comes in an order drawn from the seed, whatever other texts there are: from 0 to 1."""
    return random.Random(f"{seed}:{text}").random()


def said(record: Record) -> str:
    """A hash of what a record says, wherever it stands."""
    return content_id(msgspec.structs.replace(record, source=None))
