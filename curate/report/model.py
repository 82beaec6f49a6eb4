"""What a report holds: the shape of report.json, and all that the page is drawn from.

Everything is counted, never estimated; where only a sample is looked at, its size and the whole stand beside it.
Sections with nothing to show are None or empty; the page leaves them out. docs/curation/report.schema.json is made from
these types (`python -m curate.report.schema`). Words for people are in the page's language, names are not.
"""

from __future__ import annotations

from typing import Any, Literal

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


class Stage(msgspec.Struct, kw_only=True):
    """One finished stage: counts, time and what its teacher calls cost, all of it and for each record it kept."""

    name: str
    read: int
    kept: int
    rejected: int
    seconds: float
    calls: int
    prompt_tokens: int
    completion_tokens: int
    money: float
    seconds_per_kept: float | None = None
    tokens_per_kept: float | None = None
    money_per_kept: float | None = None


class Cost(msgspec.Struct, kw_only=True):
    """All stages together. The last three are for each record of the data set, general data aside."""

    seconds: float = 0.0
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    money: float = 0.0
    tokens_per_record: float | None = None
    money_per_record: float | None = None
    seconds_per_record: float | None = None


class Bin(msgspec.Struct, kw_only=True):
    """One bar of a histogram over [low, high), with counts by series: language, kept and dropped, before and after."""

    low: float
    high: float
    counts: dict[str, int]


class Histogram(msgspec.Struct, kw_only=True):
    """A distribution. `unit` says of what; the last bin gathers everything above it when `open_end`; with `steps` each
    bin stands for the one value in its middle."""

    name: str
    unit: str
    bins: list[Bin]
    median: float
    p95: float
    largest: float
    open_end: bool = False
    steps: bool = False


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
    """One of the four dimensions of data quality: how many of the checked records pass, and what the check is.

    `missed` counts what was wrong (a record may lack several things); `examples` are some of the records.
    """

    name: str
    label: str
    passed: int
    checked: int
    how: str
    missed: list[Part] = []
    examples: list[Quote] = []


class Refusals(msgspec.Struct, kw_only=True):
    """Answers that decline, as the stage `refusals` knows them, among those that were looked at: 20,000 at most."""

    found: int = 0
    checked: int = 0

    @property
    def share(self) -> float:
        """Of those that were looked at."""
        return self.found / (self.checked or 1)


class Dataset(msgspec.Struct, kw_only=True):
    """The last kept records of the run. `records` counts general data as well, everything else leaves it out."""

    records: int = 0
    general: int = 0
    languages: dict[str, int] = {}
    splits: list[Part] = []
    mix_share: float | None = None
    kinds: dict[str, dict[str, int]] = {}  # kind -> level -> records
    levels: dict[str, int] = {}  # difficulty -> records
    tasks: dict[str, int] = {}
    lengths: list[Histogram] = []
    scores: list[Histogram] = []
    openings: list[Openings] = []
    quality: list[Quality] = []
    refusals: Refusals = msgspec.field(default_factory=lambda: Refusals())


class Side(msgspec.Struct, kw_only=True):
    """One end of the curation, general data aside. `twins` are records that another one equals, folded; lengths are
    the median and the 95th percentile in tokens; `openings` is the share of the ten commonest ones, by language."""

    records: int
    languages: dict[str, int] = {}
    tasks: dict[str, int] = {}
    twins: int = 0
    question: tuple[int, int] | None = None
    answer: tuple[int, int] | None = None
    openings: dict[str, float] = {}
    distinct_openings: int = 0


class Change(msgspec.Struct, kw_only=True):
    """What went into the curation and what came out; `lengths` have the series before and after."""

    before: Side
    after: Side
    lengths: list[Histogram] = []


class Point(msgspec.Struct, kw_only=True):
    """A record on the map, 0 to 1 both ways. `source` and `language` are indices into the map's lists; `why` is the
    reason for which it was left out, empty for one that stayed."""

    id: str
    x: float
    y: float
    source: int
    language: int
    text: str
    why: str = ""


class Map(msgspec.Struct, kw_only=True):
    """The set in two dimensions. `kept` and `dropped` are how many records there are, of which `points` is a sample."""

    encoder: str
    kept: int
    dropped: int
    sources: list[str]
    languages: list[str]
    points: list[Point]


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


class Cluster(msgspec.Struct, kw_only=True):
    """Records that were left out for being too much like the same one, directly or over another twin."""

    kept: Quote | None
    id: str
    size: int
    twins: list[Rejected] = []


class Matches(msgspec.Struct, kw_only=True):
    """How near the records that one stage left out were to what they matched."""

    stage: str
    count: int
    scores: Histogram | None = None


class Duplicates(msgspec.Struct, kw_only=True):
    """Records left out for their likeness to another: how many, in how many groups of which size, and how near.

    A group's size counts the records left out; the one that stays is not among them. `sizes` are 1, 2, 3-9, 10+.
    """

    records: int = 0
    groups: int = 0
    sizes: list[Part] = []
    stages: list[Matches] = []
    largest: list[Cluster] = []


class Pii(msgspec.Struct, kw_only=True):
    """Personal data that was found and dealt with: counts by kind, never what was found."""

    found: int
    by_kind: dict[str, int]


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
    language: Literal["en", "zh"] = "en"  # of the page and of the words in this file
    finished: str = ""
    teacher: str = ""
    student: str = ""
    summary: str = ""
    target: int = 0  # accepted records that the job asked for; 0 when it named no number
    empty: bool = False  # nothing was kept in the end
    headline: list[Headline] = []
    advice: list[Advice] = []
    funnel: list[Level] = []
    stages: list[Stage] = []
    cost: Cost = msgspec.field(default_factory=Cost)
    dataset: Dataset = msgspec.field(default_factory=Dataset)
    change: Change | None = None
    map: Map | None = None
    documents: list[Document] = []
    topics: list[Topic] = []
    unreadable: list[Unreadable] = []
    duplicates: Duplicates = msgspec.field(default_factory=Duplicates)
    pii: Pii | None = None
    training: Training | None = None
    evaluation: Evaluation = msgspec.field(default_factory=Evaluation)
    samples: list[Sample] = []
    rejected: list[Rejected] = []
