"""What every objective's trainer does besides its own: watch two losses, and hold to the base on general text."""

from __future__ import annotations

from train.forgetting.penalty import Penalty, penalised
from train.job import Job
from train.watching.stopping import watched


def attended(trainer: type, job: Job) -> type:
    """The trainer class of an objective with what this job asks for put around it."""
    watching = watched(trainer, job) if job.validation is not None else trainer
    return penalised(watching, Penalty(job)) if job.held is not None else watching
