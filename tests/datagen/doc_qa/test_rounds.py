"""How generation goes on: shares, quotas, rounds, the end; and its options."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from datagen.doc_qa.stage import Options, doc_qa, estimate
from datagen.teacher.scripted import Rule, Script, scripted
from seedbed.chat import Request
from seedbed.context import Context
from seedbed.errors import SeedbedError
from tests.datagen.teaching import BOTH, NAMES, Made, inventive, knowing, numbered, passage, run


def asked_in_order(made: Made) -> list[str]:
    return [record.source.document[:-3] for record in made.records if record.source]


@BOTH
def test_every_passage_gets_its_share(tmp_path: Path, lang: str) -> None:
    made = run(tmp_path, numbered(lang, 6), inventive(lang))
    shares = [sum(record.source == asked.source for record in made.kept) for asked in numbered(lang, 6)]
    assert shares == [3] * 6
    assert made.figures["passages_covered"] == made.figures["passages"] == 6
    assert (made.figures["target"], made.figures["accepted"]) == (18, 18) and not made.said


@BOTH
def test_generation_ends_when_the_target_is_reached(tmp_path: Path, lang: str) -> None:
    made = run(tmp_path, numbered(lang, 10), inventive(lang), target=4)
    assert 4 <= len(made.kept) < 30 and made.figures["rounds"] <= 2
    assert len(made.script.requests) < 10
    assert not made.said


@BOTH
def test_rounds_go_on_with_the_least_covered_passages(tmp_path: Path, lang: str) -> None:
    """In the first round two passages give nothing: the second round begins with them."""
    poor = NAMES[lang][1:3]
    made = run(tmp_path, numbered(lang, 6), inventive(lang, lambda name, nth: name in poor), waves=2, at_once=1)
    turns = [document for n, document in enumerate(asked_in_order(made))
             if n == 0 or asked_in_order(made)[n - 1] != document]
    assert sorted(turns[:6]) == sorted(r.source.document[:-3] for r in numbered(lang, 6) if r.source)
    assert set(turns[6:8]) == set(poor)
    assert made.figures["rounds"] == 2
    (said,) = made.said
    assert f"{len(made.kept)} of 18 accepted" in said and "2 times" in said


@BOTH
def test_a_teacher_who_always_says_the_same_comes_to_an_end(tmp_path: Path, lang: str) -> None:
    made = run(tmp_path, [passage(lang, n) for n in range(4)], knowing(), waves=3)
    assert len(made.kept) == 3 and set(made.reasons) == {"twin_question"}
    assert len(made.script.requests) <= 3 * 4 and made.figures["rounds"] <= 12
    assert "3 of 12 accepted" in made.said[-1] and "a higher `waves`" in made.said[-1]
    made = run(tmp_path / "mute", [passage(lang)], scripted(lambda request: "I would rather not. 不说。"), waves=3)
    assert not made.kept and len(made.script.requests) == 2 * 3  # each of three sentences, and once more


@BOTH
def test_the_order_of_replies_changes_nothing(tmp_path: Path, lang: str) -> None:
    def slow(delays: dict[str, float]) -> Script:
        plain, script = inventive(lang), inventive(lang)

        def say(request: Request) -> Rule:
            rule = plain._choose(request)
            name = next((name for name in delays if NAMES[lang][int(name)] in request.messages[-1].content), "")
            return msgspec.structs.replace(rule, delay=delays.get(name, 0.0))

        script._choose = say
        return script

    passages = numbered(lang, 5)
    results = [run(tmp_path / name, passages, slow(delays)).records
               for name, delays in (("a", {"0": 0.05, "2": 0.02}), ("b", {"1": 0.05, "4": 0.03}))]
    assert msgspec.json.encode(results[0]) == msgspec.json.encode(results[1])
    other = run(tmp_path / "c", passages, inventive(lang), seed=1).records
    assert [r.id for r in other] != [r.id for r in results[0]] and {r.id for r in other} == {r.id for r in results[0]}


@BOTH
@pytest.mark.parametrize("most", [1, 2])
def test_no_passage_gets_more_than_its_quota(tmp_path: Path, lang: str, most: int) -> None:
    made = run(tmp_path, numbered(lang, 3), inventive(lang), per_passage=most)
    assert [sum(record.source == asked.source for record in made.kept) for asked in numbered(lang, 3)] == [most] * 3


# ---- options, plan, surroundings ----


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kinds": {"facts": 1}}, "kinds: unknown facts; known: fact, how_to"),
        ({"kinds": {"fact": 0}}, "kinds: at least one weight must be above 0"),
        ({"levels": {"expert": 1}}, "levels: unknown expert; known: basic"),
        ({"target": 0}, "target: expected 1 or more"),
        ({"per_passage": 0}, "per_passage: expected 1 or more"),
        ({"waves": -1}, "waves: expected 1 or more"),
        ({"max_tokens": 0}, "max_tokens: expected 1 or more"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Options(**options)


def test_an_estimate_grows_with_the_target_and_never_beyond_the_passages() -> None:
    passages = [passage("en", n) for n in range(10)]
    of = partial(estimate, passages)
    assert estimate([], Options()) == (0, 0, 0)
    assert all(a < b for a, b in zip(of(Options(target=5)), of(Options(target=10)), strict=True))
    assert of(Options(target=1000)) == of(Options()) == of(Options(target=30))


def test_without_a_teacher_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(SeedbedError, match="needs a teacher and the job names none.*--teacher URL"):
        list(doc_qa([passage("en")], Options(), Context(tmp_path)))
