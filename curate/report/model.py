"""What a report holds: the shape of report.json, and all that the page is drawn from.

Everything is counted, never estimated. Sections with nothing to show are None or empty; the page leaves them out.
"""

from __future__ import annotations

from typing import Any

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


class Part(msgspec.Struct, kw_only=True):
    """A piece of a whole; `name` is stable, `label` is for people."""

    name: str
    label: str
    count: int


class Level(msgspec.Struct, kw_only=True):
    """A row of the funnel, and what happened on the way to it: records lost (by reason) and added."""

    label: str
    unit: str  # passages | records
    count: int
    stage: str = ""
    parts: list[Part] = []
    lost: int = 0
    added: int = 0
    reasons: list[Reason] = []
    note: str = ""


class Stage(msgspec.Struct, kw_only=True):
    """One finished stage: counts, time and what its teacher calls cost."""

    name: str
    read: int
    kept: int
    rejected: int
    seconds: float
    calls: int
    prompt_tokens: int
    completion_tokens: int
    money: float


class Bin(msgspec.Struct, kw_only=True):
    """One bar of a histogram over [low, high), with counts by language."""

    low: float
    high: float
    counts: dict[str, int]


class Histogram(msgspec.Struct, kw_only=True):
    """A distribution. `unit` says of what; the last bin of lengths gathers everything above it when `open_end`."""

    name: str
    unit: str
    bins: list[Bin]
    median: float
    p95: float
    largest: float
    open_end: bool = False


class Opening(msgspec.Struct, kw_only=True):
    """How many questions of a language begin with these words."""

    text: str
    count: int


class Openings(msgspec.Struct, kw_only=True):
    """The commonest openings of one language; `share` is what they cover of its questions."""

    language: str
    questions: int
    share: float
    top: list[Opening]


class Quality(msgspec.Struct, kw_only=True):
    """One of the four dimensions of data quality: how many of the checked records pass, and what the check is."""

    name: str
    passed: int
    checked: int
    how: str


class Dataset(msgspec.Struct, kw_only=True):
    """The last kept records of the run. `records` counts general data as well, everything else leaves it out."""

    records: int = 0
    general: int = 0
    languages: dict[str, int] = {}
    splits: list[Part] = []
    mix_share: float | None = None
    kinds: dict[str, dict[str, int]] = {}  # kind -> level -> records
    tasks: dict[str, int] = {}
    lengths: list[Histogram] = []
    scores: list[Histogram] = []
    openings: list[Openings] = []
    quality: list[Quality] = []


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


class Cluster(msgspec.Struct, kw_only=True):
    """Records that were left out for being too much like the same one."""

    kept: Quote | None
    id: str
    size: int
    twins: list[Rejected] = []


class Training(msgspec.Struct, kw_only=True):
    """What the trainer noted: [step, loss] points, the checks before the start, and its facts in words.

    `kept` is the step whose adapter was kept; None where it is not known.
    """

    losses: list[tuple[float, float]] = []
    validation: list[tuple[float, float]] = []
    preflight: list[dict[str, Any]] = []
    facts: list[tuple[str, str]] = []
    kept: float | None = None


class Comparison(msgspec.Struct, kw_only=True):
    """One evaluation set, before and after: losses in nats a token, the difference with its 95 % interval.

    `languages` is language -> [before, after]; `rouge` and `figures` are [before, after] of the models' own answers:
    mean ROUGE-L, and how many of `figures_of` answers have every number of their reference.
    """

    name: str
    label: str
    asks: str
    records: int
    before: float
    after: float
    perplexity_before: float | None = None
    perplexity_after: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    sentence: str = ""
    languages: dict[str, tuple[float, float]] = {}
    rouge: tuple[float, float] | None = None
    figures: tuple[int, int] | None = None
    figures_of: int = 0


class Answers(msgspec.Struct, kw_only=True):
    """One question of an evaluation set, its reference, and what the model said before and after training."""

    set: str
    language: str
    question: str
    reference: str
    before: str
    after: str


class Evaluation(msgspec.Struct, kw_only=True):
    """Before and after. `base` says what "before" is; `unmeasured` are the sets that had no records, in words."""

    base: str = ""
    comparisons: list[Comparison] = []
    unmeasured: list[str] = []
    answers: list[Answers] = []


class Sample(msgspec.Struct, kw_only=True):
    """An accepted record beside its passage. `pieces` is the passage cut at its evidence: [text, is evidence]."""

    record: Quote
    pieces: list[tuple[str, bool]] = []
    split: str = ""


class Advice(msgspec.Struct, kw_only=True):
    """What to do next. `tone` is act, watch or good; `link` is a section of the page."""

    tone: str
    title: str
    text: str
    link: str = ""


class Headline(msgspec.Struct, kw_only=True):
    """One figure and the sentence that explains it."""

    figure: str
    label: str
    sentence: str
    link: str = ""


class Report(msgspec.Struct, kw_only=True):
    """Everything."""

    title: str
    finished: str = ""
    teacher: str = ""
    student: str = ""
    summary: str = ""
    target: int = 0  # accepted records that the job asked for; 0 when it named no number
    headline: list[Headline] = []
    advice: list[Advice] = []
    funnel: list[Level] = []
    stages: list[Stage] = []
    dataset: Dataset = msgspec.field(default_factory=Dataset)
    documents: list[Document] = []
    unreadable: list[Unreadable] = []
    duplicates: list[Cluster] = []
    training: Training | None = None
    evaluation: Evaluation = msgspec.field(default_factory=Evaluation)
    samples: list[Sample] = []
    rejected: list[Rejected] = []
