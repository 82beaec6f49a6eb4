"""One pass over the data set: what is in it, how long, in which words, from which places, and how good.

The four dimensions of quality are the usual ones of data management (completeness, accuracy, consistency,
timeliness), each reduced to a check that can be made on every record and is named on the page.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from curate.report import histograms
from curate.report.examples import Sampler, in_turn
from curate.report.model import Dataset, Opening, Openings, Part, Quality
from seedbed.record import Record
from seedbed.text import language, length, normalise, opening

_SPLITS = {
    "train": "Training",
    "validation": "Validation",
    "test_seen": "Test: new questions, seen documents",
    "test_heldout": "Test: held-out documents",
    "test_general": "Test: general",
}
_OPENINGS = 10
# Words that tie a question to the day on which it was asked ("today's price").
_DATED = re.compile(
    r"\b(?:today|yesterday|tomorrow|nowadays|recently|currently|at present|(?:this|last|next) (?:week|month|year))\b"
    r"|今天|昨天|明天|今年|去年|明年|目前|最近|近日|本周|本月|如今",
    re.IGNORECASE,
)


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
        self._splits: Counter[str] = Counter()
        self._general_training = 0
        self._languages: Counter[str] = Counter()
        self._kinds: dict[str, Counter[str]] = defaultdict(Counter)
        self._tasks: Counter[str] = Counter()
        self._lengths: dict[str, dict[str, Counter[int]]] = {
            "question": defaultdict(Counter),
            "answer": defaultdict(Counter),
        }
        self._scores: dict[str, array[float]] = defaultdict(lambda: array("d"))
        self._openings: dict[str, Counter[str]] = defaultdict(Counter)
        self._quality = _Checks(ingest)
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
        tongue = record.language or language(record.user_text or record.text)
        self._languages[tongue] += 1
        self._tasks[record.task or "unnamed"] += 1
        if kind := record.labels.get("kind"):
            self._kinds[kind][record.labels.get("level", "")] += 1
        for name, score in record.scores.items():
            self._scores[name].append(score)
        if record.messages:
            self._words(record, tongue)
        if record.messages and (source := record.source) and source.start is not None:
            cited = self.cited[source.document_hash or source.document]
            cited.passages[source.start] += 1
            cited.evidence[record.evidence[0].start if record.evidence else source.start] += 1
        self._quality.add(record)
        self._samples[tongue].offer(record.id, record)

    def _words(self, record: Record, tongue: str) -> None:
        self._lengths["question"][tongue][length(record.user_text)] += 1
        self._lengths["answer"][tongue][length(record.answer)] += 1
        self._openings[tongue][opening(record.instruction, tongue)] += 1

    def samples(self) -> list[Record]:
        """Records to show, the languages in turn."""
        groups = [self._samples[tongue].taken() for tongue, _ in self._languages.most_common()]
        return in_turn(groups, self._wanted)

    @property
    def training(self) -> int:
        """Records to train on: the training split, or all where nothing was split."""
        return self._splits["train"] if self._splits.keys() - {""} else self.records

    def dataset(self) -> Dataset:
        """All that was counted."""
        named = bool(self._splits.keys() - {""})
        share = (
            self._general_training / self.training if named and self.training else self.general / (self.records or 1)
        )
        return Dataset(
            records=self.records,
            general=self.general,
            languages=dict(self._languages.most_common()),
            splits=split_parts(self._splits) if named else [],
            mix_share=share if self.general else None,
            kinds={kind: dict(levels) for kind, levels in self._kinds.items()},
            tasks=dict(self._tasks.most_common()),
            lengths=[h for name, counts in self._lengths.items() if (h := histograms.lengths(name, counts))],
            scores=[histograms.scores(name, values) for name, values in sorted(self._scores.items())[:6]],
            openings=[_openings(tongue, counts) for tongue, counts in self._openings.items()],
            quality=self._quality.results(),
        )


def split_parts(splits: Counter[str]) -> list[Part]:
    """Splits in their usual order, those that nobody knows last."""
    order = [name for name in _SPLITS if splits[name]] + sorted(splits.keys() - _SPLITS.keys())
    return [
        Part(name=name or "none", label=_SPLITS.get(name, name or "No split"), count=splits[name]) for name in order
    ]


def _openings(tongue: str, counts: Counter[str]) -> Openings:
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_OPENINGS]
    return Openings(
        language=tongue,
        questions=counts.total(),
        share=sum(count for _, count in top) / counts.total(),
        top=[Opening(text=text, count=count) for text, count in top],
    )


class _Checks:
    """The four dimensions, each as passed / checked."""

    def __init__(self, ingest: Path | None) -> None:
        self._ingest = ingest
        self._text = lru_cache(maxsize=64)(self._read)
        self._passed: Counter[str] = Counter()
        self._checked: Counter[str] = Counter()
        self._answers: dict[bytes, bytes] = {}
        self._askings: Counter[bytes] = Counter()
        self._contradicted: set[bytes] = set()

    def add(self, record: Record) -> None:
        if record.evidence and (text := self._document(record)):
            self._count("accuracy", all(e.masked or text[e.start : e.end] == e.quote for e in record.evidence))
        if record.messages:
            self._count("completeness", _complete(record))
            asked = _digest(normalise(record.user_text))
            told = _digest(normalise(record.answer))
            if self._answers.setdefault(asked, told) != told:
                self._contradicted.add(asked)
            self._askings[asked] += 1
            self._count("timeliness", not _DATED.search(record.user_text))

    def _count(self, name: str, passed: bool) -> None:
        self._checked[name] += 1
        self._passed[name] += passed

    def _document(self, record: Record) -> str:
        return self._text(record.source.document_hash) if record.source and self._ingest else ""

    def _read(self, document: str) -> str:
        try:
            assert self._ingest is not None
            return (self._ingest / "documents" / f"{document}.md").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return ""

    def results(self) -> list[Quality]:
        self._checked["consistency"] = self._askings.total()
        wrong = sum(self._askings[asked] for asked in self._contradicted)
        self._passed["consistency"] = self._checked["consistency"] - wrong
        return [
            Quality(name=name, passed=self._passed[name], checked=self._checked[name], how=how)
            for name, how in _HOW.items()
            if self._checked[name]
        ]


_HOW = {
    "completeness": "have a question, an answer and a language; those made from documents also a place and evidence",
    "accuracy": "have every quoted sentence word for word at its place in the document",
    "consistency": "are not contradicted: no other record answers the same question differently",
    "timeliness": "ask nothing that is tied to a day (“today”, “currently”, 目前, 最近)",
}


def _complete(record: Record) -> bool:
    whole = bool(record.instruction.strip() and record.answer.strip() and record.language)
    if record.task in ("doc_qa", "dialogue"):
        whole = whole and record.source is not None and bool(record.source.document and record.evidence)
    return whole


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=8).digest()
