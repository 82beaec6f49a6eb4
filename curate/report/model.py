"""What a report holds: the shape of report.json, and all that the page is drawn from.

Everything is counted, never estimated; where only a sample is looked at, its size and the whole stand beside it.
Sections with nothing to show are None or empty; the page leaves them out. docs/curation/report.schema.json is made from
these types (`python -m curate.report.schema`). Words for people are in the page's language, names are not.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from curate.report.model_records import Document, Level, Rejected, Sample, Topic, Unreadable
from curate.report.model_set import Change, Dataset, Duplicates, Map, Pii


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


class Training(msgspec.Struct, kw_only=True):
    """What the trainer noted: [step, loss] points, the checks before the start, and its facts in words.

    `validation` is on the domain's records, `general` on general ones. `kept` is the step whose adapter was kept; None
    where it is not known.
    """

    losses: list[tuple[float, float]] = []
    validation: list[tuple[float, float]] = []
    general: list[tuple[float, float]] = []
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
