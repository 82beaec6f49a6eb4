"""Cuts through scores: what passes, in which words it does not, and how scores are spread."""

from __future__ import annotations

from collections.abc import Sequence

_QUANTILES = (5, 25, 50, 75, 95)


def outside(name: str, score: float, above: float | None, below: float | None) -> tuple[str, str] | None:
    """The reason, and in words, why a score does not pass; None where it does. A score that equals a cut passes."""
    if above is not None and score < above:
        return "low_score", f"its {name} is {score:.4g}; {above:g} and more pass"
    if below is not None and score > below:
        return "high_score", f"its {name} is {score:.4g}; {below:g} and less pass"
    return None


def check(above: float | None, below: float | None, least: float, most: float = float("inf")) -> None:
    """ValueError, which names its key, for cuts that no score or every score lies outside of."""
    for key, cut in (("above", above), ("below", below)):
        if cut is not None and not least <= cut <= most:
            raise ValueError(f"{key}: expected a score from {least:g}" + (f" to {most:g}" if most < 1e9 else "")
                             + f", got {cut:g}")
    if above is not None and below is not None and above > below:
        raise ValueError(f"above: expected at most `below` ({below:g}), got {above:g}")


def spread(values: Sequence[float]) -> dict[str, float]:
    """How many, their mean, and the values under which 5, 25, 50, 75 and 95 % of them lie."""
    if not values:
        return {"count": 0}
    ranked = sorted(values)
    found = {f"p{share}": round(ranked[(len(ranked) - 1) * share // 100], 4) for share in _QUANTILES}
    return {"count": len(ranked), "mean": round(sum(ranked) / len(ranked), 4), **found}
