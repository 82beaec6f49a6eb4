"""What every objective's trainer does besides its own: watch two losses, hold to the base, leave with a checkpoint."""

from __future__ import annotations

from train.forgetting.penalty import Penalty, penalised
from train.job import Job
from train.watching.leaving import leaving
from train.watching.stopping import watched


def attended(trainer: type, job: Job) -> type:
    """The trainer class of an objective with what this job asks for put around it."""
    made = leaving(trainer, job)
    if job.validation is not None:
        made = watched(made, job)
    return penalised(made, Penalty(job)) if job.held is not None else made
