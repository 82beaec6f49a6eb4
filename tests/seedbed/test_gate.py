"""The gate decides exactly as comparing every pair with `rouge_score` would, for English and for Chinese."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from seedbed.gate import SHORT, Gate, rouge_l
from seedbed.text import exact_terms, tokenize

GOOGLE = RougeScorer(["rougeL"], use_stemmer=False)


class _PerCharacter:
    def tokenize(self, text: str) -> list[str]:
        return tokenize(text)


GOOGLE_CHINESE = RougeScorer(["rougeL"], tokenizer=_PerCharacter())
ENGLISH = st.lists(st.sampled_from(["the", "pump", "Pump,", "don't", "M8", "3.5", "of", "stops", "-"]), max_size=14)
CHINESE = st.lists(st.sampled_from(["泵", "的", "压", "力", "Python", "3", "，", "阀", "门", "是"]), max_size=14)


def brute(pool: list[str], text: str, scorer: RougeScorer = GOOGLE) -> list[float]:
    return [scorer.score(text, other)["rougeL"].fmeasure for other in pool]


@settings(max_examples=100, deadline=None)
@given(ENGLISH, ENGLISH)
def test_english_scores_are_those_of_rouge_score_to_the_bit(first: list[str], second: list[str]) -> None:
    a, b = " ".join(first), " ".join(second)
    expected = GOOGLE.score(a, b)["rougeL"].fmeasure
    assert rouge_l(a, b) == expected
    gate = Gate(0.7)
    gate.add("a", a)
    assert (gate.nearest(b) is not None) == (expected > 0.7)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(ENGLISH.map(" ".join), CHINESE.map("".join)), max_size=12), CHINESE.map("".join),
       st.sampled_from([0.0, 0.3, 0.5, 0.7, 0.9, 1.0]))
def test_in_a_pool_the_highest_score_and_the_earliest_text_win(pool: list[str], text: str, threshold: float) -> None:
    gate = Gate(threshold)
    for number, other in enumerate(pool):
        gate.add(f"r{number}", other)
    scores = brute(pool, text, GOOGLE_CHINESE)
    best = max(scores, default=0.0)
    found = gate.nearest(text)
    assert (found is not None) == (best > threshold)
    if found:
        assert (found.score, found.index, found.key) == (best, scores.index(best), f"r{scores.index(best)}")
    similar = gate.most_similar(text, 3)
    ranked = sorted((-score, number) for number, score in enumerate(scores) if score > 0)[:3]
    assert [(-match.score, match.index) for match in similar] == ranked


def test_exactly_seven_tenths_follows_the_floats_of_rouge_score() -> None:
    # 7 of 10 tokens in common: 0.7 by arithmetic. The floats land on either side, and so must the decision.
    a = "one two three four five six seven x y z"
    assert rouge_l(a, "one two three four five six seven p q r") == 0.7
    gate = Gate(0.7)
    gate.add("a", a)
    assert gate.nearest("one two three four five six seven p q r") is None
    # LCS 7 of 9 and 11 tokens is 0.7 too, but comes out as 0.7000000000000001 there.
    nine, eleven = "a b c d e f g h i", "a b c d e f g k l m n"
    assert GOOGLE.score(nine, eleven)["rougeL"].fmeasure > 0.7
    gate.add("nine", nine)
    assert gate.nearest(eleven) is not None


def test_chinese_is_compared_by_characters() -> None:
    gate = Gate()
    assert gate.offer("a", "如何更换水泵的密封圈？") is None
    match = gate.offer("b", "如何更换水泵的密封环？")
    assert match is not None and (match.key, round(match.score, 2)) == ("a", 0.9)
    assert gate.offer("c", "水泵的最大压力是多少？") is None
    assert GOOGLE.score("如何更换水泵", "如何更换水泵")["rougeL"].fmeasure == 0.0  # why rouge_score alone will not do
    assert rouge_l("用Python写代码", "用Python做菜") == pytest.approx(2 * 2 / 9)


def test_twins_in_one_reply_cannot_both_enter() -> None:
    gate = Gate()
    offers = [("1", "List three uses of a pump."), ("2", "List three uses of a pump!"), ("3", "How do valves work?")]
    assert [gate.offer(key, text) is None for key, text in offers] == [True, False, True]
    assert len(gate) == 2


def test_seeds_are_added_unasked_and_empty_texts_never_match() -> None:
    gate = Gate()
    for key in ("a", "b"):
        gate.add(key, "same words")
    gate.add("empty", "。！")
    assert len(gate) == 3
    assert gate.nearest("?!") is None and gate.most_similar("") == []
    match = gate.nearest("same words")
    assert match is not None and match.key == "a"


@pytest.mark.parametrize("threshold", [-0.1, 1.1])
def test_a_threshold_out_of_range_is_refused(threshold: float) -> None:
    with pytest.raises(ValueError, match="threshold"):
        Gate(threshold)


def vocabulary(language: str) -> list[str]:
    return [f"w{n}" for n in range(300)] if language == "en" else [chr(0x4E00 + n) for n in range(300)]


def made(rng: random.Random, words: list[str], gap: str, length: int) -> str:
    weights = [1 / (rank + 1) for rank in range(len(words))]
    return gap.join(rng.choices(words, weights, k=length))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("threshold", [0.4, 0.7])
def test_short_and_long_texts_together_lose_no_match(language: str, threshold: float) -> None:
    """Both pools, both ways of finding candidates, and rewordings around the border between the pools."""
    rng = random.Random(5)
    words, gap = vocabulary(language), " " if language == "en" else ""
    pool = [made(rng, words, gap, rng.choice([3, 8, 12, SHORT - 1, SHORT, SHORT + 1, 90])) for _ in range(250)]
    gate = Gate(threshold)
    for number, text in enumerate(pool):
        gate.add(str(number), text)
    for original in rng.sample(pool, 40):
        units = original.split() if gap else list(original)
        query = gap.join(unit for unit in units if rng.random() < 0.8)
        scores = [rouge_l(query, text) for text in pool]
        found = gate.nearest(query)
        assert (found.index if found else None) == (scores.index(max(scores)) if max(scores) > threshold else None)
        [similar] = gate.most_similar(query)
        assert (similar.index, similar.score) == (scores.index(max(scores)), max(scores))


def test_neighbours_are_all_others_over_the_threshold() -> None:
    gate = Gate(0.6)
    texts = ["What is the torque of bolt M8?", "How is oil changed?", "What is the torque of bolt M10?",
             "What is the torque of screw M8?"]
    for number, text in enumerate(texts):
        gate.add(str(number), text)
    assert [match.key for match in gate.neighbours(0)] == ["2", "3"]
    assert gate.neighbours(1) == []


@pytest.mark.slow
def test_a_sequential_run_accepts_what_brute_force_accepts() -> None:
    rng = random.Random(1)
    tasks = [made(rng, vocabulary(language), gap, rng.randint(4, 16))
             for language, gap in (("en", " "), ("zh", "")) for _ in range(400)]
    rng.shuffle(tasks)
    gate, accepted = Gate(0.7), []
    for task in tasks:
        expected = any(rouge_l(task, other) > 0.7 for other in accepted)
        assert (gate.offer("", task) is not None) == expected
        if not expected:
            accepted.append(task)


def test_ids_beyond_unicode_are_compared_as_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seedbed.gate._LAST_CHARACTER", 4)
    gate = Gate(0.7)
    assert gate.offer("a", "one two three four") is None
    assert gate.offer("b", "five six seven eight") is None
    match = gate.offer("c", "five six seven eight nine")
    assert match is not None and match.key == "b" and match.score == rouge_l("a b c d", "a b c d e")
    assert gate.nearest("one two three nine") is not None


@pytest.mark.parametrize(("first", "second"), [
    ("What does the code E01 mean?", "What does the code E02 mean?"),
    ("代码 E01 表示什么意思？", "代码 E02 表示什么意思？"),
])
def test_texts_that_each_name_something_the_other_does_not_are_no_twins(first: str, second: str) -> None:
    gate = Gate(0.7)
    assert gate.offer("1", first, exact_terms(first)) is None
    assert gate.offer("2", second, exact_terms(second)) is None
    twin = first.replace("the code", "code").replace("意思", "")
    assert (match := gate.offer("3", twin, exact_terms(twin))) is not None and match.key == "1"
    assert Gate(0.7).offer("1", first) is None


def test_a_figure_that_only_one_of_two_texts_names_does_not_set_them_apart() -> None:
    gate = Gate(0.7)
    gate.offer("1", "What is the limit of the pump?", frozenset())
    text = "What is the limit of the pump 2?"
    assert gate.offer("2", text, exact_terms(text)) is not None
