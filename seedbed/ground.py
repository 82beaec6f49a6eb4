"""What a record rests on: the passage that it was made from, found again.

A record tells its passage's document and span (`Source`); the text itself lies once beside the ingest stage. Generators
that work on records (evolutions, preference pairs, paraphrases) read it from there, so that what they make of a
grounded record is checked against the same source; and so does a judge, who must see what an answer rests on.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from seedbed.context import Context
from seedbed.record import Record


class Ground:
    """The texts of a run's documents. Keeps the few that were used last, not all."""

    def __init__(self, context: Context) -> None:
        self._folder = context.upstream.get("ingest", Path()) / "documents"
        self._text = lru_cache(maxsize=8)(self._read)

    def of(self, record: Record) -> str:
        """The text of the record's passage; where its document is not in this run, the quotes it carries as evidence;
        empty for a record that rests on nothing."""
        source = record.source
        if record.text:
            return record.text
        if source and source.start is not None and (text := self._text(source.document_hash)):
            return text[source.start : source.end]
        return "\n".join(quote.quote for quote in record.evidence)

    def document(self, record: Record) -> str:
        """The text of the whole document that the record comes from; empty where it is not in this run."""
        return self._text(record.source.document_hash) if record.source else ""

    def _read(self, document_hash: str) -> str:
        path = self._folder / f"{document_hash}.md"
        return path.read_bytes().decode("utf-8") if document_hash and path.is_file() else ""
