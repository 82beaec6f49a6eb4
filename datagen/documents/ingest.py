"""Documents to passages: the stage that every job begins with.

Each file is read in a separate process (time and memory are bounded there), turned to Markdown, and cut into passages.
What cannot be used is not silently missing: a document or passage that is set aside is a record with its reason.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from datagen import readers
from datagen.documents import chunk
from datagen.documents import database as db
from datagen.documents.files import File, find
from datagen.documents.usable import Verdict, unusable
from datagen.readers.document import MAX_BYTES, Document, Unreadable
from datagen.readers.worker import Worker
from seedbed.context import Context
from seedbed.jsonl import write_text
from seedbed.record import Record, Source, Step, make
from seedbed.text import language, length

VERSION = 3
STAGE = "ingest"
# Reasons that lie in the bytes alone; time, memory and what is installed may be otherwise the next time.
_LASTING = ("no_text", "password", "encoding", "data_set")
# Title pages are over within the first 1 % of a book or the first 1,000 characters, and are no large part of the whole.
_EARLY_SHARE, _EARLY_CHARACTERS, _EARLY_MOST = 0.01, 1_000, 0.2


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which documents, and how they are cut. Lengths are in tokens of `seedbed.text`."""

    PATHS: ClassVar[tuple[str, ...]] = ("paths",)
    paths: tuple[str, ...] = ()  # files or folders; folders are walked
    exclude: tuple[str, ...] = ()  # patterns such as "drafts/*" or "*.bak"
    database: db.Query | tuple[db.Query, ...] = ()  # queries whose rows are documents
    tokens: int = 320  # upper bound of a passage
    minimum: int = 40  # smaller pieces join a neighbour, or are set aside
    overlap: int = 0  # tokens that a passage repeats from the one before
    timeout: float = 60  # seconds of computing for one document (five times that by the clock)
    memory_mb: int = 2048  # address space for one document

    def __post_init__(self) -> None:
        if self.tokens < 20:
            raise ValueError("tokens: at least 20 are needed to hold a sentence")
        if not 0 <= self.minimum <= self.tokens // 2:
            raise ValueError("minimum: must be between 0 and half of `tokens`")
        if not 0 <= self.overlap <= self.tokens // 2:
            raise ValueError("overlap: must be between 0 and half of `tokens`")
        if self.timeout <= 0:
            raise ValueError("timeout: must be more than 0 seconds")
        if self.memory_mb < 256:
            raise ValueError("memory_mb: at least 256 are needed to load the readers")

    @property
    def queries(self) -> tuple[db.Query, ...]:
        """The queries, be it none, one or several."""
        return self.database if isinstance(self.database, tuple) else (self.database,)

    def placed(self, base: Path) -> Options:
        """The same with the database's own file taken from `base`."""
        return msgspec.structs.replace(self, database=tuple(db.below(query, base) for query in self.queries))


def watch(options: Options) -> list[Path]:
    """The document files: when one changes, the stage is run again. Raises InputError as `ingest` does."""
    return [file.path for file in _files(options)]


def marks(options: Options) -> list[tuple[str, str]]:
    """What the queries give, as a hash: when a row changes, the stage is run again."""
    return [("database", db.digest(options.queries))] if options.queries else []


def _files(options: Options) -> list[File]:
    return find(options.paths, options.exclude) if options.paths or not options.queries else []


def ingest(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """The passages of all documents, in the order of their names and places; `records` are not looked at.

    Documents and passages that cannot be used come as records with a rejection. Raises InputError where there is no
    document at all.
    """
    seen = _Seen()
    report: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    with Worker(options.timeout, options.memory_mb) as worker, db.files(options.queries) as rows:
        files = _files(options) + rows
        for number, file in enumerate(files):
            context.progress.update(number, len(files), file.name)
            entry: dict[str, Any] = {
                "document": file.name,
                "kind": readers.kind_by_name(file.full_name),
                "passages": 0,
                "set_aside": 0,
            }
            for record in _from_file(file, worker, seen, options, context, entry):
                reason = record.rejection.reason if record.rejection else ""
                if "rejected_reason" not in entry:
                    counts[reason or "kept"] += 1
                    entry["set_aside" if reason else "passages"] += 1
                yield record
            report.append(entry)
    context.progress.update(len(files), len(files))
    context.figures["documents"] = report
    context.figures["passages_kept"] = counts.pop("kept", 0)
    context.figures["passages_set_aside"] = dict(sorted(counts.items()))
    context.figures["documents_rejected"] = dict(
        sorted(Counter(entry["rejected_reason"] for entry in report if "rejected_reason" in entry).items())
    )


class _Seen:
    """What was met before: document hash -> name, passage digest -> record id."""

    def __init__(self) -> None:
        self.documents: dict[str, str] = {}
        self.passages: dict[bytes, str] = {}


def _from_file(
    file: File, worker: Worker, seen: _Seen, options: Options, context: Context, entry: dict[str, Any]
) -> Iterator[Record]:
    digest = ""
    try:
        digest = document_hash(file)
        entry["hash"] = digest
        if first := seen.documents.get(digest):
            raise Unreadable("duplicate_document", f"the same file as {first}")
        document = _document(file, digest, worker, context.folder / "documents")
    except Unreadable as problem:
        entry["rejected_reason"], entry["detail"] = problem.reason, problem.detail
        refused = make(
            source=Source(document=file.name, document_hash=digest), history=(Step(stage=STAGE, operation="read"),)
        )
        yield refused.reject(
            STAGE, problem.reason, f"{file.name}: {problem.detail}", match=seen.documents.get(digest, "")
        )
        return
    seen.documents[digest] = file.name
    entry.update(
        kind=document.kind,
        characters=len(document.text),
        title=document.title,
        page_count=len(document.page_starts) or None,
        notes=document.notes,
    )
    yield from _passages(file, digest, document, seen, options, entry)


def document_hash(file: File) -> str:
    """16 hex digits over the reader's version, the kind that the name promises, and the file's bytes."""
    digest = hashlib.blake2b(f"{readers.VERSION}:{readers.kind_by_name(file.full_name)}:".encode(), digest_size=8)
    try:
        if file.path.stat().st_size > MAX_BYTES:
            raise Unreadable("too_large", f"it is larger than {MAX_BYTES >> 20} MB; split it")
        with file.path.open("rb") as data:
            while part := data.read(1 << 20):
                digest.update(part)
    except OSError as error:
        raise Unreadable("unreadable", f"the file cannot be opened: {error.strerror}") from error
    return digest.hexdigest()


def _document(file: File, digest: str, worker: Worker, folder: Path) -> Document:
    """The document's text: kept from an earlier run if it is there with its page map, else read now and kept.

    What was refused for good is kept too: a scanned book is not read through again to find no text in it again.
    """
    text_path, facts_path = folder / f"{digest}.md", folder / f"{digest}.json"
    refused_path = folder / f"{digest}.refused.json"
    with suppress(OSError, msgspec.MsgspecError):
        raise Unreadable(**msgspec.json.decode(refused_path.read_bytes(), type=dict[str, str]))
    try:
        facts = msgspec.json.decode(facts_path.read_bytes(), type=Document)
        return msgspec.structs.replace(facts, text=text_path.read_bytes().decode("utf-8"))
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        pass  # not there, or not whole: read it again
    try:
        document = worker.read(file.full_name, file.path)
    except Unreadable as problem:
        if problem.reason in _LASTING:
            said = {"reason": problem.reason, "detail": problem.detail}
            write_text(refused_path, msgspec.json.encode(said).decode())
        raise
    write_text(text_path, document.text)
    # Written last: only with it does the text count as whole.
    write_text(facts_path, msgspec.json.encode(msgspec.structs.replace(document, text="")).decode())
    return document


def _passages(
    file: File, digest: str, document: Document, seen: _Seen, options: Options, entry: dict[str, Any]
) -> Iterator[Record]:
    text = document.text
    main = language(text)
    early = min(max(_EARLY_SHARE * len(text), _EARLY_CHARACTERS), _EARLY_MOST * len(text))
    covered = 0
    for piece in chunk.cut(
        text, tokens=options.tokens, minimum=options.minimum, overlap=options.overlap, title=document.title
    ):
        content = text[piece.start : piece.end]
        own = language(content)
        record = make(
            text=content,
            # Code and mixed passages go by the language of their document.
            language=own if own in ("en", "zh") or main not in ("en", "zh") else main,
            source=Source(
                document=file.name,
                document_hash=digest,
                page=document.page_at(piece.start),
                headings=piece.headings,
                start=piece.start,
                end=piece.end,
            ),
            labels={"read_as": document.notes["read_as"]} if "read_as" in document.notes else {},
            history=(
                Step(stage=STAGE, operation="cut", note=f"{document.kind}, characters {piece.start} to {piece.end}"),
            ),
        )
        verdict = unusable(content, piece.headings, early=piece.end <= early) or _too_short(content, options.minimum)
        repeated = seen.passages.setdefault(
            hashlib.blake2b(" ".join(content.split()).encode(), digest_size=16).digest(), record.id
        )
        if verdict:
            record = record.reject(STAGE, verdict.reason, verdict.detail)
        elif repeated != record.id:
            record = record.reject(
                STAGE, "duplicate_passage", "word for word the same as an earlier passage", match=repeated
            )
        else:
            covered += len("".join(content.split()))
        yield record
    entry["coverage"] = round(covered / max(len("".join(text.split())), 1), 4)


def _too_short(content: str, minimum: int) -> Verdict | None:
    tokens = length(content)
    return (
        Verdict("too_short", f"{tokens} tokens, and no neighbour to join; the minimum is {minimum}")
        if tokens < minimum
        else None
    )
