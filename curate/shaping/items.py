"""What the split knows of a record while its text waits on disk, and the lot that everything is drawn by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from seedbed.pairs import conversation, is_pair
from seedbed.record import Record
from seedbed.text import length, normalise

# Tokens of a quote from which on it is a statement and no table cell or heading ("230 V", "技术参数").
_TELLING = 8
TRAIN, VALIDATION, SEEN, HELDOUT = "train", "validation", "test_seen", "test_heldout"


@dataclass(slots=True)
class Item:
    """One record.

    `document` is the hash of its document's content, else the name, and empty where none is known; `side` is what is
    held out as one: the document, or a group of documents that say the same (see `curate.shaping.twins`).
    """

    id: str
    language: str
    document: str
    side: str
    name: str
    split: str
    conversation: bytes
    pair: bool
    asks: bool
    evidence: tuple[tuple[int, int], ...]
    quotes: tuple[bytes, ...]  # hashes of the evidence, those quotes that are long enough to tell anything
    given: bool  # it had its split already
    twin: str = ""  # of a record held out: the one on the other side that says the same


def item(record: Record) -> Item:
    source = record.source
    # A row of a data file names that file, which is not a document that can be held out.
    known = source is not None and (source.document_hash or source.line is None)
    document = (source.document_hash or source.document) if source and known else ""
    return Item(
        id=record.id,
        language=record.language,
        document=document,
        side=document,
        name=source.document if source else "",
        split=record.split,
        conversation=_conversation(record),
        pair=is_pair(record),
        asks=bool(record.user_text.strip() and record.answer),
        evidence=tuple((quote.start, quote.end) for quote in record.evidence),
        quotes=tuple(_digest(quote.quote) for quote in record.evidence if length(quote.quote) >= _TELLING),
        given=bool(record.split),
    )


def _digest(quote: str) -> bytes:
    return hashlib.blake2b(normalise(quote).encode("utf-8", "surrogatepass"), digest_size=8).digest()


def rank(seed: int, name: str) -> float:
    """A number from 0 up to 1, uniform over names."""
    digest = hashlib.blake2b(f"{seed} {name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def _conversation(record: Record) -> bytes:
    try:
        return conversation(record)
    except UnicodeEncodeError:  # a lone surrogate: such a record goes with no other
        return record.id.encode("utf-8", "surrogatepass")
