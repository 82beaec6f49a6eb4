"""Exact duplicates: of records that say the same once width, case and white space are evened out, the first stays.

The comparison is by the hash of `seedbed.text.normalise`; hashes and ids are all that is held in memory (about 150
bytes a record), never texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from seedbed.context import Context
from seedbed.pairs import is_pair
from seedbed.record import Record
from seedbed.text import normalise

VERSION = 2

On = Literal["both", "instruction", "answer"]
_WHAT: dict[On, str] = {
    "both": "the same question and answer",
    "instruction": "the same question",
    "answer": "the same answer",
}
# Between parts, so that "ab" + "c" is not "a" + "bc"; `normalise` leaves none inside a part.
_SEPARATOR = "\x1f"


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`on`: what must be equal. With "answer", all records that answer just "Yes." are one."""

    on: On = "both"


def exact(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record; one whose content came before is rejected as "exact", with the first one's id as the match.

    Records with nothing to compare (no answer, with on="answer") pass. System turns are not compared. Preference pairs
    are compared with pairs, chat records with chat records.
    """
    first: dict[bytes, str] = {}
    for number, record in enumerate(records, 1):
        if number % 256 == 0:
            context.progress.update(number)
        content = [normalise(part) for part in parts(record, options.on)]
        digest = _digest([group(record), *content] if options.on != "both" else content)
        earlier = first.get(digest) if any(content) else None
        if earlier is not None:
            what = "the same text" if not record.messages else _WHAT[options.on]
            yield record.reject("exact", "exact", f"{what} as in {earlier}", match=earlier)
            continue
        if any(content):
            first[digest] = record.id
        yield record
    context.figures |= {"distinct": len(first)}


def group(record: Record) -> str:
    """Records are compared within their group: a preference pair asks what its chat record asks and is no repetition of
    it, and two pairs that are wrong in different ways are two."""
    return f"pair {record.labels.get('negative', '')}" if is_pair(record) else ""


def parts(record: Record, on: On) -> list[str]:
    """What is compared: the users' turns and the input, the assistant's turns and the rejected answer, or all in order.

    A text record is its text, whatever `on` says.
    """
    if not record.messages:
        return [record.text]
    roles = {"both": ("user", "assistant", "tool"), "instruction": ("user",), "answer": ("assistant",)}[on]
    found = [message.content for message in record.messages if message.role in roles]
    if on != "answer":
        found.append(record.input)
    if on != "instruction" and record.rejected:
        found.append(record.rejected.content)
    return found


def _digest(content: list[str]) -> bytes:
    return hashlib.blake2b(_SEPARATOR.join(content).encode("utf-8", "surrogatepass"), digest_size=16).digest()
