"""Base against tuned: what is measured, and what is said where there is little to measure."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from seedbed import jsonl
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.record import chat, make
from tests.train.rows.conversations import CONVERSATIONS
from tests.train.rows.oracle import dressed, of_name
from tests.train.tiny import records, save_student, tokenizer
from train import libraries, stage
from train.evaluation import answers
from train.evaluation.scores import Answer
from train.evaluation.stage import Options, evaluate
from train.rows.conversation import conversation
from train.rows.data import Fit
from train.rows.served import learned_behind
from train.rows.template import IGNORED, Template
from train.students import model

TESTED = [*records(10, "test_seen"), *records(3, "test_heldout"), *records(5, "train")]
QUICK = Options(threads=1, generate=4, max_new_tokens=6)


@pytest.fixture(scope="module")
def trained(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    options = stage.Options(student=str(student), threads=1, epochs=3, learning_rate=5e-3)
    stage.train(records(24), options, Context(folder, seed=2))
    return folder


@pytest.fixture(scope="module")
def measured(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Context:
    context = Context(tmp_path_factory.mktemp("evaluate"), seed=2, upstream={"train": trained})
    evaluate(TESTED, QUICK, context)
    return context


def test_the_tuned_model_is_better_on_what_it_was_taught(measured: Context) -> None:
    seen = measured.figures["sets"]["test_seen"]
    assert seen["records"] == 10 and seen["real"] is True
    assert seen["tuned"]["loss"] < seen["base"]["loss"] - 0.2
    assert seen["difference"]["mean"] == pytest.approx(seen["tuned"]["loss"] - seen["base"]["loss"], abs=1e-3)
    assert seen["difference"]["low"] < seen["difference"]["mean"] < seen["difference"]["high"] < 0
    assert "learned, more than chance explains" in seen["sentence"]
    assert {language: one["records"] for language, one in seen["languages"].items()} == {"en": 5, "zh": 5}


def test_a_small_set_and_a_missing_one_say_so(measured: Context) -> None:
    sets = measured.figures["sets"]
    assert "3 records are too few" in sets["test_heldout"]["sentence"]
    assert sets["test_heldout"]["difference"]["low"] is None and sets["test_heldout"]["real"] is False
    assert sets["test_general"] == {
        "title": "general data",
        "records": 0,
        "left_out": 0,
        "sentence": "General data: no records, so nothing was measured.",
    }


def test_running_text_is_a_set_of_its_own_and_is_not_asked(trained: Path, student: Path, tmp_path: Path) -> None:
    texts = ["The KX-40 pump holds 4 bar. " * 30, "水泵 KX-40 的压力上限为 4 bar。" * 20, "Short."]
    asked = [make(text=text, split="test_heldout", language=lang) for text, lang in zip(texts, ("en", "zh", "en"), strict=True)]
    context = Context(tmp_path, seed=2, upstream={"train": trained})
    evaluate([*asked, make(text="In training.", split="train")], QUICK, context)
    found = context.figures["sets"]["text_heldout"]
    tokenizer = model.load_tokenizer(student)
    assert (found["records"], found["left_out"], found["answers"]["records"]) == (3, 0, 0)
    windows = [len(tokenizer(text)["input_ids"]) for text in texts]  # and an end; the first token of a window is given
    assert sum(windows) - 5 <= found["tokens"] <= sum(windows)
    assert found["base"]["loss"] > 0 and "running text of held-out documents" in found["sentence"].lower()
    assert "text_seen" not in context.figures["sets"] and context.figures["sets"]["test_seen"]["records"] == 0


@pytest.mark.parametrize("name", ["a call and its result", "a call, zh", "tools that are not called"])
def test_a_conversation_with_tools_is_asked_behind_the_ids_that_were_learned(name: str) -> None:
    template, record = dressed(tokenizer(None), of_name("qwen25")), CONVERSATIONS[name]
    said = conversation(record)
    learned = learned_behind(template.trained(said.turns, said.tools).rows[-1])[-1]
    assert answers.prompts(template, [record]) == [learned]


def test_the_base_is_named(measured: Context) -> None:
    assert measured.figures["method"] == "qlora" and "nf4-quantised" in measured.figures["base"]


def test_answers_are_kept_side_by_side(measured: Context) -> None:
    said = list(jsonl.read_as(Answer, measured.folder / "answers.jsonl"))
    assert [one.set for one in said] == ["test_seen"] * 4 + ["test_heldout"] * 3
    by_id = {record.id: record for record in TESTED}
    assert all(one.reference == by_id[one.id].answer and one.question == by_id[one.id].instruction for one in said)
    seen = measured.figures["sets"]["test_seen"]
    assert len(seen["samples"]) == 3 and seen["answers"]["records"] == 4
    assert seen["answers"]["figures_right"]["records"] == 4
    assert seen["answers"]["rouge_l"]["records"] == 4 and "too few" in seen["answers"]["length"]["sentence"]
    assert json.loads((measured.folder / "evaluation.json").read_text()) == measured.figures


def test_losses_are_those_of_the_plain_model(student: Path, trained: Path) -> None:
    """Against a loop that does one record at a time, without padding."""
    import torch

    with libraries.prepared(threads=1):
        tokenizer = model.load_tokenizer(student)
        template = Template(tokenizer)
        plain = model.load(student, "lora", tokenizer).float().eval()
        several = records(7)
        found = answers.losses(plain, template, several, Fit(512), lambda _: None)
        for record in several:
            row = template.tokens(template.rows(record.turns())[0])
            with torch.no_grad():
                logits = plain(torch.tensor([row.input_ids])).logits[0]
            wanted = torch.tensor(row.labels)[1:]
            expected = torch.nn.functional.cross_entropy(logits[:-1], wanted, ignore_index=IGNORED, reduction="sum")
            assert found[record.id] == (pytest.approx(float(expected), rel=1e-4), row.learned)


def test_answers_in_a_batch_are_those_given_alone(student: Path, trained: Path) -> None:
    with libraries.prepared(threads=1):
        tokenizer = model.load_tokenizer(student)
        tuned = model.with_adapter(model.load(student, "lora", tokenizer).float(), trained / "adapter")
        several = records(5)
        together = answers.answer(tuned, Template(tokenizer), several, 8)
        alone = [answers.answer(tuned, Template(tokenizer), [record], 8)[0] for record in several]
    assert together == alone and any(together)


def test_records_that_do_not_fit_are_left_out_and_counted(trained: Path, tmp_path: Path) -> None:
    noted = json.loads((trained / "training.json").read_text())
    copy = tmp_path / "train"
    copy.mkdir()
    (copy / "adapter").symlink_to(trained / "adapter")
    (copy / "training.json").write_text(json.dumps(noted | {"max_length": 60}))
    context = Context(tmp_path, upstream={"train": copy})
    data = [*records(6, "test_seen"), chat("很长的问题。" * 40, "短。", split="test_seen")]
    evaluate(data, Options(threads=1, generate=0), context)
    assert context.figures["sets"]["test_seen"]["records"] + context.figures["sets"]["test_seen"]["left_out"] == 7
    assert context.figures["sets"]["test_seen"]["left_out"] >= 1
    assert context.figures["sets"]["test_seen"]["samples"] == []


def test_a_large_set_is_sampled_the_same_way_each_time(trained: Path, tmp_path: Path) -> None:
    found: list[Any] = []
    for name in ("a", "b"):
        context = Context(tmp_path / name, seed=9, upstream={"train": trained})
        (tmp_path / name).mkdir()
        evaluate(records(30, "test_general"), Options(threads=1, limit=8, generate=0), context)
        found.append(context.figures["sets"]["test_general"])
    assert found[0]["records"] == 8 and found[0] == found[1]


def test_without_an_adapter_there_is_a_next_step(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing trained is in it.*train first"):
        evaluate(TESTED, QUICK, Context(tmp_path))


def test_an_adapter_of_another_base_is_refused(trained: Path, tmp_path: Path) -> None:
    with libraries.prepared(threads=1):
        other = save_student(tmp_path / "other", hidden=128)
    with pytest.raises(InputError, match="other weights|does not fit"):
        evaluate(TESTED, Options(threads=1, student=str(other)), Context(tmp_path, upstream={"train": trained}))


def test_no_records_and_one(trained: Path, tmp_path: Path) -> None:
    context = Context(tmp_path, upstream={"train": trained})
    evaluate([], QUICK, context)
    assert all("nothing was measured" in one["sentence"] for one in context.figures["sets"].values())
    evaluate(records(1, "test_seen"), QUICK, context)
    seen = context.figures["sets"]["test_seen"]
    assert "1 record is too few" in seen["sentence"] and seen["answers"]["exact"]["difference"]["low"] is None


def test_a_merged_model_stands_beside_the_tuned_one(student: Path, trained: Path, tmp_path: Path) -> None:
    """Here the base itself, as a stranger would name it: its losses are far from the tuned model's."""
    context = Context(tmp_path, seed=2, upstream={"train": trained})
    evaluate(TESTED, Options(threads=1, generate=2, max_new_tokens=4, also=(str(student),)), context)
    seen = context.figures["sets"]["test_seen"]
    beside = seen["others"][student.name]
    assert beside["real"] and beside["difference"]["mean"] > 0.2 and "above that of the tuned model" in beside["sentence"]
    assert seen[student.name]["loss"] == pytest.approx(seen["base"]["loss"], abs=0.2)  # nf4 against bf16
    said = list(jsonl.read_as(Answer, tmp_path / "answers.jsonl"))
    assert all(set(one.others) == {student.name} for one in said)


def test_merged_and_gguf_are_made_and_are_what_was_trained(trained: Path, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    folder = tmp_path / "train"
    shutil.copytree(trained, folder)
    context = Context(tmp_path, seed=2, upstream={"train": folder})
    evaluate(TESTED, Options(threads=1, generate=4, max_new_tokens=6, also=("merged", "gguf")), context)
    seen = context.figures["sets"]["test_seen"]
    assert seen["tuned"]["loss"] < seen["base"]["loss"] - 0.2
    for name, off in (("merged", 0.01), ("gguf", 0.02)):
        assert abs(seen["others"][name]["share"]) < off, seen["others"][name]
    said = list(jsonl.read_as(Answer, tmp_path / "answers.jsonl"))
    assert all(set(one.others) == {"merged", "gguf"} for one in said)


def test_a_path_with_no_model_is_said_before_anything_is_measured(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="config.json"):
        evaluate(TESTED, Options(threads=1, also=("/no/where",)), Context(tmp_path, upstream={"train": trained}))


def test_a_file_that_is_no_gguf(trained: Path, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    (tmp_path / "bad.gguf").write_text("no model")
    with pytest.raises(InputError, match="bad.gguf"):
        evaluate(TESTED, Options(threads=1, generate=0, also=(str(tmp_path / "bad.gguf"),)),
                 Context(tmp_path, upstream={"train": trained}))


def test_paths_of_further_models_start_from_the_job(tmp_path: Path) -> None:
    assert Options(also=("merged", "m.gguf")).placed(tmp_path).also == ("merged", str(tmp_path / "m.gguf"))


@pytest.mark.parametrize("wrong", [
    {"limit": 0}, {"generate": -1}, {"max_new_tokens": 0}, {"also": ("base",)}, {"judge": True, "generate": 0},
])  # fmt: skip
def test_options_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: "):
        Options(**wrong)
