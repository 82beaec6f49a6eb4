"""When a training stops early, and which of its adapters is kept.

Two losses are watched, at the same steps. On the domain's validation records a training stops when they no longer
improve. On general records it stops when their loss is further above the base's than the job allows: what a model has
forgotten by then it does not learn again by going on. Kept is the adapter with the lowest domain loss among those
within the bound. All of it is read from the losses that were logged, which a resumed training has too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from seedbed.errors import TrainingError
from train.evaluation.answers import row_losses
from train.job import Job

DOMAIN, GENERAL = "eval_loss", "eval_general_loss"
KEPT = "eval_kept_loss"  # the domain loss of an adapter that may be kept; without `loss` at its end, higher is better
History = Sequence[Mapping[str, Any]]


class Forgotten(msgspec.Struct, frozen=True):
    """The general loss of the base and now, and the share by which it rose."""

    base: float
    now: float

    @property
    def share(self) -> float:
        return self.now / self.base - 1

    def beyond(self, bound: float | None) -> bool:
        """Whether it rose by more than `bound`; no number counts as beyond."""
        return bound is not None and not self.now <= self.base * (1 + bound)


def points(history: History, key: str) -> list[tuple[int, float]]:
    """Step and loss of each validation so far."""
    return [(int(entry["step"]), float(entry[key])) for entry in history if key in entry]


def forgotten(history: History) -> Forgotten | None:
    """What general loss came to at the last validation; None where it is not watched."""
    general = points(history, GENERAL)
    return Forgotten(general[0][1], general[-1][1]) if general else None


def reason(history: History, patience: int, bound: float | None) -> Literal["", "domain", "general"]:
    """Which of the two losses says stop, or none. The base itself, at step 0, is no candidate."""
    now = forgotten(history)
    if now and now.beyond(bound):
        return "general"
    losses = [loss for step, loss in points(history, DOMAIN) if step]
    best = min(range(len(losses)), key=lambda i: losses[i], default=0)
    return "domain" if patience and losses and len(losses) - 1 - best >= patience else ""


def general_loss(model: Any, job: Job) -> float:
    """Mean token loss of the general records that are watched."""
    from train.rows.template import Row

    rows = [Row(row["input_ids"], row["labels"]) for row in job.general]
    model.eval()
    return sum(row_losses(model, job.tokenizer, rows, lambda _: None)) / sum(row.learned for row in rows)


def watched(trainer: type, job: Job) -> type:
    """The trainer class that measures general loss with each validation, and stops by both.

    Raises TrainingError when the bound is passed before there is an adapter within it.
    """
    bound, patience = job.options.forgetting.bound, job.options.patience

    class Watched(trainer):  # type: ignore[misc]
        def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
            # One that was killed after it had stopped, before it was saved, stops again: a step more would be one that
            # it never made. The Trainer itself forgets that it was to stop.
            if self.state.global_step and reason(self.state.log_history, patience, bound):
                self.control.should_training_stop = True
            else:
                super()._run_epoch(*args, **kwargs)

        def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
            metrics: dict[str, float] = super().evaluate(*args, **kwargs)
            if job.general is not None:
                metrics[GENERAL] = general_loss(self.model, job)
                self.log({GENERAL: metrics[GENERAL]})
            history, best = self.state.log_history, self.state.best_metric
            why = reason(history, patience, bound)
            metrics[KEPT] = math.inf if why == "general" else metrics[DOMAIN]
            if self.state.global_step == 0:
                return metrics
            if job.keeps_best and metrics[KEPT] < (math.inf if best is None else best):
                self.control.should_save = True  # whatever the interval of checkpoints: the best must be there
            if why:
                self.control.should_training_stop = True
            if why == "general":
                _tell(history, self.state, job)
            return metrics

    return Watched


def _tell(history: History, state: Any, job: Job) -> None:
    now = forgotten(history)
    assert now is not None
    said = f"general loss at step {state.global_step} is {now.now:.2f}, {now.share:.1%} above the base's {now.base:.2f}"
    if not state.best_global_step:
        raise TrainingError(f"{said}, and no earlier adapter lies within the bound", where="train: forgetting.bound",
                            next_step="Mix in more general data, set penalty: kl, lower learning_rate, or validate "
                            "more often with eval_steps")
    job.context.progress.say(f"{said}: stopped; the adapter of step {state.best_global_step} is kept")
