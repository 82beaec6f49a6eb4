"""Near duplicates by wording: the ROUGE-L gate of Self-Instruct (Wang et al. 2023, section 2.2) over a whole data set.

A record stays when the highest ROUGE-L F1 of its instruction (with its input) against all that stayed before is at most
the threshold. Languages are compared apart: each CJK character is a token, so an English and a Chinese text share
next to nothing; and so are running texts and questions. Augmented records are spared where they are near the record
they were made from (see `seedbed.kin`). Token ids and signatures are held in memory, not texts (see `seedbed.gate`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial

import msgspec

from curate.exact import On, parts
from curate.exact import group as compared_with
from seedbed.context import Context
from seedbed.gate import Gate
from seedbed.kin import Kin, named
from seedbed.record import Record
from seedbed.text import language

VERSION = 3

_WHAT: dict[On, str] = {"both": "question and answer", "instruction": "question", "answer": "answer"}


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is compared, and from where on it is too close."""

    on: On = "instruction"
    threshold: float = 0.7  # Self-Instruct, section 2.2; a score of exactly the threshold still passes

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold: expected a ROUGE-L F1 above 0 and up to 1, got {self.threshold}")


def rouge(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record; one whose wording is too close to an earlier, accepted one is rejected as "rouge".

    The rejection names the closest earlier record and the score. A rejected record is not compared with later ones, so
    a chain of small changes is not eaten up from its first link. Texts without tokens pass, and so do records with
    evidence that differ in a figure or code ("What does E01 mean?", "What does E02 mean?"). Preference pairs are
    compared with pairs that are wrong in the same way, never with the chat records that ask the same. Figures:
    `accepted` and `rejected` by language, and `spared`: how many stay only because what they are near is kin.
    """
    gates: dict[tuple[str, bool, str], Gate] = {}
    kin = Kin()
    accepted, rejected, spared = Counter[str](), Counter[str](), set[str]()

    def spares(record: Record, other: str) -> bool:
        if related := kin.of(record, other):
            spared.add(record.id)
        return related

    for number, record in enumerate(records, 1):
        if number % 256 == 0:
            context.progress.update(number)
        text = "\n\n".join(part for part in parts(record, options.on) if part)
        group = record.language or language(text)
        gate = gates.setdefault((group, bool(record.messages), compared_with(record)), Gate(options.threshold))
        # Two grounded questions that each name a figure or code which the other does not are about two facts.
        terms = named(record, text) if record.evidence else frozenset()
        match = gate.offer(record.id, text, terms, partial(spares, record))
        if match is None:
            accepted[group] += 1
            kin.add(record)
            yield record
            continue
        rejected[group] += 1
        spared.discard(record.id)
        what = _WHAT[options.on] if record.messages else "text"
        near = f"ROUGE-L {match.score:.2f}, at most {options.threshold:g} passes"
        detail = f"its {what} is worded like that of {match.key}: {near}"
        yield record.reject("rouge", "rouge", detail, match=match.key, score=round(match.score, 4))
    context.figures |= {
        "threshold": options.threshold,
        "accepted": dict(sorted(accepted.items())),
        "rejected": dict(sorted(rejected.items())),
        "spared": len(spared),
    }
