"""Continued pre-training: running text, every token of it learned (Gururangan et al. 2020, "Don't Stop Pretraining").

Rows are blocks of joined documents (train/rows/texts.py), and the chat records of the same data set, whose masks stay
as they are. The loss is that of supervised training: the mean over the learned tokens of a step.
"""

from __future__ import annotations

from seedbed.context import Context
from seedbed.record import Record
from train.objectives import sft
from train.objectives.material import Material
from train.options import Options
from train.rows.template import Template
from train.rows.texts import prepare

fit = sft.fit


def gather(training: list[Record], watching: list[Record], template: Template, options: Options, context: Context
           ) -> Material:
    """Blocks and chat rows. Of a preference pair the chosen answer is learned, unless its chat record is there."""
    return sft.in_rows(prepare, training, watching, template, options, context)
