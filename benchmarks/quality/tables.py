"""The figures as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from benchmarks.quality.figures import Figures
from benchmarks.quality.tasks import Evolved, Tasks

Row = tuple[str, str, Callable[[Figures], str]]


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%} ({part} of {whole})" if whole else "–"


def _quoted(f: Figures) -> str:
    return _share(f.quoted, f.accepted) if f.quoted else "–"


_ROWS: tuple[Row, ...] = (
    ("pairs drafted", "", lambda f: str(f.drafts)),
    ("accepted", "≥ 50 %", lambda f: _share(f.accepted, f.drafts)),
    ("replies that could not be read, after asking again", "< 2 %", lambda f: _share(f.unread, f.replies)),
    ("passages with an accepted pair", "≥ 90 %", lambda f: _share(f.covered, f.passages)),
    ("accepted whose quotes stand in the document at their span", "100 %", _quoted),
    ("questions in the ten commonest openings", "", lambda f: f"{f.openings:.1%}"),
    ("faultless by the checks below", "≥ 95 %", lambda f: _share(f.faultless, f.accepted)),
    ("completion tokens", "", lambda f: f"{f.completion_tokens:,}"),
    (
        "faultless pairs for 1,000 completion tokens",
        "",
        lambda f: f"{1000 * f.faultless / max(1, f.completion_tokens):.1f}",
    ),
)


def pairs(figures: Sequence[Figures]) -> Iterator[str]:
    """The lines on question-answer pairs: figures, reasons of rejection, faults."""
    yield from ("## Documents to pairs", "")
    heads = [f"{f.name} {f.language}" for f in figures]
    rows = [(name, goal, *(tell(f) for f in figures)) for name, goal, tell in _ROWS]
    yield from _table(("", "wanted", *heads), rows)
    own = [f for f in figures if f.reasons]
    if own:
        yield from ("", "Why drafts were rejected:", "")
        yield from _counts([f"{f.name} {f.language}" for f in own], [f.reasons for f in own])
    yield from ("", "Faults of what was accepted, told from the whole passage (benchmarks/quality/faults.py):", "")
    yield from _counts(heads, [f.faults for f in figures])


def tasks(found: Sequence[Tasks]) -> Iterator[str]:
    """The lines on Self-Instruct."""
    yield from ("", "## Self-Instruct", "")
    rows = [
        ("accepted of those wanted", *(f"{t.accepted} of {t.wanted}" for t in found)),
        ("proposals", *(str(t.proposals) for t in found)),
        ("acceptance rate", *(_share(t.accepted, t.proposals) for t in found)),
        ("mean of the highest ROUGE-L to the pool, accepted", *(f"{t.similar:.3f}" for t in found)),
        ("completion tokens", *(f"{t.completion_tokens:,}" for t in found)),
    ]
    yield from _table(("", *(t.language for t in found)), rows)
    yield from ("", "Why proposals were rejected:", "")
    yield from _counts([t.language for t in found], [t.reasons for t in found])


def evolutions(found: Sequence[Evolved]) -> Iterator[str]:
    """The lines on Evol-Instruct."""
    yield from ("", f"## Evol-Instruct: {found[0].seeds} seed tasks a language, {found[0].rounds} rounds", "")
    rows = [
        ("evolutions", *(str(e.asked) for e in found)),
        ("survived", *(_share(e.accepted, e.asked) for e in found)),
        ("completion tokens", *(f"{e.completion_tokens:,}" for e in found)),
    ]
    yield from _table(("", *(e.language for e in found)), rows)
    yield from ("", "Eliminated, by rule:", "")
    names = sorted({name for e in found for name in e.rules}, key=lambda n: (-sum(e.rules.get(n, 0) for e in found), n))
    rules = [(name, *(_share(e.rules.get(name, 0), e.asked) for e in found)) for name in names]
    yield from _table(("", *(e.language for e in found)), rules)


def _counts(heads: Sequence[str], counts: Sequence[dict[str, int]]) -> Iterator[str]:
    """Names by how often they occur in all columns together."""
    total = {name: sum(c.get(name, 0) for c in counts) for column in counts for name in column}
    names = sorted(total, key=lambda name: (-total[name], name))
    return _table(("", *heads), [(name, *(str(c.get(name, 0)) for c in counts)) for name in names])


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield f"| {' | '.join(row)} |"
