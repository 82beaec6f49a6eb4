"""What a sweep trains on, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.pairs import conversation
from tests.train.forgetting.facts import capitals
from tests.train.tiny import records
from train.forgetting.general import is_general
from train.forgetting.options import Forgetting
from train.forgetting.sweep.ladder import Rung, records_of, rungs, take_apart
from train.options import Options

CONTEXT = Context(Path())


def test_each_value_has_its_seeds() -> None:
    assert [(r.value, r.seed) for r in rungs("mix=0, 0.05,0.3", 2, 7)] == [
        (0.0, 7), (0.0, 8), (0.05, 7), (0.05, 8), (0.3, 7), (0.3, 8),
    ]  # fmt: skip
    assert [r.options(Options()).learning_rate for r in rungs("learning_rate=1e-4,2e-4", 1, 0)] == [1e-4, 2e-4]
    assert [r.options(Options()).rank for r in rungs("rank=8,64", 1, 0)] == [8, 64]
    assert [r.options(Options()).forgetting.penalty for r in rungs("penalty=none,kl", 1, 0)] == ["none", "kl"]


def test_no_bound_stops_a_rung() -> None:
    options = Options(forgetting=Forgetting(bound=0.05, weight=3.0))
    for rung in (Rung("mix", 0.1, 0), Rung("rank", 8, 0), Rung("weight", 2.0, 0)):
        assert rung.options(options).forgetting.bound is None
    assert Rung("mix", 0.1, 0).options(options).forgetting.weight == 3.0


@pytest.mark.parametrize(
    ("words", "seeds", "why"),
    [
        ("mixx=0,0.1", 1, "`mixx` cannot be swept.*Did you mean `mix`"),
        ("student=a,b", 1, "`student` cannot be swept"),
        ("mix", 1, "two values or more"),
        ("mix=0.1,0.1", 1, "two values or more"),
        ("mix=0,lots", 1, "lots is no value"),
        ("mix=0,5", 1, "from 0 to 0.9"),
        ("rank=8,0", 1, "rank: expected 1 or more"),
        ("rank=8,1.5", 1, "1.5 is no value"),
        ("learning_rate=1e-4,-1", 1, "learning_rate: expected more than 0"),
        ("mix=0,0.1", 0, "expected 1 to 9, not 0"),
    ],
)
def test_what_makes_no_sense_is_refused(words: str, seeds: int, why: str) -> None:
    with pytest.raises(InputError, match=why):
        rungs(words, seeds, 0)


def test_the_share_is_of_the_training_set_and_higher_shares_contain_lower_ones() -> None:
    data = [*records(36), *capitals()[:4], *records(5, "test_seen"), *capitals("test_general")[10:]]
    sets = take_apart(data, Forgetting(), CONTEXT)
    own = {conversation(record) for record in capitals()[:4]}
    mixed: list[set[bytes]] = []
    for value, count in ((0.0, 0), (0.1, 4), (0.25, 12), (0.5, 36)):
        given, share = records_of(Rung("mix", value, 3), sets)
        general = [r for r in given if r.split == "train" and is_general(r)]
        assert len(general) == count and share == pytest.approx(value)
        assert sum(r.split in ("train", "") and not is_general(r) for r in given) == 36
        mixed.append({conversation(r) for r in general})
    assert mixed[0] < mixed[1] < mixed[2] < mixed[3] and mixed[1] == own  # the data set's own first
    assert records_of(Rung("mix", 0.25, 3), sets) != records_of(Rung("mix", 0.25, 4), sets)


def test_another_option_is_swept_on_the_data_set_as_it_is() -> None:
    data = [*records(36), *capitals()[:4], *records(5, "test_seen"), *capitals("test_general")[10:]]
    given, share = records_of(Rung("rank", 8, 0), take_apart(data, Forgetting(), CONTEXT))
    assert share == 0.1 and len(given) == len(data)


def test_the_data_sets_own_tests_measure() -> None:
    data = [*records(36), *records(5, "test_seen"), *records(4, "validation"), *capitals("test_general")]
    tests = take_apart(data, Forgetting(), CONTEXT).tests
    assert {r.id for r in tests["test_seen"]} == {r.id for r in records(5, "test_seen")}
    assert {r.id for r in tests["test_general"]} == {r.id for r in capitals("test_general")}


def test_without_tests_some_are_held_out_and_train_nowhere() -> None:
    sets = take_apart(records(40, ""), Forgetting(), CONTEXT)
    assert (len(sets.domain), len(sets.tests["test_seen"]), len(sets.tests["test_general"])) == (32, 8, 64)
    for seed in range(3):
        given, _ = records_of(Rung("mix", 0.5, seed), sets)
        learned = {conversation(r) for r in given if r.split in ("train", "")}
        tested = [r for r in given if r.split in ("test_seen", "test_general")]
        assert len(tested) == 72 and not learned & {conversation(r) for r in tested}


def test_too_little_to_measure_on_is_refused() -> None:
    with pytest.raises(InputError, match="too few records"):
        take_apart(records(4, ""), Forgetting(), CONTEXT)
