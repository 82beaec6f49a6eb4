"""What goes wrong with any teacher: each generator ends, tells the reason, and accepts none of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from datagen.teacher.scripted import Rule
from seedbed.chat import Request
from seedbed.stages import STAGES
from tests.datagen.generating import ASKING, GENERATORS, OTHER, Says, filled, generate, said, translated
from tests.datagen.generating import Generator as One
from tests.datagen.teaching import BOTH, asked_with

EVERY = pytest.mark.parametrize("one", ASKING, ids=str)


def test_every_generator_of_a_job_is_held_to_this() -> None:
    assert set(GENERATORS) == {name for name, stage in STAGES.items() if stage.group == "generate"}
    assert {one.name for one in ASKING} == {name for name in GENERATORS if STAGES[name].teacher}


@BOTH
@EVERY
def test_a_teacher_who_knows_its_matter_is_accepted(tmp_path: Path, one: One, lang: str) -> None:
    assert generate(tmp_path, one, lang).kept


# ---- teachers who are of no use ----


@BOTH
@EVERY
@pytest.mark.parametrize("junk", ["I do not know. 我不知道。", "{}", '{"a": {"b": [1, 2', "\x00\ufffd🙂"])
def test_one_reply_for_ever_is_refused_and_comes_to_an_end(tmp_path: Path, one: One, lang: str, junk: str) -> None:
    made = generate(tmp_path, one, lang, lambda request: junk)
    assert not made.kept and made.reasons and all(made.reasons)
    assert made.script.calls <= one.calls


@BOTH
@EVERY
def test_the_first_good_reply_for_ever_counts_once(tmp_path: Path, one: One, lang: str) -> None:
    knows, first = one.knows(lang), dict[str, str | Rule]()

    def stuck(request: Request) -> str | Rule:
        name = asked_with(request)
        return first[name] if name in first else first.setdefault(name, knows(request))

    more: dict[str, Any] = {"target": 9} if one.name == "self_instruct" else {}
    made = generate(tmp_path, one, lang, stuck, **more)
    assert made.reasons and made.script.calls <= 2 * one.calls
    told = [(said(record), record.source.document if record.source else "") for record in made.kept]
    assert len(set(told)) == len(told)


@BOTH
@EVERY
def test_nothing_in_the_other_language_is_accepted(tmp_path: Path, one: One, lang: str) -> None:
    knows = one.knows(OTHER[lang] if one.name == "self_instruct" else lang)

    def foreign(request: Request) -> str:
        reply = str(knows(request))
        return reply if one.name == "self_instruct" else translated(reply, lang)

    made = generate(tmp_path, one, lang, foreign)
    known = {"rewrite": {"unsupported"}, "augment": {"wrong_language", "no_synonym"}, "self_instruct": {"wrong_language", "too_short"}}
    assert not made.kept and set(made.reasons) <= known.get(one.name, {"wrong_language"})
    if one.name == "rewrite":
        assert all(set(form["dropped"]) <= {"wrong_language", "no_relation"} for form in made.figures["by_form"].values())


@BOTH
@pytest.mark.parametrize("name", ["self_instruct", "evol_instruct", "doc_qa", "dialogue"])
def test_a_question_in_its_language_is_not_answered_in_the_other(tmp_path: Path, name: str, lang: str) -> None:
    one = GENERATORS[name]
    knows = one.knows(lang)

    def half(request: Request) -> str:
        reply = str(knows(request))
        if not reply.startswith("{"):
            return translated(reply, lang) if "answer/" in asked_with(request) else reply
        told = json.loads(reply)
        told |= {key: translated(told[key], lang) for key in ("answer", "output") if key in told}
        return json.dumps(told, ensure_ascii=False)

    made = generate(tmp_path, one, lang, half)
    assert not made.kept and "wrong_language" in {*made.reasons, *made.figures.get("turns_left_out", ())}


@BOTH
@EVERY
@pytest.mark.parametrize("part", ["all", "last line", "what is asked"])
def test_what_the_prompt_says_is_no_reply_to_it(tmp_path: Path, one: One, lang: str, part: str) -> None:
    def copies(request: Request) -> str:
        text = request.messages[-1].content
        text = text if part == "all" else text.splitlines()[-1]
        if part == "what is asked":
            text = text.replace("：", ": ").rpartition(": ")[2].rpartition("] ")[2]
        return json.dumps(filled(request.schema, text), ensure_ascii=False) if request.schema else text

    made = generate(tmp_path, one, lang, copies)
    assert not made.kept and made.reasons


# ---- replies that are none ----

WITHHELD = {"empty": Rule(text=" \n"), "bad_request": Rule(finish="error: the context is too long"),
            "refused": Rule(finish="content_filter"), "not_json": Rule(text="Pumps are a matter of taste. 泵是个人喜好。")}


@BOTH
@EVERY
@pytest.mark.parametrize("reason", [*WITHHELD, "cut"])
def test_a_reply_that_is_none_is_one_rejected_record_with_that_reason(
    tmp_path: Path, one: One, lang: str, reason: str
) -> None:
    knows = one.knows(lang)

    def fails(request: Request) -> str | Rule:
        if reason == "cut":
            text = str(knows(request))
            return Rule(text=text[: len(text) // 3], finish="length")
        # Tasks are proposed in prose: what is no JSON there is a task.
        return knows(request) if reason == "not_json" and request.schema is None else WITHHELD[reason]

    made = generate(tmp_path, one, lang, fails)
    assert not made.kept and set(made.reasons) - {"near_duplicate", "beyond_target"} == {reason}
    assert made.script.calls <= 2 * one.calls


@pytest.mark.slow
@BOTH
@EVERY
@pytest.mark.parametrize("reason", ["bad_request", "refused"])
def test_one_reply_that_fails_costs_one_record_at_most(tmp_path: Path, one: One, lang: str, reason: str) -> None:
    whole = generate(tmp_path, one, lang)
    for failing in range(whole.script.calls):
        knows, calls = one.knows(lang), count()

        def fails_once(request: Request, knows: Says = knows, calls: Iterator[int] = calls, failing: int = failing) -> str | Rule:
            return WITHHELD[reason] if next(calls) == failing else knows(request)

        made = generate(tmp_path, one, lang, fails_once)
        assert len(made.kept) >= len(whole.kept) - 1
        # The judges' reasons are their own; a follow-up may stand alone instead.
        told = {reason, "no_verdict", "not_judged"} & set(made.reasons)
        assert told or one.name == "dialogue"
