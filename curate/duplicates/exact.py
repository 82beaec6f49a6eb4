"""Exact duplicates: of records that say the same once width, case and white space are evened out, one stays.

The comparison is by the hash of `seedbed.text.normalise`; hashes and ids are all that is held in memory (about 150
bytes a record), never texts. Where not simply the first of equals stays, the records wait on disk until all are known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from curate.duplicates.compared import On, group, parts
from curate.duplicates.decide import Keep
from curate.duplicates.material import Material
from seedbed.context import Context
from seedbed.record import Record
from seedbed.text import normalise

VERSION = 3

_WHAT: dict[On, str] = {
    "both": "the same question and answer",
    "instruction": "the same question",
    "answer": "the same answer",
}
# Between parts, so that "ab" + "c" is not "a" + "bc"; `normalise` leaves none inside a part.
_SEPARATOR = "\x1f"


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must be equal, and which copy stays.

    on    with "answer", all records that answer just "Yes." are one
    keep  first, longest, best_score (of the score that `score` names) or most_evidence; of equals the first
    """

    on: On = "both"
    keep: Keep = "first"
    score: str = "judge"


def exact(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record; one that says what a record says that stays is rejected as "exact", with that one as the match.

    Records with nothing to compare (no answer, with on="answer") pass. System turns are not compared. Preference pairs
    are compared with pairs, chat records with chat records.
    """
    return _first(records, options, context) if options.keep == "first" else _best(records, options, context)


def _first(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    first: dict[bytes, str] = {}
    for number, record in enumerate(records, 1):
        if number % 256 == 0:
            context.progress.update(number)
        digest = _digest(record, options.on)
        if digest in first:
            yield _rejected(record, first[digest], options)
            continue
        if digest:
            first[digest] = record.id
        yield record
    context.figures |= {"distinct": len(first)}


def _best(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    best: dict[bytes, int] = {}
    digests: list[bytes] = []
    with Material(context.folder, options.on, options.keep, options.score) as material:
        for place, record in enumerate(records):
            if place % 256 == 0:
                context.progress.update(place)
            material.add(record)
            digests.append(_digest(record, options.on))
            known = best.setdefault(digests[-1], place)
            if material.items[place].worth > material.items[known].worth:
                best[digests[-1]] = place
        material.added()
        for place, record in enumerate(material.records()):
            stays = best[digests[place]] if digests[place] else place
            yield record if stays == place else _rejected(record, material.items[stays].id, options)
    context.figures |= {"distinct": len(best.keys() - {b""})}


def _rejected(record: Record, match: str, options: Options) -> Record:
    what = _WHAT[options.on] if record.messages else "the same text"
    return record.reject("exact", "exact", f"{what} as in {match}", match=match, score=1.0)


def _digest(record: Record, on: On) -> bytes:
    """A hash of what is compared; empty where there is nothing."""
    content = [normalise(part) for part in parts(record, on)]
    if not any(content):
        return b""
    if on != "both":  # the rejected answer tells pairs apart there
        content = [group(record), *content]
    return hashlib.blake2b(_SEPARATOR.join(content).encode("utf-8", "surrogatepass"), digest_size=16).digest()
