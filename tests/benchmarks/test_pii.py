"""The labelled sentences of benchmarks/pii are what they say."""

from __future__ import annotations

import pytest

pytest.importorskip("faker")

from benchmarks.pii.score import scored  # noqa: E402
from benchmarks.pii.sentences import HALVES, KINDS, Values, luhn, outside, sentences  # noqa: E402
from curate.pii import checks  # noqa: E402
from curate.pii.kinds import Hit  # noqa: E402


@pytest.mark.parametrize("language", ["en", "zh"])
def test_labels_stand_where_the_values_are(language: str) -> None:
    for made, again in ((outside(language, 160), outside(language, 160)),
                        *((sentences(language, half, 60), sentences(language, half, 60)) for half in HALVES)):
        assert made == again and not any("{person}" in sentence.text for sentence in made)
        for sentence in made:
            for kind, slot, start, end in sentence.spans:
                value = sentence.text[start:end]
                assert KINDS[slot] == kind and value == value.strip() != ""
                assert kind != "email" or value.count("@") == 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_another_authors_sentences_are_100_with_personal_data_and_60_without(language: str) -> None:
    assert [bool(sentence.spans) for sentence in outside(language, 160)] == [True] * 100 + [False] * 60


def test_checksums_of_the_set_are_those_of_the_recognisers() -> None:
    values = Values("zh", "0")
    for _ in range(50):
        assert checks.credit_code(values.credit()) and checks.resident_id(values.id())
        assert checks.luhn(luhn("62" + values.digits(14)))


def test_a_half_covered_number_is_a_miss_and_a_half_covered_name_is_not() -> None:
    made = [sentence for sentence in sentences("en", "tuning", 60) if sentence.spans]

    def half(text: str, *, names: bool = True) -> list[Hit]:
        spans = next(sentence.spans for sentence in made if sentence.text == text)
        return [Hit(start, (start + end + 1) // 2, kind, 1.0) for kind, _, start, end in spans]

    score = scored(made, half)
    assert score.recall("person") == 1.0 and score.recall("email") == 0.0 and score.precision("email") == 1.0
