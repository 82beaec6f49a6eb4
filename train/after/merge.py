"""An adapter added into its base: a model that needs no PEFT, and runs wherever its base runs.

After QLoRA the adapter has learned to correct the base as it is in nf4, rounding and all. So by default the base is
taken through nf4 and back to 16 bits, and the adapter added there: that is the model that was trained and evaluated.
Into the original weights (`original`) the sum is another model, often a better one, that nobody has measured: evaluate
it. Never into 4 bits: the sum would be rounded to 16 levels again, and most of what was learned with it.

One matrix at a time: read, rounded where the training rounded it, the adapter added by PEFT in 32 bits (so DoRA, rsLoRA
and patterns of ranks are PEFT's), written in bf16. What was interrupted leaves a `.partial` folder and no model.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from seedbed import jsonl
from seedbed.context import Progress
from seedbed.errors import InputError, RunError
from train.after.tensors import Shards, Tensors
from train.students import model
from train.students.identity import weights_digest
from train.students.trained import Training

NOTED = "merged.json"
DEQUANTISED, ORIGINAL = "dequantised", "original"
_PREFIX = "base_model.model."  # PEFT's, before the model's own names


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """merged.json: what a merged model was made of. `into`: the base as it was trained on, or the original."""

    student: str
    method: str
    into: str
    base: str
    adapter: str
    matrices: int


def target(training: Path, into: str) -> Path:
    """Where a merged model lies unless the user says otherwise: beside the adapter, under a name that says which."""
    return training / ("merged" if into == DEQUANTISED else f"merged-{into}")


def wanted(into: str, noted: Training) -> str:
    """`into` as it is meant, or InputError with the reason."""
    if into not in (DEQUANTISED, ORIGINAL):
        if "4" in into or into in ("quantised", "quantized"):
            raise InputError("an adapter is never merged into 4 bits: the sum would be rounded to 16 levels again, and "
                             "nearly all that was learned with it", where="--into",
                             next_step="Merge into 16 bits, then `seedbed gguf` for a small file")
        raise InputError(f"no such base: {into}", where="--into", next_step=f"{DEQUANTISED} or {ORIGINAL}")
    if noted.method == "full":
        raise InputError("full fine-tuning leaves a whole model: there is nothing to merge", where="merge",
                         next_step="Use the folder `model` of the training as it is")
    if noted.method == "prompt_tuning":
        raise InputError("prompt tuning changes no weight: its vectors stand before the text, and cannot be merged",
                         where="merge", next_step="Serve the base with the adapter: seedbed serve RUN")
    return ORIGINAL if noted.method == "lora" else into  # a base that was never rounded is the original


def merge(adapter: Path, noted: Training, base: Path, into: str, out: Path, progress: Progress) -> Merged:
    """Writes the merged model into the folder `out`, whole or not at all, unless it is there already.

    `into` as `wanted` gives it. Raises InputError where the adapter is worthless, or does not fit the base.
    """
    learned = _learned(adapter)
    made = Merged(student=noted.student, method=noted.method, into=into, base=weights_digest(base),
                  adapter=weights_digest(adapter), matrices=len(learned))
    with alone(out):
        if _is_there(out, made):
            progress.say(f"merged already: {out}")
            return made
        partial = out.with_name(out.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir(parents=True)
            _write_weights(learned, adapter, base, into, partial, progress)
            _write_rest(base, adapter, partial)
            jsonl.write_text(partial / NOTED, msgspec.json.format(msgspec.json.encode(made)).decode() + "\n")
            shutil.rmtree(out, ignore_errors=True)
            partial.rename(out)
        except OSError as error:
            raise jsonl.cannot_write(out, error) from error
    return made


@contextmanager
def alone(out: Path) -> Iterator[None]:
    """Holds `out` for this process. Raises RunError where another is writing there."""
    from filelock import FileLock, Timeout

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out.with_name(f".{out.name}.lock"))
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RunError("another seedbed is writing it", where=str(out), next_step="Wait for it, or name another --out"
                       ) from error
    except OSError as error:
        raise jsonl.cannot_write(out, error) from error
    try:
        yield
    finally:
        lock.release()


def _is_there(out: Path, made: Merged) -> bool:
    """Whether `out` is the finished merge. Raises InputError where it is something of the user's."""
    if not out.exists():
        return False
    try:
        return msgspec.json.decode((out / NOTED).read_bytes(), type=Merged) == made
    except (OSError, msgspec.DecodeError) as error:
        if out.is_dir() and not any(out.iterdir()):
            return False
        raise InputError("is there already and is no merged model", where=str(out),
                         next_step="Name another folder with --out") from error


def _learned(adapter: Path) -> dict[str, dict[str, Any]]:
    """Module -> its matrices by PEFT's names. Raises InputError where they are no numbers or change nothing."""
    import torch

    found: dict[str, dict[str, Any]] = {}
    tensors = Tensors(adapter)
    for name in tensors:
        module, lora, _ = name.removeprefix(_PREFIX).partition(".lora_")
        if not lora:
            raise InputError(f"holds {name}, which is no part of a LoRA adapter", where=str(adapter),
                             next_step="Only LoRA adapters can be merged")
        value = tensors.get(name)
        if not math.isfinite(float(value.float().sum())):
            raise InputError(f"is worthless: {name} holds values that are no numbers", where=str(adapter),
                             next_step="Train again with a lower learning_rate")
        found.setdefault(module, {})[name.removeprefix(_PREFIX)] = value
    if not any(torch.any(value) for one in found.values() for name, value in one.items() if ".lora_B" in name):
        raise InputError("is worthless: every B matrix is zero, so it changes nothing", where=str(adapter),
                         next_step="Train again with a higher learning_rate")
    return found


def _write_weights(
    learned: dict[str, dict[str, Any]], adapter: Path, base: Path, into: str, out: Path, progress: Progress
) -> None:
    import torch
    from peft import PeftConfig

    tensors, shards = Tensors(base), Shards(out)
    if missing := [module for module in learned if f"{module}.weight" not in tensors]:
        raise InputError(f"has no {missing[0]}.weight, which the adapter changes", where=str(base),
                         next_step="Name the student that the adapter was trained on")
    config = PeftConfig.from_pretrained(str(adapter))
    # Every linear layer but the head is in nf4 during QLoRA, whether an adapter changes it or not.
    rounded = set(model.shape(base).linear) if into == DEQUANTISED else set()
    for number, name in enumerate(tensors, 1):
        module, weight = name.removesuffix(".weight"), tensors.get(name)
        if weight.is_floating_point():
            weight = weight.to(torch.bfloat16)  # as it was loaded for training
        if name.endswith(".weight") and module in rounded:
            weight = through_nf4(weight)
        if name.endswith(".weight") and module in learned:
            weight = _added(module, weight.float(), config, learned[module], adapter).to(torch.bfloat16)
        shards.add(name, weight)
        progress.update(number, len(tensors), name)
    shards.finish()


def through_nf4(weight: Any) -> Any:
    """A bf16 matrix as QLoRA's base computes with it: rounded to nf4 with double quantisation, and back to bf16."""
    import bitsandbytes.functional as bnb

    packed, state = bnb.quantize_4bit(weight, quant_type="nf4", compress_statistics=True)
    return bnb.dequantize_4bit(packed, state)


def _added(module: str, weight: Any, config: Any, state: dict[str, Any], adapter: Path) -> Any:
    """The matrix with its adapter, both in 32 bits, by PEFT's own layer standing alone under the module's full name."""
    import copy

    import torch
    from peft import inject_adapter_in_model, set_peft_model_state_dict

    linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
    linear.weight = torch.nn.Parameter(weight, requires_grad=False)
    holder = torch.nn.Module()
    *path, last = module.split(".")
    inner = holder
    for step in path:
        inner.add_module(step, torch.nn.Module())
        inner = inner.get_submodule(step)
    inner.add_module(last, linear)
    one = copy.copy(config)
    one.target_modules, one.exclude_modules, one.layers_to_transform = {module}, None, None
    inject_adapter_in_model(one, holder)
    try:
        unfit = set_peft_model_state_dict(holder, state)
    except RuntimeError as error:
        raise InputError(f"does not fit the base at {module}: {error}", where=str(adapter),
                         next_step="Name the student that it was trained on") from error
    assert not unfit.unexpected_keys, unfit.unexpected_keys
    layer: Any = holder.get_submodule(module)
    layer.merge(safe_merge=True)
    return layer.get_base_layer().weight.data


def _write_rest(base: Path, adapter: Path, out: Path) -> None:
    """Configuration, tokenizer with its template, and generation settings. The tokenizer is the one of the training."""
    import transformers as hf

    model.load_tokenizer(adapter if (adapter / "tokenizer_config.json").is_file() else base).save_pretrained(str(out))
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    config |= {"dtype": "bfloat16"}
    for gone in ("torch_dtype", "quantization_config"):
        config.pop(gone, None)
    jsonl.write_text(out / "config.json", json.dumps(config, indent=2, ensure_ascii=False) + "\n")
    if (base / "generation_config.json").is_file():
        hf.GenerationConfig.from_pretrained(str(base), local_files_only=True).save_pretrained(str(out))


def merged_of(folder: Path) -> Merged | None:
    """What a merged model was made of; None where `folder` is none."""
    try:
        return msgspec.json.decode((folder / NOTED).read_bytes(), type=Merged)
    except (OSError, msgspec.DecodeError):
        return None
