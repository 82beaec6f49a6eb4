"""Vectors as points on a page: what lies together in meaning lies together on the map.

    vectors ─ principal components (at most 50) ─ nearest neighbours ─ points that neighbours pull and strangers push

PCA alone puts a set of many topics into one blot: its two widest directions hold a tenth of what 512 numbers say. So it
only gives the places to start from, and a neighbour embedding goes on: the forces of UMAP with its curve at a = b = 1
(McInnes et al. 2018, arXiv:1802.03426), which is a t-SNE whose repulsion is sampled (Damrich et al. 2023,
arXiv:2206.01816), all points at once in numpy. Distances between groups mean little, and the axes nothing.

The trap: whatever starts or samples at random moves the map from run to run. Everything here follows from the vectors
and the seed; signs of components, which linear algebra leaves open, are fixed.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MOST = 5000  # points that a page can draw and a reader can take in; 3 s of one core
NEIGHBOURS = 15  # UMAP's default
_COMPONENTS = 50  # as t-SNE is usually fed (van der Maaten & Hinton 2008, section 4.2)
_STRANGERS = 16  # drawn for each point in a round; 8 lose a tenth of the neighbours that 16 keep, 2 a fifth
_ROUNDS = 200  # UMAP's default for large sets
_SPREAD = 10.0  # the map's width at the start, as in UMAP
_FARTHEST = 4.0  # UMAP's bound on one step
_NEAREST = 0.001  # keeps the push of two points at one place finite; UMAP's
_BLOCK = 1024  # rows compared with all others at a time: 5,000 points need 20 MB
_FEW = 8  # below this many different points the components say all there is


def drawn(groups: Sequence[Hashable], size: int = MOST, seed: int = 0) -> list[int]:
    """The numbers, in order, of at most `size` items, whose group each one's entry names.

    Each group has its share, but none less than a twentieth of the fair part, so that the few dropped records of a
    large set can be seen at all. Same groups, same seed: same items.
    """
    members: dict[Hashable, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        members[group].append(number)
    if len(groups) <= size:
        return list(range(len(groups)))
    least = size // (20 * len(members))
    wanted = {group: min(len(rows), max(least, size * len(rows) // len(groups))) for group, rows in members.items()}
    chosen: list[int] = []
    for group, rows in sorted(members.items(), key=lambda item: (len(item[1]), item[1][0])):
        room = size - len(chosen)
        chosen += random.Random(f"{seed} {rows[0]}").sample(rows, min(wanted[group], room))
    return sorted(chosen)


def plot_points(vectors: Array, seed: int) -> Array:
    """Two coordinates a row, float32 of shape (n, 2), within -1 and 1; for up to about 5,000 rows (see `drawn`).

    Rows of any length are taken by their direction (cosine); rows of zeros, and what is not finite, lie in the middle
    of the others. The same vectors and seed give the same points.
    """
    import numpy as np

    rows = np.nan_to_num(np.asarray(vectors, np.float32), posinf=0.0, neginf=0.0)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    filled = lengths[:, 0] > 0
    points = np.zeros((len(rows), 2), np.float32)
    if filled.any():
        points[filled] = _placed(rows[filled], seed)
    return points


def _placed(rows: Array, seed: int) -> Array:
    import numpy as np

    # Equal texts are one place: among themselves they would be each other's only neighbours.
    unique, place = np.unique(rows, axis=0, return_inverse=True)
    components = _components(unique)
    points = _fitted(components[:, :2])
    if len(unique) >= _FEW:
        points = _fitted(_settled(components, points * _SPREAD, seed))
    return points[place.reshape(-1)]


def _components(rows: Array) -> Array:
    """Principal components, the widest first, at least two."""
    import numpy as np

    centred = (rows - rows.mean(axis=0)).astype(np.float64)
    _, directions = np.linalg.eigh(centred.T @ centred)
    count = min(_COMPONENTS, rows.shape[1])
    directions = directions[:, ::-1][:, :count]
    largest = np.abs(directions).argmax(axis=0)
    directions = directions * np.sign(directions[largest, np.arange(count)])
    found = centred @ directions
    return np.pad(found, ((0, 0), (0, max(0, 2 - count))))


def _fitted(points: Array) -> Array:
    """Centred, the farthest coordinate at 1."""
    import numpy as np

    centred = points - (points.max(axis=0) + points.min(axis=0)) / 2
    fitted: Array = (centred / max(float(np.abs(centred).max()), 1e-12)).astype(np.float32)
    return fitted


def _settled(components: Array, points: Array, seed: int) -> Array:
    """The points after all rounds of pulling and pushing."""
    import numpy as np

    count = len(points)
    heads, tails = _edges(components.astype(np.float32), min(NEIGHBOURS, count - 1))
    generator = np.random.default_rng(seed)
    points = points.astype(np.float64)
    # All points of one place would get one and the same force for ever.
    points += generator.normal(scale=1e-4 * _SPREAD, size=points.shape)
    for done in range(_ROUNDS):
        apart = points[heads] - points[tails]
        pull = -2 * apart / (1 + (apart**2).sum(axis=1, keepdims=True))
        force = np.stack([np.bincount(heads, pull[:, axis], count) for axis in (0, 1)], axis=1)
        strangers = generator.integers(count, size=(count, _STRANGERS))
        apart = points[:, None] - points[strangers]
        square = (apart**2).sum(axis=2, keepdims=True)
        push = np.clip(2 * apart / ((_NEAREST + square) * (1 + square)), -_FARTHEST, _FARTHEST)
        force += push.sum(axis=1)
        points += np.clip((1 - done / _ROUNDS) * force / NEIGHBOURS, -_FARTHEST, _FARTHEST)
    return points


def _edges(rows: Array, neighbours: int) -> tuple[Array, Array]:
    """Pairs of nearest neighbours in both directions: each pair once for either end."""
    import numpy as np

    count = len(rows)
    squares = (rows**2).sum(axis=1)
    near = np.empty((count, neighbours), np.int64)
    for start in range(0, count, _BLOCK):
        block = rows[start : start + _BLOCK]
        distance = squares - 2 * (block @ rows.T)
        distance[np.arange(len(block)), np.arange(start, start + len(block))] = np.inf
        near[start : start + _BLOCK] = np.argpartition(distance, neighbours - 1, axis=1)[:, :neighbours]
    heads, tails = np.repeat(np.arange(count), neighbours), near.reshape(-1)
    both = np.concatenate([heads * count + tails, tails * count + heads])
    pairs = np.unique(both)
    return pairs // count, pairs % count
