"""A control for a judge: some records are rated once more with the answer of another one.

That all scores are alike may mean that all records are good, or that the judge does not look. An answer to another
question is no help to anybody, so a judge that rates it no lower than the right one does not look. It costs one call
for each record that is controlled (two with `twice`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from curate.scoring.rating import OVERALL, Rating
from curate.scoring.reading import Case
from seedbed.record import Message
from seedbed.text import tokenize

# The share of right answers that a judge should rate over wrong ones: 20 tosses of a coin give 15 heads or more in two
# cases of a hundred.
PASSES = 0.75


@dataclass
class Control:
    """`wanted` records are controlled, the first ones that can be; each gets the answer of the one before it in its
    language."""

    wanted: int
    pairs: int = 0
    told: float = 0.0
    _answers: dict[str, str] = field(default_factory=dict)
    _drawn: int = 0

    def of(self, case: Case) -> Case | None:
        """The same case with another record's answer; None where there is none yet, or enough were drawn."""
        record, other = case.record, self._answers.get(case.language, "")
        self._answers[case.language] = record.answer or other
        if self._drawn >= self.wanted or not other or tokenize(other) == tokenize(record.answer):
            return None
        self._drawn += 1
        turns = (*record.messages[:-1], Message("assistant", other))
        return replace(case, record=msgspec.structs.replace(record, messages=turns))

    def add(self, rating: Rating) -> None:
        """A record's scores beside those of its control, if it had one; equal ones count half."""
        if (other := rating.control_mean) is not None:
            own = rating.means[OVERALL]
            self.pairs += 1
            self.told += (own > other) + 0.5 * (own == other)

    def figures(self) -> dict[str, Any]:
        """`pairs` and the share `told` in which the right answer was rated higher; empty where nothing was asked."""
        return {"control": {"pairs": self.pairs, "told": round(self.told / self.pairs, 3)}} if self.pairs else {}

    def verdict(self) -> str:
        """What a user should know; empty where the judge did well, or nothing was controlled."""
        if not self.pairs or self.told / self.pairs >= PASSES:
            return ""
        return (f"in {self.told / self.pairs:.0%} of {self.pairs} controls the right answer was rated over an answer "
                "to another question (a coin gives 50 %): these scores are no verdict")
