"""General records for the mix: where they come from, and a seeded sample of each language, shape and source.

Only the sample is held in memory; a source may be as long as it likes.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from curate.shaping.traits import question, shape
from seedbed import importing
from seedbed.context import Context
from seedbed.formats import plain
from seedbed.gate import Gate
from seedbed.record import Record, Source, Step, content_id
from seedbed.resources import resource
from seedbed.text import normalise

GENERAL = "general"
# Of the general records of a language, at most this part is set apart: training comes first when there are few.
MOST_TEST = 1 / 3
# Kept in memory beyond what may be needed, in the place of those that turn out too close to a test record.
_RESERVE = 64
# A weight that only counts once nothing else is left.
NEXT_TO_NOTHING = 1e-9

# language, shape (empty where shapes do not matter), number of the source
Cell = tuple[str, str, int]


class General(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source of general data; the fields are those of `records:`, and how much is taken of it.

    data     a data file or a folder of them; or
    dataset  a Hugging Face data set: its name on the hub or a folder, with `config`, `split`, `revision`
    weight   its part of the general data, against the weights of the other sources
    count    so many records, whatever the share
    """

    data: str = ""
    dataset: str = ""
    config: str = ""
    split: str = ""
    revision: str = ""
    format: str | None = None
    columns: dict[str, str] = {}
    weight: float = 1.0
    count: int | None = None

    def __post_init__(self) -> None:
        if bool(self.data) == bool(self.dataset):
            raise ValueError("data: expected either `data` (a file or a folder) or `dataset` (a Hugging Face data set)")
        if not 0 < self.weight < float("inf"):
            raise ValueError(f"weight: expected a number above 0, got {self.weight}")
        if self.count is not None and self.count < 0:
            raise ValueError(f"count: expected a number of records, got {self.count}")
        self.reading  # noqa: B018 - its options are checked when the job is read

    @property
    def name(self) -> str:
        return Path(self.data).name if self.data else self.dataset

    @property
    def reading(self) -> importing.Options:
        return importing.Options(
            paths=(self.data,) if self.data else (), dataset=self.dataset, config=self.config, split=self.split,
            revision=self.revision, format=self.format, columns=self.columns,
        )

    def placed(self, base: Path) -> General:
        """The same with paths below `base`, where the job lies."""
        data = str(base / Path(self.data).expanduser()) if self.data else ""
        return msgspec.structs.replace(self, data=data, dataset=self.reading.placed(base).dataset)


def own() -> list[General]:
    """seedbed's own general records, as one source."""
    return [General(data=str(resource("seeds") / f"general.{language}.jsonl")) for language in ("en", "zh")]


@dataclass
class Pool:
    """General records of one cell: the first `room` in the order of a seeded hash; `count` is of all there are."""

    room: int
    count: int = 0
    ranked: list[tuple[str, Record]] = field(default_factory=list)

    def add(self, rank: str, record: Record) -> None:
        self.count += 1
        self.ranked.append((rank, record))
        if len(self.ranked) > 2 * self.room + _RESERVE:
            self.trim()

    def trim(self) -> None:
        self.ranked.sort(key=lambda pair: (pair[0], pair[1].id))
        del self.ranked[self.room :]


@dataclass
class Pools:
    """The sample by cell, how many records were kept out for being a domain question, and rows that are no records."""

    room: int
    seed: int
    by_shape: bool
    cells: dict[Cell, Pool] = field(default_factory=dict)
    kept_out: int = 0
    bad: list[str] = field(default_factory=list)
    taken: dict[str, Counter[int]] = field(default_factory=lambda: {"added": Counter(), "test": Counter()})

    def read(self, number: int, source: General, domain: Gate, context: Context) -> None:
        for row, record in enumerate(importing.import_records((), source.reading, context), 1):
            if record.rejection is not None:
                self.bad.append(record.rejection.detail)
            elif domain.nearest(question(record)):
                self.kept_out += 1
            else:
                made = _general(record, source.name, row)
                cell = (made.language, shape(made) if self.by_shape else "", number)
                rank = hashlib.blake2b(f"{self.seed} {made.id}".encode(), digest_size=8).hexdigest()
                self.cells.setdefault(cell, Pool(self.room + _RESERVE)).add(rank, made)

    def languages(self) -> Counter[str]:
        there = Counter[str]()
        for (language, _, _), pool in self.cells.items():
            there[language] += pool.count
        return there

    def choose(
        self, near: float, tests: Mapping[Cell, int], adds: Mapping[Cell, int]
    ) -> tuple[list[Record], list[Record]]:
        """The records set apart and the records to train on, cell by cell.

        None of these is nearer than `near` to one of those, and no question is there twice: data sets copy from one
        another.
        """
        apart, seen = Gate(near), set[bytes]()
        test: list[Record] = []
        added: list[Record] = []
        for name in sorted(self.cells):
            self.cells[name].trim()
            for _, record in self.cells[name].ranked[: tests.get(name, 0)]:
                if _new(record, seen):
                    apart.add(record.id, question(record))
                    test.append(record)
                    self.taken["test"][name[2]] += 1
        for name in sorted(self.cells):
            rest = (record for _, record in self.cells[name].ranked[tests.get(name, 0) :])
            fit = (record for record in rest if not apart.nearest(question(record)) and _new(record, seen))
            chosen = [record for _, record in zip(range(adds.get(name, 0)), fit, strict=False)]
            self.taken["added"][name[2]] += len(chosen)
            added += chosen
        return test, added


def spread(total: int, limits: Mapping[Cell, int], weights: Sequence[Mapping[str | int, float]]) -> dict[Cell, int]:
    """`total` shared out over cells: first by language, within a language by shape, within that by source.

    What one group lacks goes to the others of its level. A group without a weight gets nothing.
    """
    return _spread(total, dict(limits), weights, 0)


def _spread(
    total: int, limits: Mapping[Cell, int], weights: Sequence[Mapping[str | int, float]], level: int
) -> dict[Cell, int]:
    if level == len(weights):
        return {cell: min(total, limit) for cell, limit in limits.items()}
    groups: dict[str | int, dict[Cell, int]] = defaultdict(dict)
    for cell, limit in limits.items():
        groups[cell[level]][cell] = limit
    there = {name: sum(group.values()) for name, group in groups.items()}
    weighed = {name: weights[level][name] for name in sorted(there, key=str) if name in weights[level]}
    given = quotas(total, weighed, there)
    found: dict[Cell, int] = {}
    for name, group in groups.items():
        found |= _spread(given[name], group, weights, level + 1)
    return found


def quotas(total: int, weights: Mapping[str | int, float], limits: Mapping[str | int, int]) -> dict[str | int, int]:
    """`total` shared out by weight (largest remainder), within limits; what one lacks goes to the others."""
    found = dict.fromkeys(limits, 0)
    open_ = [name for name in weights if limits[name] > 0]
    while open_ and (rest := total - sum(found.values())) > 0:
        whole = sum(weights[name] for name in open_)
        exact = {name: rest * weights[name] / whole for name in open_}
        given = {name: int(exact[name]) for name in open_}
        by_remainder = sorted(open_, key=lambda name: (given[name] - exact[name], str(name)))
        for name in by_remainder[: rest - sum(given.values())]:
            given[name] += 1
        for name in open_:
            found[name] = min(found[name] + given[name], limits[name])
        open_ = [name for name in open_ if found[name] < limits[name]]
    return found


def by_source(sources: Sequence[General], pools: Pools) -> dict[str, dict[str, int]]:
    """By name of the source: how many of its records fit, train and are set apart."""
    counts: dict[str, dict[str, int]] = {}
    for number, source in enumerate(sources):
        there = sum(pool.count for cell, pool in pools.cells.items() if cell[2] == number)
        row = {"there": there, "added": pools.taken["added"][number], "test": pools.taken["test"][number]}
        before = counts.get(source.name, {})
        counts[source.name] = {name: count + before.get(name, 0) for name, count in row.items()}
    return counts


def _general(record: Record, name: str, row: int) -> Record:
    """The record as general data: what it was is kept in the label `kind`, where it stood in its source."""
    kind = record.task or str(record.extra.get("task", ""))
    source = record.source
    general = msgspec.structs.replace(
        plain(record),
        task=GENERAL,
        labels={"origin": GENERAL} | ({"kind": kind} if kind else {}),
        source=Source(document=source.document if source else name, line=(source.line if source else None) or row),
        evidence=(),
        scores={},
        history=(Step(stage="mix", operation="add"),),
    )
    return msgspec.structs.replace(general, id=content_id(general))


def _new(record: Record, seen: set[bytes]) -> bool:
    digest = hashlib.blake2b(normalise(question(record)).encode("utf-8", "surrogatepass"), digest_size=16).digest()
    new = digest not in seen
    seen.add(digest)
    return new
