"""What is counted of Self-Instruct in one language."""

from __future__ import annotations

import msgspec

from benchmarks.quality.desk import Desk
from datagen.self_instruct.stage import Options, self_instruct


class Tasks(msgspec.Struct, frozen=True, kw_only=True):
    """Counts. `similar` is the mean over the accepted of each one's highest ROUGE-L F1 against the pool before it."""

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
    scores = [record.scores.get("most_similar", 0.0) for record in made.kept]
    return Tasks(
        language=desk.language,
        wanted=wanted,
        proposals=len(made.kept) + len(made.rejected),
        accepted=len(made.kept),
        reasons=made.done.reasons,
        similar=sum(scores) / max(1, len(scores)),
        completion_tokens=made.done.usage.completion_tokens,
    )
