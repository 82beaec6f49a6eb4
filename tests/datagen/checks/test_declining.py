"""When an answer says only that it is not there."""

from __future__ import annotations

import pytest

from datagen.checks.declining import declines
from seedbed.resources import resource

DECLINES = {
    "en": ["not stated", "Unknown.", "The statements do not say.", "It is not stated.", "The price is not stated.",
           "The statements do not say who is responsible for the pump.", "Not stated in the documents.", "I don't know.",
           "There is no information about the price in the statements.", "I'm sorry, but it is not stated.",
           "The document doesn't mention the weight of the KX-40."],
    "zh": ["没有说明", "不知道", "手册没有说明。", "未提及", "文档没有说明这一点。", "陈述中没有提到负责人。", "它的价格没有说明。",
           "抱歉，文中没有说明价格。", "上述陈述中没有提供 KX-40 的价格。", "没有相关信息。", "无法确定。", "not stated"],
}
ANSWERS = {
    "en": ["Unknown devices are ignored by udev.", "Not stated values default to 0.", "The order is not specified.",
           "It is not stated in the manual, but the price is 400 euro.", "not stated: it is 400 euro",
           "The text does not say it. The price is 400 euro.", "Options that the manual does not mention are ignored.",
           "The document does not contain macros, so it opens faster.", "No information is lost when the cable is pulled.",
           "The device is not known to the kernel."],
    "zh": ["没有说明书时按 F1。", "不知道密码时用 root 重置。", "未说明的参数保持默认值。", "手册没有说明，价格是 400 元。",
           "手册没有说明时按默认值处理。", "文档中没有说明的参数保持默认值。", "没有信息丢失。", "没有答案的题目计 0 分。",
           "未知设备会被忽略。", "文档没有说明，但默认是 2.5 bar。"],
}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_an_answer_declines_where_all_of_it_does(lang: str) -> None:
    assert [text for text in DECLINES[lang] if not declines(text, lang)] == []
    assert [text for text in ANSWERS[lang] if declines(text, lang)] == []


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_listed_phrases_decline(lang: str) -> None:
    lines = (resource("seeds") / f"not_stated.{lang}.txt").read_text(encoding="utf-8").splitlines()
    said = [line for line in lines if line and not line.startswith("#") and not line.endswith("which says no more than")]
    assert said and [line for line in said if not declines(line, lang)] == []
