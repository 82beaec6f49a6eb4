"""ROUGE-L, BLEU, exact match and figures of one answer, in both languages."""

from __future__ import annotations

import random

import pytest

from train.evaluation import bleu
from train.evaluation.metrics import exact, figures_right, numbers, perplexity, rouge_l


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


@pytest.mark.parametrize(("reference", "answer", "question", "right"), [
    ("Port 4711, 1.8 bar.", "压力 1.8 bar，端口 4711。", "", True),
    ("Port 4711, 1.8 bar.", "Port 4711.", "", False),
    ("Port 471.", "Port 4711.", "", False),
    ("按下按钮。", "4711", "", None),
    ("The cable is 1,200 m long.", "It measures 1.2 km.", "", True),
    ("管道长 1200 米。", "长一千二百米。", "", True),
    ("It has 4 inputs.", "Four inputs.", "", True),
    ("Port 4711 belongs to P-20.", "It belongs to P-20.", "Which device has port 4711?", True),
    ("Port 4711 belongs to P-20.", "Port 4711 belongs to P-21.", "Which device has port 4711?", False),
    ("4711 端口。", "4711 端口。", "4711 端口开着吗？", None),
])  # fmt: skip
def test_figures_are_right_only_if_all_that_were_not_given_are_there(
    reference: str, answer: str, question: str, right: bool | None
) -> None:
    assert figures_right(reference, answer, question) is right


@pytest.mark.parametrize(("reference", "answer", "same"), [
    ("The port is 4711.", "the port is 4711", True),
    ("An alarm starts.", "Alarm starts!", True),
    ("使用 4711 端口。", "使用4711端口", True),
    ("方案 A", "方案 B", False),
    ("“红色”按钮，１２ 个", "红色按钮, 12个", True),
    ("-5 °C", "5 °C", False),
    ("1.8 bar", "18 bar", False),
    ("1 8", "18", False),
    ("端口 4711", "端口 4712", False),
])  # fmt: skip
def test_exact_but_for_what_changes_nothing(reference: str, answer: str, same: bool) -> None:
    assert exact(reference, answer) is same


def test_bleu_of_a_set_is_that_of_sacrebleu() -> None:
    import numpy as np
    from sacrebleu.metrics import BLEU

    chance = random.Random(1)
    words = "the pump stops when pressure is below 1.8 bar and alarm starts".split()
    english = [" ".join(chance.choices(words, k=chance.randint(4, 12))) for _ in range(20)]
    said = [" ".join(one.split()[:-2] + chance.choices(words, k=2)) for one in english]
    chinese = ["泵使用 4711 端口。", "按下红色按钮，等待十秒钟。"], ["泵用 4711 端口。", "按下红色按钮。"]
    for tokenizer, references, answers in (("13a", english, said), ("zh", *chinese)):
        figure = bleu.figure([bleu.counts(*pair) for pair in zip(references, answers, strict=True)])
        expected = BLEU(tokenize=tokenizer).corpus_score(answers, [references]).score
        assert figure(np.arange(len(answers))[None, :])[0] == pytest.approx(expected) and expected > 20


def test_bleu_of_answers_that_share_nothing_or_say_nothing() -> None:
    import numpy as np

    figure = bleu.figure([bleu.counts("红色按钮", ""), bleu.counts("One two three.", "four")])
    assert figure(np.array([[0, 1]]))[0] == 0.0


def test_the_perplexity_of_a_broken_model_is_a_number() -> None:
    assert perplexity(0.0) == 1.0 and perplexity(1e9) < 1e22
