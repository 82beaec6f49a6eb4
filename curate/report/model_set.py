"""Types of a report that are about whole sets: distributions, quality, both ends of curation, the map, duplicates."""

from __future__ import annotations

import msgspec

from curate.report.model_records import Part, Quote, Rejected


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
