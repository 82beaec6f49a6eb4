"""The verb of a question, as far as its form tells."""

from __future__ import annotations

import pytest

from datagen.material.verbs import verb


@pytest.mark.parametrize(
    ("question", "lang", "found"),
    [
        ("How do I reset the KX-40 pump?", "en", "reset"),
        ("How can you also drain it?", "en", "drain"),
        ("How to bleed the seal?", "en", "bleed"),
        ("What does the code E17 mean?", "en", "mean"),
        ("What is the file used for?", "en", "used"),
        ("What does the pump deliver?", "en", ""),
        ("What is the default pressure?", "en", ""),
        ("启动之前如何检查油位？", "zh", "检查"),
        ("代码 E17 表示什么？", "zh", "表示什么"),
        ("KX-40 的默认压力是多少？", "zh", "是多少"),
        ("压力为什么不得超过 4 bar？", "zh", "为什么"),
        ("日志里有哪些级别？", "zh", "有哪些"),
        ("请说明阀门的作用。", "zh", ""),
    ],
)
def test_the_verb_of_a_question(question: str, lang: str, found: str) -> None:
    assert verb(question, lang) == found
