"""Preference pairs in token ids: exact masks, what is left out and why, both answers cut alike, and the cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedbed.record import Message, Record, chat, make
from tests.train.rows.test_template import MISTRAL
from tests.train.tiny import CHATML, records, tokenizer
from train.rows.data import Fit
from train.rows.pairs import Pair, PairCounts, lengths, pairs, prepare, read
from train.rows.template import IGNORED, Template

QUESTIONS = [("Which port?", "It uses port 4711.", "It uses port 4712."), ("哪个端口？", "使用 4711 端口。", "使用 4712 端口。")]
GOOD = {"en": "The pump stops below 1.8 bar. Press the red button. Wait ten seconds.",
        "zh": "泵在压力低于 1.8 bar 时停机。按下红色按钮。等待十秒钟。"}
BAD = {"en": "The pump stops below 2.8 bar. Press the red button.", "zh": "泵在压力低于 2.8 bar 时停机。按下红色按钮。"}

WHOLE = Fit(1024)


def pair(question: str, good: str, bad: str) -> Record:
    return make(messages=chat(question, good).messages, rejected=Message("assistant", bad))


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(tokenizer(CHATML))


def made(template: Template, *several: Record, fit: Fit = WHOLE) -> tuple[list[Pair], PairCounts]:
    counts = PairCounts()
    return [found for _, found in pairs(several, template, fit, counts)], counts


@pytest.mark.parametrize("markup", [CHATML, MISTRAL])
@pytest.mark.parametrize(("question", "good", "bad"), QUESTIONS)
def test_prompt_and_both_answers_are_the_templates_own_tokens(markup: str, question: str, good: str, bad: str) -> None:
    template = Template(tokenizer(markup, end="<|im_end|>" if markup is CHATML else "</s>"))
    [found], counts = made(template, pair(question, good, bad))
    decode = template.tokenizer.decode
    assert decode(found.prompt_ids) == template.prompt([{"role": "user", "content": question}])
    end = "<|im_end|>" if markup is CHATML else "</s>"
    assert (decode(found.chosen_ids).strip(), decode(found.rejected_ids).strip()) == (good + end, bad + end)
    assert counts.endless == 0 and counts.longest == found.longest
    for row, answer in zip(found.sides(), (found.chosen_ids, found.rejected_ids), strict=True):
        assert [label for label in row.labels if label != IGNORED] == answer
        assert row.labels[: len(found.prompt_ids)] == [IGNORED] * len(found.prompt_ids)


def test_earlier_answers_are_prompt(template: Template) -> None:
    talk = (Message("system", "Be brief."), *chat("Which port?", "Port 4711.").messages, *chat("泵呢？", "停机。").messages)
    [found], _ = made(template, make(messages=talk, rejected=Message("assistant", "运行。")))
    decode = template.tokenizer.decode
    assert "Port 4711.<|im_end|>" in decode(found.prompt_ids)
    assert (decode(found.chosen_ids), decode(found.rejected_ids)) == ("停机。<|im_end|>", "运行。<|im_end|>")


def test_what_cannot_be_learned_is_counted(template: Template) -> None:
    found, counts = made(
        template,
        pair("端口？", "4711", "4711 "),
        pair("Port?", "4711", " "),
        pair("Port?", "", "4711"),
        *records(2),
        make(text="A passage."),
        pair("Port?", "4711", "4712"),
    )
    assert len(found) == counts.rows == 1
    assert (counts.identical, counts.empty, counts.no_pair, counts.records) == (1, 2, 3, 4)


def test_no_token_reaches_across_from_prompt_to_answer() -> None:
    # Without a mark between them, the line break and those that the answer begins with become one token.
    glued = "{% for m in messages %}{{ m.content }}{{ '\n' if m.role == 'user' else '<|im_end|>' }}{% endfor %}"
    template = Template(tokenizer(glued))
    [found], counts = made(template, pair("One.", "\n\nTwo", "Three"))
    assert found.prompt_ids == template.prompt_ids("One.\n") and counts.mismatched == 0
    assert template.tokenizer.decode(found.chosen_ids) == "\n\nTwo<|im_end|>"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_both_answers_are_cut_to_the_same_sentences(template: Template, language: str) -> None:
    long = pair("?", GOOD[language], BAD[language])
    [whole], _ = made(template, long)
    [found], counts = made(template, long, fit=Fit(whole.longest - 1))
    decode = template.tokenizer.decode
    assert decode(found.chosen_ids) == BAD[language].replace("2.8", "1.8") + "<|im_end|>"
    assert decode(found.rejected_ids) == BAD[language] + "<|im_end|>"
    [shorter], counts = made(template, long, fit=Fit(found.longest - 1))
    assert len(shorter.chosen_ids) < len(found.chosen_ids) and len(shorter.rejected_ids) < len(found.rejected_ids)
    assert (counts.cut, counts.dropped, counts.longest) == (1, 0, shorter.longest)


def test_a_difference_that_was_cut_away_leaves_nothing_to_prefer(template: Template) -> None:
    late = pair("?", "Press the button. Wait. Port 4711.", "Press the button. Wait. Port 4712.")
    [whole], _ = made(template, late)
    found, counts = made(template, late, fit=Fit(whole.longest - 1))
    assert (found, counts.identical, counts.cut) == ([], 1, 0)


def test_a_prompt_is_never_cut(template: Template) -> None:
    found, counts = made(template, pair("Press the red button. " * 9, "4711.", "4712."), fit=Fit(40))
    assert (found, counts.dropped) == ([], 1)
    assert made(template, pair("?", GOOD["zh"], BAD["zh"]), fit=Fit(26, "drop"))[1].dropped == 1


def test_the_cache_gives_the_same_pairs(template: Template, tmp_path: Path) -> None:
    several = [pair(*texts) for texts in QUESTIONS]
    first, counts = prepare(several, template, Fit(512), tmp_path)
    again, counted = prepare(several, template, Fit(512), tmp_path)
    assert read(again, range(2)) == made(template, *several)[0] and counted == counts
    longest, both = lengths(first)
    assert longest == [found.longest for found in read(first, range(2))]
    assert both == [sum(len(row.input_ids) for row in found.sides()) for found in read(first, range(2))]
    assert sum(both) == counts.tokens and len(list(tmp_path.glob("*.arrow"))) == 1
