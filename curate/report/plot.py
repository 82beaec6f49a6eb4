"""The map of the set: records drawn by lot, what stayed and what was left out, as vectors laid out on a plane.

Any encoder of seedbed/encode.py serves. By default it is the multilingual one where its file is already here, and the
lexical one otherwise: a report fetches nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from curate.report.examples import clip
from curate.report.model_set import Map, Point
from curate.report.projection import plot_points
from curate.report.words import Words
from seedbed.encode import Encoder
from seedbed.record import Record
from seedbed.text import language

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Characters of question and answer that are encoded: what a record is about is said early.
_ENCODED = 400
_SHOWN = 90  # characters of a question that a point tells
_SOURCES = 5  # colours that can be told apart; the rest is one more
_FEWEST = 12  # points under which a map says less than the records themselves
# What was left out is at least this share of the points where there is enough of it, so that it can be seen.
_LEAST = 0.25


@dataclass(frozen=True)
class Candidate:
    """As much of a record as the map needs. `shown` is empty where a text must not be shown."""

    id: str
    encoded: str
    shown: str
    source: str
    language: str
    why: str = ""


def candidate(record: Record, why: str = "", hide: bool = False) -> Candidate:
    """A record for the map; `why` is the reason for which it was left out."""
    question = record.user_text or record.text
    return Candidate(
        id=record.id,
        encoded=f"{question[:_ENCODED]}\n{record.answer[:_ENCODED]}",
        shown="" if hide else clip(" ".join(question[: 4 * _SHOWN].split()), _SHOWN),
        source=_source(record),
        language=record.language or language(question[:2000]),
        why=why,
    )


def _source(record: Record) -> str:
    if record.task == "general":
        return "general data"
    document = record.source.document if record.source else ""
    return document or record.labels.get("origin") or record.task or "unnamed"


def drawn(
    kept: Sequence[Candidate], dropped: Sequence[Candidate], sizes: tuple[int, int], most: int
) -> list[Candidate]:
    """At most `most`, in proportion to the two `sizes` but with enough of what was left out to be seen. Both lists are
    in random order."""
    share = max(sizes[1] / (sum(sizes) or 1), _LEAST)
    out = min(len(dropped), max(round(share * most), most - len(kept)))
    return [*kept[: most - out], *dropped[:out]]


def plotted(
    points: Sequence[Candidate], sizes: tuple[int, int], encoder: Encoder, seed: int, words: Words
) -> Map | None:
    """The map; None for too few records."""
    if len(points) < _FEWEST:
        return None
    places = _spread(plot_points(encoder.encode([point.encoded for point in points]), seed))
    sources = _grouped(points)
    commonest = [name for name, _ in Counter(sources).most_common(_SOURCES)]
    rest = len(set(sources)) > len(commonest)
    tongues = [name for name, _ in Counter(point.language for point in points).most_common(4)]
    return Map(
        encoder=encoder.name,
        kept=sizes[0],
        dropped=sizes[1],
        sources=[words(name) for name in commonest] + ([words("others")] if rest else []),
        languages=[words.tongue(name) for name in tongues],
        points=[
            Point(
                id=point.id,
                x=round(float(x), 4),
                y=round(float(y), 4),
                source=commonest.index(source) if source in commonest else len(commonest),
                language=tongues.index(point.language) if point.language in tongues else 0,
                text=point.shown,
                why=point.why,
            )
            for point, source, (x, y) in zip(points, sources, places, strict=True)
        ],
    )


def _spread(places: Array) -> Array:
    """From 0 to 1 both ways, each coordinate half by its value and half by its rank.

    Distances between groups mean nothing, and two groups far apart would each be a blot in an empty square. Ties keep
    one rank: equal texts stay at one place.
    """
    import numpy as np

    low, high = places.min(axis=0), places.max(axis=0)
    values = (places - low) / np.maximum(high - low, 1e-9)
    ranks = np.empty_like(values)
    for axis in (0, 1):
        different, place = np.unique(values[:, axis], return_inverse=True)
        ranks[:, axis] = place / max(len(different) - 1, 1)
    spread: Array = (values + ranks) / 2
    return spread


def _grouped(points: Sequence[Candidate]) -> list[str]:
    """Documents by name; by their top folder where they are more than colours can tell and lie in folders."""
    names = [point.source for point in points]
    if len(set(names)) <= _SOURCES + 1 or not any("/" in name for name in names):
        return names
    return [name.split("/", 1)[0] if "/" in name else name for name in names]


def encoder(name: str) -> Encoder:
    """`auto` is the default encoder where its file is here and its tokenizer installed, else the lexical one."""
    from seedbed import encode

    return encode.load(("default" if _at_hand() else "lexical") if name == "auto" else name)


def _at_hand() -> bool:
    from importlib.util import find_spec

    from seedbed import encode, models

    return find_spec("sentencepiece") is not None and models.path(encode.DEFAULT) is not None
