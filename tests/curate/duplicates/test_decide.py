"""Stars round the copies that stay: whoever goes names one that stays and that it really resembles."""

from __future__ import annotations

import itertools
import random

import pytest

from curate.duplicates.decide import Decision, Item, Keep, decide, worth
from curate.duplicates.pairs import Pairs
from seedbed.record import Evidence, Record, chat, make


def items(count: int, **fields: dict[int, object]) -> list[Item]:
    """Items named 0, 1, 2 …; `fields` gives some of them other values than usual."""
    return [
        Item(id=str(place), group="chat", language="en", **{name: of[place] for name, of in fields.items() if place in of})
        for place in range(count)
    ]  # type: ignore[arg-type]


def gone(found: list[tuple[int, int, float]], given: list[Item], threshold: float = 0.7, most: int = 1) -> dict[int, int]:
    decision = decide(given, Pairs.of(found, 0.5), threshold, most)
    return {place: match for place, (match, _) in decision.gone.items()}


def test_a_chain_is_not_eaten_up_from_its_first_link() -> None:
    # 0 ~ 1 ~ 2 ~ 3, and no others: as connected components all but one would go
    assert gone([(0, 1, 0.8), (1, 2, 0.8), (2, 3, 0.8)], items(4)) == {1: 0, 3: 2}


def test_the_match_is_the_most_similar_that_stays_and_of_equals_the_first() -> None:
    assert gone([(0, 2, 0.8), (1, 2, 0.9)], items(3)) == {2: 1}
    assert gone([(1, 2, 0.8), (0, 2, 0.8)], items(3)) == {2: 0}


def test_the_threshold_itself_is_over_it() -> None:
    found = [(0, 1, 0.7), (0, 2, 0.69)]
    assert gone(found, items(3)) == {1: 0}
    assert gone(found, items(3), threshold=0.6) == {1: 0, 2: 0}


def test_the_one_of_most_worth_stays_and_the_others_name_it() -> None:
    triangle = [(0, 1, 0.9), (1, 2, 0.9), (0, 2, 0.8)]
    assert gone(triangle, items(3, worth={2: 5.0, 1: 1.0})) == {0: 2, 1: 2}
    assert gone(triangle, items(3, worth={1: 5.0})) == {0: 1, 2: 1}


def test_order_and_direction_of_the_pairs_make_no_difference() -> None:
    draw = random.Random(0)
    found = [(a, b, draw.choice([0.6, 0.7, 0.8])) for a, b in itertools.combinations(range(12), 2) if draw.random() < 0.3]
    worths = {place: float(draw.randrange(3)) for place in range(12)}
    expected = gone(found, items(12, worth=worths))
    for _ in range(20):
        shuffled = [(b, a, score) if draw.random() < 0.5 else (a, b, score) for a, b, score in draw.sample(found, len(found))]
        assert gone(shuffled, items(12, worth=worths)) == expected


@pytest.mark.parametrize("seed", range(10))
def test_every_match_stays_and_no_two_that_stay_are_twins(seed: int) -> None:
    draw = random.Random(seed)
    scores = {pair: draw.random() for pair in itertools.combinations(range(40), 2) if draw.random() < 0.2}
    left = gone([(a, b, score) for (a, b), score in scores.items()], items(40, worth={1: 2.0, 7: 3.0}), threshold=0.5)
    for place, match in left.items():
        assert match not in left and scores[min(place, match), max(place, match)] >= 0.5
    assert not any(score >= 0.5 for (a, b), score in scores.items() if a not in left and b not in left)


def test_a_form_is_spared_beside_its_origin_and_its_other_forms_only() -> None:
    family = items(4, origin={1: "0", 2: "0"}, names={1: ("0",), 2: ("0",)})
    triangle = [(0, 1, 0.9), (1, 2, 0.9), (0, 2, 0.9), (2, 3, 0.9)]
    decision = decide(family, Pairs.of(triangle, 0.5), 0.7)
    assert (decision.gone, decision.spared) == ({3: (2, 0.9)}, {1, 2})


@pytest.mark.parametrize(("most", "left"), [(1, {1: 0, 2: 0, 3: 0}), (2, {2: 0, 3: 0}), (3, {3: 0}), (9, {})])
def test_so_many_wordings_of_one_fact_may_stay(most: int, left: dict[int, int]) -> None:
    wordings = items(4, fact=dict.fromkeys(range(4), "a1b2"), asked=dict(enumerate("abcd")))
    assert gone([(a, b, 0.9) for a, b in itertools.combinations(range(4), 2)], wordings, most=most) == left


def test_another_facts_record_and_one_without_a_fact_are_no_wordings() -> None:
    given = items(4, fact={0: "a1b2", 1: "c3d4"})
    assert gone([(0, 1, 0.9), (2, 3, 0.9)], given, most=5) == {1: 0, 3: 2}


def test_wordings_that_are_far_from_each_other_count_as_well() -> None:
    given = items(3, fact=dict.fromkeys(range(3), "a1b2"), asked=dict(enumerate("abc")))
    assert gone([(0, 2, 0.9)], given, most=2) == {2: 0}
    assert gone([(0, 2, 0.9)], given, most=3) == {}


def test_who_goes_for_a_record_outside_is_no_match_for_others() -> None:
    decision = decide(items(2), Pairs.of([(0, 1, 0.9)], 0.5), 0.7, outside={0: ("old", 0.8)})
    assert decision == Decision(outside={0: ("old", 0.8)})


SHORT, LONG = chat("多久换油？", "500 小时。"), chat("How often is the oil changed?", "Every 500 hours.", evidence=(Evidence("…", 0, 1),))


@pytest.mark.parametrize(
    ("keep", "record", "value"),
    [
        ("first", LONG, 0.0),
        ("longest", SHORT, 12.0),
        ("best_score", make(text="x", scores={"judge": 4.5}), 4.5),
        ("best_score", make(text="x"), float("-inf")),
        ("most_evidence", LONG, 1.0),
    ],
)
def test_what_a_policy_goes_by(keep: Keep, record: Record, value: float) -> None:
    assert worth(record, keep, "judge") == value


@pytest.mark.parametrize("bad", [float("nan")])
def test_a_score_that_is_no_number_comes_last(bad: float) -> None:
    assert worth(make(text="x", scores={"judge": bad}), "best_score", "judge") == float("-inf")
