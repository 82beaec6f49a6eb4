"""What a preview measured, and what the whole job would come to by that.

A generator without a target works through everything it is given, so its sample is scaled by passages (or records); one
that would reach its target before that, by accepted records. Both are proportions of a few replies, and said with the
counts that they rest on. The share that is accepted comes with its 95 % interval (Wilson 1927), and so does what hangs
on it: with five of six accepted, it may as well be half.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seedbed.errors import LimitReached
from seedbed.planning import money
from seedbed.progress import clock
from seedbed.record import Record
from seedbed.run import Manifest, Usage

if TYPE_CHECKING:
    from seedbed.pipeline import Pipeline, Planned


@dataclass
class Trial:
    """What one generator made of a sample.

    whole    passages or records that it gets in the run, None where nobody can say yet; `used` of them were tried
    seconds  in which at least one of its calls was under way, now or when it was bought
    planned  calls that its own estimate expects, for a generator that neither a target nor what it reads bounds
    done     its manifest, where the run has finished it: nothing is tried then
    stopped  the limit that ended it
    """

    step: Planned
    whole: float | None = 0.0
    used: int = 0
    kept: list[Record] = field(default_factory=list)
    rejected: list[Record] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    planned: int = 0
    done: Manifest | None = None
    stopped: LimitReached | None = None

    @property
    def scale(self) -> float | None:
        """How many times the sample the whole is; None where that cannot be told."""
        by_input, by_target = self._by_input, self._by_target
        if self.stopped or (self.step.inputs and by_input is None):
            return None
        if self.step.stage.alone:  # it has seeds of its own and does not end with what it reads
            by_plan = self.planned / self.usage.calls if self.planned and self.usage.calls else None
            return by_plan if by_target is None else by_target
        return min((scale for scale in (by_input, by_target) if scale is not None), default=None)

    @property
    def _by_input(self) -> float | None:
        return self.whole / self.used if self.step.inputs and self.used and self.whole is not None else None

    @property
    def _by_target(self) -> float | None:
        target = getattr(self.step.options, "target", None)
        return target / len(self.kept) if target and self.kept else None

    @property
    def range(self) -> tuple[float, float]:
        """The scale at the most and at the least that the accepted share may be; a scale by passages, which are worked
        through whatever comes of them, has no range."""
        scale = self.scale or 0.0
        if not self.kept or scale != self._by_target:
            return scale, scale
        share = len(self.kept) / self.made
        low, high = wilson(len(self.kept), self.made)
        least, most = scale * share / high, scale * share / low
        if self._by_input is not None and not self.step.stage.alone:
            most = min(most, max(scale, self._by_input))
        return least, most

    @property
    def made(self) -> int:
        """Records of the sample, accepted or not."""
        return len(self.kept) + len(self.rejected)

    @property
    def records(self) -> float | None:
        """How many records the run will make with this generator; None where that cannot be told."""
        if self.done:
            return self.done.kept
        return None if self.scale is None else self.scale * len(self.kept)

    @property
    def unit(self) -> str:
        return "passages" if self.step.stage.reads == "source" else "records"


def of_trial(pipeline: Pipeline, trial: Trial) -> Iterator[str]:
    """What one generator's sample came to: the rejected by reason, the measured figures, and the whole by them."""
    for reason, count in Counter(r.rejection.reason for r in trial.rejected if r.rejection).most_common():
        first = next(r.rejection for r in trial.rejected if r.rejection and r.rejection.reason == reason)
        yield f"  rejected: {reason} {count}" + (f" ({first.detail})" if first.detail else "")
    accepted, made, usage = len(trial.kept), trial.made, trial.usage
    tokens = usage.prompt_tokens + usage.completion_tokens
    share = ""
    if made:
        low, high = wilson(accepted, made)
        share = f" ({accepted / made:.0%}; 95 % interval {100 * low:.0f} to {high:.0%})"
    each = f"; {tokens / accepted:,.0f} tokens for an accepted record" if accepted else ""
    yield (
        f"  measured: {accepted} of {made} accepted{share}, {usage.calls:,} calls, {usage.prompt_tokens:,} prompt and "
        f"{usage.completion_tokens:,} completion tokens{each}"
    )
    if trial.scale is None:
        yield "  the whole: cannot be told from this"
    else:
        source = f" from {trial.whole:,.0f} {trial.unit}" if trial.step.inputs and trial.whole is not None else ""
        yield f"  the whole: about {trial.records:,.0f} records{source}, {_amount(pipeline, [trial])}"


def of_job(
    pipeline: Pipeline, steps: Sequence[Planned], trials: Sequence[Trial], before: tuple[int, int, float]
) -> Iterator[str]:
    """The sum, what it leaves out, and what the preview bought; `before` is what the run had spent until then."""
    todo = [trial for trial in trials if not trial.done]
    told = [trial for trial in todo if trial.scale is not None]
    if told:
        yield f"The whole job: {_amount(pipeline, told)}"
        yield from _interval(pipeline, told)
        yield from _beyond_limits(pipeline, told)
    known = {trial.step.name for trial in trials if trial.done or trial.scale is not None}
    known |= {step.name for step in steps if step.stage.group != "generate" and pipeline.finished(step)}
    if missing := [step.name for step in steps if step.asks and step.name not in known]:
        yield f"Not in it: {', '.join(missing)}"
    calls, tokens, paid = (now - then for now, then in zip(pipeline.spent(), before, strict=True))
    if calls:
        yield f"This preview bought {calls:,} calls, {tokens:,} tokens" + (f", {money(pipeline, paid)}" if paid else "")
    elif todo:
        yield "This preview bought nothing: all of its replies were in the journal"
    if todo:
        journal = pipeline.run.path / "journal.sqlite"
        yield f"Its replies are in {journal}: what the run asks in the same words is not bought again"
    else:
        yield "Every generator is finished: nothing more is bought"


def wilson(accepted: int, made: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927): right for few and for lopsided counts too. `made` is above 0."""
    square, share = 1.96**2, accepted / made
    middle = share + square / (2 * made)
    reach = 1.96 * (share * (1 - share) / made + square / (4 * made**2)) ** 0.5
    low, high = (middle - reach) / (1 + square / made), (middle + reach) / (1 + square / made)
    return max(0.0, low), min(1.0, high)


def busy(spans: Sequence[tuple[float, float]]) -> float:
    """Seconds in which at least one of these spans (in order of their beginnings) was under way."""
    total, reached = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _amount(pipeline: Pipeline, trials: Sequence[Trial]) -> str:
    calls, tokens, amount = _scaled([(trial, trial.scale or 0.0) for trial in trials])
    pace = clock(sum(trial.seconds * (trial.scale or 0.0) for trial in trials))
    cost = f", {money(pipeline, amount)}" if amount else ""
    return f"about {calls:,.0f} calls, {tokens:,.0f} tokens{cost}, {pace} at the pace of this preview"


def _interval(pipeline: Pipeline, trials: Sequence[Trial]) -> Iterator[str]:
    """The sum at the ends of the intervals of what is accepted."""
    least, most = (_scaled([(trial, trial.range[end]) for trial in trials]) for end in (0, 1))
    if least != most:
        cost = f", {money(pipeline, least[2], most[2])}" if most[2] else ""
        yield (
            f"With an accepted share at the ends of its interval: {least[0]:,.0f} to {most[0]:,.0f} calls, "
            f"{least[1]:,.0f} to {most[1]:,.0f} tokens{cost}"
        )


def _scaled(trials: Sequence[tuple[Trial, float]]) -> tuple[float, float, float]:
    """Calls, tokens and money of so many times each sample."""
    calls = tokens = amount = 0.0
    for trial, scale in trials:
        usage = trial.usage
        calls += scale * usage.calls
        tokens += scale * (usage.prompt_tokens + usage.completion_tokens)
        amount += scale * usage.money
    return calls, tokens, amount


def _beyond_limits(pipeline: Pipeline, trials: Sequence[Trial]) -> Iterator[str]:
    most = _scaled([(trial, trial.range[1]) for trial in trials])
    for name, amount in zip(("calls", "tokens", "money"), most, strict=True):
        limit = getattr(pipeline.limits, name)
        if limit is not None and amount > limit:
            yield f"limits.{name} is {limit:,}: the run may stop there, and goes on once it is raised"
