"""What is said and refused while a training runs."""

from __future__ import annotations

import math
import time
from typing import Any

from seedbed.errors import TrainingError
from train.job import WHOLE, Job


def callbacks(job: Job) -> list[Any]:
    """Those of one training: the teller, and early stopping where there is something to watch."""
    from transformers import EarlyStoppingCallback

    callbacks = [_teller(job)]
    if job.validation is not None and job.options.patience:
        callbacks.append(EarlyStoppingCallback(job.options.patience))
    return callbacks


def _teller(job: Job) -> Any:
    """The callback that tells progress, marks whole checkpoints and refuses a loss that is no number."""
    from transformers import TrainerCallback

    class Teller(TrainerCallback):  # type: ignore[misc]
        began, first = time.monotonic(), 0

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.began, self.first = time.monotonic(), state.global_step

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            loss = (logs or {}).get("loss")
            if loss is None:
                return
            if not math.isfinite(loss):
                raise TrainingError(f"the loss is no number after step {state.global_step}", where="train",
                                    next_step="Lower learning_rate; if it stays so, look at the records of that step")
            job.context.progress.update(state.global_step, job.plan.steps, self.note(state.global_step, loss))

        def note(self, step: int, loss: float) -> str:
            done = sum(job.plan.step_tokens[self.first : step])
            return f"loss {loss:.2f}, {done / max(1e-9, time.monotonic() - self.began):.0f} tok/s"

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            (job.checkpoints / f"checkpoint-{state.global_step}" / WHOLE).touch()

    return Teller()
