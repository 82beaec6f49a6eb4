"""Tokens, lengths, sentences and languages, English and Chinese alike."""

from __future__ import annotations

import pytest
from rouge_score.tokenizers import DefaultTokenizer

from seedbed import text


@pytest.mark.parametrize(("words", "tokens"), [
    ("Don't stop: 3.5 kPa!", ["don", "t", "stop", "3", "5", "kpa"]),
    ("用Python写代码", ["用", "python", "写", "代", "码"]),
    ("ＡＰＩ有１２个", ["api", "有", "12", "个"]),
    ("テスト 𠀀", ["テ", "ス", "ト", "𠀀"]),
    ("。，！ \n", []),
])
def test_each_cjk_character_and_each_run_of_letters_is_a_token(words: str, tokens: list[str]) -> None:
    assert text.tokenize(words) == tokens
    assert text.length(words) == len(tokens)


@pytest.mark.parametrize("words", ["The pump's max. pressure is 16 bar (M8).", "naïve café — 9°C", "", "x_y/../A.md"])
def test_english_tokens_are_those_of_rouge_score(words: str) -> None:
    assert text.tokenize(words) == DefaultTokenizer(use_stemmer=False).tokenize(words)


@pytest.mark.parametrize(("words", "language"), [
    ("The valve closes clockwise.", "en"),
    ("阀门顺时针关闭。", "zh"),
    ("解释API、SDK、REST的区别", "zh"),
    ("用 `systemctl restart nginx.service --now --force` 重启", "zh"),
    ("请阅读 the manual before you start the pump today", "mixed"),
    ("12.5 %", "other"),
])
def test_language(words: str, language: str) -> None:
    assert text.language(words) == language


@pytest.mark.parametrize(("words", "expected"), [
    ("Stop the pump. Close V2, e.g. by hand. Done!", ["Stop the pump.", "Close V2, e.g. by hand.", "Done!"]),
    ("先停泵。再关阀！“好了吗？”好了", ["先停泵。", "再关阀！", "“好了吗？”", "好了"]),
    ("Version 3.5 is out. See a.b!c now.", ["Version 3.5 is out.", "See a.b!c now."]),
    ("步骤：\n- 停泵\n- 关阀", ["步骤：", "- 停泵", "- 关阀"]),
    ("1. Stop.\n2. Close.", ["1. Stop.", "2. Close."]),
    ("| a | b |\n|---|---|\n| 1 | 2 |", ["| a | b |", "|---|---|", "| 1 | 2 |"]),
    ("One line\nbroken in two.", ["One line\nbroken in two."]),
])
def test_sentences(words: str, expected: list[str]) -> None:
    spans = text.sentences(words)
    assert [words[start:end] for start, end in spans] == expected


def test_normal_form_ignores_width_case_space_and_quotes_but_not_words() -> None:
    assert text.normalise("ＡＰＩ　“x”\n Y") == text.normalise('api "X" y')
    assert text.normalise("关闭阀门。") != text.normalise("关闭阀门！")


def test_half_width_keeps_every_offset() -> None:
    words = "（１２３）ＡＢＣ，。　end"
    assert len(text.half_width(words)) == len(words)
    assert text.half_width(words) == "(123)ABC,。 end"


def test_a_row_with_sentences_in_its_cells_is_one_sentence() -> None:
    words = "Before. 之前。\n\n| Code | Remedy |\n| --- | --- |\n| E1 | Wait. Open V2! |\n| E2 | 关闭。再打开。 |\n\nAfter."
    assert [words[start:end] for start, end in text.sentences(words)] == [
        "Before.", "之前。", "| Code | Remedy |", "| --- | --- |", "| E1 | Wait. Open V2! |", "| E2 | 关闭。再打开。 |", "After."]


@pytest.mark.parametrize(("words", "terms"), [
    ("Set `max_tokens` to 1,024 with --limit or -v.", {"max_tokens", "1,024", "--limit", "-v"}),
    ("用 `stockctl export` 导出，错误码 E17，版本 2.5.1。", {"stockctl export", "e17", "2.5.1"}),
    ("An up-to-date pump", set()),
    ("它是0.7，用-v看第2版的日志。", {"0.7", "-v", "2"}),
])
def test_exact_terms_are_figures_codes_options_and_what_stands_in_quotes(words: str, terms: set[str]) -> None:
    assert text.exact_terms(words) == terms
