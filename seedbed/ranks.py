"""Which of several processes this is, where torchrun or accelerate has started one for each GPU.

Read from the environment that both of them set, so that asking costs nothing and imports nothing.
"""

from __future__ import annotations

import os

from seedbed.errors import TrainingError

WANTED = "SEEDBED_PROCESSES"  # set by the scripts of `seedbed train --launch`: how many there must be


def rank() -> int:
    """0 for the process that writes files and speaks, 1 and up for those that only train."""
    return int(os.environ.get("RANK", "0"))


def world() -> int:
    """How many processes train together.

    Raises TrainingError where more were asked for: `accelerate launch --cpu --num_processes 2` starts a single one and
    says nothing.
    """
    there, wanted = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get(WANTED, "0"))
    if wanted and there != wanted:
        raise TrainingError(
            f"{wanted} processes were to train together and {there} was started", where="train",
            next_step=f"Use torchrun --nproc-per-node {wanted}, or the scripts of `seedbed train --launch {wanted}`",
        )
    return there


def here() -> int:
    """How many of them share this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", str(world())))


def local() -> int:
    """This process's number on its machine, and that of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def sharded() -> bool:
    """Whether the model itself is spread over the processes (FSDP); else each holds a copy (DDP)."""
    return world() > 1 and os.environ.get("ACCELERATE_USE_FSDP", "").lower() in ("1", "true", "yes")
