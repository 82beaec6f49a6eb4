"""What a key fact is called, so that several wordings of it can be told from twins."""

from __future__ import annotations

import hashlib


def fact_id(document_hash: str, start: int, end: int) -> str:
    """8 hex digits of BLAKE2b over a document and the span, in characters, of the sentences that state the fact.

    The same fact has the same id in every record, stage and run, as long as its document does not change.
    """
    return hashlib.blake2b(f"{document_hash}:{start}:{end}".encode(), digest_size=4).hexdigest()
