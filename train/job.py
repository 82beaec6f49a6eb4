"""One training that is ready to begin, and its checkpoints on disk."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedbed.context import Context
from train.options import Options
from train.rows.batches import Order, Plan

WHOLE = "seedbed-whole"  # written into a checkpoint when all of it is there


@dataclass
class Job:
    """Everything that one training needs. `validation` may be None; so may `general`, rows of general records that are
    watched beside it, and `held`, those that a penalty holds the model to."""

    options: Options
    context: Context
    tokenizer: Any
    rows: Any
    validation: Any
    sampler: Order
    plan: Plan
    checkpointing: bool
    general: Any = None
    held: Any = None

    @property
    def checkpoints(self) -> Path:
        return self.context.folder / "checkpoints"

    def records_of(self, step: int) -> list[str]:
        """The ids of the records that a step (from 1) learned from; their order is that of the batch."""
        epoch, within = divmod(step - 1, self.plan.steps_an_epoch)
        size = self.options.accumulation
        batches = self.sampler.batches(epoch)[within * size : (within + 1) * size]
        found = [record for batch in batches for several in self.rows[batch]["record"] for record in several.split()]
        return list(dict.fromkeys(found))  # a block has the ids of all its texts

    @property
    def keeps_best(self) -> bool:
        """Whether an earlier adapter than the last may be the one that is kept."""
        return self.validation is not None and (self.options.patience > 0 or self.options.forgetting.bound is not None)

    @property
    def eval_steps(self) -> int:
        """Steps between two validations: twice an epoch unless the user says otherwise."""
        return self.options.eval_steps or math.ceil(self.plan.steps_an_epoch / 2)

    @property
    def save_steps(self) -> int:
        """Steps between two checkpoints; with validations a multiple of theirs, or the best could not be kept."""
        wanted = self.options.save_steps or self.eval_steps
        return math.ceil(wanted / self.eval_steps) * self.eval_steps if self.validation is not None else wanted


def newest(checkpoints: Path) -> Path | None:
    """The newest checkpoint that was written to its end; those that were not are deleted."""
    whole = []
    for folder in checkpoints.glob("checkpoint-*"):
        if (folder / WHOLE).exists():
            whole.append(folder)
        else:
            shutil.rmtree(folder)
    return max(whole, key=step_of, default=None)


def step_of(checkpoint: Path) -> int:
    """The step after which a checkpoint was written."""
    return int(checkpoint.name.rpartition("-")[2])
