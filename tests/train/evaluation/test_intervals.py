"""How far a figure may be from the truth: intervals that hold it, and what is said where there are too few records."""

from __future__ import annotations

import random

import pytest

from train.evaluation.comparison import sentence
from train.evaluation.intervals import Spread, mean, share


def test_a_mean_counts_each_token_once() -> None:
    assert mean([10.0, 90.0], 1, [10, 30]).mean == 2.5


def test_a_clear_difference_is_real_and_a_mixed_one_is_not() -> None:
    clear = mean([-10.0] * 12, 1, [10] * 12)
    assert (clear.mean, clear.low, clear.high) == pytest.approx((-1.0, -1.0, -1.0)) and clear.real
    mixed = [8 + i / 7 if i % 2 else -8 for i in range(12)]
    assert not mean(mixed, 1).real
    assert mean(mixed, 1) == mean(mixed, 1) != mean(mixed, 2)


@pytest.mark.parametrize("records", [6, 8, 24])
def test_the_interval_holds_the_truth_in_about_95_of_100_cases(records: int) -> None:
    chance = random.Random(5)
    covered = 0
    for trial in range(300):
        spread = mean([chance.gauss(0.3, 1.0) for _ in range(records)], seed=trial)
        assert spread.low is not None and spread.high is not None
        covered += spread.low <= 0.3 <= spread.high
    assert 0.90 <= covered / 300 <= 0.985  # the plain percentile interval: .84 with 6, .88 with 8


def test_none_right_of_eight_is_no_certainty() -> None:
    nothing, half = share(0, 8), share(10, 20)
    assert (nothing.mean, nothing.low) == (0.0, 0.0) and nothing.high == pytest.approx(0.324, abs=0.001)
    assert (half.low, half.high) == (pytest.approx(0.299, abs=0.001), pytest.approx(0.701, abs=0.001))


def test_too_few_records_give_no_interval() -> None:
    spread = mean([-2.0] * 4, seed=1)
    assert spread == Spread(-2.0) and not spread.real and share(1, 4) == Spread(0.25)
    assert sentence("test_seen", spread, 4) == (
        "Unseen questions on seen documents: loss fell by 2.00, but 4 records are too few to tell that from chance."
    )


@pytest.mark.parametrize(("name", "spread", "said"), [
    ("test_seen", Spread(-0.5, -0.7, -0.31),
     "Unseen questions on seen documents: loss fell by 0.50 (95 % interval 0.31 to 0.70, 9 records): learned, "
     "more than chance explains."),
    ("test_general", Spread(0.2, 0.1, 0.3),
     "General data: loss rose by 0.20 (95 % interval 0.10 to 0.30, 9 records): forgotten, more than chance explains."),
    ("test_heldout", Spread(-0.1, -0.3, 0.1),
     "Questions on held-out documents: loss fell by 0.10 (95 % interval -0.30 to 0.10, 9 records): "
     "that may be chance."),
])  # fmt: skip
def test_the_sentence_says_what_the_difference_means(name: str, spread: Spread, said: str) -> None:
    assert sentence(name, spread, 9) == said
