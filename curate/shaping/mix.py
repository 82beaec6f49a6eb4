"""General data among the domain's, so that the model keeps what it knew.

A model tuned on narrow data alone forgets: in the measurement behind this stage the loss on general instructions rose
from 1.30 to 2.61 without general data, to 1.54 with 5 % of it and to 1.42 with 10 %. Some general records are set
apart, so that forgetting can be measured as well.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import msgspec

from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.formats import plain, read_records
from seedbed.gate import Gate
from seedbed.jsonl import BadLine
from seedbed.pairs import conversation, is_pair
from seedbed.record import Record, Source, Step, content_id
from seedbed.resources import resource
from seedbed.rows import SUFFIXES

VERSION = 2
GENERAL, TEST = "general", "test_general"

# Below this share of general data the protection is weak (see the figures above).
FLOOR = 0.05
# The cut of Self-Instruct (Wang et al. 2023): what is more alike than that is the domain's own question again.
NEAR = 0.7
# Of the general records of a language, at most this part is set apart: training comes first when there are few.
_MOST_TEST = 1 / 3
# Kept in memory beyond what may be needed, in the place of those that turn out too close to a test record.
_RESERVE = 64


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much general data, and from where."""

    PATHS: ClassVar[tuple[str, ...]] = ("data",)
    share: float = 0.08  # of the final training set; 5 to 10 % is usual
    data: str = ""  # a data set file or a folder of them; empty: seedbed's own
    test: int = 24  # general records set apart as test_general

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 0.9:
            raise ValueError(f"share: expected a share of the training set between 0 and 0.9, got {self.share}")
        if self.test < 0:
            raise ValueError(f"test: expected a number of records, got {self.test}")


def watch(options: Options) -> list[Path]:
    """The files of general data. Raises InputError when there are none."""
    if not options.data:
        return [resource("seeds") / f"general.{language}.jsonl" for language in ("en", "zh")]
    path = Path(options.data)
    files = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise InputError("no such data file, or a folder without any", where=str(path),
                         next_step=f"Name a file of general data ({', '.join(SUFFIXES)}), or leave `data` out")
    return files


@dataclass
class _Domain:
    """What is remembered of the domain's records: the wording of the questions, and how many train, by language."""

    gate: Gate = field(default_factory=lambda: Gate(NEAR))
    training: Counter[str] = field(default_factory=Counter)
    general: int = 0
    chats: set[bytes] = field(default_factory=set)
    pairs: dict[bytes, str] = field(default_factory=dict)  # conversations that train -> language

    def look(self, record: Record) -> None:
        trains = record.split in ("train", "")
        if record.task == GENERAL:
            self.general += trains
            return
        self.gate.add(record.id, _question(record))
        if not trains:
            return
        if is_pair(record):
            self.pairs[conversation(record)] = record.language
        else:
            self.chats.add(conversation(record))
            self.training[record.language] += 1

    def count_pairs(self) -> None:
        """Adds the pairs that no chat record repeats: supervised training learns of those alone."""
        self.training.update(language for key, language in self.pairs.items() if key not in self.chats)


@dataclass
class _Pool:
    """General records of one language: the first `room` in the order of a seeded hash; `count` is of all there are."""

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


def mix(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """The domain's records unchanged, then general ones for training, then those of test_general.

    Languages are in the proportion of the domain's training records. General records whose question is a near-duplicate
    (ROUGE-L F1 over 0.7) of a domain question are kept out, and so are those that train if they are one of a record of
    test_general. The choice is a seeded sample. It does not repeat records to reach the share: too few are all taken,
    with a word about it. Figures: `share` reached, `asked`, `added`, `test`, `by_language`, `kept_out`, `notes`.
    """
    files = watch(options)
    domain = _Domain()
    for record in records:
        domain.look(record)
        yield record
    domain.count_pairs()
    own = domain.training.total()
    wanted = max(_needed(own, options.share) - domain.general, 0)
    notes: list[str] = []
    pools, kept_out = _read(files, domain, wanted + options.test, context, notes)
    there = {language: pool.count for language, pool in pools.items()}
    proportion = _proportion(domain.training, there)
    tests = _quotas(options.test, proportion, {name: int(count * _MOST_TEST) for name, count in there.items()})
    adds = _quotas(wanted, proportion, {name: count - tests[name] for name, count in there.items()})
    test, added = _choose(pools, tests, adds)
    yield from (msgspec.structs.replace(record, split="train") for record in added)
    yield from (msgspec.structs.replace(record, split=TEST) for record in test)
    reached = domain.general + len(added)
    share = reached / (own + reached) if own + reached else 0.0
    notes += _notes(options, share, wanted - len(added), options.test - len(test))
    for note in notes:
        context.progress.say(note)
    context.figures |= {
        "share": round(share, 4), "asked": options.share, "added": len(added), "test": len(test),
        "by_language": _by_language(domain.training, added, test), "kept_out": kept_out, "notes": notes,
    }


def _needed(own: int, share: float) -> int:
    """How many general records make up `share` of a set with `own` others; at least one where any are asked for."""
    return max(round(own * share / (1 - share)), 1) if own and share else 0


def _read(files: list[Path], domain: _Domain, room: int, context: Context,
          notes: list[str]) -> tuple[dict[str, _Pool], int]:
    """The general records by language, and how many were kept out for being a domain question."""
    pools: dict[str, _Pool] = defaultdict(lambda: _Pool(room + _RESERVE))
    bad: list[BadLine] = []
    kept_out = 0
    for path in files:
        for number, record in enumerate(read_records(path, bad=bad), 1):
            if domain.gate.nearest(_question(record)):
                kept_out += 1
                continue
            general = _general(record, path, number)
            rank = hashlib.blake2b(f"{context.seed} {general.id}".encode(), digest_size=8).hexdigest()
            pools[general.language].add(rank, general)
    for pool in pools.values():
        pool.trim()
    if bad:
        notes.append(f"{len(bad)} lines of general data cannot be used; the first, line {bad[0].number}: {bad[0].why}")
    return dict(pools), kept_out


def _general(record: Record, path: Path, number: int) -> Record:
    """The record as general data: what it was is kept in the label `kind`, where it stood in its source."""
    kind = record.task or str(record.extra.get("task", ""))
    line = record.source.line if record.source and record.source.line else number
    general = msgspec.structs.replace(
        plain(record),
        task=GENERAL,
        labels={"origin": GENERAL} | ({"kind": kind} if kind else {}),
        source=Source(document=path.name, line=line),
        evidence=(),
        scores={},
        history=(Step(stage="mix", operation="add"),),
    )
    return msgspec.structs.replace(general, id=content_id(general))


def _proportion(training: Mapping[str, int], there: Mapping[str, int]) -> dict[str, int]:
    """Weights of the languages: the domain's; those of the general data where the two have no language in common."""
    common = {language: training[language] for language in sorted(there) if training.get(language)}
    return common or dict(sorted(there.items()))


def _quotas(total: int, weights: Mapping[str, int], limits: Mapping[str, int]) -> dict[str, int]:
    """`total` shared out by weight (largest remainder), within limits; what one lacks goes to the others."""
    quotas = dict.fromkeys(limits, 0)
    open_ = [name for name in weights if limits[name] > 0]
    while open_ and (rest := total - sum(quotas.values())) > 0:
        whole = sum(weights[name] for name in open_)
        exact = {name: rest * weights[name] / whole for name in open_}
        given = {name: int(exact[name]) for name in open_}
        by_remainder = sorted(open_, key=lambda name: (given[name] - exact[name], name))
        for name in by_remainder[: rest - sum(given.values())]:
            given[name] += 1
        for name in open_:
            quotas[name] = min(quotas[name] + given[name], limits[name])
        open_ = [name for name in open_ if quotas[name] < limits[name]]
    return quotas


def _choose(pools: Mapping[str, _Pool], tests: Mapping[str, int],
            adds: Mapping[str, int]) -> tuple[list[Record], list[Record]]:
    """The records set apart and the records to train on, by language; none of these near one of those."""
    apart = Gate(NEAR)
    test: list[Record] = []
    added: list[Record] = []
    for name in sorted(pools):
        for _, record in pools[name].ranked[: tests[name]]:
            apart.add(record.id, _question(record))
            test.append(record)
    for name in sorted(pools):
        rest = (record for _, record in pools[name].ranked[tests[name] :])
        fit = (record for record in rest if not apart.nearest(_question(record)))
        added += [record for record, _ in zip(fit, range(adds[name]), strict=False)]
    return test, added


def _notes(options: Options, share: float, lacking: int, lacking_test: int) -> list[str]:
    """What the user should know, one line each."""
    notes = []
    if lacking > 0:
        notes.append(f"too few general records: all that fit were taken, {lacking} short of {options.share:.0%}")
    if lacking_test > 0:
        reached = options.test - lacking_test
        notes.append(f"too few general records: test_general has {reached} instead of {options.test}")
    if share < FLOOR:
        notes.append(f"general data is {share:.1%} of the training set; below {FLOOR:.0%} a model forgets what it knew")
    return notes


def _by_language(training: Mapping[str, int], added: list[Record], test: list[Record]) -> dict[str, dict[str, int]]:
    mixed, apart = Counter(r.language for r in added), Counter(r.language for r in test)
    counts = {"domain": training, "added": mixed, "test": apart}
    names = sorted({name for count in counts.values() for name in count})
    return {name: {column: count.get(name, 0) for column, count in counts.items()} for name in names}


def _question(record: Record) -> str:
    return record.user_text or record.text
