"""Records of every malformed kind go through every filter: each passes or is rejected with a reason, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from curate.filters import contradictions, language, refusals, rules, safety
from curate.filters.donts import stage as donts
from seedbed.context import Context
from seedbed.record import Message, Record, chat, make

USER, ANSWER = Message("user", "端口是多少？"), Message("assistant", "5432。")
CALL = Message("assistant", "", {"tool_calls": [{"name": "port"}]})
RECORDS = [
    make(),
    make(text=" \n\t"),
    make(messages=(USER,)),
    make(messages=(ANSWER,)),
    make(messages=(ANSWER, USER)),
    make(messages=(USER, USER, ANSWER)),
    make(messages=(USER, ANSWER, ANSWER)),
    make(messages=(Message("system", "Be brief."),)),
    make(messages=(Message("user", ""), Message("assistant", ""))),
    make(messages=(USER, CALL)),
    make(messages=(USER, CALL, Message("tool", "{}"), ANSWER)),
    make(messages=(Message("tool", "5432"),)),
    chat("Q?", "A.", rejected=Message("assistant", "")),
    chat("Q?", "A.", input="\x00\x07\ufffd"),
    chat("a\u0301" * 300, "\u202e" * 50 + "😀" * 50),
    chat("“" * 2000, "“" * 2000, input="(" * 2000),
    chat("[" * 3000, "{" * 3000),
    chat("1." * 2000, "一" * 2000 + "十百" * 500),
    chat("translate classify " * 300, "a@" * 2000, input="汉(" * 1000),
    make(messages=(USER, ANSWER) * 60),
    chat("Q?", "A.", language="tlh", labels={"lang": ""}, extra={"lang": None, "tools": 3}),
]
STAGES: dict[str, tuple[Callable[..., Iterator[Record]], Any]] = {
    "rules": (rules.rules, rules.Options()),
    "language": (language.language, language.Options(expect="zh", field="lang")),
    "donts": (donts.donts, donts.Options()),
    "contradictions": (contradictions.contradictions, contradictions.Options(near=0.9)),
    "safety": (safety.safety, safety.Options()),
    "refusals": (refusals.refusals, refusals.Options()),
}


@pytest.mark.parametrize("name", STAGES)
def test_nothing_crashes_and_nothing_vanishes(name: str, tmp_path: Path) -> None:
    stage, options = STAGES[name]
    results = list(stage(iter(RECORDS), options, Context(tmp_path)))
    assert [result.id for result in results] == [record.id for record in RECORDS]
    rejections = [result.rejection for result in results if result.rejection]
    assert all(rejection.stage == name and rejection.reason and rejection.detail for rejection in rejections)
    assert not list(tmp_path.iterdir()), "what waited on disk is gone"


@pytest.mark.parametrize("name", STAGES)
def test_an_empty_data_set(name: str, tmp_path: Path) -> None:
    stage, options = STAGES[name]
    assert list(stage(iter(()), options, Context(tmp_path))) == []


@pytest.mark.parametrize("name", STAGES)
def test_the_same_twice(name: str, tmp_path: Path) -> None:
    stage, options = STAGES[name]
    once, twice = (list(stage(iter(RECORDS), options, Context(tmp_path, seed=7))) for _ in range(2))
    assert once == twice
