"""Each method from training to use: what it learns, in what form it is kept, and how base and tuned are seen again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from seedbed.context import Context, Silent
from seedbed.errors import InputError, TrainingError
from tests.train.test_stage import curve, run
from tests.train.tiny import records, save_student
from train import libraries
from train.options import Options
from train.students import faults, methods, model, trained

# A rate at which the tiny student learns in a few steps.
METHODS: dict[str, dict[str, Any]] = {
    "qlora": {"learning_rate": 3e-3, "dropout": 0.05},
    "lora": {"learning_rate": 3e-3, "dropout": 0.05, "dora": True, "rslora": True},
    "full": {"learning_rate": 1e-3, "dropout": 0.0},
    "prompt_tuning": {"learning_rate": 3e-2, "dropout": 0.0, "initial_text": "Which port? 端口？"},
}
LEARNED = {"qlora": 32_768, "lora": 33_792, "full": 106_816, "prompt_tuning": 20 * 64}
DATA = [*records(14), *records(4, "validation")]


@pytest.fixture(scope="module")
def done(student: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Context]:
    """One training of each method."""
    return {
        method: run(student, tmp_path_factory.mktemp(method), DATA, method=method, **options)
        for method, options in METHODS.items()
    }


def logits(loaded: trained.Trained, side: trained.Side) -> Any:
    import torch

    with torch.no_grad(), loaded.side(side) as one:
        return one(input_ids=torch.arange(20, 60).reshape(2, 20)).logits.float()


@pytest.mark.parametrize("method", METHODS)
def test_it_learns_and_says_how_much_of_the_model(done: dict[str, Context], method: str) -> None:
    losses = [point["loss"] for point in curve(done[method].folder)["validation"]]
    assert losses[-1] < losses[0] - (0.02 if method == "prompt_tuning" else 0.2)
    assert done[method].figures["trainable_parameters"] == LEARNED[method]


@pytest.mark.parametrize("method", METHODS)
def test_both_sides_are_seen_again(done: dict[str, Context], student: Path, method: str) -> None:
    import torch

    with libraries.prepared(threads=1):
        loaded = trained.load(done[method].folder, Silent())
        assert (loaded.noted.method, loaded.whole) == (method, method == "full")
        base, tuned = logits(loaded, "base"), logits(loaded, "tuned")
        assert base.shape == tuned.shape == (2, 20, 512)  # no logits of virtual tokens
        assert float((base - tuned).abs().max()) > 1e-3
        assert torch.equal(logits(loaded, "base"), base) and torch.equal(logits(loaded, "tuned"), tuned)
        alone = model.load(student, method, loaded.tokenizer).eval()
        with torch.no_grad():
            ids = torch.arange(20, 60).reshape(2, 20)
            assert torch.equal(alone(input_ids=ids).logits.float(), base)
        assert not loaded.tuned.training


def test_each_is_kept_in_its_own_form(done: dict[str, Context]) -> None:
    from safetensors.torch import load_file

    assert not (done["full"].folder / "adapter").exists()
    whole = load_file(done["full"].folder / "model" / "model.safetensors")
    assert {str(value.dtype) for value in whole.values()} == {"torch.bfloat16"}
    assert (done["full"].folder / "model" / "tokenizer.json").is_file()
    prompts = load_file(done["prompt_tuning"].folder / "adapter" / "adapter_model.safetensors")
    assert {name: tuple(value.shape) for name, value in prompts.items()} == {"prompt_embeddings": (20, 64)}
    config = json.loads((done["lora"].folder / "adapter" / "adapter_config.json").read_text())
    assert config["use_dora"] and config["use_rslora"]


def test_a_run_a_training_and_an_adapter_are_found(done: dict[str, Context], tmp_path: Path) -> None:
    adapter = done["qlora"].folder / "adapter"
    assert trained.find(adapter) == trained.find(done["qlora"].folder) == adapter
    shutil.copytree(done["full"].folder / "model", tmp_path / "run" / "03-train" / "model")
    shutil.copy(done["full"].folder / "training.json", tmp_path / "run" / "03-train")
    assert trained.find(tmp_path / "run") == tmp_path / "run" / "03-train" / "model"
    with pytest.raises(InputError, match="nothing trained is in it"):
        trained.find(tmp_path)


def test_virtual_tokens_begin_as_the_text_repeated(student: Path) -> None:
    import torch
    from peft import get_peft_model

    with libraries.prepared(threads=1):
        tokenizer = model.load_tokenizer(student)
        options = Options(method="prompt_tuning", initial_text="port 4711", virtual_tokens=9)
        made = get_peft_model(model.load(student, "prompt_tuning", tokenizer), methods.adapter(options))
        methods.make_ready(made, options, tokenizer)
        ids = tokenizer("port 4711", add_special_tokens=False)["input_ids"]
        words = made.get_base_model().get_input_embeddings().weight
        begun = made.prompt_encoder["default"].embedding.weight
        assert torch.equal(begun, words[torch.tensor((ids * 9)[:9])].float()) and begun.dtype == torch.float32


@pytest.mark.parametrize("method", METHODS)
def test_no_change_and_no_number_are_faults(student: Path, method: str) -> None:
    from peft import get_peft_model

    with libraries.prepared(threads=1):
        tokenizer, options = model.load_tokenizer(student), Options(method=method)  # type: ignore[arg-type]
        made = model.load(student, method, tokenizer)
        made = made if method == "full" else get_peft_model(made, methods.adapter(options))
        methods.make_ready(made, options, tokenizer) if method != "full" else made.float()
        said = {"full": "every weight is as it was", "prompt_tuning": "the words that they began as"}
        assert said.get(method, "changes nothing") in faults.fault(made, options, tokenizer, student)
        last = next(value for name, value in made.named_parameters() if value.requires_grad and "lora_A" not in name)
        before = last.data[0, 0].clone()
        last.data[0, 0] = 0.5
        assert faults.fault(made, options, tokenizer, student) == ""
        last.data[0, 0] = float("nan")
        assert "1 of " in (told := faults.fault(made, options, tokenizer, student)) and "no numbers" in told
        last.data[0, 0] = before


def test_full_training_that_changed_nothing_is_refused(student: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="every weight is as it was before, to the precision that is kept"):
        run(student, tmp_path, records(8), method="full", dropout=0.0, learning_rate=1e-45, epochs=1)
    assert not (tmp_path / "model").exists()


def test_a_base_that_cannot_be_compared_is_no_fault(student: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    base, options = tmp_path / "base", Options(method="full")
    base.mkdir()
    with libraries.prepared(threads=1):
        tokenizer = model.load_tokenizer(student)
        made = model.load(student, "full", tokenizer).float()
        assert faults.fault(made, options, tokenizer, base) == ""  # pytorch_model.bin, say
        short = {name.removeprefix("model."): value for name, value in load_file(student / "model.safetensors").items()}
        save_file(short, base / "model.safetensors")
        assert faults.fault(made, options, tokenizer, base) == ""


def test_a_base_that_changed_since_is_refused(student: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    base = shutil.copytree(student, tmp_path / "base")
    context = run(base, tmp_path / "run", records(8), epochs=1)
    template = (base / "chat_template.jinja").read_text()
    (base / "chat_template.jinja").write_text("{# other #}" + template)
    with libraries.prepared(threads=1), pytest.raises(InputError, match="another tokenizer or chat template than that"):
        trained.load(context.folder, Silent())
    (base / "chat_template.jinja").write_text(template)
    weights = load_file(base / "model.safetensors")
    save_file({name: torch.round(value * 64) / 64 for name, value in weights.items()}, base / "model.safetensors",
              metadata={"format": "pt"})  # fmt: skip
    with libraries.prepared(threads=1), pytest.raises(InputError, match="was trained on other weights than those of"):
        trained.load(context.folder, Silent())


@pytest.mark.parametrize(("sizes", "said"), [
    ({"hidden": 128}, "does not fit|is one for another model"),
    ({"layers": 1}, "is one for another model: 14 of 14 matrices are in one of the two alone"),
])  # fmt: skip
def test_an_adapter_for_another_base_is_refused(
    done: dict[str, Context], tmp_path: Path, sizes: dict[str, int], said: str
) -> None:
    adapter = shutil.copytree(done["qlora"].folder / "adapter", tmp_path / "adapter")  # training.json stays behind
    with libraries.prepared(threads=1):
        other = save_student(tmp_path / "other", **sizes)
        with pytest.raises(InputError, match=said):
            trained.load(adapter, Silent(), student=str(other))
        with pytest.raises(InputError, match="so its student is unknown"):
            trained.load(adapter, Silent())
