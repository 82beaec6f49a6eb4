"""Which rows go into which batch: rows of like length together, so that little is padded.

The order is a function of the seed and the epoch alone. The Trainer's own length-grouped sampler draws from the global
random state, so that a run resumed in the middle of an epoch sees some rows twice and others never (measured with
transformers 5.23); this one does not.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

# Rows change neighbours from epoch to epoch when lengths are blurred a little before sorting; 10 % pads little more.
_BLUR = 0.1


class Order(Protocol):
    """What decides the order of training: rows alone (`LengthGrouped`), or packed (train/rows/packing.py)."""

    @property
    def lengths(self) -> Sequence[int]:
        """Tokens of each row."""

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""

    def batches(self, epoch: int) -> list[list[int]]:
        """The rows of each batch of an epoch."""

    def room(self, epoch: int) -> int:
        """Places for tokens that the batches of an epoch have, padding and all."""


class LengthGrouped:
    """A sampler for `torch.utils.data.DataLoader`: indexes of rows, in the order of the batches."""

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self.lengths, self.batch, self.seed = lengths, batch, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer at the start of each epoch."""
        self.epoch = epoch

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return max(self.lengths, default=0)

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        return (index for batch in self.batches(self.epoch) for index in batch)

    def batches(self, epoch: int) -> list[list[int]]:
        """The batches of an epoch: the longest first, so that memory fails at once or never; a short one last."""
        chance = random.Random(f"{self.seed} {epoch}")
        blurred = [length * (1 + _BLUR * chance.random()) for length in self.lengths]
        order = sorted(range(len(self.lengths)), key=lambda i: -blurred[i])
        batches = [order[i : i + self.batch] for i in range(0, len(order), self.batch)]
        rest = [batches.pop()] if batches and len(batches[-1]) < self.batch else []
        later = batches[1:]
        chance.shuffle(later)
        return batches[:1] + later + rest

    def room(self, epoch: int) -> int:
        """Places for tokens that the batches of an epoch have, padding and all."""
        return sum(len(batch) * max(self.lengths[i] for i in batch) for batch in self.batches(epoch))


def file_order(lengths: Sequence[int], batch: int) -> int:
    """The places for tokens of an epoch that takes the rows as they come."""
    batches = [lengths[i : i + batch] for i in range(0, len(lengths), batch)]
    return sum(len(some) * max(some) for some in batches)


class Plan(msgspec.Struct, frozen=True):
    """A training counted out before it starts: tokens of each step, without padding, and the share that is padding."""

    steps_an_epoch: int
    step_tokens: list[int]
    padding_share: float

    @property
    def steps(self) -> int:
        return len(self.step_tokens)


def plan(
    sampler: Order, epochs: int, accumulation: int, tokens: Sequence[int] | None = None, wide: int = 1
) -> Plan:
    """What the sampler will give in `epochs`, `accumulation` batches to a step.

    A row may be several sequences, `wide` of them, padded to its length: then `tokens` are those of all of them.
    """
    own = sampler.lengths if tokens is None else tokens
    step_tokens: list[int] = []
    padded = 0
    for epoch in range(epochs):
        batches = sampler.batches(epoch)
        padded += wide * sampler.room(epoch)
        for first in range(0, len(batches), accumulation):
            step_tokens.append(sum(own[i] for batch in batches[first : first + accumulation] for i in batch))
    return Plan(math.ceil(len(step_tokens) / epochs), step_tokens, 1 - sum(step_tokens) / max(1, padded))
