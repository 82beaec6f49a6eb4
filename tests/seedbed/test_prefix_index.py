"""The index by rare tokens finds every text over the threshold, however its tokens are split."""

from __future__ import annotations

import random

import pytest

from seedbed import prefix_index
from seedbed.gate import Gate, rouge_l
from tests.seedbed.test_gate import made, vocabulary


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("threshold", [0.35, 0.6, 0.7, 0.9, 1.0])
@pytest.mark.parametrize("many", [0, 3, 256])
def test_no_near_text_is_lost(monkeypatch: pytest.MonkeyPatch, language: str, threshold: float, many: int) -> None:
    """A pool that a scan would be too dear for, of texts of any length, and rewordings of them."""
    monkeypatch.setattr(prefix_index, "_MANY", many)
    monkeypatch.setattr("seedbed.gate._Pool._room_to_scan", lambda self: 1_000_000)
    rng = random.Random(f"{language}{threshold}{many}")
    words, gap = vocabulary(language), " " if language == "en" else ""
    pool = [made(rng, words, gap, rng.choice([1, 1, 2, 3, 5, 8, 12, 14, 20, 30])) for _ in range(200)]
    gate = Gate(threshold)
    for number, text in enumerate(pool):
        gate.add(str(number), text)
    for original in rng.sample(pool, 30):
        units = original.split() if gap else list(original)
        query = gap.join(unit for unit in [*units, rng.choice(words)] if rng.random() < 0.85)
        scores = [rouge_l(query, text) for text in pool]
        expected = [number for number, score in enumerate(scores) if score > threshold]
        gate.add("query", query)
        assert [match.index for match in gate.neighbours(len(gate) - 1)] == expected
        pool.append(query)


def test_a_token_that_leads_to_many_texts_is_asked_for_with_a_second_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions that have one rare word in common, and else only the commonest, are no candidates of each other."""
    monkeypatch.setattr(prefix_index, "_MANY", 4)
    common = list(range(10))
    texts = [[*common, 50, 100 + 2 * number, 101 + 2 * number] for number in range(40)]
    index = prefix_index.PrefixIndex(0.7, 48, lambda row: texts[row])
    for row, tokens in enumerate(texts):
        index.add(row, tokens)
    rows = index.candidates([*common, 50, 1000, 1001], 1_000_000)
    assert rows is not None and set(rows.tolist()) == set(range(40))  # ten of thirteen in common: they are near
    rows = index.candidates([50, *range(900, 912)], 1_000_000)
    assert rows is not None and rows.tolist() == []
    assert index.candidates([*common, 50, 1000, 1001], 3) is None
