"""MinHash signatures of texts (Broder 1997), bit-identical to those of datasketch 2 in its affine32 scheme.

A text's shingles are the runs of 5 characters of its normal form: words would never match in Chinese, which has no
spaces. All shingles of a few hundred texts are hashed at once by a rolling polynomial over their UTF-32 code points,
and each of the 128 permutations is one multiplication, one addition and one `minimum.reduceat` over an array that stays
in the second-level cache.

A signature says nothing of how it was made, so whatever is kept of one is kept with `SCHEME`. With datasketch:

    MinHash(num_perm=128, scheme="affine32", hashfunc=shingle_hash).update_batch(shingles(text))
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from seedbed.text import normalise

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

PERMUTATIONS = 128
SHINGLE = 5
SCHEME = f"affine32 seed 1, {PERMUTATIONS} permutations, {SHINGLE} characters, seedbed hash 1"

_WORD = (1 << 64) - 1
# Of the polynomial, and of the mixing behind it: any odd numbers without a pattern (digits of pi's fraction, in hex).
_BASE, _MIX = 0x243F6A8885A308D3, 0xA4093822299F31D1
# Characters in a batch: hashes and scratch space of 4 bytes each stay within 1 MB.
_BATCH = 98_304


def shingles(text: str) -> set[str]:
    """All runs of 5 characters of a normal form; of a shorter text itself, filled up with NUL; of an empty one none."""
    padded = text.ljust(SHINGLE, "\0") if text else ""
    return {padded[at : at + SHINGLE] for at in range(len(padded) - SHINGLE + 1)}


def shingle_hash(shingle: str) -> int:
    """32 bits of a shingle, as `signatures` hashes it."""
    value = 0
    for character in shingle:
        value = (value * _BASE + ord(character)) & _WORD
    value = ((value ^ value >> 32) * _MIX) & _WORD
    return value >> 32


def signatures(texts: Iterable[str]) -> Iterator[Array]:
    """The signatures of normal forms, a batch of rows at a time: (n, 128), uint32. A text without characters has the
    largest number in every place, as in datasketch. The work is shared among threads, for numpy lets go of the lock."""
    return _in_threads(_signatures, batches(texts))


def batches(texts: Iterable[str], size: int = _BATCH) -> Iterator[list[str]]:
    """Texts in lists of about `size` characters."""
    batch: list[str] = []
    room = size
    for text in texts:
        batch.append(text)
        room -= len(text)
        if room <= 0:
            yield batch
            batch, room = [], size
    if batch:
        yield batch


def normal_forms(texts: Iterable[str]) -> Iterator[str]:
    return map(normalise, texts)


def hashes(texts: list[str]) -> tuple[Array, Array]:
    """64-bit hashes of all shingles of `texts`, one text after the other with repetitions; how many each text has."""
    import numpy as np

    padded = [text.ljust(SHINGLE, "\0") if text else "" for text in texts]
    lengths = np.fromiter(map(len, padded), np.int64, len(padded))
    counts = np.maximum(lengths - (SHINGLE - 1), 0)
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32)
    if len(codes) < SHINGLE:
        return np.empty(0, np.uint64), counts
    base, width = np.uint64(_BASE), len(codes) - SHINGLE + 1
    found = codes[:width].astype(np.uint64)
    for offset in range(1, SHINGLE):
        found *= base
        found += codes[offset : width + offset]
    # Runs that begin in one text and end in the next one are none.
    whole = np.ones(len(codes), bool)
    ends = np.cumsum(lengths)[lengths > 0]
    for offset in range(1, SHINGLE):
        whole[ends - offset] = False
    return found[whole[:width]], counts


def _signatures(texts: list[str]) -> Array:
    import numpy as np

    wide, counts = hashes(texts)
    wide ^= wide >> np.uint64(32)
    wide *= np.uint64(_MIX)
    mixed = _mixed((wide >> np.uint64(32)).astype(np.uint32))
    found = np.full((PERMUTATIONS, len(texts)), np.iinfo(np.uint32).max, np.uint32)
    filled = counts > 0
    starts = (np.cumsum(counts) - counts)[filled]
    if len(starts):
        permuted, least = np.empty_like(mixed), np.empty(len(starts), np.uint32)
        for number, (a, b) in enumerate(_permutations()):
            np.multiply(mixed, a, out=permuted)
            np.add(permuted, b, out=permuted)
            found[number, filled] = np.minimum.reduceat(permuted, starts, out=least)
    return np.ascontiguousarray(found.T)


def _mixed(found: Array) -> Array:
    """datasketch's mixing before the permutations: the finaliser of MurmurHash3 (Appleby, public domain)."""
    import numpy as np

    found ^= found >> np.uint32(16)
    found *= np.uint32(0x85EBCA6B)
    found ^= found >> np.uint32(13)
    found *= np.uint32(0xC2B2AE35)
    found ^= found >> np.uint32(16)
    return found


@lru_cache
def _permutations() -> list[tuple[Any, Any]]:
    """Odd factors and summands modulo 2^32, as datasketch draws them for seed 1."""
    import numpy as np

    draw = np.random.RandomState(1)
    a = draw.randint(0, 1 << 31, PERMUTATIONS, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    b = draw.randint(0, 1 << 32, PERMUTATIONS, dtype=np.uint32)
    return list(zip(a, b, strict=True))


def _in_threads(work: Callable[[list[str]], Array], given: Iterator[list[str]]) -> Iterator[Array]:
    """The results in order; only a few batches are under way, so that texts do not pile up."""
    cores = len(os.sched_getaffinity(0))
    with ThreadPoolExecutor(cores) as pool:
        waiting = [pool.submit(work, batch) for batch in islice(given, 2 * cores)]
        while waiting:
            done = waiting.pop(0).result()
            waiting += [pool.submit(work, batch) for batch in islice(given, 1)]
            yield done
