"""How the rows of a training are put into batches, by its options: grouped by length, or packed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seedbed.errors import TrainingError
from train.job import Job
from train.names import in_one_line, is_varlen
from train.options import Options
from train.rows.batches import LengthGrouped, Order, file_order
from train.rows.packing import Packed, PackedRows, collator, leak


def ordered(lengths: Sequence[int], options: Options, seed: int) -> Order:
    """The sampler of a training."""
    if options.packing:
        return Packed(lengths, options.batch, options.max_length, seed)
    return LengthGrouped(lengths, options.batch, seed)


def told(sampler: Order, options: Options, wide: int = 1) -> str:
    """How much of the batches is padding, as they are and as they would be otherwise, for a person."""
    tokens, lengths = sum(sampler.lengths), sampler.lengths
    if not tokens:
        return "padding: there are no rows"
    shares = {"as they come": file_order(lengths, options.batch)}
    for name, packing in (("grouped by length", False), ("packed", True)):
        if options.packing == packing:
            shares[name] = sampler.room(0)
        elif wide == 1:
            other = Packed(lengths, options.batch, options.max_length, 0) if packing else None
            shares[name] = (other or LengthGrouped(lengths, options.batch, 0)).room(0)
    said = {name: f"{1 - tokens / max(tokens, room):.1%} {name}" for name, room in shares.items()}
    own = said.pop("packed" if options.packing else "grouped by length")
    return f"padding of the batches: {own}; it would be {' and '.join(said.values())}"


def items(job: Job) -> Any:
    """What the sampler's items are taken from. TRL's trainer takes nothing but rows when it is made, so this comes
    after."""
    return PackedRows(job.rows, len(job.sampler)) if isinstance(job.sampler, Packed) else job.rows


def collating(job: Job, model: Any) -> dict[str, Any]:
    """The collator of packed rows; nothing where TRL's own will do. Raises TrainingError where packed rows of this
    model see each other."""
    if not isinstance(job.sampler, Packed):
        return {}
    pad = job.tokenizer.pad_token_id
    collate = in_one_line(pad) if is_varlen(model) else collator(pad)
    if leak(model, collate):
        raise TrainingError("rows that are packed together would see each other in this student", where="train",
                            next_step="Set packing: false; its rows are then grouped by length")
    return {"data_collator": collate}
