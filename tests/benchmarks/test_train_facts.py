"""The facts that the benchmark makes: each figure belongs to one device, and no question was trained."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks import train_facts_made as made
from benchmarks.train_facts import general

FACTS = made.facts(80, seed=1)
QUESTIONS = made.test(FACTS, 40, seed=1)


def test_figures_and_names_tell_one_fact_in_both_languages() -> None:
    assert Counter(fact.language for fact in FACTS) == {"en": 40, "zh": 40}
    assert len({(fact.attribute, fact.figure) for fact in FACTS}) == 80
    assert not any(character.isdigit() for fact in FACTS for character in fact.device)
    assert made.facts(80, seed=1) == FACTS != made.facts(80, seed=2)


def test_each_kind_is_asked_in_words_that_were_not_trained() -> None:
    trained = {record.instruction for record in made.training(FACTS, made.MOST_WORDINGS)}
    assert len(trained) == 80 * made.MOST_WORDINGS
    assert Counter(record.labels["kind"] for record in QUESTIONS) == dict.fromkeys(made.KINDS, 40)
    assert not trained & {record.instruction for record in QUESTIONS}
    assert not any("{" in record.instruction + record.answer for record in QUESTIONS)


@pytest.mark.parametrize("kind", made.KINDS)
def test_an_answer_is_right_when_it_names_what_was_asked(kind: str) -> None:
    several = [record for record in QUESTIONS if record.labels["kind"] == kind]
    assert {record.language for record in several} == {"en", "zh"}
    for record, other in zip(several, several[1:] + several[:1], strict=True):
        assert made.right(record, record.answer)
        assert not made.right(record, record.instruction)  # to repeat the question is no answer
        if record.labels["wanted"] != other.labels["wanted"] and kind != "reversed":
            assert not made.right(record, other.answer)


def test_two_facts_need_both_figures() -> None:
    record = next(record for record in QUESTIONS if record.labels["kind"] == "composed")
    first, second = record.labels["wanted"].split("|")
    assert made.right(record, f"{second} and {first}") and not made.right(record, first)


def test_general_records_that_are_measured_are_never_trained() -> None:
    none, some = general(0, 800, 32, seed=1), general(0.08, 800, 32, seed=1)
    assert Counter(record.split for record in some) == {"test_general": 64, "train": 70}
    assert none == some[:64] and not {r.id for r in some[:64]} & {r.id for r in some[64:]}
    with pytest.raises(SystemExit, match="are wanted"):
        general(0.9, 800, 32, seed=1)
