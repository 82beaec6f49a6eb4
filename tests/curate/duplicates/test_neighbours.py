"""Every pair at or above the floor, each once, whatever the way it is found."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from curate.duplicates import neighbours
from curate.duplicates.neighbours import earlier
from seedbed.errors import MissingExtra


def families(count: int, width: int, seed: int, spread: float = 0.35) -> np.ndarray:
    """Rows of which many lie near an earlier one, at all distances."""
    generator = np.random.default_rng(seed)
    # Directions of unequal width, as encoders have them.
    rows = generator.normal(size=(count, width)) * np.linspace(2, 0.1, width)
    for number in range(1, count):
        if generator.random() < 0.4:
            rows[number] = rows[generator.integers(number)] + spread * generator.random() * generator.normal(size=width)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def brute(rows: np.ndarray, floor: float) -> set[tuple[int, int]]:
    later, before = np.nonzero(np.tril(rows.astype(np.float64) @ rows.T.astype(np.float64), -1) >= floor)
    return set(zip(later.tolist(), before.tolist(), strict=True))


def found(rows: np.ndarray, floor: float, **options: object) -> list[tuple[int, int]]:
    blocks = earlier(rows, np.arange(len(rows)), floor, np.zeros(len(rows), bool), **options)
    return [pair for later, before, _ in blocks for pair in zip(later.tolist(), before.tolist(), strict=True)]


@pytest.mark.parametrize("floor", [0.6, 0.8, 0.95])
def test_exactly_the_pairs_that_comparing_all_gives_in_order(floor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_FULL", 100)  # of so few numbers the bound would rarely pay
    rows = families(2200, 64, seed=1)
    pairs = found(rows, floor)
    assert neighbours._directions(rows, np.arange(2200), floor).shape[1] < 64  # the bound is at work
    assert pairs == sorted(brute(rows, floor)) and len(pairs) > 100


def test_few_rows_need_no_bound() -> None:
    rows = families(40, 8, seed=2)
    assert found(rows, 0.7) == sorted(brute(rows, 0.7))
    assert found(rows[:1], 0.7) == found(rows[:0], 0.7) == []


def test_scores_are_those_of_the_two_rows_alone() -> None:
    rows = families(2500, 32, seed=3)
    for later, before, scores in earlier(rows, np.arange(2500), 0.8, np.zeros(2500, bool)):
        for one, other, score in list(zip(later, before, scores, strict=True))[:20]:
            [alone] = [s for *_, s in earlier(rows, np.array([other, one]), 0.8, np.zeros(2, bool))]
            assert alone[0] == score


def test_the_order_of_the_places_is_the_order_of_the_pairs() -> None:
    rows = np.eye(3, dtype=np.float32)[[0, 1, 0, 2]]
    [(later, before, scores)] = earlier(rows, np.array([2, 1, 0]), 0.9, np.zeros(3, bool))
    assert (later.tolist(), before.tolist(), scores.tolist()) == ([2], [0], [1.0])  # place 0 comes after place 2


def test_a_row_that_is_left_out_is_compared_with_no_later_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", 4)
    rows = np.ones((12, 1), np.float32)
    left_out = np.zeros(12, bool)
    seen = []
    for later, before, _ in earlier(rows, np.arange(12), 0.9, left_out):
        seen.append(sorted(set(before.tolist())))
        left_out[later] = True
    assert seen == [[0, 1, 2], [0, 4, 5, 6], [0, 8, 9, 10]]


def test_two_sides_are_as_near_as_the_less_similar_one() -> None:
    one, other = np.array([1, 0], np.float32), np.array([0.8, 0.6], np.float32)
    nothing = np.zeros(2, np.float32)
    sides = [(one, one), (other, one), (one, other), (one, nothing), (other, nothing), (nothing, nothing)]
    rows = np.stack([np.concatenate(pair) for pair in sides])
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    [(later, before, scores)] = earlier(rows, np.arange(6), 0.7, np.zeros(6, bool), sides=2)
    # 1 and 2 are at .8 on either side; a question without an answer is near no question with one.
    assert list(zip(later.tolist(), before.tolist(), strict=True)) == [(1, 0), (2, 0), (2, 1), (4, 3)]
    assert scores == pytest.approx(0.8)


@pytest.mark.parametrize("floor", [0.0, -1.0, 1.5])
def test_a_floor_out_of_range_is_refused(floor: float) -> None:
    with pytest.raises(ValueError, match="floor: expected"):
        list(earlier(np.eye(2, dtype=np.float32), np.arange(2), floor, np.zeros(2, bool)))


def test_equal_rows_are_found_at_a_floor_of_one() -> None:
    rows = families(10, 300, seed=4)[[0, 1, 0]]
    assert found(rows, 1.0) == [(2, 0)]


def test_lists_find_nearly_all_and_nothing_else() -> None:
    pytest.importorskip("faiss")
    rows = families(2000, 32, seed=5)
    all_of_them = brute(rows, 0.9)
    pairs = found(rows, 0.9, exact=1000)
    assert set(pairs) <= all_of_them and len(pairs) == len(set(pairs))
    assert len(pairs) >= 0.99 * len(all_of_them)
    assert pairs == found(rows, 0.9, exact=1000)


def test_without_faiss_its_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtra, match=r"seedbed\[faiss\]"):
        found(families(20, 4, seed=6), 0.9, exact=10)
