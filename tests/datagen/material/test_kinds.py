"""Which questions a statement can carry, which are drawn, and what a question turned out to be."""

from __future__ import annotations

import random
import re
from collections import Counter

import pytest

from datagen.material.kinds import KINDS, carried, draw, pattern, recognise

# kind, language, a statement that carries it, a near neighbour that does not
CARRIED = [
    ("fact", "en", "The pump runs at 2.5 bar.", "The pump runs well."),
    ("fact", "zh", "离心泵的压力是 2.5 bar。", "离心泵运行平稳。"),
    ("why", "en", "Keep it low, because the seal leaks.", "Keep it low, and the seal stays."),
    ("why", "zh", "压力要低，因为密封会泄漏。", "压力要低，密封很好。"),
    ("compare", "en", "V2 differs from V1 in its spring.", "V2 has a strong spring."),
    ("compare", "en", "V2 is quieter than V1.", "V2 is set to more than 4 bar."),
    ("compare", "zh", "V2 与 V1 的区别在于弹簧。", "V2 的弹簧很强。"),
    ("compare", "zh", "V2 比 V1 的声音更小。", "V2 的混合比例很小。"),
    ("diagnose", "en", "If the seal is missing, the pump stops.", "If the seal is good, the pump starts."),
    ("diagnose", "zh", "缺少密封时离心泵报错。", "密封良好时离心泵安静。"),
    ("how_to", "en", "You should close the valve first.", "The valve closes slowly."),
    ("how_to", "zh", "应当先关闭阀门。", "阀门关闭得很慢。"),
    ("summarise", "en", "The valve checks the flow.", "Slowly closing valves help."),
    ("summarise", "zh", "阀门用来限制流量。", "慢慢关闭阀门。"),
]


@pytest.mark.parametrize(("kind", "language", "carries", "does_not"), CARRIED)
def test_a_kind_is_only_asked_of_what_carries_it(kind: str, language: str, carries: str, does_not: str) -> None:
    assert kind in carried(carries, language)
    assert kind not in carried(does_not, language)


# language, question, what it is, what had been asked for
RECOGNISED = [
    ("en", "Why does the seal leak above 4 bar?", "why", "fact"),
    ("en", "How do I change the oil?", "how_to", "fact"),
    ("en", "How often is the oil changed?", "fact", "how_to"),
    ("en", "What is the difference between V1 and V2?", "compare", "fact"),
    ("en", "Which oil is right?", "fact", "why"),
    ("en", "Explain the valve.", "summarise", "fact"),
    ("en", "The seal leaks and the pressure falls below 2 bar in winter; what is to be done?", "diagnose", "diagnose"),
    ("en", "Is the valve sealed?", "compare", "compare"),  # the form does not tell
    ("zh", "为什么密封会泄漏？", "why", "fact"),
    ("zh", "如何更换润滑油？", "how_to", "fact"),
    ("zh", "多少小时更换一次润滑油？", "fact", "how_to"),
    ("zh", "V1 和 V2 有什么区别？", "compare", "fact"),
    ("zh", "请说明阀门的作用。", "summarise", "fact"),
    ("zh", "冬天启动以后压力一直低于 2 bar 而且密封漏油，这时应该检查什么？", "diagnose", "diagnose"),
    ("zh", "阀门出厂时加铅封吗？", "compare", "compare"),
]


@pytest.mark.parametrize(("language", "question", "kind", "wanted"), RECOGNISED)
def test_a_question_is_what_its_form_says(language: str, question: str, kind: str, wanted: str) -> None:
    assert recognise(question, language, wanted) == kind


def test_kinds_are_drawn_by_their_weights() -> None:
    lot = random.Random(1)
    drawn = Counter(draw({"fact": 3, "why": 1, "compare": 0}, ["fact", "why", "compare"], lot) for _ in range(2000))
    assert drawn["compare"] == 0 and 2.5 < drawn["fact"] / drawn["why"] < 3.6
    alike = Counter(draw({"fact": 3}, ["why", "how_to"], lot) for _ in range(2000))
    assert 0.8 < alike["why"] / alike["how_to"] < 1.25


@pytest.mark.parametrize("kind", KINDS)
def test_the_pattern_of_a_kind_lets_one_question_through(kind: str) -> None:
    english = {
        "fact": "What is the default pressure of the pump?", "how_to": "How do engineers change the oil of the pump?",
        "why": "Why must the pressure stay below 4 bar?", "summarise": "What is the purpose of the valve?",
        "compare": "What is the difference between V1 and V2?", "diagnose": "What should be done when the seal leaks?",
    }[kind]
    chinese = {"how_to": "如何更换离心泵的润滑油？", "why": "为什么压力不得超过 4 bar？"}.get(kind, "离心泵的默认压力是多少？")
    for question, language in ((english, "en"), (chinese, "zh")):
        assert re.search(pattern(kind, language), question)
        assert not re.search(pattern(kind, language), question[:-1])  # a statement
        assert not re.search(pattern(kind, language), question + question)  # two
