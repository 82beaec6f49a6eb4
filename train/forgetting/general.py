"""General records beside the domain's: those whose loss is watched, and those that a penalty holds the model to.

The two never share a record, and neither takes one of the data set's tests: a bound that is measured on what the
penalty trains would never be reached, and an early stop chosen on a test makes the test too good.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedbed import importing
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.pairs import conversation, conversations
from seedbed.record import Record
from seedbed.resources import resource
from seedbed.text import language
from train.forgetting.options import Forgetting

GENERAL = "general"


@dataclass(frozen=True)
class General:
    """`source` is where the watched ones come from: validation, seedbed, or the name of the user's file."""

    watched: tuple[Record, ...] = ()
    held: tuple[Record, ...] = ()
    source: str = ""


def is_general(record: Record) -> bool:
    """Whether a record is general data, as the stage `mix` marks it."""
    return record.task == GENERAL or record.labels.get("origin") == GENERAL


def choose(records: Sequence[Record], options: Forgetting, context: Context, validating: bool) -> General:
    """Which general records are watched, where there are validations at all, and which are held to.

    Watched: the data set's own validation records that are general; without any, others than the data set has, of the
    user's file or seedbed's own, in the languages of what is trained. Held to: the general training records, then such
    others. Records are drawn by the job's seed.
    """
    if not validating and options.bound is not None:
        raise InputError("a bound on forgetting is looked at with each validation, and there are no validation records",
                         where="train: forgetting.bound", next_step="Put the stage `split` into the job")
    others = spare(records, options.general, context)
    own = [record for record in conversations(records) if is_general(record)]
    given = [record for record in own if record.split == "validation"]
    watched = (given or _in_languages(others, records))[: options.watched if validating else 0]
    apart = {conversation(record) for record in watched}
    training = [record for record in own if record.split in ("train", "")]
    held = [record for record in (*training, *others) if conversation(record) not in apart]
    random.Random(f"{context.seed} general").shuffle(held)
    file = Path(options.general).name if options.general else "seedbed"
    source = ("validation" if given else file) if watched else ""
    return General(tuple(watched), tuple(held) if options.penalty != "none" else (), source)


def check(watched: int, held: int, options: Forgetting) -> None:
    """Raises InputError where a bound or a penalty has no rows, `watched` or `held`, to work on."""
    if (options.bound is not None and not watched) or (options.penalty != "none" and not held):
        raise InputError("no general record fits the student", where="train: forgetting",
                         next_step="Raise max_length, or name a file of others with `general:`")


def spare(records: Iterable[Record], path: str, context: Context) -> list[Record]:
    """General records that the data set does not have in any split, in the order of the seed.

    From the file or folder `path`, or seedbed's own. Raises InputError where it cannot be read.
    """
    there = {conversation(record) for record in records}
    seeds = resource("seeds")
    paths = (path,) if path else tuple(str(seeds / f"general.{code}.jsonl") for code in ("en", "zh"))
    read = importing.import_records((), importing.Options(paths=paths), context)
    found = [r for r in read if r.rejection is None and r.answer and conversation(r) not in there]
    random.Random(f"{context.seed} spare").shuffle(found)
    return found


def _in_languages(others: Sequence[Record], records: Sequence[Record]) -> list[Record]:
    """The others in an order whose every beginning has the languages of the training records in their proportion."""
    training = Counter(_language(r) for r in records if r.split in ("train", "") and not is_general(r))
    there = {code: [r for r in others if _language(r) == code] for code in training}
    if not any(there.values()):
        return list(others)
    wanted = sum(count for code, count in training.items() if there[code])
    ranked = [
        ((place + 0.5) * wanted / training[code], code, place)
        for code, found in there.items()
        for place in range(len(found))
    ]
    return [there[code][place] for _, code, place in sorted(ranked)]


def _language(record: Record) -> str:
    return record.language or language(record.user_text)
