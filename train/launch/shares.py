"""How the rows of a step are shared out, so that a job learns the same whatever the number of processes.

A job says how many rows a step has: `batch` × `accumulation`. That stays, and with it the learning rate's meaning, the
number of steps and the order of the rows; each process takes its part of every step. Within a step the rows are dealt
by length, so that no process waits long for another. Where a step has fewer rows than there are places, empty rows
fill it: rows without a learned token, which weigh nothing. (The default of accelerate repeats rows of the epoch's
beginning instead, which changes the loss.)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from seedbed import ranks
from seedbed.errors import InputError
from train.job import Job
from train.options import Options
from train.rows.batches import LengthGrouped, Order
from train.rows.template import IGNORED


class Share(msgspec.Struct, frozen=True):
    """One process's part of a step: `accumulation` batches of `batch` rows, and so in each of `world` processes."""

    batch: int
    accumulation: int
    world: int

    @property
    def rows(self) -> int:
        """Of all processes in a step."""
        return self.batch * self.accumulation * self.world


def share(options: Options, world: int | None = None) -> Share:
    """The largest batch a process, up to the job's own, that gives the job's rows a step.

    Raises InputError where the rows of a step cannot be shared evenly.
    """
    world = ranks.world() if world is None else world
    if world > 1 and options.objective == "dpo":
        raise InputError("preferences are learned in one process so far", where="train",
                         next_step="Start it without torchrun, or train with objective: sft")
    if world > 1 and options.packing:
        raise InputError("rows are packed in one process so far", where="train",
                         next_step="Set packing: false; rows are grouped by length then")
    rows = options.batch * options.accumulation
    if rows % world:
        raise InputError(
            f"a step has {rows} rows (batch × accumulation), which {world} processes cannot share evenly",
            where="train",
            next_step=f"Set batch: 1 and accumulation: {-(-rows // world) * world}, or take fewer processes",
        )
    each = rows // world
    batch = max(size for size in range(1, min(each, options.batch) + 1) if each % size == 0)
    return Share(batch, each // batch, world)


class Dealt:
    """A sampler that hands out the rows of another, in an order that gives each process its part of every step.

    accelerate deals batches in turn, one to each process. `blank` is the index of an empty row.
    """

    def __init__(self, inner: LengthGrouped, share: Share, blank: int) -> None:
        self.inner, self.share, self.blank = inner, share, blank

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer at the start of each epoch."""
        self.inner.set_epoch(epoch)

    def __len__(self) -> int:
        rows, last = divmod(len(self.inner), self.share.rows)
        side_by_side = self.share.batch * self.share.world
        return rows * self.share.rows + -(-last // side_by_side) * side_by_side

    def __iter__(self) -> Iterator[int]:
        order = list(self.inner)
        for first in range(0, len(order), self.share.rows):
            yield from self._step(order[first : first + self.share.rows])

    def _step(self, rows: list[int]) -> Iterator[int]:
        world, side_by_side = self.share.world, self.share.batch * self.share.world
        longest_first = sorted(rows, key=lambda row: -self.inner.lengths[row])
        for first in range(0, len(rows), side_by_side):
            several = longest_first[first : first + side_by_side]
            several += [self.blank] * (side_by_side - len(several))
            for process in range(world):
                yield from several[process::world]


def shared(job: Job) -> tuple[Any, Any, Order | Dealt]:
    """Rows, validation and sampler of a job, as its processes take them; as they are where there is one."""
    part = share(job.options)
    if part.world == 1 or not isinstance(job.sampler, LengthGrouped):
        return job.rows, job.validation, job.sampler
    validation = None if job.validation is None else filled(job.validation, part)
    return with_blank(job.rows), validation, Dealt(job.sampler, part, len(job.rows))


def with_blank(rows: Any) -> Any:
    """The rows, and after them the shortest one again with nothing to learn."""
    import datasets

    shortest = min(range(len(rows)), key=lambda i: len(rows[i]["input_ids"]))
    row = rows[shortest]
    blank = row | {"labels": [IGNORED] * len(row["labels"])}
    made = datasets.Dataset.from_dict({name: [value] for name, value in blank.items()}, features=rows.features)
    return datasets.concatenate_datasets([rows, made])


def filled(rows: Any, share: Share) -> Any:
    """The rows, with empty ones up to a multiple of what the processes take at once; for a validation."""
    import datasets

    missing = -len(rows) % (share.batch * share.world)
    if not missing:
        return rows
    padded = with_blank(rows)
    return datasets.concatenate_datasets([rows, padded.select([len(rows)] * missing)])


def weighed(labels: Any, accelerator: Any, rows: int, filled: int) -> Any:
    """What the loss of one validation batch is divided by, over all processes: its learned tokens, corrected for empty
    rows, since the Trainer weighs each batch by its number of rows, empty ones too.

    rows, filled    of the whole validation, without and with empty ones
    """
    learned = labels != IGNORED
    tokens, own = accelerator.reduce(learned.sum()), accelerator.reduce(learned.any(1).sum())
    return tokens * (rows * labels.shape[0] * accelerator.num_processes) / (own * filled).clamp(min=1)
