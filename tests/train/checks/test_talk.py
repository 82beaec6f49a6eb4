"""Traces of a template that is not the student's own, and students of whom only the head is there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from seedbed.context import Silent
from seedbed.errors import InputError
from tests.train.tiny import CHATML, save_student, tokenizer
from train import libraries
from train.checks import headers
from train.checks.talk import look
from train.rows.template import Template
from train.students import model


def test_a_student_with_its_own_template_leaves_no_trace(student: Path) -> None:
    talk = look(Template(tokenizer()), student)
    assert (talk.split, talk.untrained, talk.other, talk.stops) == ((), (), "", ())
    assert talk.closes == "<|im_end|>" and 500 < talk.tokens <= 512


def test_markers_that_the_tokenizer_does_not_know(student: Path) -> None:
    foreign = CHATML.replace("<|im_start|>", "<|turn_of|>")
    assert look(Template(tokenizer(foreign)), student).split == ("<|turn_of|>",)


def test_an_answer_that_ends_where_nobody_stops(tmp_path: Path) -> None:
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [0, 4]}))
    talk = look(Template(tokenizer(end="<|endoftext|>", pad="<|end|>")), tmp_path)
    assert talk.closes == "<|im_end|>" and talk.stops == ("<|endoftext|>", "</s>")


def test_a_family_that_was_trained_with_another_template(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gemma2"}))
    assert look(Template(tokenizer()), tmp_path).other == "<start_of_turn>"
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2"}))
    assert look(Template(tokenizer()), tmp_path).other == ""


@pytest.mark.parametrize("same", [False, True])
def test_markers_that_were_never_trained(tmp_path: Path, same: bool) -> None:
    from safetensors.torch import load_file, save_file

    with libraries.prepared(threads=1):
        folder = save_student(tmp_path / "base")
        weights = load_file(folder / "model.safetensors")
        rows = weights["model.embed_tokens.weight"]
        rows[1:3] = rows[1] if same else 0.0
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        assert look(Template(tokenizer()), folder).untrained == ("<|im_end|>", "<|im_start|>")


def test_a_check_needs_no_weights(student: Path, tmp_path: Path) -> None:
    head = tmp_path / "head"
    shutil.copytree(student, head, ignore=shutil.ignore_patterns("*.safetensors"))
    with libraries.prepared(threads=1):
        assert headers.locate(str(head), Silent()) == head
        assert model.shape(head) == model.shape(student)
        assert look(Template(tokenizer()), head).untrained == ()


def test_a_gguf_file_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDBED_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(64))
    with pytest.raises(InputError, match="cannot be read"):
        headers.locate(str(broken), Silent())
    with pytest.raises(InputError, match="no such file"):
        headers.locate(str(tmp_path / "none.gguf"), Silent())
    assert list((tmp_path / "models").iterdir()) == []
