"""Out of memory: what to lower, and by how much, by the same estimate that is checked before a training."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from train.checks import memory
from train.options import Options
from train.students.model import Shape

_ROOM = 0.8  # of what was there: the estimate is not exact, or there would be no need of this
_SHORTEST = 64  # tokens: below, no answer fits behind its question


def remedies(shape: Shape, options: Options, longest: int, checkpointing: bool, free: int) -> str:
    """A sentence with each single change that would fit into `free` bytes; what costs nothing but time comes first.

    Where the estimate says that it fits already, the estimate was too low, and the need is taken as what was free.
    """
    now = memory.estimate(shape, options, longest, checkpointing).total
    room = int(_ROOM * min(now, free))
    found = [f"{change} (about {total / 1e9:.1f} GB)" for change, total in _changes(shape, options, longest,
             checkpointing, room)]
    if not found:
        return "Nothing that can be set makes it fit: take a smaller student, or a machine with more memory"
    return f"It needs about {now / 1e9:.1f} GB and {free / 1e9:.1f} GB were free. Set {', or '.join(found)}"


def _changes(
    shape: Shape, options: Options, longest: int, checkpointing: bool, room: int
) -> Iterator[tuple[str, int]]:
    """What to write, and what it then takes."""
    if not checkpointing and (total := memory.estimate(shape, options, longest, True).total) <= room:
        yield "activation_checkpointing: on", total
    batch = options.batch
    while batch > 1:
        batch //= 2
        smaller = msgspec.structs.replace(options, batch=batch)
        if (total := memory.estimate(shape, smaller, longest, True).total) <= room:
            steps = -(-options.batch * options.accumulation // batch)
            yield f"batch: {batch} with accumulation: {steps} and activation_checkpointing: on, which learns the same", total
            break
    length = longest
    while length // 2 >= _SHORTEST:
        length //= 2
        if (total := memory.estimate(shape, options, length, checkpointing).total) <= room:
            yield f"max_length: {length}", total
            break
    for method in ("lora", "qlora"):
        if options.method not in ("full", "lora") or method == options.method:
            continue
        other = msgspec.structs.replace(options, method=method, learning_rate=0.0)
        if (total := memory.estimate(shape, other, longest, checkpointing).total) <= room:
            yield f"method: {method}", total
            break
