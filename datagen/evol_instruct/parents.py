"""Which records are evolved: one question and one answer each, drawn by the job's seed, or seedbed's written tasks."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from datagen.material.lots import lot, said
from datagen.self_instruct.seed_tasks import own_files, read_seeds
from seedbed.record import Record, Step, chat


class Parents(NamedTuple):
    """What is evolved, and what is there besides: records in the order in which they came, each once, seeds last."""

    drawn: list[Record]
    seeds: set[str]  # ids of those drawn that no other stage gives out
    others: list[Record]  # records that were not drawn
    passed_over: int


def parents(records: Iterable[Record], seeds: bool, seeds_if_none: bool, count: int | None, seed: int) -> Parents:
    """Draws `count` of the records, or all; by a hash of each, so that a record more or less does not change the lot of
    the others."""
    given: dict[str, Record] = {}
    passed_over = 0
    for record in records:
        if _fits(record):
            given.setdefault(record.id, record)
        else:
            passed_over += 1
    wanted = seeds or (seeds_if_none and not given and not passed_over)
    own = {record.id: record for record in (_seeds() if wanted else ()) if record.id not in given}
    found = given | own
    most = len(found) if count is None else count
    drawn = set(heapq.nsmallest(most, found, key=lambda id_: lot(seed, said(found[id_]))))
    return Parents(
        [record for id_, record in found.items() if id_ in drawn],
        drawn & set(own),
        [record for id_, record in given.items() if id_ not in drawn],
        passed_over,
    )


def _fits(record: Record) -> bool:
    """One instruction and its answer; not one whose answer is that the documents do not say."""
    single = [m.role for m in record.messages] == ["user", "assistant"] and record.rejected is None
    return single and record.labels.get("answerable") != "no"


def _seeds() -> Iterator[Record]:
    for path in own_files():
        lang = path.name.split(".")[1]
        for seed in read_seeds([path])[0]:
            step = Step(stage="evol_instruct", operation="seed", note=seed.id)
            about: dict[str, Any] = {"language": lang, "task": "evol_instruct", "history": (step,)}
            yield chat(seed.instruction, seed.output, input=seed.input, **about)
