"""A teacher over transports of a test's own making."""

from __future__ import annotations

from collections.abc import Sequence

from datagen.teacher.budget import Budget
from datagen.teacher.client import Teacher
from datagen.teacher.journal import Journal
from datagen.teacher.options import Pace, TeacherOptions
from datagen.teacher.pool import Lane, Notice, Pool, Transport, silent


def teacher_over(transports: Sequence[Transport], journal: Journal, budget: Budget | None = None,
                 options: TeacherOptions | None = None, pace: Pace | None = None, model: str = "m",
                 notice: Notice = silent) -> Teacher:
    """All transports serve one model."""
    options = options or TeacherOptions()
    pool = Pool([Lane(transport, options) for transport in transports], model, options, pace or Pace(), notice)
    return Teacher([pool], journal, budget or Budget(), options.max_tokens)
