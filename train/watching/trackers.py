"""Losses told to TensorBoard, W&B, MLflow or SwanLab while a training runs.

They are handed numbers and the job's options: no text of a record, no weights. What a library notes of the machine
besides, and whether anything leaves it, is for its own settings to say (WANDB_MODE, MLFLOW_TRACKING_URI, …).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from seedbed.errors import MissingExtra
from train.job import Job

PROJECT = "seedbed"


@dataclass(frozen=True)
class Writer:
    """One open run of a tracker."""

    write: Callable[[dict[str, float], int], object]
    close: Callable[[], object]


def check(names: Sequence[str]) -> None:
    """Raises MissingExtra for a tracker whose library is not installed."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise MissingExtra(name, name)


def tracker(name: str, job: Job) -> Any:
    """The callback that tells every logged number to the tracker `name`; in the first process alone."""
    from transformers import TrainerCallback

    class Tracker(TrainerCallback):  # type: ignore[misc]
        writer: Writer | None = None

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.is_world_process_zero:
                self.writer = _OPEN[name](job, state.global_step)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            numbers = {key: float(v) for key, v in (logs or {}).items() if isinstance(v, int | float)}
            if self.writer and numbers:
                self.writer.write(numbers, state.global_step)

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if self.writer:
                self.writer.close()

    return Tracker()


def _settings(job: Job) -> dict[str, Any]:
    settings: dict[str, Any] = msgspec.to_builtins(job.options)
    return {key: value for key, value in settings.items() if key != "track"} | {"seed": job.context.seed}


def _named(job: Job) -> str:
    """The name of a run: its folder below that of all runs."""
    return "/".join(job.context.folder.parts[-2:])


def _tensorboard(job: Job, step: int) -> Writer:
    from torch.utils.tensorboard.writer import SummaryWriter

    # What a killed training told beyond its last checkpoint is told again, and only once to be seen.
    board = SummaryWriter(str(job.context.folder / "tensorboard"), purge_step=step + 1 if step else None)

    def write(numbers: dict[str, float], at: int) -> None:
        for key, value in numbers.items():
            board.add_scalar(key, value, at)

    return Writer(write, board.close)


def _wandb(job: Job, step: int) -> Writer:
    import wandb

    quiet = wandb.Settings(silent=True, console="off", save_code=False, disable_git=True)
    run = wandb.init(project=PROJECT, name=_named(job), config=_settings(job), dir=str(job.context.folder),
                     settings=quiet)  # fmt: skip
    return Writer(lambda numbers, at: run.log(numbers, step=at), run.finish)


def _mlflow(job: Job, step: int) -> Writer:
    import mlflow

    mlflow.set_experiment(PROJECT)
    mlflow.start_run(run_name=_named(job), log_system_metrics=False)
    mlflow.log_params(_settings(job))
    return Writer(lambda numbers, at: mlflow.log_metrics(numbers, step=at), mlflow.end_run)


def _swanlab(job: Job, step: int) -> Writer:
    import swanlab

    run = swanlab.init(project=PROJECT, experiment_name=_named(job), config=_settings(job),
                       logdir=str(job.context.folder / "swanlab"))  # fmt: skip
    return Writer(lambda numbers, at: run.log(numbers, step=at), swanlab.finish)


_OPEN: dict[str, Callable[[Job, int], Writer]] = {
    "tensorboard": _tensorboard, "wandb": _wandb, "mlflow": _mlflow, "swanlab": _swanlab,
}  # fmt: skip
