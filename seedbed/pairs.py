"""Preference pairs beside the chat records that they were made from.

A pair's messages are those of a chat record, its chosen answer included. Where both are in one data set, whoever
counts, splits or learns by conversation must not take the pair for a second one: it is no duplicate of the chat record,
it belongs on the same side of a split, and supervised training has its chosen answer already.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from seedbed.record import Record


def is_pair(record: Record) -> bool:
    """Whether a record is a preference pair."""
    return record.rejected is not None


def conversation(record: Record) -> bytes:
    """A hash of what was said, the chosen answer included: equal for a chat record and the pairs made from it."""
    said = msgspec.json.encode(([(m.role, m.content) for m in record.messages], record.input))
    return hashlib.blake2b(said, digest_size=16).digest()


def conversations(records: Sequence[Record]) -> list[Record]:
    """The records without pairs whose conversation is also there as a chat record, or in an earlier pair."""
    seen = {conversation(record) for record in records if not is_pair(record)}
    kept = []
    for record in records:
        if is_pair(record):
            if (key := conversation(record)) in seen:
                continue
            seen.add(key)
        kept.append(record)
    return kept
