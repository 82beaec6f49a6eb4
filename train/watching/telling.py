"""What is said and refused while a training runs."""

from __future__ import annotations

import math
import time
from typing import Any

from seedbed.errors import TrainingError
from train.job import WHOLE, Job, newest
from train.launch import together
from train.watching.stopping import GENERAL
from train.watching.trackers import tracker

_NAMED = 8  # records of a step that an error names: a batch or two


def callbacks(job: Job) -> list[Any]:
    """Those of one training: the teller, and the trackers that the job names."""
    return [_teller(job), *(tracker(name, job) for name in job.options.track)]


def _teller(job: Job) -> Any:
    """The callback that tells progress, marks whole checkpoints and refuses a loss that is no number."""
    from transformers import TrainerCallback

    class Teller(TrainerCallback):  # type: ignore[misc]
        began, first, general = time.monotonic(), 0, math.nan

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.began, self.first = time.monotonic(), state.global_step
            losses = [entry[GENERAL] for entry in state.log_history if GENERAL in entry]
            self.general = losses[-1] if losses else math.nan

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            self.general = (logs or {}).get(GENERAL, self.general)
            loss = (logs or {}).get("loss")
            if loss is None:
                return
            for name, value in (("loss", loss), ("gradient", (logs or {}).get("grad_norm") or 0.0)):
                if not math.isfinite(value):
                    raise _no_number(name, state.global_step, job)
            job.context.progress.update(state.global_step, job.plan.steps, self.note(state.global_step, loss))

        def note(self, step: int, loss: float) -> str:
            done = sum(job.plan.step_tokens[self.first : step])
            general = "" if math.isnan(self.general) else f", general {self.general:.2f}"
            return f"loss {loss:.2f}{general}, {done / max(1e-9, time.monotonic() - self.began):.0f} tok/s"

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            together.wait()  # each process writes the state of its own chance
            (job.checkpoints / f"checkpoint-{state.global_step}" / WHOLE).touch()

    return Teller()


def _no_number(name: str, step: int, job: Job) -> TrainingError:
    """Raised before the checkpoint of that step is written, so that the last one on disk is good."""
    records = job.records_of(step)
    kept = newest(job.checkpoints)
    shown = ", ".join(records[:_NAMED]) + (f" and {len(records) - _NAMED} more" if len(records) > _NAMED else "")
    where = f"The last good checkpoint is {kept}. " if kept else ""
    return TrainingError(
        f"the {name} is no number after step {step}, whose batch was the records {shown}", where="train",
        next_step=f"{where}Lower learning_rate; if it stays so, look at these records with `seedbed show ID`",
    )
