"""Who is known to all is nobody's personal data, unless a label, a number or a longer name makes a person of them."""

from __future__ import annotations

import pytest

from curate.pii.fame import without_figures
from curate.pii.finder import finder
from curate.pii.kinds import CUED, GUESSED, Hit

pytest.importorskip("presidio_analyzer", reason='pip install "seedbed[pii]"')


def left(text: str, name: str, score: float = GUESSED) -> bool:
    start = text.index(name)
    return bool(without_figures(text, [Hit(start, start + len(name), "person", score)]))


@pytest.mark.parametrize(("text", "name"), [
    ("Albert Einstein was born in Ulm.", "Albert Einstein"),
    ("In 1963 Martin Luther King, Jr. spoke.", "Martin Luther King, Jr"),
    ("John F. Kennedy said it.", "John F. Kennedy"),
    ("Then President Abraham Lincoln came.", "President Abraham Lincoln"),
    ("Ask Sherlock Holmes.", "Sherlock Holmes"),
    ("爱因斯坦生于乌尔姆。", "爱因斯坦"), ("马丁·路德·金的演讲", "马丁·路德·金"), ("林黛玉进贾府", "林黛玉"),
    ("夏至那天白昼最长。", "夏至"), ("鲁迅写了《故乡》。", "鲁迅"),
])
def test_public_figures_and_words_stay(text: str, name: str) -> None:
    assert not left(text, name)


@pytest.mark.parametrize(("text", "name"), [
    ("Jonathan Whitfield called.", "Jonathan Whitfield"), ("Martin Luther Kingsley called.", "Martin Luther Kingsley"),
    ("Anna Albert Einstein called.", "Anna Albert Einstein"), ("John Adams called.", "John Adams"),
    ("张伟昨天来电。", "张伟"), ("鲁迅华昨天来电。", "鲁迅华"), ("李娜昨天来电。", "李娜"), ("马超昨天来电。", "马超"),
])
def test_others_do_not(text: str, name: str) -> None:
    assert left(text, name)


@pytest.mark.parametrize(("text", "name", "kept"), [
    ("Sir Isaac Newton saw it.", "Isaac Newton", False), ("孙中山先生说过。", "孙中山", False),
    ("Customer: Isaac Newton", "Isaac Newton", True), ("联系人：孙中山先生", "孙中山", True),
    ("尊敬的孙中山先生", "孙中山", True), ("鲁迅先生来电。", "鲁迅", True),
])
def test_a_title_gives_way_and_a_label_does_not(text: str, name: str, kept: bool) -> None:
    assert left(text, name, CUED) is kept


@pytest.mark.parametrize("text", ["Thomas Edison and Albert Einstein met.", "Customer: Albert Einstein, +1 617 555 2368", "客户孔子，手机13912345678"])
def test_without_models(text: str) -> None:
    kinds = [hit.kind for hit in finder("default", ("person",), ())(text)]
    assert kinds == ([] if "met" in text else ["person"])


def test_strict_knows_no_fame() -> None:
    assert finder("strict", ("person",), ())("Thomas Edison called.")
