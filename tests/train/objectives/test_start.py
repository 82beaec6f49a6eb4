"""A training that goes on with an adapter: that of the same student, of the same form, on the same weights, or none."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import InputError
from tests.train.test_stage import run
from tests.train.tiny import records

DATA = records(8)


@pytest.fixture(scope="module")
def mine(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student of one's own with a LoRA training on it; `begun` is the training's folder."""
    folder = tmp_path_factory.mktemp("mine")
    shutil.copytree(student, folder / "student")
    run(folder / "student", folder / "begun", DATA, method="lora", epochs=1)
    return folder


def again(mine: Path, folder: Path, **options: Any) -> Any:
    given = {"method": "lora", "epochs": 1, "from": str(mine / "begun"), **options}
    return run(mine / "student", folder, DATA, **{"from_" if key == "from" else key: v for key, v in given.items()})


@pytest.mark.parametrize(("change", "said"), [
    ({"dora": True}, "its dora is False, and that of this training True. Set dora: False"),
    ({"rslora": True}, "its rslora is False"),
    ({"dropout": 0.0}, "its dropout is 0.05"),
    ({"rank": 8}, "its rank is 16, and that of this training 8"),
    ({"targets": ("q_proj", "v_proj")}, "in other layers .*down_proj.*Set targets to its own .*up_proj"),
])  # fmt: skip
def test_an_adapter_of_another_form_is_refused(mine: Path, tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        again(mine, tmp_path, **change)
    assert not (tmp_path / "checkpoints").exists()


def test_the_form_is_known_without_its_training_too(mine: Path, tmp_path: Path) -> None:
    shutil.copytree(mine / "begun" / "adapter", tmp_path / "alone")
    with pytest.raises(InputError, match="its rslora is False"):
        again(mine, tmp_path / "run", rslora=True, **{"from": str(tmp_path / "alone")})
    (tmp_path / "alone" / "adapter_model.safetensors").unlink()
    with pytest.raises(InputError, match="holds no adapter"):
        again(mine, tmp_path / "run", **{"from": str(tmp_path / "alone")})


def test_another_number_of_virtual_tokens_is_refused(mine: Path, tmp_path: Path) -> None:
    run(mine / "student", tmp_path / "begun", DATA, method="prompt_tuning", epochs=1, virtual_tokens=4, dropout=0.0)
    with pytest.raises(InputError, match="its virtual_tokens is 4, and that of this training 8"):
        again(mine, tmp_path / "run", method="prompt_tuning", virtual_tokens=8, dropout=0.0,
              **{"from": str(tmp_path / "begun")})


def test_a_student_whose_weights_or_template_have_changed_is_refused(mine: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights, template = mine / "student" / "model.safetensors", mine / "student" / "chat_template.jinja"
    kept, said = weights.read_bytes(), template.read_text()
    changed = load_file(weights)
    changed["model.norm.weight"][0] += 1
    try:
        save_file(changed, weights, metadata={"format": "pt"})
        with pytest.raises(InputError, match="was trained on other weights than those of"):
            again(mine, tmp_path)
        weights.write_bytes(kept)
        template.write_text(said.replace("<|im_end|>", "<|im_end|> "))
        with pytest.raises(InputError, match="was trained with another tokenizer or chat template than that of"):
            again(mine, tmp_path)
    finally:
        weights.write_bytes(kept)
        template.write_text(said)
    assert again(mine, tmp_path).figures["steps"] == 2


def test_an_adapter_of_which_a_matrix_is_missing_is_refused(mine: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(mine / "begun", tmp_path / "begun")
    path = tmp_path / "begun" / "adapter" / "adapter_model.safetensors"
    matrices = load_file(path)
    del matrices[next(name for name in matrices if "lora_B" in name)]
    save_file(matrices, path, metadata={"format": "pt"})
    with pytest.raises(InputError, match="one for another model: 1 of 28 matrices"):
        again(mine, tmp_path / "run", **{"from": str(tmp_path / "begun")})
