"""ROUGE-L, figures, and whether a difference is real, in both languages."""

from __future__ import annotations

import random

import pytest

from train.evaluation.comparison import sentence
from train.evaluation.metrics import (
    Difference,
    Losses,
    difference,
    figures_right,
    mean_loss,
    numbers,
    perplexity,
    rouge_l,
)


@pytest.mark.parametrize(("reference", "answer", "score"), [
    ("The pump stops at 1.8 bar", "the pump stops at 1.8 bar!", 1.0),
    ("泵在压力过低时停机", "泵在压力过低时停机。", 1.0),
    ("用Python写代码", "用Python做菜", 2 * 2 / (5 + 4)),  # 用 and python of 5 and 4 tokens
    ("one two three four", "one three", 2 * 2 / 6),
    ("红色按钮", "blue button", 0.0),
    ("", "", 0.0),
])  # fmt: skip
def test_rouge_l_counts_each_chinese_character(reference: str, answer: str, score: float) -> None:
    assert rouge_l(reference, answer) == pytest.approx(score)


def test_rouge_l_is_that_of_rouge_score_on_english() -> None:
    from rouge_score.rouge_scorer import RougeScorer

    scorer, chance = RougeScorer(["rougeL"]), random.Random(1)
    words = "the pump stops when pressure is below 1.8 bar and alarm starts".split()
    for _ in range(50):
        a, b = (" ".join(chance.choices(words, k=chance.randint(1, 12))) for _ in range(2))
        assert rouge_l(a, b) == pytest.approx(scorer.score(a, b)["rougeL"].fmeasure)


@pytest.mark.parametrize(("text", "found"), [
    ("It uses port 4711, and 1,024 slots.", {"4711", "1024"}),
    ("使用４７１１端口，压力为 1.8 bar。", {"4711", "1.8"}),
    ("Version 2.13.0 of 2026-11-23.", {"2.13.0", "2026", "11", "23"}),
    ("没有数字 and none here.", set()),
])  # fmt: skip
def test_numbers(text: str, found: set[str]) -> None:
    assert numbers(text) == found


def test_figures_are_right_only_if_all_are_there_as_whole_numbers() -> None:
    assert figures_right("Port 4711, 1.8 bar.", "压力 1.8 bar，端口 4711。") is True
    assert figures_right("Port 4711, 1.8 bar.", "Port 4711.") is False
    assert figures_right("Port 471.", "Port 4711.") is False
    assert figures_right("按下按钮。", "4711") is None


def test_mean_loss_counts_each_token_once() -> None:
    assert mean_loss([Losses(10.0, 5.0, 10), Losses(90.0, 90.0, 30)]) == (2.5, 2.375)
    assert perplexity(0.0) == 1.0 and perplexity(1e9) < 1e22


def test_a_clear_difference_is_real_and_a_mixed_one_is_not() -> None:
    clear = [Losses(30.0 + i, 20.0 + i, 10) for i in range(12)]
    spread = difference(clear, seed=1)
    assert (spread.mean, spread.low, spread.high) == pytest.approx((-1.0, -1.0, -1.0)) and spread.real
    mixed = [Losses(20.0, 20.0 + (8 + i / 7 if i % 2 else -8), 10) for i in range(12)]
    assert not difference(mixed, seed=1).real
    assert difference(mixed, seed=1) == difference(mixed, seed=1) != difference(mixed, seed=2)


@pytest.mark.parametrize("records", [6, 8, 24])
def test_the_interval_holds_the_truth_in_about_95_of_100_cases(records: int) -> None:
    chance = random.Random(5)
    covered = 0
    for trial in range(300):
        spread = difference([Losses(0.0, 10 * chance.gauss(0.3, 1.0), 10) for _ in range(records)], seed=trial)
        assert spread.low is not None and spread.high is not None
        covered += spread.low <= 0.3 <= spread.high
    assert 0.90 <= covered / 300 <= 0.985  # the plain percentile interval: .84 with 6, .88 with 8


def test_too_few_records_give_no_interval() -> None:
    spread = difference([Losses(30.0, 10.0, 10)] * 4, seed=1)
    assert spread == Difference(-2.0, None, None) and not spread.real
    assert sentence("test_seen", spread, 4) == (
        "Unseen questions on seen documents: loss fell by 2.00, but 4 records are too few to tell that from chance."
    )


@pytest.mark.parametrize(("name", "spread", "said"), [
    ("test_seen", Difference(-0.5, -0.7, -0.31),
     "Unseen questions on seen documents: loss fell by 0.50 (95 % interval 0.31 to 0.70, 9 records): learned, "
     "more than chance explains."),
    ("test_general", Difference(0.2, 0.1, 0.3),
     "General data: loss rose by 0.20 (95 % interval 0.10 to 0.30, 9 records): forgotten, more than chance explains."),
    ("test_heldout", Difference(-0.1, -0.3, 0.1),
     "Questions on held-out documents: loss fell by 0.10 (95 % interval -0.30 to 0.10, 9 records): "
     "that may be chance."),
])  # fmt: skip
def test_the_sentence_says_what_the_difference_means(name: str, spread: Difference, said: str) -> None:
    assert sentence(name, spread, 9) == said
