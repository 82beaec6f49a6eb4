"""General data among the domain's, so that the model keeps what it knew.

A model tuned on narrow data alone forgets: in the measurement behind this stage the loss on general instructions rose
from 1.30 to 2.61 without general data, to 1.54 with 5 % of it and to 1.42 with 10 %. Some general records are set
apart, so that forgetting can be measured as well.

What is chosen from which source is in `curate.shaping.general`; here is how much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import msgspec

from curate.shaping.general import GENERAL, MOST_TEST, NEXT_TO_NOTHING, Cell, General, Pools, by_source, own, spread
from curate.shaping.traits import DIALOGUE, INSTRUCTION, question, shape
from seedbed import importing
from seedbed.context import Context
from seedbed.gate import Gate
from seedbed.pairs import conversation, is_pair
from seedbed.record import Record
from seedbed.repeats import times

VERSION = 4
TEST = "test_general"

# Below this share of general data the protection is weak (see the figures above).
FLOOR = 0.05
# The cut of Self-Instruct (Wang et al. 2023): what is more alike than that is the domain's own question again.
NEAR = 0.7


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much general data, and from where.

    share     of the final training set; 5 to 10 % is usual
    count     so many general training records, in the place of a share
    data      a data set file or a folder of them; without it and without `sources`: seedbed's own
    sources   several of them, each with a weight or a count, from files, folders or a hub
    dialogue  general records are chosen so that the training set comes near to this share of dialogues, the rest being
              single instructions; 0.7 is the usual 70 : 30
    test      general records set apart as test_general
    """

    PATHS: ClassVar[tuple[str, ...]] = ("data",)
    share: float = 0.08
    count: int | None = None
    data: str = ""
    sources: tuple[General, ...] = ()
    dialogue: float | None = None
    test: int = 24

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 0.9:
            raise ValueError(f"share: expected a share of the training set between 0 and 0.9, got {self.share}")
        if self.count is not None and self.count < 0:
            raise ValueError(f"count: expected a number of records, got {self.count}")
        if self.test < 0:
            raise ValueError(f"test: expected a number of records, got {self.test}")
        if self.dialogue is not None and not 0 <= self.dialogue <= 1:
            raise ValueError(f"dialogue: expected a share of the training set between 0 and 1, got {self.dialogue}")
        if self.data and self.sources:
            raise ValueError("sources: name `data` as one of the sources, or leave it out")

    def placed(self, base: Path) -> Options:
        """The same with the paths of `sources` below `base`."""
        return msgspec.structs.replace(self, sources=tuple(source.placed(base) for source in self.sources))

    def all_sources(self) -> list[General]:
        return list(self.sources) or ([General(data=self.data)] if self.data else own())


def watch(options: Options) -> list[Path]:
    """The files of general data. Raises InputError when there are none."""
    return [path for source in options.all_sources() for path in importing.watch(source.reading)]


@dataclass
class _Domain:
    """What is remembered of the domain's records: the wording of the questions, and how many train, by language."""

    gate: Gate = field(default_factory=lambda: Gate(NEAR))
    training: Counter[str] = field(default_factory=Counter)
    dialogues: int = 0
    general: int = 0
    chats: set[bytes] = field(default_factory=set)
    pairs: dict[bytes, tuple[str, bool]] = field(default_factory=dict)  # conversations that train -> language, dialogue

    def look(self, record: Record) -> None:
        trains = record.split in ("train", "")
        if record.task == GENERAL:
            self.general += times(record) if trains else 0
            return
        self.gate.add(record.id, question(record))
        if not trains:
            return
        dialogue = shape(msgspec.structs.replace(record, rejected=None)) == DIALOGUE
        if is_pair(record):
            self.pairs[conversation(record)] = record.language, dialogue
        else:
            self.chats.add(conversation(record))
            self._count(record.language, dialogue, times(record))

    def count_pairs(self) -> None:
        """Adds the pairs that no chat record repeats: supervised training learns of those alone."""
        for key, (language, dialogue) in self.pairs.items():
            if key not in self.chats:
                self._count(language, dialogue, 1)

    def _count(self, language: str, dialogue: bool, rows: int) -> None:
        self.training[language] += rows
        self.dialogues += rows if dialogue else 0


def mix(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """The domain's records unchanged, then general ones for training, then those of test_general.

    Languages are in the proportion of the domain's training records; within a language, sources by their weights.
    General records whose question is a near-duplicate (ROUGE-L F1 over 0.7) of a domain question are kept out, those
    whose question came from another source already, and those that train if they are near a record of test_general.
    The choice is a seeded sample. It does not repeat records to reach the share: too few are all taken, with a word
    about it. Figures: `share` reached, `asked`, `added`, `test`, `by_language`, `by_source`, `kept_out`, `notes`, and
    `dialogue`, the share of dialogues in training, where one was asked for.
    """
    sources = options.all_sources()
    watch(options)
    domain = _Domain()
    for record in records:
        domain.look(record)
        yield record
    domain.count_pairs()
    wanted = _wanted(options, domain)
    asked = sum(source.count or 0 for source in sources)
    if any(source.count is None for source in sources):
        asked = max(asked, wanted)
    pools = Pools(asked + options.test, context.seed, options.dialogue is not None)
    for number, source in enumerate(sources):
        pools.read(number, source, domain.gate, context)
    tests, adds = _shares(options, sources, domain, pools, asked)
    test, added = pools.choose(NEAR, tests, adds)
    yield from (msgspec.structs.replace(record, split="train") for record in added)
    yield from (msgspec.structs.replace(record, split=TEST) for record in test)
    _tell(options, sources, domain, pools, (added, test, asked), context)


def _wanted(options: Options, domain: _Domain) -> int:
    """How many general records are lacking: at least one where any share is asked for."""
    own_rows, share = domain.training.total(), options.share
    if options.count is not None:
        return max(options.count - domain.general, 0)
    needed = max(round(own_rows * share / (1 - share)), 1) if own_rows and share else 0
    return max(needed - domain.general, 0)


def _shares(
    options: Options, sources: list[General], domain: _Domain, pools: Pools, asked: int
) -> tuple[dict[Cell, int], dict[Cell, int]]:
    """How many of each cell are set apart, and how many are to train."""
    there = {cell: pool.count for cell, pool in pools.cells.items()}
    languages = _proportion(domain.training, pools.languages())
    by_weight: dict[str | int, float] = {number: source.weight for number, source in enumerate(sources)}
    weights = [languages, _shapes(options.dialogue, domain, asked), by_weight]
    tests = spread(options.test, {cell: int(count * MOST_TEST) for cell, count in there.items()}, weights)
    left = {cell: count - tests[cell] for cell, count in there.items()}
    adds: dict[Cell, int] = {}
    for number, source in enumerate(sources):
        if source.count is not None:
            adds |= spread(source.count, {cell: room for cell, room in left.items() if cell[2] == number}, weights)
    rest = {cell: room for cell, room in left.items() if sources[cell[2]].count is None}
    return tests, adds | spread(max(asked - sum(adds.values()), 0) if rest else 0, rest, weights)


def _shapes(dialogue: float | None, domain: _Domain, asked: int) -> dict[str | int, float]:
    """Weights of the shapes: what brings the whole training set nearest to the share of dialogues."""
    if dialogue is None:
        return {"": 1.0}
    talks = min(max(dialogue * (domain.training.total() + asked) - domain.dialogues, 0), asked)
    rest = NEXT_TO_NOTHING
    return {DIALOGUE: talks + rest, INSTRUCTION: asked - talks + rest, "text": rest, "preference": rest}


def _proportion(training: Mapping[str, int], there: Mapping[str, int]) -> dict[str | int, float]:
    """Weights of the languages: the domain's; those of the general data where the two have no language in common."""
    common = {language: training[language] for language in sorted(there) if training.get(language)}
    return {name: float(count) for name, count in (common or dict(sorted(there.items()))).items()}


def _tell(
    options: Options, sources: list[General], domain: _Domain, pools: Pools,
    chosen: tuple[list[Record], list[Record], int], context: Context,
) -> None:
    """Sets the figures and says what the user should know."""
    added, test, asked = chosen
    rows, reached = domain.training.total(), domain.general + len(added)
    share = reached / (rows + reached) if rows + reached else 0.0
    notes = []
    if pools.bad:
        notes.append(f"{len(pools.bad)} lines of general data cannot be used; the first: {pools.bad[0]}")
    if (lacking := asked - len(added)) > 0:
        aim = f"{asked}" if options.count is not None or options.sources else f"{options.share:.0%}"
        notes.append(f"too few general records: all that fit were taken, {lacking} short of {aim}")
    if len(test) < options.test:
        notes.append(f"too few general records: test_general has {len(test)} instead of {options.test}")
    if share < FLOOR:
        notes.append(f"general data is {share:.1%} of the training set; below {FLOOR:.0%} a model forgets what it knew")
    for note in notes:
        context.progress.say(note)
    context.figures |= {
        "share": round(share, 4), "asked": options.share, "added": len(added), "test": len(test),
        "by_language": _by_language(domain.training, added, test), "by_source": by_source(sources, pools),
        "kept_out": pools.kept_out, "notes": notes,
    }
    if options.dialogue is not None:
        talks = domain.dialogues + sum(shape(record) == DIALOGUE for record in added)
        context.figures["dialogue"] = round(talks / max(rows + len(added), 1), 4)


def _by_language(training: Mapping[str, int], added: list[Record], test: list[Record]) -> dict[str, dict[str, int]]:
    mixed, apart = Counter(r.language for r in added), Counter(r.language for r in test)
    counts = {"domain": training, "added": mixed, "test": apart}
    names = sorted({name for count in counts.values() for name in count})
    return {name: {column: count.get(name, 0) for column, count in counts.items()} for name in names}
