"""A record rated: its readings by the judge, those of its control, and what they come to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from curate.scoring.reading import Case, Reading, read
from seedbed.chat import Complete
from seedbed.record import Record, Step

OVERALL = "overall"


@dataclass(frozen=True)
class Rating:
    """`case` is None for a record that has nothing to rate. `fault` is why there are no scores: reason and words."""

    record: Record
    case: Case | None
    readings: tuple[Reading, ...] = ()
    control: tuple[Reading, ...] = ()
    kept_away: tuple[str, str] | None = None

    @property
    def fault(self) -> tuple[str, str] | None:
        return self.kept_away or next((reading.fault for reading in self.readings if reading.fault), None)

    @property
    def means(self) -> dict[str, float]:
        """The mark of each criterion, the mean of the readings; and their mean as `overall`."""
        return _means(self.readings)

    @property
    def control_mean(self) -> float | None:
        """The overall mark of the control, where there was one that could be read."""
        readable = self.control and not any(reading.fault for reading in self.control)
        return _means(self.control)[OVERALL] if readable else None

    @property
    def scores(self) -> dict[str, float]:
        """As they stand on the record."""
        means = self.means
        found = {"judge": round(means.pop(OVERALL), 4)} | {f"judge.{name}": mean for name, mean in means.items()}
        if len(self.readings) > 1:
            first, second = (reading.marks for reading in self.readings)
            found["judge.disagreement"] = round(_mean([abs(first[n].score - second[n].score) for n in means]), 4)
        return found

    def step(self, model: str) -> Step:
        """What the record's history keeps: scores and reasons in words, and all calls."""
        calls = tuple(key for reading in (*self.readings, *self.control) for key in reading.calls)
        prompt = self.readings[0].prompt if self.readings else ""
        if self.fault:
            note = ": ".join(self.fault)
            asked = model if calls else ""
            return Step(stage="judge", operation="fail", prompt=prompt, teacher=asked, calls=calls, note=note)
        said = []
        for name, mean in self.means.items():
            if name != OVERALL:
                reasons = " / ".join(dict.fromkeys(reading.marks[name].reason.strip() for reading in self.readings))
                said.append(f"{name} {mean:g}" + (f" ({reasons})" if reasons else ""))
        return Step(stage="judge", operation="rate", prompt=prompt, teacher=model, calls=calls, note="; ".join(said))


async def rate(complete: Complete, record: Record, case: Case, control: Case | None, twice: bool) -> Rating:
    """Asks for one reading or two of the record, and as many of its control."""
    turns = (False, True) if twice else (False,)
    works = [read(complete, one, turned) for one in (case, control) if one for turned in turns]
    readings = tuple(await asyncio.gather(*works))
    return Rating(record, case, readings[: len(turns)], readings[len(turns) :])


def _means(readings: Sequence[Reading]) -> dict[str, float]:
    means = {name: _mean([reading.marks[name].score for reading in readings]) for name in readings[0].marks}
    return means | {OVERALL: _mean(list(means.values()))}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
