"""Slips: what they may do, what they never touch, and that equal seeds make equal slips."""

from __future__ import annotations

import random

import pytest

from datagen.augment.meaning import exact_fault
from datagen.augment.noise import noisy
from seedbed.gate import rouge_l
from seedbed.text import normalise

EN = ("What happens to the pressure of the KX-40 pump after 500 hours of regular maintenance with `pump --start` and "
      "the option `--since`, which Debian calls \"delayed\"?")
ZH = "KX-40 离心泵登录以后，为什么运行 500 小时就必须检查密封，并且用 `pump --start` 重启服务器？"


@pytest.mark.parametrize(("text", "lang"), [(EN, "en"), (ZH, "zh")])
def test_every_slip_keeps_figures_names_code_quotes_and_the_question(text: str, lang: str) -> None:
    names, kept = set(), {"en": ["KX-40", "500", "`pump --start`", "`--since`", '"delayed"', "Debian", "after", "which"],
                          "zh": ["KX-40", "500", "`pump --start`", "为什么"]}[lang]
    for seed in range(200):
        changed, slips = noisy(text, lang, random.Random(seed))
        assert 1 <= len(slips) <= 3 and normalise(changed) != normalise(text)
        assert all(word in changed for word in kept)
        assert exact_fault(text, changed, lang) is None and rouge_l(text, changed) > 0.8
        names.update(slips)
    assert names == {"en": {"neighbour", "swap", "dropped", "doubled", "no_mark", "small_start"},
                     "zh": {"sound", "particle", "width", "no_mark"} - {"particle"}}[lang]


@pytest.mark.parametrize(
    ("text", "lang", "possible"),
    [
        ("请说明密封的更换办法。", "zh", {"蜜封", "密封得更换"}),
        ("怎样登录这台服务器？", "zh", {"登陆", "服务气"}),
    ],
)
def test_slips_of_the_input_method_sound_alike(text: str, lang: str, possible: set[str]) -> None:
    made = [noisy(text, lang, random.Random(seed))[0] for seed in range(60)]
    assert all(any(word in changed for changed in made) for word in possible)


def test_slips_of_the_keyboard_are_one_key_away() -> None:
    made = {noisy("Where do I find the handle?", "en", random.Random(seed))[0] for seed in range(300)}
    assert {"Where do I find the hamdle?", "Where do I find the hnadle?", "Where do I find the hadle?",
            "Where do I find the handdle?", "Where do I find the handle"} <= made
    assert all(changed.startswith(("Where do I", "where do I")) for changed in made)


@pytest.mark.parametrize(("text", "lang"), [("Why?", "en"), ("多久？", "zh"), ("`pump --start 5 --stop 7 --if x --or y`", "en"),
                                            ("“密封登录服务器检查”", "zh"), ("", "en")])
def test_where_nothing_may_slip_nothing_does(text: str, lang: str) -> None:
    assert noisy(text, lang, random.Random(0)) == (text, [])


@pytest.mark.parametrize(("text", "lang"), [(EN, "en"), (ZH, "zh")])
def test_equal_seeds_make_equal_slips(text: str, lang: str) -> None:
    assert noisy(text, lang, random.Random(3)) == noisy(text, lang, random.Random(3))
    assert len({noisy(text, lang, random.Random(seed))[0] for seed in range(30)}) > 10
