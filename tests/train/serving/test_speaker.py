"""Answers piece by piece: whose, how long, and where they end."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from seedbed.errors import InputError
from seedbed.progress import Plain
from seedbed.record import chat
from train import libraries
from train.evaluation.answers import answer
from train.rows.template import Template, Turns
from train.serving.speaker import Manner, Speaker, _without_stop, open_speaker
from train.students import trained

ENGLISH: Turns = [{"role": "user", "content": "Which port does the sensor use?"}]
CHINESE: Turns = [{"role": "user", "content": "传感器使用哪个端口？"}]
SHORT = Manner(max_tokens=12)


def said(speaker: Speaker, turns: Turns, side: str, manner: Manner = SHORT) -> str:
    return "".join(speaker.say(turns, side, manner).pieces)


@pytest.mark.parametrize("turns", [ENGLISH, CHINESE])
def test_base_and_tuned_say_different_things_and_each_the_same_again(speaker: Speaker, turns: Turns) -> None:
    tuned, base = said(speaker, turns, "tuned"), said(speaker, turns, "base")
    assert tuned != base
    assert (said(speaker, turns, "base"), said(speaker, turns, "tuned")) == (base, tuned)


@pytest.mark.parametrize("turns", [ENGLISH, CHINESE])
def test_the_answer_is_the_one_that_evaluation_reads(speaker: Speaker, adapted: Path, turns: Turns) -> None:
    with libraries.prepared(threads=1):
        both = trained.load(adapted, Plain())
        record = chat(turns[0]["content"], "?")
        with both.side("tuned") as tuned:
            evaluated = answer(tuned, Template(both.tokenizer), [record], 12)
    # Random weights may stop in the middle of a character, which only one of the two shows.
    both_said = [text.replace("\ufffd", " ").strip() for text in (said(speaker, turns, "tuned"), evaluated[0])]
    assert both_said[0] == both_said[1] and both_said[0]


def test_tokens_are_counted_and_a_cut_answer_says_so(speaker: Speaker) -> None:
    one = speaker.say(ENGLISH, "base", SHORT)
    list(one.pieces)
    assert (one.completion, one.finish) == (12, "length")
    assert one.prompt > 10


def test_a_seed_repeats_what_was_drawn(speaker: Speaker) -> None:
    drawn = [said(speaker, ENGLISH, "base", Manner(temperature=1.5, max_tokens=12, seed=seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_whoever_stops_listening_frees_the_model(speaker: Speaker) -> None:
    pieces = speaker.say(ENGLISH, "base", Manner(max_tokens=1500)).pieces
    next(pieces)
    before = threading.active_count()
    pieces.close()  # type: ignore[attr-defined]
    assert threading.active_count() < before
    assert said(speaker, ENGLISH, "base")


def test_a_conversation_beyond_the_window_is_refused(speaker: Speaker) -> None:
    with pytest.raises(InputError, match="and the model reads 2048"):
        speaker.say([{"role": "user", "content": "port 4711, " * 2000}], "base", SHORT)


@pytest.mark.parametrize(("pieces", "stop", "left"), [
    (["one t", "wo thr", "ee"], ("two",), "one "),
    (["端口", "4711。", "结束"], ("。结",), "端口4711"),
    (["one two"], (), "one two"),
    (["one tw"], ("two",), "one tw"),
    (["a", "b", "c"], ("abc", "b"), "a"),
])
def test_a_stop_string_ends_the_answer_and_is_not_in_it(pieces: list[str], stop: tuple[str, ...], left: str) -> None:
    assert "".join(_without_stop(iter(pieces), stop)) == left


def test_a_models_folder_speaks_alone(student: Path) -> None:
    with libraries.prepared(threads=1):
        alone = open_speaker(student, Plain())
        assert alone.sides == (student.name,)
        assert said(alone, ENGLISH, student.name)


def test_a_folder_without_any_of_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing trained is in it"):
        open_speaker(tmp_path, Plain())
