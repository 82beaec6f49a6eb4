"""Candidates for similar pairs: locality-sensitive hashing of signatures by bands (Leskovec et al. 2020, section 3.4).

Texts whose signatures agree in all rows of some band are candidates. With b bands of r rows, two texts of Jaccard
similarity s become one with probability 1 - (1 - s^r)^b. Bands are sorted, not looked up: whole arrays at a time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from curate.duplicates.pairs import CROWD
from curate.duplicates.signatures import PERMUTATIONS

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Chance to find a pair just at the floor: 25 bands of 5 rows at 0.6 reach .87, and .99 at 0.7, the usual threshold.
_FOUND = 0.85
# In a crowd, how many of a bucket everyone else in it is compared with: those that the policy looks at first.
_HEADS = 16
# Standard errors of the estimate that a candidate may lie under the floor: 1 similar pair in 30,000 is lost so.
_DOUBT = 4
_AT_ONCE = 65_536  # pairs whose signatures are held side by side: 2 × 8 MB
_ODD = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio


def rows_of_band(floor: float) -> int:
    """As many rows as still find pairs at `floor` with a chance of .85: more rows mean fewer false candidates."""
    return max((rows for rows in range(1, 33) if chance(floor, rows) >= _FOUND), default=1)


def chance(similarity: float, rows: int) -> float:
    """That a pair of this Jaccard similarity is a candidate."""
    return 1.0 - (1.0 - similarity**rows) ** (PERMUTATIONS // rows)


def band_keys(signatures: Array, rows: int) -> Array:
    """One 64-bit key for each band of each signature: (bands, n). Keys of two bands must not be compared."""
    import numpy as np

    bands = PERMUTATIONS // rows
    words = signatures[:, : bands * rows].reshape(-1, bands, rows)
    # A collision brings one false candidate, which verification removes.
    keys = np.zeros(words.shape[:2], np.uint64)
    for row in range(rows):
        keys += words[:, :, row]
        keys *= np.uint64(_ODD)
        keys ^= keys >> np.uint64(29)
    return np.ascontiguousarray(keys.T)


def low_bytes(signatures: Array) -> Array:
    """A byte of each number, for `candidates`: two different ones agree in it once in 256 times (b-bit minwise hashing,
    Li and König 2010)."""
    import numpy as np

    return signatures.astype(np.uint8)


def candidates(keys: Array, order: Array, low: Array, floor: float) -> tuple[Array, Array, int]:
    """Pairs of places that share a bucket, each once, and how many places are in crowds, where not all are listed.

    keys    of `band_keys`
    order   the places to look at, those first that the policy prefers
    low     of `low_bytes`: pairs that these show to be far below `floor` are left out. Among a million texts there are
            millions that share a bucket by chance, and an exact comparison costs a hundred times as much
    """
    import numpy as np

    size = keys.shape[1]
    found = np.empty(0, np.int64)
    crowded = np.zeros(size, bool)
    for band in keys:
        mine = band[order]
        by_key = np.argsort(mine, kind="stable")
        mine, places = mine[by_key], order[by_key]
        fresh = np.flatnonzero(np.r_[True, mine[1:] != mine[:-1]])
        sizes = np.diff(np.r_[fresh, len(mine)])
        several = sizes > 1
        first, second = _within(places, fresh[several], sizes[several], crowded)
        likely = _likely(first, second, low, floor)
        first, second = first[likely], second[likely]
        # A dense cluster brings the same pairs in nearly every band, so they are not piled up.
        found = np.union1d(found, np.minimum(first, second).astype(np.int64) * size + np.maximum(first, second))
    return found // size, found % size, int(crowded.sum())


def _likely(first: Array, second: Array, low: Array, floor: float) -> Array:
    import numpy as np

    least = PERMUTATIONS * (floor - _DOUBT * 0.5 / math.sqrt(PERMUTATIONS))
    likely = np.empty(len(first), bool)
    for start in range(0, len(first), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        likely[some] = np.count_nonzero(low[first[some]] == low[second[some]], axis=1) >= least
    return likely


def _within(places: Array, starts: Array, sizes: Array, crowded: Array) -> tuple[Array, Array]:
    """Pairs within buckets that begin at `starts`: all of them, or in a crowd those with its heads."""
    import numpy as np

    firsts, seconds = [np.empty(0, places.dtype)], [np.empty(0, places.dtype)]
    crowd = sizes > CROWD
    for start, size in zip(starts[crowd].tolist(), sizes[crowd].tolist(), strict=True):
        crowded[places[start + _HEADS : start + size]] = True
    reach = np.where(crowd, _HEADS, sizes)
    for head in range(int(reach.max(initial=0))):
        # Number `head` of each bucket that is long enough, with every later one of it.
        there = (reach > head) & (sizes > head + 1)
        rest = sizes[there] - head - 1
        at = starts[there] + head
        firsts.append(np.repeat(places[at], rest))
        seconds.append(places[np.repeat(at + 1 - (np.cumsum(rest) - rest), rest) + np.arange(rest.sum())])
    return np.concatenate(firsts), np.concatenate(seconds)


def near_each(
    keys: Array, signatures: Array, standing: Array, theirs: Array, least: float
) -> Iterator[tuple[int, int, float]]:
    """Places in `keys` and in `standing` (both of `band_keys`) whose signatures agree in `least` of their places or
    more, and that share. Of a crowd in a bucket of `standing` the first ones are compared."""
    import numpy as np

    found = np.empty(0, np.int64)
    for mine, band in zip(keys, standing, strict=True):
        by_key = np.argsort(band, kind="stable")
        first, end = (np.searchsorted(band[by_key], mine, side) for side in ("left", "right"))
        for head in range(int(np.minimum(end - first, CROWD).max(initial=0))):
            there = np.flatnonzero(first + head < end)
            found = np.union1d(found, there * band.size + by_key[first[there] + head])
    for code in found.tolist():
        place, other = divmod(code, standing.shape[1])
        if (score := float(np.mean(signatures[place] == theirs[other]))) >= least:
            yield place, other, score
