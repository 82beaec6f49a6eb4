"""What stages write in English stands in Chinese on the Chinese page, with its figures and quotes."""

from __future__ import annotations

import re

import pytest

from curate.report.chinese_details import _FIELD, _FORMS, translated


@pytest.mark.parametrize(("said", "chinese"), [
    ("says '作为语言模型'", "出现了 “作为语言模型”"),
    ("36% of the answer is English, and Chinese is expected", "答案的 36% 是英文，应为中文"),
    ("its question is worded like that of d8ba6ffd8ac4105a: ROUGE-L 0.75, at most 0.7 passes",
     "问题与另一条措辞相近：ROUGE-L 0.75，不超过 0.7 才保留"),
    ("the same question and answer as in cd4ae46a29bbc705", "问题和答案与另一条完全相同"),
    ("'it's' speaks of the model, not of the matter", "“it's” 说的是模型自己，不是正题"),
    ("{it} is not in the evidence", "依据里没有 {it}"),
    ("about 5.3 GB of 20.9 GB free", "约需 5.3 GB，空闲 20.9 GB"),
    ("a stage of one's own says this", ""),
    ("", ""),
])
def test_a_stages_words_are_told_in_chinese(said: str, chinese: str) -> None:
    assert translated(said) == chinese


def test_each_form_is_its_own_and_keeps_its_figures() -> None:
    for english, chinese in _FORMS.items():
        assert set(_FIELD.findall(chinese)) <= set(_FIELD.findall(english)), english
        assert re.search("[\u4e00-\u9fff]", chinese), english
        own = _FIELD.sub("7", english)  # no form that stands above takes its sentence
        assert translated(own) == _FIELD.sub("7", chinese), english
