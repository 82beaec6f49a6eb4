"""Instruction-following difficulty (Li et al. 2023, "From Quantity to Quality", section 2): does the question help?

    IFD = mean token loss of the answer, given the question  ÷  mean token loss of the answer alone

under the student that will be trained. Near or above 1 the question does not help the student to find the answer: they
do not belong together, or the answer would do for any question. Very low: nothing is left to learn. In between, the
higher the more it teaches. The paper leaves out what is above 1 and takes the highest 5 to 10 % of the rest.

The score says something of a student and a data set, not of a record: values under two students cannot be compared, and
a student that does not know a language finds every question in it of little help.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from curate.scoring import measuring
from curate.scoring.measuring import Measuring, Score, scored
from seedbed.context import Context
from seedbed.likelihood import Measured
from seedbed.record import Record

VERSION = 1


class Options(Measuring, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """See `Measuring`. Nothing is left out by default: what a low or high value means hangs on the student."""


watch = measuring.watch


def ifd(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, with its scores `ifd`, `ifd.given` and `ifd.alone` (nats a token). See `measuring.scored`."""
    yield from scored(records, options, context, Score("ifd", _scores, alone=True, texts=False))


def _scores(measured: Measured) -> dict[str, float]:
    alone = measured.alone or 0.0
    # An answer that the student knows by heart without any question has nothing that a question could help with.
    return {"ifd": measured.given / alone if alone else 1.0, "ifd.given": measured.given, "ifd.alone": alone}
