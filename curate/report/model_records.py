"""Types of a report that are about single records and documents: quoted, left out and why, and where they are from."""

from __future__ import annotations

import msgspec


class Quote(msgspec.Struct, kw_only=True):
    """A record as an example: the words, and where they come from. Texts may be shortened; see `examples.clip`."""

    id: str
    question: str = ""
    answer: str = ""
    text: str = ""  # a passage, or the raw reply of a teacher that could not be read
    language: str = ""
    place: str = ""  # document · page · headings
    labels: dict[str, str] = {}


class Part(msgspec.Struct, kw_only=True):
    """A piece of a whole; `name` is stable, `label` is for people."""

    name: str
    label: str
    count: int


class Rejected(msgspec.Struct, kw_only=True):
    """A record that was left out, why, and the record that it was too much like."""

    record: Quote
    stage: str
    reason: str
    detail: str = ""
    score: float | None = None
    matched: Quote | None = None


class Reason(msgspec.Struct, kw_only=True):
    """One reason of one stage. `anchor` is the place on the page; `share` is of everything that the stage judged."""

    anchor: str
    stage: str
    reason: str
    unit: str  # records | replies | passages | documents
    count: int
    share: float
    examples: list[Rejected] = []


class Level(msgspec.Struct, kw_only=True):
    """A row of the funnel, and what happened on the way to it: records lost (by reason) and added.

    `name` is passages, read, drafted, accepted, training, or the name of the curator.
    """

    name: str
    label: str
    unit: str  # passages | records
    count: int
    stage: str = ""
    parts: list[Part] = []
    lost: int = 0
    added: int = 0
    reasons: list[Reason] = []
    note: str = ""


class Topic(msgspec.Struct, kw_only=True):
    """A topic of the documents (a heading path) that gave few records or none."""

    topic: str
    language: str
    passages: int
    accepted: int


class Cell(msgspec.Struct, kw_only=True):
    """A page, or a heading where a format has no pages, with its passages and the records they gave."""

    label: str
    passages: int
    records: int


class Document(msgspec.Struct, kw_only=True):
    """How a document was used. `by` says what its cells are: page, heading or passage."""

    document: str
    hash: str
    kind: str = ""
    pages: int | None = None
    passages: int = 0
    with_records: int = 0
    records: int = 0
    by: str = "page"
    cells: list[Cell] = []


class Unreadable(msgspec.Struct, kw_only=True):
    """A document that gave no text, and why. A `copy` of another document misses nothing."""

    document: str
    reason: str
    detail: str = ""
    copy: bool = False


class Sample(msgspec.Struct, kw_only=True):
    """An accepted record beside its passage. `pieces` is the passage cut at its evidence: [text, is evidence]."""

    record: Quote
    pieces: list[tuple[str, bool]] = []
    split: str = ""
