"""What there is too much of is capped, what there is too little of is repeated.

Counted are training records only; test sets stay as they were drawn. In this order: `caps`, then `weights` (a
proportion between values), then `at_least`. Which records a cap leaves out is decided by a hash of the seed and the
record, or by a score, so that the order of the records does not matter. Caps look at what comes in: what is repeated
afterwards for another field's sake is not capped again.

Repeating up to four times is worth nearly as much as new data, beyond that little is gained (Muennighoff et al. 2023,
"Scaling Data-Constrained Language Models", figure 1: up to 4 epochs). A repeated record carries its number
(`seedbed.repeats`); it is never a second record.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import msgspec

from curate.shaping.traits import TRAITS, trait
from curate.waiting import WaitingRoom
from seedbed.config import suggest
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.record import Record, Step
from seedbed.repeats import LABEL, MOST, times

VERSION = 1

# Every value that is not named.
OTHERS = "*"
Value = tuple[str, str]  # what is counted by, and the value
# Rows of a figure by value; data sets have thousands of source documents.
_MOST_SHOWN = 40
# What is named by a preset: the proportion that handbooks for domain assistants give for chat data.
PRESETS: dict[str, dict[str, dict[str, float]]] = {
    "dialogue_70_30": {"shape": {"dialogue": 70.0, "instruction": 30.0}}
}


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is counted by is `task`, `language`, `source` (document or data file), `shape` (dialogue, instruction,
    preference, text) or any label: `level`, `kind`, `fact`, …

    caps      by -> how many at most of each value, or value -> how many; "*" for all values that are not named
    weights   by -> value -> weight: the named values come into this proportion, the others stay as they are
    at_least  by -> value -> how many: repeated until there are so many
    repeats   how often one record may stand in training; 1: nothing is repeated
    prefer    a score, the highest of which stay when a cap bites; without it the lot decides
    preset    dialogue_70_30: `weights: {shape: {dialogue: 70, instruction: 30}}`
    """

    caps: dict[str, int | dict[str, int]] = {}
    weights: dict[str, dict[str, float]] = {}
    at_least: dict[str, dict[str, int]] = {}
    repeats: int = 4
    prefer: str = ""
    preset: Literal["", "dialogue_70_30"] = ""

    def __post_init__(self) -> None:
        for name, cap in self.caps.items():
            if min(cap.values() if isinstance(cap, dict) else (cap,), default=0) < 0:
                raise ValueError(f"caps: {name}: expected numbers of records, got {cap}")
        for name, weights in self.weights.items():
            if not weights or not all(0 < weight < math.inf for weight in weights.values()):
                raise ValueError(f"weights: {name}: expected weights above 0 by value, got {weights}")
        for name, least in self.at_least.items():
            for value, number in least.items():
                if number < 0:
                    raise ValueError(f"at_least: {name}={value}: expected a number of records, got {number}")
                if (most := cap_of(self.caps.get(name), value)) is not None and most < number:
                    raise ValueError(f"at_least: {name}={value}: {number} are more than its cap of {most} lets in")
        if not 1 <= self.repeats <= MOST:
            raise ValueError(f"repeats: expected a number from 1 to {MOST}, got {self.repeats}")
        if self.preset and (twice := PRESETS[self.preset].keys() & self.weights.keys()):
            raise ValueError(f"preset: {self.preset} says the weights of {', '.join(twice)}, and so does `weights`")

    @property
    def all_weights(self) -> dict[str, dict[str, float]]:
        return PRESETS.get(self.preset, {}) | self.weights


@dataclass(slots=True)
class _Item:
    """What is remembered of a record while its text waits: its place in the lot, its values, how often it stands."""

    rank: tuple[float, bytes]
    values: tuple[Value, ...]
    trains: bool
    times: int
    reason: str = ""
    detail: str = ""


def balance(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record in order: rejected as "cap" or "weight" where there is too much of its kind, with the label `repeat`
    where it stands more than once, else as it was.

    Records with a value named in `at_least` that has none to spare are the last that another cap leaves out, and so is
    one training record of each document that validation or test_seen asks about. Reads to the end before it yields;
    texts wait on disk. Raises InputError when no record has what is to be counted by. Figures: `before` and `after` by
    value (rows in training, repeats counted), `repeated` records, `notes` on what could not be reached.
    """
    survey = _Survey(options, context.seed)
    with WaitingRoom(context.folder) as waiting:
        for record in records:
            waiting.add(record)
            survey.look(record)
        survey.refuse_unknown()
        fields, items, training = survey.fields, survey.items, survey.training()
        notes: list[str] = []
        before = _counts(training, fields)
        _cap(training, options.caps)
        for name, weights in options.all_weights.items():
            _weigh(training, name, weights, options.repeats, notes)
        for name, least in options.at_least.items():
            _raise(training, name, least, options.repeats, notes)
        for note in notes:
            context.progress.say(f"balance: {note}")
        context.figures |= {
            "before": before, "after": _counts(training, fields), "notes": notes,
            "repeated": sum(item.times > 1 and not item.reason for item in training),
        }
        for number, (record, item) in enumerate(zip(waiting, items, strict=True), 1):
            context.progress.update(number, len(items))
            yield _decided(record, item)


def cap_of(cap: int | Mapping[str, int] | None, value: str) -> int | None:
    """The most that may stay of a value; None where nothing bounds it. A record without the value is never capped."""
    if cap is None or not value:
        return None
    return cap.get(value, cap.get(OTHERS)) if isinstance(cap, Mapping) else cap


class _Survey:
    """What is remembered of all records."""

    def __init__(self, options: Options, seed: int) -> None:
        self.fields = sorted({*options.caps, *options.all_weights, *options.at_least})
        self.items: list[_Item] = []
        self._options, self._seed = options, seed
        self._values: dict[Value, Value] = {}  # each once, however many records have it
        self._labels: set[str] = set()
        self._asked: set[str] = set()  # documents that validation or test_seen asks about
        self._first: dict[str, _Item] = {}  # document -> the first of its training records by rank

    def look(self, record: Record) -> None:
        values = tuple((name, value) for name in self.fields if (value := trait(record, name)))
        known = tuple(self._values.setdefault(pair, pair) for pair in values)
        item = _Item(self._rank(record), known, record.split in ("train", ""), times(record))
        self.items.append(item)
        self._labels.update(record.labels)
        document = trait(record, "source")
        if document and record.split in ("validation", "test_seen"):
            self._asked.add(document)
        if document and item.trains and (document not in self._first or item.rank < self._first[document].rank):
            self._first[document] = item

    def _rank(self, record: Record) -> tuple[float, bytes]:
        lot = hashlib.blake2b(f"{self._seed} balance {record.id}".encode(), digest_size=8).digest()
        # Of records with one id (a file imported twice) the content decides, never the order in which they came.
        tie = hashlib.blake2b(repr(record).encode("utf-8", "surrogatepass"), digest_size=8).digest()
        score = record.scores.get(self._options.prefer, -math.inf) if self._options.prefer else 0.0
        return (math.inf if math.isnan(score) else -score, lot + tie)

    def refuse_unknown(self) -> None:
        for name in self.fields:
            if self.items and name not in TRAITS and not any(found == name for found, _ in self._values):
                raise InputError(f"no record has a `{name}` to count by", where="balance",
                                 next_step=suggest(name, [*TRAITS, *self._labels]))

    def training(self) -> list[_Item]:
        """The first are the last to be left out: what is scarce and wanted, what tests ask about, then by rank."""
        training = [item for item in self.items if item.trains]
        there = Counter(pair for item in training for pair in item.values)
        scarce = {
            (name, value) for name, least in self._options.at_least.items() for value, number in least.items()
            if there[name, value] <= number
        }
        needed = {id(self._first[document]) for document in self._asked & self._first.keys()}
        return sorted(training, key=lambda item: (scarce.isdisjoint(item.values), id(item) not in needed, item.rank))


def _cap(training: list[_Item], caps: Mapping[str, int | dict[str, int]]) -> None:
    """Lets records in, in order, as long as no cap on any of their values is full. A repeat counts."""
    there = Counter(pair for item in training for pair in item.values)
    taken: Counter[Value] = Counter()
    for item in training:
        bounds = {(name, value): most for name, value in item.values
                  if (most := cap_of(caps.get(name), value)) is not None}
        full = next((key for key, most in bounds.items() if taken[key] >= most), None)
        if full:
            item.reason = "cap"
            item.detail = f"{full[0]}={full[1]}: {bounds[full]} of {there[full]} training records may stay"
            continue
        item.times = min([item.times, *(most - taken[key] for key, most in bounds.items())])
        taken.update({key: item.times for key in bounds})


def _weigh(training: list[_Item], name: str, weights: Mapping[str, float], repeats: int, notes: list[str]) -> None:
    """Brings the named values into proportion: the scarce are repeated as far as they may be, the rest is cut."""
    groups = _groups(training, name)
    for value in weights.keys() - groups.keys():
        notes.append(f"no training record with {name}={value}: its weight counts for nothing")
    there = {value: groups[value] for value in sorted(weights.keys() & groups.keys())}
    if len(there) < 2:
        return
    # As large as the scarcest allows when repeated; but nothing is repeated where cutting alone would do.
    whole = min(
        min(sum(max(item.times, repeats) for item in group) / weights[value] for value, group in there.items()),
        max(sum(item.times for item in group) / weights[value] for value, group in there.items()),
    )
    for value, group in there.items():
        target = max(round(weights[value] * whole), 1)
        _repeat(group, target, repeats)
        _cut(group, target, f"{name}={value}: {target} of {len(group)} training records keep the proportion")


def _raise(training: list[_Item], name: str, least: Mapping[str, int], repeats: int, notes: list[str]) -> None:
    groups = _groups(training, name)
    for value, number in least.items():
        reached = _repeat(groups.get(value, []), number, repeats)
        if reached < number:
            records = len(groups.get(value, []))
            why = f"{records} records, each at most {repeats} times" if records else "no training record has it"
            notes.append(f"{name}={value}: {reached} of at least {number} ({why})")


def _groups(training: list[_Item], name: str) -> dict[str, list[_Item]]:
    groups: dict[str, list[_Item]] = defaultdict(list)
    for item in training:
        for found, value in item.values:
            if found == name and not item.reason:
                groups[value].append(item)
    return groups


def _repeat(group: list[_Item], target: int, repeats: int) -> int:
    """Repeats records evenly until there are `target`. Returns how many there are."""
    there = sum(item.times for item in group)
    for number in range(1, repeats):
        for item in group:
            if there >= target:
                return there
            if item.times == number:
                item.times += 1
                there += 1
    return there


def _cut(group: list[_Item], target: int, detail: str) -> None:
    """Takes repeats, then records, from the end until there are `target`."""
    over = sum(item.times for item in group) - target
    for item in reversed(group):
        if (fewer := min(item.times - 1, over)) > 0:
            item.times -= fewer
            over -= fewer
    for item in reversed(group):
        if over > 0:
            item.reason, item.detail = "weight", detail
            over -= 1


def _counts(training: list[_Item], fields: list[str]) -> dict[str, dict[str, int]]:
    """By field and value, the commonest first: how many rows train."""
    counts: dict[str, Counter[str]] = {name: Counter() for name in fields}
    for item in training:
        for name, value in item.values:
            counts[name][value] += 0 if item.reason else item.times
    return {
        name: dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST_SHOWN])
        for name, found in counts.items()
    }


def _decided(record: Record, item: _Item) -> Record:
    if item.reason:
        return record.reject("balance", item.reason, item.detail)
    if item.times == times(record):
        return record
    labels = {name: value for name, value in record.labels.items() if name != LABEL}
    labels |= {LABEL: str(item.times)} if item.times > 1 else {}
    step = Step(stage="balance", operation="repeat", note=f"stands {item.times} times in training")
    return msgspec.structs.replace(record, labels=labels, history=(*record.history, step))
