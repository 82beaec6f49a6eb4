"""Continued pre-training: running text, every token of it learned (Gururangan et al. 2020, "Don't Stop Pretraining").

Rows are blocks of joined documents (train/rows/texts.py), and the chat records of the same data set, whose masks stay
as they are. The loss is that of supervised training: the mean over the learned tokens of a step.
"""

from __future__ import annotations

from seedbed.context import Context
from seedbed.pairs import conversations
from seedbed.record import Record
from seedbed.repeats import repeated
from train.objectives import sft
from train.objectives.material import Material, drawn, general
from train.options import Options
from train.rows.data import Fit, lengths
from train.rows.template import Template
from train.rows.texts import prepare

fit = sft.fit


def gather(training: list[Record], watching: list[Record], template: Template, options: Options, context: Context
           ) -> Material:
    """Blocks and chat rows. Of a preference pair the chosen answer is learned, unless its chat record is there."""
    learned = conversations(training)
    if left_out := len(training) - len(learned):
        context.figures["pairs_left_out"] = left_out
    again = list(repeated(learned))
    length, cache = Fit(options.max_length, options.too_long), context.folder / "tokens"
    rows, counts = prepare(again, template, length, cache)
    watched = drawn(conversations(watching), options.validation_limit, context.seed)
    validation, seen = prepare(watched, template, length, cache)
    sizes = lengths(rows)
    return Material(rows, counts, validation if seen.rows else None, seen, general(again), sizes, sizes)
