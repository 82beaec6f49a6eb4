"""What a sweep trains: one option over several values, each with several seeds, and the records of each."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from seedbed.config import suggest
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.pairs import conversations
from seedbed.record import Record
from seedbed.repeats import times
from train.forgetting.general import GENERAL, is_general, spare
from train.forgetting.options import Forgetting
from train.options import Options

MIX = "mix"
MOST_SEEDS = 9
_TESTS = 64  # records of each kind that a point is measured on, at most: bounds the time
_HELD_OUT = 1 / 5  # of the domain's records, where the data set has no tests of its own
_KEYS = ("epochs", "learning_rate", "rank", "alpha", "dropout", "weight_decay", "weight", "penalty")


def shown(value: float | int | str) -> str:
    """A value as a person writes it: 0.05, 1e-04, 16, kl."""
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Rung:
    """One training of a sweep."""

    key: str
    value: float | int | str
    seed: int

    @property
    def folder(self) -> str:
        return f"{self.key}-{shown(self.value)}/seed-{self.seed}"

    def options(self, base: Options) -> Options:
        """The job's options with the rung's value. No bound stops a rung: how far it goes is what is asked."""
        against = msgspec.structs.replace(base.forgetting, bound=None)
        if self.key in Forgetting.__struct_fields__:
            return msgspec.structs.replace(base, forgetting=_with(against, self.key, self.value))
        changed = msgspec.structs.replace(base, forgetting=against)
        return changed if self.key == MIX else _with(changed, self.key, self.value)


@dataclass(frozen=True)
class Sets:
    """A data set taken apart.

    domain   records of the domain that train
    general  general records of the data set that train, and
    others   more of them from elsewhere
    beside   the records of every other split, as they are
    tests    what every rung is measured on: `test_seen` for the domain, `test_general`
    """

    domain: tuple[Record, ...]
    general: tuple[Record, ...]
    others: tuple[Record, ...]
    beside: tuple[Record, ...]
    tests: dict[str, tuple[Record, ...]]


def rungs(words: str, seeds: int, first: int) -> list[Rung]:
    """The rungs of `mix=0,0.05,0.1`, each value with so many seeds. Raises InputError for what makes no sense."""
    key, equals, listed = (part.strip() for part in words.partition("="))
    if key != MIX and key not in _KEYS:
        raise InputError(f"`{key}` cannot be swept", where="--sweep", next_step=suggest(key, [MIX, *_KEYS]))
    written = [word.strip() for word in listed.split(",") if word.strip()]
    if not equals or len(set(written)) < 2:
        raise InputError("a sweep takes two values or more", where="--sweep", next_step="As in --sweep mix=0,0.05,0.1")
    if not 1 <= seeds <= MOST_SEEDS:
        raise InputError(f"expected 1 to {MOST_SEEDS}, not {seeds}", where="--seeds")
    found = [Rung(key, _value(key, word), first + i) for word in dict.fromkeys(written) for i in range(seeds)]
    for rung in found:
        rung.options(Options())  # refuses values that no training takes
    return found


def _value(key: str, word: str) -> float | int | str:
    owner = Forgetting if key in Forgetting.__struct_fields__ else Options
    type_: Any = float if key == MIX else next(f.type for f in msgspec.structs.fields(owner) if f.name == key)
    try:
        value: float | int | str = msgspec.convert(word, type_, strict=False)
    except msgspec.ValidationError as error:
        raise InputError(f"{key}: {word} is no value for it", where="--sweep") from error
    if key == MIX and not 0 <= float(value) <= 0.9:
        raise InputError(f"{key}: expected a share of the training set from 0 to 0.9, not {word}", where="--sweep")
    return value


def _with(options: Any, key: str, value: Any) -> Any:
    """The options with another value, checked as a job's are."""
    try:
        return msgspec.convert(msgspec.to_builtins(options) | {key: value}, type(options))
    except msgspec.ValidationError as error:
        raise InputError(str(error).partition(" - at")[0], where="--sweep") from error


def take_apart(records: Sequence[Record], options: Forgetting, context: Context) -> Sets:
    """Which records train, mix in and measure, drawn by the job's seed.

    The domain is measured on test_seen, else test_heldout, else validation; general loss on test_general, else general
    records of validation. Where there are none of these, some are held out: of the domain's own, and of general records
    that the data set does not have. Raises InputError for a data set with too little to train or measure on.
    """
    chance = random.Random(f"{context.seed} sweep")
    every = [record for record in conversations(records) if record.answer]
    sides: dict[tuple[bool, str], list[Record]] = {}
    for record in every:
        sides.setdefault((is_general(record), record.split or "train"), []).append(record)
    domain, own = sides.get((False, "train"), []), sides.get((True, "train"), [])
    names = ("test_seen", "test_heldout", "validation")
    asked = next((sides[False, name] for name in names if (False, name) in sides), [])
    if not asked:
        chance.shuffle(domain)
        size = min(_TESTS, int(len(domain) * _HELD_OUT))
        asked, domain = domain[:size], domain[size:]
    others = spare(records, options.general, context)
    known = next((sides[True, name] for name in ("test_general", "validation") if (True, name) in sides), [])
    if not known:
        size = min(_TESTS, len(others) // 3)
        known, others = others[:size], others[size:]
    if not domain or not asked or not known:
        raise InputError("has too few records to train on some and measure on others", where="--sweep",
                         next_step="Give some dozens of the domain, and general ones by `forgetting: {general: …}`")
    tests = {"test_seen": _drawn(asked, chance), "test_general": _drawn(known, chance)}
    beside = [record for record in every if record.split not in ("", "train")]
    return Sets(tuple(domain), tuple(own), tuple(others), tuple(beside), tests)


def _drawn(records: Sequence[Record], chance: random.Random) -> tuple[Record, ...]:
    return tuple(records if len(records) <= _TESTS else chance.sample(list(records), _TESTS))


def records_of(rung: Rung, sets: Sets) -> tuple[list[Record], float]:
    """The records that a rung's training is given, and the share of general ones among those that it learns.

    A higher share has all the general records of a lower one of its seed, and more; the data set's own come first. The
    tests are among them, marked as such, so that nothing takes them to watch or to hold to.
    """
    rows, general = sum(map(times, sets.domain)), list(sets.general)
    if rung.key == MIX:
        order, others = random.Random(f"{rung.seed} mix"), list(sets.others)
        order.shuffle(general)
        order.shuffle(others)
        general = [*general, *others][: round(rows * float(rung.value) / (1 - float(rung.value)))]
    learned = [msgspec.structs.replace(record, split="train", task=GENERAL) for record in general]
    apart = [
        msgspec.structs.replace(record, split=name)
        for name, several in sets.tests.items()
        for record in several
        if record.split in ("", "train")
    ]
    share = len(general) / (rows + len(general))
    return [*sets.domain, *learned, *sets.beside, *apart], share

