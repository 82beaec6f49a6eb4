"""One pass over the data set: what is in it, how long, in which words, from which places, and how good.

The four dimensions of quality are the usual ones of data management (completeness, accuracy, consistency,
timeliness), each reduced to a check that can be made on every record and is named on the page.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from curate.filters.refusals import Options as Refusing
from curate.filters.refusals import refuses
from curate.report import histograms
from curate.report.examples import Sampler, in_turn
from curate.report.model_records import Part
from curate.report.model_set import Dataset, Histogram, Refusals
from curate.report.quality import Checks
from curate.report.tally import Tally
from curate.report.words import Words
from seedbed.phrases import REFUSAL
from seedbed.record import Record

_SPLITS = {
    "train": "Training",
    "validation": "Validation",
    "test_seen": "Test: new questions, seen documents",
    "test_heldout": "Test: held-out documents",
    "test_general": "Test: general",
}
_SCORES = 12  # names of scores that are shown; what a stage is asked to write is never that many
_LOOKED_AT = 20_000
_DIFFICULTY = ("level", "difficulty")


@dataclass
class Cited:
    """Where the records of one document come from: offset -> records, by passage and by first piece of evidence."""

    passages: Counter[int] = field(default_factory=Counter)
    evidence: Counter[int] = field(default_factory=Counter)


class Survey:
    """Counts as records go by. `cited` has the places that records come from, by document."""

    def __init__(self, ingest: Path | None, samples: int, seed: int) -> None:
        self.records = self.general = 0
        self.cited: dict[str, Cited] = defaultdict(Cited)
        self.tally = Tally()
        self.scores = Scores()
        self._splits: Counter[str] = Counter()
        self._general_training = 0
        self._kinds: dict[str, Counter[str]] = defaultdict(Counter)
        self._levels: Counter[str] = Counter()
        self._refusals = _Refusals()
        self._checks = Checks(ingest, seed)
        self._samples: dict[str, Sampler[Record]] = defaultdict(lambda: Sampler(samples, seed))
        self._wanted = samples

    def add(self, record: Record) -> None:
        """One more record. General data is counted and goes no further: the report is about what the run made."""
        self.records += 1
        self._splits[record.split] += 1
        if record.task == "general":
            self.general += 1
            self._general_training += record.split == "train"
            return
        seen = self.tally.add(record)
        level = next((record.labels[name] for name in _DIFFICULTY if record.labels.get(name)), "")
        if kind := record.labels.get("kind"):
            self._kinds[kind][level] += 1
        if level:
            self._levels[level] += 1
        self.scores.add(record)
        self._refusals.add(record, seen.told ^ seen.asked)
        if record.messages and (source := record.source) and source.start is not None:
            cited = self.cited[source.document_hash or source.document]
            cited.passages[source.start] += 1
            cited.evidence[record.evidence[0].start if record.evidence else source.start] += 1
        self._checks.add(record, seen)
        self._samples[seen.language].offer(record.id, record)

    def samples(self) -> list[Record]:
        """Records to show, the languages in turn."""
        groups = [self._samples[tongue].taken() for tongue, _ in self.tally.languages.most_common()]
        return in_turn(groups, self._wanted)

    @property
    def training(self) -> int:
        """Records to train on: the training split, or all where nothing was split."""
        return self._splits["train"] if self._splits.keys() - {""} else self.records

    def parts(self, words: Words) -> list[Part]:
        """The splits; none where nothing was split."""
        return split_parts(self._splits, words) if self._splits.keys() - {""} else []

    def dataset(self, words: Words, again: Iterable[Record], dropped: Scores) -> Dataset:
        """All that was counted. `again` are the same records once more, `dropped` the scores of those left out."""
        named = bool(self._splits.keys() - {""})
        share = (
            self._general_training / self.training if named and self.training else self.general / (self.records or 1)
        )
        return Dataset(
            records=self.records,
            general=self.general,
            languages=dict(self.tally.languages.most_common()),
            splits=self.parts(words),
            mix_share=share if self.general else None,
            kinds={kind: dict(levels) for kind, levels in self._kinds.items()},
            levels=dict(self._levels.most_common()),
            tasks=dict(self.tally.tasks.most_common()),
            lengths=[h for name, counts in self.tally.lengths.items() if (h := histograms.lengths(name, counts))],
            scores=self.scores.histograms(dropped),
            openings=self.tally.openings(),
            quality=self._checks.results(words, again),
            refusals=self._refusals.found(),
        )


class Scores:
    """All values of all scores: eight bytes each."""

    def __init__(self) -> None:
        self._values: dict[str, array[float]] = defaultdict(lambda: array("d"))

    def add(self, record: Record) -> None:
        """The scores that the record bears; what is no number (a division by zero somewhere) is passed over."""
        for name, score in record.scores.items():
            if math.isfinite(score):
                self._values[name].append(score)

    def histograms(self, dropped: Scores) -> list[Histogram]:
        """Each score of the records that stayed, with the same score of those that were left out."""
        return [
            histograms.scores(name, {"kept": self._values[name], "dropped": dropped.values.get(name, ())})
            for name in sorted(self._values)[:_SCORES]
        ]

    @property
    def values(self) -> Mapping[str, array[float]]:
        """By name."""
        return self._values


class _Refusals:
    """Refusals among at most 20,000 records: a hundred patterns take longer than all else that is counted here. Those
    with the smallest hashes are looked at: the same whatever the order."""

    def __init__(self) -> None:
        self._bound = 2**64
        self._seen: list[tuple[int, bool]] = []
        self._options = Refusing()

    def add(self, record: Record, key: int) -> None:
        if key >= self._bound or not record.messages:
            return
        self._seen.append((key, refuses(record, self._options) == REFUSAL))
        if len(self._seen) > _LOOKED_AT:
            self._bound //= 2
            self._seen = [each for each in self._seen if each[0] < self._bound]

    def found(self) -> Refusals:
        return Refusals(found=sum(refused for _, refused in self._seen), checked=len(self._seen))


def split_parts(splits: Counter[str], words: Words) -> list[Part]:
    """Splits in their usual order, those that nobody knows last."""
    order = [name for name in _SPLITS if splits[name]] + sorted(splits.keys() - _SPLITS.keys())
    return [
        Part(name=name or "none", label=words(_SPLITS.get(name, name or "No split")), count=splits[name])
        for name in order
    ]
