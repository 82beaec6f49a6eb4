"""Perplexity under the student: exp of the mean token loss of the last answer given what is before it, or of a text.

Very high: symbol soup, the wrong language, text that was broken on the way (the use that CCNet makes of it for web
pages, Wenzek et al. 2020, section 3.3). Very low: boilerplate, or what the student can say already. Values of two
students, and of two languages under one student, cannot be compared: cut by what the figures show for each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from curate.scoring import measuring
from curate.scoring.measuring import Measuring, Score, scored
from seedbed.context import Context
from seedbed.likelihood import Measured
from seedbed.record import Record

VERSION = 1
_MOST = 50.0  # nats: nobody reads a perplexity of more than e^50


class Options(Measuring, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """See `Measuring`."""


watch = measuring.watch


def perplexity(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, with its score `perplexity`. See `measuring.scored`."""
    yield from scored(records, options, context, Score("perplexity", _scores, alone=False, texts=True))


def _scores(measured: Measured) -> dict[str, float]:
    return {"perplexity": math.exp(min(measured.given, _MOST))}
