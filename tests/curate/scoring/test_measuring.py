"""Difficulty and perplexity of records, by a student that knows what belongs together; and of records of every shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from curate.scoring import ifd, measuring, perplexity
from seedbed.context import Context
from seedbed.errors import SeedbedError
from seedbed.likelihood import Measured, Said
from seedbed.record import Message, Record, chat, make
from tests.curate.scoring.test_judge import malformed
from tests.datagen.teaching import Notes

PAIRS = {"en": ("Which port does the sensor use?", "It uses port 4711."), "zh": ("传感器使用哪个端口？", "它使用 4711 端口。")}
BOTH = pytest.mark.parametrize("lang", ["en", "zh"])


class Student:
    """Finds an answer half as hard when its question shares a character pair with it, and hates exclamation marks."""

    identity = "knows"

    def __init__(self) -> None:
        self.asked: list[list[Said]] = []

    def measure(self, several: Sequence[Said], alone: bool) -> list[Measured]:
        self.asked.append(list(several))
        return [self._one(said, alone) for said in several]

    def _one(self, said: Said, alone: bool) -> Measured:
        if any(turn["role"] == "tool" for turn in said.turns):
            return Measured(fault="template", why="the chat template refuses a conversation of user, tool, assistant")
        answer = said.turns[-1]["content"] if said.turns else said.text
        asked = "".join(turn["content"] for turn in said.turns[:-1])
        helped = any(answer[i : i + 2] in asked for i in range(len(answer) - 1))
        bare = 90.0 if "!" in answer else 4.0
        return Measured(bare / 2 if helped else bare * 1.1, bare if alone and said.turns else None, len(answer), len(answer) > 1000)


class Run:
    def __init__(self, folder: Path, records: list[Record], stage: Any = ifd, **options: Any) -> None:
        notes, self.student = Notes(), Student()
        context = Context(folder, progress=notes, likelihood=self.student)
        function = stage.ifd if stage is ifd else stage.perplexity
        self.records: list[Record] = list(function(iter(records), stage.Options(**options), context))
        assert [record.id for record in self.records] == [record.id for record in records]
        self.why = [(r.rejection.reason, r.rejection.score) if r.rejection else None for r in self.records]
        self.figures, self.said = context.figures, notes.said


def shuffled() -> list[Record]:
    """In each language a question with its answer, and with another one's."""
    return [chat(question, answer, language=lang) for lang, (question, right) in PAIRS.items() for answer in (right, "水。Mud.")]


def test_a_question_that_helps_is_told_from_one_that_does_not(tmp_path: Path) -> None:
    run = Run(tmp_path, shuffled())
    assert [record.scores for record in run.records[:2]] == [{"ifd": 0.5, "ifd.given": 2.0, "ifd.alone": 4.0},
                                                             {"ifd": 1.1, "ifd.given": 4.4, "ifd.alone": 4.0}]
    assert run.why == [None] * 4 and run.said == []
    assert {lang: found["count"] for lang, found in run.figures["spread"].items()} == {"en": 2, "zh": 2}
    assert run.figures["spread"]["zh"]["p95"] == 0.5 and run.figures["student"] == "smollm2-135m-instruct"


def test_cuts_reject_with_the_score_and_the_cut(tmp_path: Path) -> None:
    run = Run(tmp_path, shuffled(), above=0.6, below=1.0)
    assert run.why == [("low_score", 0.5), ("high_score", 1.1)] * 2
    details = [record.rejection.detail for record in run.records[:2] if record.rejection]
    assert details == ["its ifd is 0.5; 0.6 and more pass", "its ifd is 1.1; 1 and less pass"]
    assert Run(tmp_path, shuffled(), above=0.5, below=1.1).why == [None] * 4  # a score at the cut passes


def test_each_language_may_have_a_cut_of_its_own(tmp_path: Path) -> None:
    assert Run(tmp_path, shuffled(), below={"zh": 1.0}).why == [None, None, None, ("high_score", 1.1)]
    assert Run(tmp_path, shuffled(), above={"en": 0.6}, below=1.0).why == [
        ("low_score", 0.5), ("high_score", 1.1), None, ("high_score", 1.1)]


@BOTH
def test_perplexity_of_answers_and_of_running_text(tmp_path: Path, lang: str) -> None:
    question, answer = PAIRS[lang]
    run = Run(tmp_path, [chat(question, answer), make(text=answer), make(text="!!"), make(text=" ")], perplexity, below=100)
    assert run.records[0].scores == {"perplexity": round(math.exp(2), 4)}
    assert run.records[1].scores == {"perplexity": round(math.exp(4.4), 4)}
    assert run.why == [None, None, ("high_score", round(math.exp(50), 4)), None] and run.figures["passed_over"] == 1
    assert Run(tmp_path, [make(text=answer)]).figures["passed_over"] == 1  # running text asks nothing


@BOTH
def test_the_last_answer_of_a_dialogue_and_the_chosen_one_of_a_pair(tmp_path: Path, lang: str) -> None:
    question, answer = PAIRS[lang]
    turns = (Message("user", question), Message("assistant", answer), Message("user", "P-20?"), Message("assistant", "P-20."))
    pair = make(messages=turns[:2], rejected=Message("assistant", "9"), input="Table 表")
    run = Run(tmp_path, [make(messages=turns), pair])
    (asked,) = run.student.asked
    assert [turn["content"] for turn in asked[0].turns] == [question, answer, "P-20?", "P-20."]
    assert [turn["content"] for turn in asked[1].turns] == [f"{question}\n\nTable 表", answer]


def test_malformed_records_pass_with_a_score_or_a_reason(tmp_path: Path) -> None:
    given = malformed()
    for stage, name in ((ifd, "ifd"), (perplexity, "perplexity")):
        run = Run(tmp_path, given, stage)
        told = [record.labels.get(name, "") or ("scored" if name in record.scores else "passed") for record in run.records]
        text = "scored" if stage is perplexity else "passed"
        assert told == [text, "no_answer", "no_answer", "no_question", "scored", "template", "scored", "scored", "scored",
                        "scored", "scored", "cut", "passed"]
        assert run.figures["unscored"] == {"no_answer": 2, "no_question": 1, "template": 1} and run.figures["cut"] == 1
        assert run.said == [f"  {name}: 4 of 13 records have no score (no_answer 2, no_question 1, template 1)"]
    rejecting = Run(tmp_path, given, unscored="reject")
    assert [n for n, why in enumerate(rejecting.why) if why == ("no_score", None)] == [1, 2, 3, 5]
    last = rejecting.records[5].rejection
    assert last and last.detail == "the chat template refuses a conversation of user, tool, assistant"


def test_records_go_to_the_student_in_slices(tmp_path: Path) -> None:
    records = [chat(f"Q{n}? 问", f"A{n}.") for n in range(2 * measuring._SLICE + 3)]
    run = Run(tmp_path, records)
    assert [len(part) for part in run.student.asked] == [measuring._SLICE] * 2 + [3]
    assert Run(tmp_path, []).student.asked == []


def test_a_students_own_files_decide(tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors", "notes.txt"):
        (tmp_path / name).write_text("{}")
    assert ifd.watch(ifd.Options(student=str(tmp_path))) == [tmp_path / "config.json", tmp_path / "model.safetensors"]
    assert ifd.watch(ifd.Options(student=f"path:{tmp_path / 'notes.txt'}")) == [tmp_path / "notes.txt"]
    assert ifd.watch(ifd.Options()) == []


def test_without_a_student_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(SeedbedError, match="was handed none"):
        list(ifd.ifd(iter([]), ifd.Options(), Context(tmp_path)))


@pytest.mark.parametrize(("options", "named"), [
    ({"student": " "}, "student"), ({"window": 8}, "window"), ({"threads": -1}, "threads"), ({"above": -0.1}, "above"),
    ({"above": 1.0, "below": 0.5}, "above"), ({"above": {"zh": 1.0}, "below": 0.5}, "above"), ({"below": {"en": -1.0}}, "below"),
])
def test_options_that_cannot_be(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named}: "):
        ifd.Options(**options)
