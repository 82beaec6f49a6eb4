"""Several rows in one sequence, none of which sees another: hardly any padding, and full sequences for a GPU.

Best-fit decreasing: the longest row first, each into the fullest sequence that still has room (Ding et al. 2024, "Fewer
Truncations Improve Language Modeling"). Positions begin anew with each row. That is how transformers tells the rows of
a sequence apart: with no attention mask given, it builds one that is closed between rows (masking_utils.py), and flash
attention takes the borders from the positions. With a mask given, as collators do, or a cache, as models make unless
told not to, it silently lets rows see each other (measured with 5.23); and layers with a memory of their own (Mamba,
linear attention) let them whatever the positions are. So `leak` tries it on the very model before a training.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from train.rows.batches import LengthGrouped
from train.rows.template import IGNORED

Pack = tuple[int, ...]


def best_fit(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Rows by number, packed into as few sequences of `capacity` tokens as best-fit decreasing finds."""
    packs: list[list[int]] = []
    with_room: dict[int, list[int]] = defaultdict(list)  # room left -> packs
    rooms = 0  # bit r: there is a pack with room r, so that the tightest is found without a search
    for row in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        length = lengths[row]
        if fitting := rooms >> length:
            room = length + (fitting & -fitting).bit_length() - 1
            pack = with_room[room].pop()
            if not with_room[room]:
                rooms ^= 1 << room
        else:
            room, pack = max(capacity, length), len(packs)
            packs.append([])
        packs[pack].append(row)
        with_room[room - length].append(pack)
        rooms |= 1 << (room - length)
    return packs


class Packed:
    """A sampler as `LengthGrouped` is one, whose items are packs: the numbers of the rows of one sequence.

    Which lengths share a sequence is the same in every epoch, so every epoch has as many steps; which rows of a length
    they are, and the order of the batches, follow from seed and epoch.
    """

    def __init__(self, lengths: Sequence[int], batch: int, capacity: int, seed: int) -> None:
        self.lengths, self.seed, self.epoch = lengths, seed, 0
        self._packs = best_fit(lengths, capacity)
        self._order = LengthGrouped([sum(lengths[i] for i in pack) for pack in self._packs], batch, seed)

    @property
    def longest(self) -> int:
        """Tokens of the longest sequence."""
        return self._order.longest

    def set_epoch(self, epoch: int) -> None:
        """Called by the Trainer at the start of each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._packs)

    def __iter__(self) -> Iterator[Pack]:
        return (pack for batch in self.packs(self.epoch) for pack in batch)

    def packs(self, epoch: int) -> list[list[Pack]]:
        """The packs of each batch of an epoch."""
        swapped = self._swapped(epoch)
        packs = [tuple(swapped[i] for i in pack) for pack in self._packs]
        return [[packs[number] for number in batch] for batch in self._order.batches(epoch)]

    def batches(self, epoch: int) -> list[list[int]]:
        """The rows of each batch of an epoch."""
        return [[row for pack in batch for row in pack] for batch in self.packs(epoch)]

    def room(self, epoch: int) -> int:
        """Places for tokens that the batches of an epoch have, padding and all."""
        return self._order.room(epoch)

    def _swapped(self, epoch: int) -> list[int]:
        """For each row, the one that stands in its place: rows of one length change places."""
        alike: dict[int, list[int]] = defaultdict(list)
        for row, length in enumerate(self.lengths):
            alike[length].append(row)
        chance, places = random.Random(f"{self.seed} {epoch} packed"), [0] * len(self.lengths)
        for rows in alike.values():
            for row, other in zip(rows, chance.sample(rows, len(rows)), strict=True):
                places[row] = other
        return places


class PackedRows:
    """The rows as the trainer reads them: by packs. A row that holds several documents (train/rows/texts.py) is
    several sequences too."""

    def __init__(self, rows: Any, packs: int) -> None:
        self._rows, self._packs = rows, packs

    def __len__(self) -> int:
        return self._packs

    def __getitem__(self, pack: Pack | int) -> dict[str, list[int]]:
        found = [self._rows[row] for row in (pack if isinstance(pack, tuple) else (pack,))]
        return {
            "input_ids": [token for row in found for token in row["input_ids"]],
            "labels": [label for row in found for label in row["labels"]],
            "seq_lengths": [size for row in found for size in row.get("documents") or [len(row["input_ids"])]],
        }


def collator(pad: int) -> Callable[[Sequence[dict[str, Any]]], dict[str, Any]]:
    """Makes tensors [sequences, longest] of packs, or of plain rows: input_ids, labels and position_ids, and no mask.

    A place that is padding has position 0, and so is a row of its own, which nobody sees. For flash attention, which
    has no padding at all, train/names.py gives TRL's own.
    """

    def collate(examples: Sequence[dict[str, Any]]) -> dict[str, Any]:
        import torch

        width = max(len(example["input_ids"]) for example in examples)
        made = {name: torch.full((len(examples), width), filler, dtype=torch.long)
                for name, filler in (("input_ids", pad), ("labels", IGNORED), ("position_ids", 0))}
        for number, example in enumerate(examples):
            ids, labels = example["input_ids"], list(example["labels"])
            positions: list[int] = []
            for size in example.get("seq_lengths") or [len(ids)]:
                labels[len(positions)] = IGNORED  # nothing stands before a row's first token that it could follow from
                positions.extend(range(size))
            for name, values in (("input_ids", ids), ("labels", labels), ("position_ids", positions)):
                made[name][number, : len(ids)] = torch.tensor(values)
        return made

    return collate


def leak(model: Any, collate: Callable[[Sequence[dict[str, Any]]], dict[str, Any]]) -> bool:
    """Whether what a model says of a row depends on the row that is packed before it."""
    import torch

    first, other, second = [5, 6, 7, 8, 9, 10, 11, 12], [12, 7, 5, 9, 6, 11, 8, 10], [9, 8, 7, 6, 5]
    said, training = [], model.training
    model.eval()
    with torch.no_grad():
        for before in (first, other):
            ids = before + second
            packed = collate([{"input_ids": ids, "labels": ids, "seq_lengths": [len(before), len(second)]}])
            given = {name: value.to(model.device) if torch.is_tensor(value) else value
                     for name, value in packed.items() if name != "labels"}
            said.append(model(**given, use_cache=False).logits[0, len(first) :].float())
    model.train(training)
    return not torch.equal(said[0], said[1])
