"""The five don'ts of instruction data, as named rules: patterns first, a judge for what patterns cannot see.

    vague_reference       points at what its reader does not have      "Summarise the article above."
    dated                 true on one day only                         "What is the price of gold today?"
    mismatch              input and output do not fit, or contradict   "List five …" and three of them
    semantic_repetition   says the same again in other words           "A. In other words: A."
    unsupported_figures   facts and figures that the input lacks       input: no year; output: "in 1947"

How well each does is measured by `python -m benchmarks.donts`. They are made to miss rather than to be wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import msgspec

from curate.filters import judging
from curate.filters.donts.dated import dated
from curate.filters.donts.mismatch import mismatch
from curate.filters.donts.repeats import semantic_repetition
from curate.filters.donts.unsupported import unsupported_figures
from curate.filters.donts.vague import vague_reference
from curate.filters.exchange import Exchange, exchanges
from seedbed.context import Context
from seedbed.record import Record

VERSION = 2

RULES: dict[str, Callable[[Exchange], str]] = {
    "vague_reference": vague_reference,
    "dated": dated,
    "mismatch": mismatch,
    "semantic_repetition": semantic_repetition,
    "unsupported_figures": unsupported_figures,
}


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rules apply, and which faults a judge is asked for besides."""

    off: tuple[str, ...] = ()
    judge: bool = False
    judged: tuple[str, ...] = tuple(RULES)  # the judge's word counts for these

    def __post_init__(self) -> None:
        for name in ("off", "judged"):
            if unknown := sorted(set(getattr(self, name)) - set(RULES)):
                known = ", ".join(RULES)
                raise ValueError(f"{name}: no rule is called {', '.join(unknown)}; expected some of {known}")


def donts(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record, in order. Figures: `checked`, and with a judge `judged` and what it found by name."""
    checked = 0

    def by_patterns() -> Iterator[Record]:
        nonlocal checked
        for checked, record in enumerate(records, 1):
            if checked % 256 == 0:
                context.progress.update(checked)
            reason, detail = fault(record, options)
            yield record.reject("donts", reason, detail) if reason else record

    if options.judge:
        verdicts = Counter[str]()
        kept = judging.judged(by_patterns(), "donts/judge", tuple(options.judged), "donts", context, verdicts)
        yield from kept
        context.figures["judge"] = dict(sorted(verdicts.items()))
    else:
        yield from by_patterns()
    context.figures["checked"] = checked


def estimate(records: Iterable[Record], options: Options) -> tuple[int, int, int]:
    """Calls, prompt and completion tokens of the judge, at most."""
    return judging.estimate(records, "donts/judge") if options.judge else (0, 0, 0)


def fault(record: Record, options: Options) -> tuple[str, str]:
    """The first rule that objects, and why; two empty strings when none does."""
    for exchange in exchanges(record):
        for name, rule in RULES.items():
            if name not in options.off and exchange.asked and (why := rule(exchange)):
                return name, why
    return "", ""
