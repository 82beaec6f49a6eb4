"""What the benchmark of memory measures is made: pairs of both languages, accepted, each from its own passage."""

from __future__ import annotations

from benchmarks.memory import PER_PASSAGE, measure, passages
from seedbed.text import length


def test_the_scripted_pairs_are_accepted() -> None:
    made = measure(4 * PER_PASSAGE)
    assert (made.accepted, made.drafts) == (4 * PER_PASSAGE, 4 * PER_PASSAGE)
    assert 0 < made.before <= made.peak


def test_passages_are_of_the_size_that_ingest_cuts_and_half_of_them_chinese() -> None:
    made = list(passages(10))
    assert [record.language for record in made] == ["en", "zh"] * 5
    assert all(280 <= length(record.text) <= 320 for record in made)
