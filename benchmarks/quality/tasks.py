"""What is counted of Self-Instruct and of Evol-Instruct in one language."""

from __future__ import annotations

import msgspec

from benchmarks.quality.desk import Desk
from datagen.evol_instruct.stage import Options as EvolOptions
from datagen.evol_instruct.stage import evol_instruct
from datagen.self_instruct.seed_tasks import own_files, read_seeds
from datagen.self_instruct.stage import Options, self_instruct
from seedbed.record import chat


class Tasks(msgspec.Struct, frozen=True, kw_only=True):
    """Counts; proposals beyond the target, which nobody looked at, are none. `similar` is the mean over the accepted of
    each one's highest ROUGE-L F1 against the pool before it."""

    language: str
    wanted: int
    proposals: int
    accepted: int
    reasons: dict[str, int]
    similar: float
    completion_tokens: int


def from_seeds(desk: Desk, wanted: int) -> Tasks:
    """Self-Instruct from seedbed's own seeds, to `wanted` accepted tasks in the desk's language."""
    made = desk.run("04-self_instruct", self_instruct, (), Options(target=wanted, languages=(desk.language,)))
    reasons = {name: count for name, count in made.done.reasons.items() if name != "beyond_target"}
    scores = [record.scores.get("most_similar", 0.0) for record in made.kept]
    return Tasks(
        language=desk.language,
        wanted=wanted,
        proposals=len(made.kept) + sum(reasons.values()),
        accepted=len(made.kept),
        reasons=reasons,
        similar=sum(scores) / max(1, len(scores)),
        completion_tokens=made.done.usage.completion_tokens,
    )


class Evolved(msgspec.Struct, frozen=True, kw_only=True):
    """Counts over all rounds; `rules` are those that eliminated an evolution."""

    language: str
    seeds: int
    rounds: int
    asked: int
    accepted: int
    rules: dict[str, int]
    completion_tokens: int


def evolved(desk: Desk, seeds: int, rounds: int) -> Evolved:
    """Evol-Instruct on `seeds` of seedbed's own tasks in the desk's language."""
    written = (
        chat(seed.instruction, seed.output, input=seed.input, language=desk.language, task="seed")
        for seed in read_seeds(own_files([desk.language]))[0]
    )
    options = EvolOptions(from_="records", rounds=rounds, count=seeds)
    made = desk.run("05-evol_instruct", evol_instruct, written, options)
    return Evolved(
        language=desk.language,
        seeds=made.done.figures["evolved"],
        rounds=rounds,
        asked=made.done.figures["asked"],
        accepted=made.done.figures["accepted"],
        rules=made.done.figures["eliminated"],
        completion_tokens=made.done.usage.completion_tokens,
    )
