"""Exact duplicates: of records that say the same once width, case and white space are evened out, the first stays.

The comparison is by the hash of `seedbed.text.normalise`; hashes and ids are all that is held in memory (about 150
bytes a record), never texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from curate.duplicates.compared import On, group, parts
from seedbed.context import Context
from seedbed.record import Record
from seedbed.text import normalise

VERSION = 2

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


def _digest(content: list[str]) -> bytes:
    return hashlib.blake2b(_SEPARATOR.join(content).encode("utf-8", "surrogatepass"), digest_size=16).digest()
