"""What the benchmark of memory measures is made: pairs of both languages, accepted, each from its own passage; pairs and evolutions."""

from __future__ import annotations

import pytest

from benchmarks.memory import CASES, PER_PASSAGE, measure, passages, with_part
from seedbed.text import length


@pytest.mark.parametrize("generator", CASES)
def test_what_the_script_says_is_accepted(generator: str) -> None:
    made = measure(4 * PER_PASSAGE, generator)
    assert made.accepted == 4 * PER_PASSAGE <= made.drafts <= 5 * PER_PASSAGE
    assert 0 < made.before < 1.1 * made.peak  # the system tells a peak a little late


def test_each_generator_has_its_own_part_of_the_report() -> None:
    report = with_part("# Memory of doc_qa\n\nold\n", "preference", "# Memory of preference\n\nnew\n")
    assert report == "# Memory of doc_qa\n\nold\n\n# Memory of preference\n\nnew\n"
    assert with_part(report, "doc_qa", "# Memory of doc_qa\n\n5 MB\n") == report.replace("old", "5 MB")


def test_passages_are_of_the_size_that_ingest_cuts_and_half_of_them_chinese() -> None:
    made = list(passages(10))
    assert [record.language for record in made] == ["en", "zh"] * 5
    assert all(280 <= length(record.text) <= 320 for record in made)
