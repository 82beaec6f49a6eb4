"""A merged model is the model that was trained; what is interrupted leaves none; never into 4 bits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from seedbed.context import Silent
from seedbed.errors import InputError, RunError
from tests.train.after import made
from train.after import merge
from train.after.tensors import Shards, Tensors
from train.students import model, trained


def merged(run: Path, out: Path, into: str = merge.DEQUANTISED) -> merge.Merged:
    adapter = trained.find(run)
    noted = trained.noted(adapter)
    base = trained.base_of(noted, adapter, Silent())
    return merge.merge(adapter, noted, base, merge.wanted(into, noted), out, Silent())


@pytest.mark.parametrize("lora", [{}, {"use_dora": True}, {"use_rslora": True}, {"rank_pattern": {"q_proj": 2}}])
def test_the_merged_model_says_what_base_and_adapter_say(sharp: Path, tmp_path: Path, lora: dict[str, object]) -> None:
    run = made.training(tmp_path / "01-train", sharp, **lora)
    assert merged(run, tmp_path / "merged").matrices == 14
    ready = trained.load(run, Silent())
    with ready.side("base") as base:
        before = made.logits(base)
    wanted = made.logits(ready.tuned)
    got = made.logits(model.load(tmp_path / "merged", "lora", ready.tokenizer).eval())
    moved = (wanted - before).abs().mean()
    assert moved > 0.3
    assert (got - wanted).abs().mean() < 0.1 * moved  # what bf16 loses in a forward pass


def test_the_dequantised_base_is_what_the_4_bit_model_computes_with(sharp: Path, tmp_path: Path, trained_run: Path) -> None:
    """Layers without an adapter are rounded too, embeddings and norms are not."""
    import torch

    merged(trained_run, tmp_path / "merged")
    tokenizer = model.load_tokenizer(sharp)
    loaded = model.load(sharp, "qlora", tokenizer).dequantize(torch.bfloat16)
    original = Tensors(sharp)
    for name, parameter in loaded.named_parameters():
        if name in original:
            weight = original.get(name)
            rounded = merge.through_nf4(weight) if "_proj" in name else weight
            assert torch.equal(rounded, parameter.data), name


def test_into_the_original_is_another_model(trained_run: Path, tmp_path: Path) -> None:
    assert merged(trained_run, tmp_path / "a").into == merge.DEQUANTISED
    assert merged(trained_run, tmp_path / "b", merge.ORIGINAL).into == merge.ORIGINAL
    one, other = Tensors(tmp_path / "a"), Tensors(tmp_path / "b")
    differing = [name for name in one if not one.get(name).equal(other.get(name))]
    assert len(differing) == 14 and all("_proj" in name for name in differing)


def test_a_lora_run_has_only_the_original_to_go_into(sharp: Path, tmp_path: Path) -> None:
    run = made.training(tmp_path / "01-train", sharp, method="lora")
    assert merged(run, tmp_path / "merged").into == merge.ORIGINAL


@pytest.mark.parametrize("into", ["nf4", "4bit", "quantised"])
def test_never_into_4_bits(trained_run: Path, into: str) -> None:
    with pytest.raises(InputError, match="never merged into 4 bits.*16 levels"):
        merged(trained_run, trained_run / "no", into)


def test_tokenizer_template_and_ends_come_along(trained_run: Path, tmp_path: Path) -> None:
    merged(trained_run, tmp_path / "merged")
    tokenizer = model.load_tokenizer(tmp_path / "merged")
    assert "<|im_start|>" in tokenizer.chat_template and tokenizer.eos_token == "<|im_end|>"
    config = json.loads((tmp_path / "merged" / "config.json").read_text())
    assert config["dtype"] == "bfloat16" and "quantization_config" not in config
    said = json.loads((tmp_path / "merged" / "generation_config.json").read_text())
    assert said["eos_token_id"] == tokenizer.eos_token_id


def test_done_is_done_and_a_changed_adapter_is_merged_anew(sharp: Path, tmp_path: Path) -> None:
    run = made.training(tmp_path / "01-train", sharp)
    out = tmp_path / "merged"
    first = merged(run, out)
    stamp = (out / "model.safetensors").stat().st_mtime_ns
    assert merged(run, out) == first and (out / "model.safetensors").stat().st_mtime_ns == stamp
    made.training(run, sharp, init_lora_weights="gaussian")
    assert merged(run, out).adapter != first.adapter
    assert (out / "model.safetensors").stat().st_mtime_ns != stamp


def test_a_folder_of_the_users_own_is_never_written_over(trained_run: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine 我的")
    with pytest.raises(InputError, match="is there already and is no merged model"):
        merged(trained_run, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine 我的"


def test_two_at_once(trained_run: Path, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".merged.lock"), pytest.raises(RunError, match="another seedbed is writing it"):
        merged(trained_run, tmp_path / "merged")


_CHILD = """
import os, signal, sys
from pathlib import Path
from train import libraries
from train.after import merge, tensors
from tests.train.after.test_merge import merged
finish = tensors.Shards.finish
def killed(self):
    finish(self)
    os.kill(os.getpid(), signal.SIGKILL)
tensors.Shards.finish = killed
with libraries.prepared(1):
    merged(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_a_kill_leaves_no_model_and_the_same_command_makes_it(trained_run: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", _CHILD, str(trained_run), str(tmp_path / "merged")]
    child = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, cwd=Path(__file__).parents[3], check=False)
    assert child.returncode == -signal.SIGKILL
    assert not (tmp_path / "merged").exists() and (tmp_path / "merged.partial").exists()
    merged(trained_run, tmp_path / "merged")
    assert (tmp_path / "merged" / "merged.json").exists() and not (tmp_path / "merged.partial").exists()


@pytest.mark.parametrize(("value", "said"), [(float("nan"), "no numbers"), (0.0, "every B matrix is zero")])
def test_a_worthless_adapter_is_refused(sharp: Path, tmp_path: Path, value: float, said: str) -> None:
    from safetensors.torch import load_file, save_file

    run = made.training(tmp_path / "01-train", sharp)
    path = run / "adapter" / "adapter_model.safetensors"
    matrices = {name: one.fill_(value) if "lora_B" in name else one for name, one in load_file(path).items()}
    save_file(matrices, path)
    with pytest.raises(InputError, match=said):
        merged(run, tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_an_adapter_of_another_base_is_refused(sharp: Path, trained_run: Path, tmp_path: Path) -> None:
    other = made.student(tmp_path / "other", hidden=128)
    adapter = trained.find(trained_run)
    with pytest.raises(InputError, match=r"does not fit the base at model\.layers\.0"):
        merge.merge(adapter, trained.noted(adapter), other, merge.ORIGINAL, tmp_path / "merged", Silent())


@pytest.mark.parametrize(("method", "said"), [("full", "nothing to merge"), ("prompt_tuning", "changes no weight")])
def test_what_cannot_be_merged_says_why(method: str, said: str) -> None:
    noted = trained.Training(student="s", method=method, rank=0, alpha=0, seed=0, max_length=16, template="")
    with pytest.raises(InputError, match=said):
        merge.wanted(merge.DEQUANTISED, noted)


def test_large_models_are_written_in_parts(sharp: Path, tmp_path: Path) -> None:
    tensors, shards = Tensors(sharp), Shards(tmp_path, limit=60_000)
    for name in tensors:
        shards.add(name, tensors.get(name))
    shards.finish()
    parts = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert len(parts) > 2 and parts[0] == f"model-00001-of-{len(parts):05}.safetensors"
    (tmp_path / "config.json").write_bytes((sharp / "config.json").read_bytes())
    tokenizer = model.load_tokenizer(sharp)
    one, other = (made.logits(model.load(folder, "lora", tokenizer)) for folder in (sharp, tmp_path))
    assert one.equal(other)
