"""Signatures are those of datasketch, and agree in as many places as the texts' shingles overlap."""

from __future__ import annotations

import random

import numpy as np
import pytest

from curate.duplicates.jaccard import exact
from curate.duplicates.signatures import PERMUTATIONS, batches, shingle_hash, shingles, signatures

EN = "the kx-40 pump runs at 2.5 bar by default, and the pressure must not exceed 4 bar."
ZH = "kx-40 离心泵的默认压力是 2.5 bar，压力不得超过 4 bar，因为超过以后密封会泄漏。"
TEXTS = [EN, ZH, "", "短", "abcd", "abcde", "离心泵的压", "a" * 40, "𠮷野家的🦊" * 3, "\ud800 lone", "nul\0nul", "z" * 5000]


def jaccard(one: str, two: str) -> float:
    a, b = shingles(one), shingles(two)
    return len(a & b) / len(a | b) if a and b else 0.0


def test_shingles_are_runs_of_five_characters() -> None:
    assert shingles("阀门限制压力") == {"阀门限制压", "门限制压力"}
    assert shingles("abcdef abcdef") >= {"abcde", "f abc"}
    assert shingles("短") == {"短\0\0\0\0"}
    assert shingles("") == set()


def by_definition(text: str) -> list[int]:
    """A signature as datasketch defines its scheme affine32, one number at a time."""
    draw = np.random.RandomState(1)
    factors = [2 * int(a) + 1 for a in draw.randint(0, 1 << 31, PERMUTATIONS, dtype=np.uint32)]
    summands = [int(b) for b in draw.randint(0, 1 << 32, PERMUTATIONS, dtype=np.uint32)]
    least = [0xFFFFFFFF] * PERMUTATIONS
    for shingle in shingles(text):
        h = shingle_hash(shingle)
        h = (h ^ h >> 16) * 0x85EBCA6B & 0xFFFFFFFF
        h = (h ^ h >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
        h ^= h >> 16
        least = [min(m, (a * h + b) & 0xFFFFFFFF) for m, a, b in zip(least, factors, summands, strict=True)]
    return least


def test_signatures_are_those_of_the_definition() -> None:
    rows = np.concatenate(list(signatures(TEXTS)))
    assert (rows.shape, rows.dtype) == ((len(TEXTS), PERMUTATIONS), np.uint32)
    for text, row in zip(TEXTS, rows.tolist(), strict=True):
        assert row == by_definition(text), ascii(text[:20])


def test_signatures_are_those_of_datasketch() -> None:
    datasketch = pytest.importorskip("datasketch", minversion="2")
    for text, row in zip(TEXTS, np.concatenate(list(signatures(TEXTS))), strict=True):
        theirs = datasketch.MinHash(num_perm=PERMUTATIONS, scheme="affine32", hashfunc=shingle_hash)
        if text:
            theirs.update_batch(shingles(text))
        assert (theirs.hashvalues == row).all(), ascii(text[:20])


def test_the_company_of_other_texts_makes_no_difference() -> None:
    alone = [next(signatures([text])) for text in TEXTS]
    assert (np.concatenate(alone) == np.concatenate(list(signatures(TEXTS)))).all()
    assert [len(batch) for batch in batches(TEXTS, size=100)] == [2, 10]


@pytest.mark.parametrize("alphabet", ["abcdefgh etaoin", "离心泵的默认压力是多少阀门限制密封泄漏润滑油"])
def test_places_agree_as_often_as_shingles_overlap(alphabet: str) -> None:
    draw = random.Random(alphabet)
    found = []
    for _ in range(60):
        text = "".join(draw.choices(alphabet, k=400))
        changed = list(text)
        for place in draw.sample(range(400), 12):
            changed[place] = draw.choice(alphabet)
        one, two = np.concatenate(list(signatures([text, "".join(changed)])))
        found.append(float(np.mean(one == two)) - jaccard(text, "".join(changed)))
    # 60 estimates with a standard error of .04 each: their mean has one of .005.
    assert abs(float(np.mean(found))) < 0.02 and float(np.std(found)) < 0.06


def test_the_exact_similarity_is_that_of_the_sets() -> None:
    texts = [*TEXTS, EN.replace("bar", "psi"), ZH.replace("压力", "转速"), EN + ZH]
    first, second = (np.array(places) for places in zip(*[(a, b) for a in range(15) for b in range(15)], strict=True))
    scores = exact(first, second, texts.__getitem__)
    expected = [jaccard(texts[a], texts[b]) for a, b in zip(first.tolist(), second.tolist(), strict=True)]
    assert scores.tolist() == expected
