"""Everything about the records that were left out: the units of each reason, examples beside the record they matched,
groups of duplicates. Files are streamed, three times at most; what is held is what is shown, and 16 bytes a duplicate.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from curate.report import histograms
from curate.report.conceal import Concealer
from curate.report.examples import SHORT, Sampler, clip, in_turn, quote
from curate.report.model_records import Part, Quote, Rejected
from curate.report.model_set import Cluster, Duplicates, Matches
from curate.report.plot import Candidate, candidate
from curate.report.stages import Finished, records
from curate.report.survey import Scores
from curate.report.tally import digest
from curate.report.words import Words
from seedbed.record import Record, make

PER_REASON = 4
_GROUPS, _TWINS = 5, 4
# Stages that name a match which is no twin: the other side of a contradiction, a question of a test set.
_NO_TWINS = ("contradictions", "decontaminate", "balance", "select", "judge")
_SIZES = (("1", 1, 1), ("2", 2, 2), ("3-9", 3, 9), ("10+", 10, None))
# Twins of twins: the longest chain that is followed. Duplicate stages match against what stayed, so chains come only
# from several such stages in a row.
_CHAIN = 32


class Rejections:
    """What was left out of a run, seen once on the way in and told on demand."""

    def __init__(self, stages: Sequence[Finished], seed: int, points: int, conceal: Concealer, words: Words) -> None:
        self.units: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.scores = Scores()
        self.dropped = 0
        self._stages, self._conceal, self._words = stages, conceal, words
        self._samples: dict[tuple[str, str], Sampler[Record]] = {}
        self._points: Sampler[Candidate] = Sampler(points, seed)
        self._twins, self._matched = array("Q"), array("Q")
        self._likeness: dict[str, array[float]] = {}
        for stage in stages:
            for record in records(stage.folder / "rejected.jsonl"):
                self._see(stage, record, seed)
        self._roots, self._sizes = self._grouped()
        self._largest = self._gather(seed)
        self._matches = _find(stages, self._wanted())
        self._prepare()

    def _see(self, stage: Finished, record: Record, seed: int) -> None:
        rejection = record.rejection
        if rejection is None:
            return
        unit = _unit(record)
        key = (stage.key, rejection.reason)
        self.units[key][unit] += 1
        self._samples.setdefault(key, Sampler(PER_REASON, seed)).offer(record.id, record)
        if record.messages or (record.text and stage.group == "curate"):
            self.dropped += 1
            self.scores.add(record)
            self._points.offer(record.id, candidate(record, rejection.reason, hide=self._conceal.applies(stage)))
            if rejection.match and stage.name not in _NO_TWINS:
                self._twins.append(number(record.id))
                self._matched.append(number(rejection.match))
                likeness = self._likeness.setdefault(stage.name, array("d"))
                likeness.append(1.0 if rejection.score is None else rejection.score)

    def _prepare(self) -> None:
        """What must be concealed before it is shown, all at once."""
        own = [record for sampler in self._samples.values() for record in sampler.taken()]
        own += [record for _, sampler in self._largest.values() for record in sampler.taken()]
        before = [record for record in own if record.rejection and self._conceal.applies(self._stage_of(record))]
        details = [make(text=record.rejection.detail) for record in before if record.rejection]
        matches = [record for stage, record in self._matches.values() if self._conceal.applies(stage)]
        self._conceal.prepare([*before, *details, *matches])

    def _stage_of(self, record: Record) -> Finished | None:
        rejection = record.rejection
        return next((stage for stage in self._stages if rejection and stage.name == rejection.stage), None)

    def points(self) -> list[Candidate]:
        """Records for the map."""
        return self._points.taken()

    def _grouped(self) -> tuple[Any, Counter[int]]:
        """The group of each twin (the record at the end of its chain of matches), and how many twins each group has."""
        import numpy as np

        if not self._twins:
            return np.empty(0, np.uint64), Counter()
        twins, roots = (np.frombuffer(part, np.uint64) for part in (self._twins, self._matched))
        order = np.argsort(twins, kind="stable")
        known, leads = twins[order], roots[order]
        roots = roots.copy()
        for _ in range(_CHAIN):
            places = np.minimum(np.searchsorted(known, roots), len(known) - 1)
            goes_on = (known[places] == roots) & (leads[places] != roots)
            if not goes_on.any():
                break
            roots[goes_on] = leads[places[goes_on]]
        found, sizes = np.unique(roots, return_counts=True)
        return roots, Counter(dict(zip(found.tolist(), sizes.tolist(), strict=True)))

    def _gather(self, seed: int) -> dict[int, tuple[str, Sampler[Record]]]:
        """The largest groups: the id of the record that stays, and a few of its twins."""
        largest = {root: size for root, size in self._sizes.most_common(_GROUPS) if size > 1}
        if not largest:
            return {}
        root_of = {
            twin: root for twin, root in zip(self._twins, self._roots.tolist(), strict=True) if root in largest
        }
        found: dict[int, tuple[str, Sampler[Record]]] = {}
        for stage in self._stages:
            for record in records(stage.folder / "rejected.jsonl"):
                root = root_of.get(number(record.id))
                if root is None or record.rejection is None:
                    continue
                name, sampler = found.setdefault(root, ("", Sampler(_TWINS, seed)))
                sampler.offer(record.id, record)
                if not name and number(record.rejection.match) == root:
                    found[root] = (record.rejection.match, sampler)
        return {root: found[root] for root in largest if root in found}

    def _wanted(self) -> set[str]:
        shown = [r for sampler in self._samples.values() for r in sampler.taken()]
        wanted = {r.rejection.match for r in shown if r.rejection and r.rejection.match}
        return wanted | {name for name, _ in self._largest.values() if name}

    def examples(self, stage: Finished, reason: str) -> list[Rejected]:
        """A few records that this stage left out for this reason."""
        sampler = self._samples.get((stage.key, reason))
        return [self._rejected(record) for record in sampler.taken()] if sampler else []

    def duplicates(self) -> Duplicates:
        """How many twins in how many groups, how alike they are, and the largest groups."""
        sizes = Counter(self._sizes.values())
        parts = [
            Part(
                name=name,
                label=name.replace("-", "–"),
                count=sum(n for size, n in sizes.items() if low <= size and (high is None or size <= high)),
            )
            for name, low, high in _SIZES
        ]
        return Duplicates(
            records=len(self._twins),
            groups=len(self._sizes),
            sizes=[part for part in parts if part.count],
            stages=[
                Matches(stage=name, count=len(values), scores=histograms.likeness(name, values))
                for name, values in self._likeness.items()
            ],
            largest=[
                Cluster(
                    id=name,
                    kept=self._quote(self._matches[name]) if name in self._matches else None,
                    size=self._sizes[root],
                    twins=[self._rejected(twin, matched=False) for twin in sampler.taken()],
                )
                for root, (name, sampler) in self._largest.items()
            ],
        )

    def mixed(self, size: int) -> list[Rejected]:
        """`size` rejected records, of as many reasons as there are, the commonest reasons first."""
        shown = [key for key in self._samples if "documents" not in self.units[key]]
        order = sorted(shown, key=lambda key: (-self.units[key].total(), key))
        taken = in_turn([self._samples[key].taken() for key in order], size)
        return [self._rejected(record) for record in taken]

    def _rejected(self, record: Record, matched: bool = True) -> Rejected:
        rejection = record.rejection
        assert rejection is not None
        stage = self._stage_of(record)
        match = self._matches.get(rejection.match) if matched else None
        return Rejected(
            record=self._quote((stage, record)),
            stage=rejection.stage,
            reason=rejection.reason,
            detail=clip(self._conceal.text(stage, rejection.detail), SHORT),
            score=rejection.score,
            matched=self._quote(match) if match else None,
        )

    def _quote(self, found: tuple[Finished | None, Record]) -> Quote:
        stage, record = found
        return quote(self._conceal.record(stage, record), SHORT, self._words)


def number(key: str) -> int:
    """An id as 64 bits."""
    try:
        return int(key, 16) if len(key) == 16 else digest(key)
    except ValueError:
        return digest(key)


def _unit(record: Record) -> str:
    if record.messages:
        return "records"
    return "replies" if "raw" in record.extra else "passages" if record.text else "documents"


class _Id(msgspec.Struct):
    id: str


def _find(stages: Iterable[Finished], wanted: set[str]) -> dict[str, tuple[Finished | None, Record]]:
    """Records by id, wherever in the run they last were, with that stage; only the ids of the others are decoded."""
    found: dict[str, tuple[Finished | None, Record]] = {}
    for stage in reversed(list(stages)):
        for name in ("kept.jsonl", "rejected.jsonl"):
            path = stage.folder / name
            if len(found) == len(wanted) or not path.is_file():
                continue
            with path.open("rb") as lines:
                for line in lines:
                    if (record := _wanted(line, wanted)) and record.id not in found:
                        found[record.id] = (stage, record)
    return found


def _wanted(line: bytes, wanted: set[str]) -> Record | None:
    try:
        if msgspec.json.decode(line, type=_Id).id in wanted:
            return msgspec.json.decode(line, type=Record)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass  # a damaged line is told by `seedbed` where it is read, and costs the report one example
    return None
