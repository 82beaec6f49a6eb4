"""The student's losses: over the same tokens with and without the question, cut at the window, one record at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seedbed.context import Silent
from seedbed.likelihood import Said
from tests.train import tiny
from train import libraries
from train.evaluation.likelihood import Student
from train.rows.template import Template
from train.students import model

BOTH = pytest.mark.parametrize("lang", ["en", "zh"])
ASKED = {"en": "Which port does the sensor use?", "zh": "传感器使用哪个端口？"}
ANSWER = {"en": "It uses port 4711.", "zh": "它使用 4711 端口。"}


def said(question: str, answer: str, *before: tuple[str, str]) -> Said:
    turns = (*before, ("user", question), ("assistant", answer))
    return Said(turns=tuple({"role": role, "content": content} for role, content in turns))


def opened(folder: Path, window: int = 512) -> Student:
    return Student(str(folder), window, 1, Silent())


def loss(folder: Path, text: str, start: int) -> float:
    """The mean loss of the tokens of `text` from character `start` on, by the plain model and one text at a time."""
    import torch

    with libraries.prepared(threads=1):
        tokenizer = model.load_tokenizer(folder)
        plain = model.load(folder, "lora", tokenizer).eval()
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        ids = torch.tensor([encoded["input_ids"]])
        with torch.no_grad():
            logits = plain(ids).logits[0].float()
        counted = [i for i, (first, last) in enumerate(encoded["offset_mapping"]) if first >= start and last > first and i]
        each = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:], reduction="none")
        return float(each[[i - 1 for i in counted]].mean())


@BOTH
def test_an_answer_given_its_question_and_alone(student: Path, lang: str) -> None:
    (found,) = opened(student).measure([said(ASKED[lang], ANSWER[lang])], alone=True)
    head = f"<|im_start|>user\n{ASKED[lang]}<|im_end|>\n"
    opening, written = "<|im_start|>assistant\n", f"{ANSWER[lang]}<|im_end|>"
    assert found.given == pytest.approx(loss(student, head + opening + written, len(head + opening)), abs=2e-3)
    assert found.alone == pytest.approx(loss(student, opening + written, len(opening)), abs=2e-3)
    assert found.tokens > 3 and not found.cut and not found.fault


@BOTH
def test_of_several_turns_the_last_answer_counts_given_all_before(student: Path, lang: str) -> None:
    dialogue = said(ASKED[lang], ANSWER[lang], ("user", "P-20?"), ("assistant", "1.8 bar"))
    long, short = opened(student).measure([dialogue, said(ASKED[lang], ANSWER[lang])], alone=True)
    assert long.alone == short.alone and long.tokens == short.tokens and long.given != short.given


@BOTH
def test_companions_in_the_batch_change_nothing_that_is_seen(student: Path, lang: str) -> None:
    several = [said(ASKED[lang], ANSWER[lang] * n) for n in (1, 9, 3)]
    together = opened(student).measure(several, alone=True)
    alone = [opened(student).measure([one], alone=True)[0] for one in several]
    for one, other in zip(together, alone, strict=True):
        assert (one.given, one.alone) == (pytest.approx(other.given, abs=5e-3), pytest.approx(other.alone, abs=5e-3))


def test_running_text_is_measured_as_it_is(student: Path) -> None:
    text = "Press the red button, wait ten seconds. 按下红色按钮。"
    (found,) = opened(student).measure([Said(text=text)], alone=False)
    assert found.given == pytest.approx(loss(student, text, 0), abs=2e-3) and found.alone is None


@BOTH
def test_beyond_the_window_the_end_of_the_answer_is_left_out_of_both(student: Path, lang: str) -> None:
    question, answer = ASKED[lang], ANSWER[lang] * 30
    (cut,) = opened(student, 64).measure([said(question, answer)], alone=True)
    assert cut.cut and 0 < cut.tokens < 64
    (longer,) = opened(student, 400).measure([said(question, answer)], alone=True)
    assert longer.tokens > cut.tokens
    (full,) = opened(student, 64).measure([said(question * 30, answer)], alone=True)
    assert full.fault == "window" and "64 tokens" in full.why
    (text,) = opened(student, 64).measure([Said(text=answer)], alone=False)
    assert text.cut and text.tokens == 63


def test_ten_megabytes_in_one_field_are_not_even_tokenised(student: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measuring = opened(student, 64)
    seen: list[int] = []
    tokens = Template.tokens

    def watched(self: Template, rendered: Any) -> Any:
        seen.append(len(rendered.text))
        return tokens(self, rendered)

    monkeypatch.setattr(Template, "tokens", watched)
    huge = "很长 long " * 1_000_000
    found = measuring.measure([said(huge, "A."), said("Q?", huge), Said(text=huge)], alone=False)
    assert [one.fault for one in found] == ["window", "", ""] and [one.cut for one in found] == [False, True, True]
    assert len(seen) == 2 and max(seen) < 20_000


def test_what_the_template_refuses_or_leaves_no_token_is_a_fault(tmp_path: Path) -> None:
    strict = (
        "{% for m in messages %}{% if m.role not in ('user', 'assistant') %}{{ raise_exception('only two') }}{% endif %}"
        "<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    with libraries.prepared(threads=1):
        folder = tiny.save_student(tmp_path / "strict", strict)
    tool = Said(turns=({"role": "user", "content": "?"}, {"role": "tool", "content": "4711"}, {"role": "assistant", "content": "4711"}))
    found = opened(folder).measure([tool, Said(text="x"), said("Q?", "A.")], alone=True)
    assert [one.fault for one in found] == ["template", "too_short", ""] and "only two" in found[0].why


def test_a_template_without_an_opening_counts_the_same_tokens(tmp_path: Path) -> None:
    mistral = "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]{% else %}{{ m.content }}</s>{% endif %}{% endfor %}"
    with libraries.prepared(threads=1):
        folder = tiny.save_student(tmp_path / "mistral", mistral)
    (found,) = opened(folder).measure([said("Q?", "It uses port 4711.")], alone=True)
    answer, whole = "It uses port 4711.</s>", "[INST] Q? [/INST]It uses port 4711.</s>"
    assert found.alone == pytest.approx(loss(folder, answer, 0), abs=2e-3)
    first = len("It")  # follows from nothing where the answer stands alone, so it counts in neither
    assert found.given == pytest.approx(loss(folder, whole, len("[INST] Q? [/INST]") + first), abs=2e-3)


def test_another_window_or_other_weights_are_another_student(student: Path, tmp_path: Path) -> None:
    with libraries.prepared(threads=1):
        other = tiny.save_student(tmp_path / "other", hidden=128)
    assert len({opened(student).identity, opened(student, 64).identity, opened(other).identity}) == 3
    assert opened(student).identity == opened(student).identity
