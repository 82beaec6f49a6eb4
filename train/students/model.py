"""The student: found, converted once if it is a GGUF file, loaded in bf16 or nf4, with or without an adapter.

Nothing here reaches for a network except `locate` with a name that is neither a folder nor a file nor already here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
from pathlib import Path
from typing import Any

import msgspec

from seedbed import models
from seedbed.context import Progress
from seedbed.errors import InputError, MissingExtra
from train.options import Options

_NEXT = "Name a model of `seedbed models list`, a folder, a hub name, or path:/some/model.gguf"
# Tokens made for padding, in the order in which they are tried where a tokenizer pads with its end token.
_PADS = ("<|endoftext|>", "<pad>", "<|pad|>", "[PAD]", "<|finetune_right_pad_id|>", "<unk>")


class Shape(msgspec.Struct, frozen=True):
    """A model's sizes, read from its configuration. `linear` is layer name -> (inputs, outputs), head left out."""

    parameters: int
    linear: dict[str, tuple[int, int]]
    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    positions: int

    def targeted(self, targets: str | tuple[str, ...]) -> dict[str, tuple[int, int]]:
        """The linear layers that `targets` names."""
        chosen = self.linear if targets == "all-linear" else {
            name: size for name, size in self.linear.items() if name.rpartition(".")[2] in targets
        }
        return chosen

    def adapter_parameters(self, options: Options) -> int:
        """Trainable parameters: rank × (inputs + outputs) for each layer (Hu et al. 2021), and its outputs with DoRA;
        all of them, or those of the virtual tokens, where there is no LoRA."""
        if options.method == "full":
            return self.parameters
        if options.method == "prompt_tuning":
            return options.virtual_tokens * self.hidden
        chosen = self.targeted(options.targets).values()
        return sum(options.rank * (into + out) + (out if options.dora else 0) for into, out in chosen)


def locate(name: str, progress: Progress) -> Path:
    """The folder of the student called `name`, fetched or converted first where needed.

    Raises InputError where there is no such model or it cannot be read.
    """
    given = Path(name.removeprefix("path:")).expanduser()
    if given.suffix == ".gguf" or given.is_file():
        return convert(given, progress)
    if given.is_dir():
        if not (given / "config.json").is_file():
            raise InputError("holds no model: config.json is missing", where=str(given), next_step=_NEXT)
        return given
    if name.startswith("path:"):
        raise InputError("no such file or folder", where=str(given), next_step=_NEXT)
    if "/" in name:
        return _from_hub(name, progress)
    return convert(models.path(name) or models.pull(name, progress), progress)


def convert(gguf: Path, progress: Progress) -> Path:
    """A GGUF file as a folder that transformers loads, dequantised to bf16; made once and kept beside the models."""
    if not gguf.is_file():
        raise InputError("no such file", where=str(gguf), next_step=_NEXT)
    target = models.folder() / f"{gguf.stem}-{fingerprint(gguf)}"
    if (target / "config.json").is_file():
        return target
    if importlib.util.find_spec("gguf") is None:
        raise MissingExtra("gguf", "train")
    progress.say(f"converting {gguf.name} once, to {target}")
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    try:
        _dequantise(gguf, partial)
        if not target.exists():
            partial.rename(target)
    except (ValueError, KeyError, IndexError, RuntimeError, OSError) as error:
        raise InputError(
            f"cannot be loaded for training: {error or type(error).__name__}", where=str(gguf),
            next_step="Check that the file is whole and of an architecture that transformers reads",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _dequantise(gguf: Path, folder: Path) -> None:
    import torch
    import transformers as hf

    tokenizer = hf.AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name, local_files_only=True)
    # Without `dequantize` the model can be used but not saved.
    model = hf.AutoModelForCausalLM.from_pretrained(
        str(gguf.parent), gguf_file=gguf.name, quantization_config=hf.GgufConfig(dequantize=True),
        dtype=torch.bfloat16, local_files_only=True,
    )
    tokenizer.save_pretrained(str(folder))
    model.save_pretrained(str(folder))


def fingerprint(path: Path) -> str:
    """Size, first and last MiB: header, and weights that differ between any two conversions of one model."""
    size = path.stat().st_size
    with path.open("rb") as data:
        head = data.read(1 << 20)
        data.seek(max(0, size - (1 << 20)))
        return hashlib.blake2b(head + data.read() + str(size).encode(), digest_size=6).hexdigest()


def _from_hub(name: str, progress: Progress) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    wanted = ["*.json", "*.safetensors", "*.jinja", "tokenizer*"]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted, local_files_only=True))
    except (OSError, HFValidationError):
        progress.say(f"fetching {name} from the hub")
    try:
        return Path(snapshot_download(name, allow_patterns=wanted))
    except (OSError, HFValidationError) as error:
        raise InputError(f"cannot be had from the hub ({type(error).__name__})", where=name, next_step=_NEXT) from error


def load_tokenizer(folder: Path) -> Any:
    """The student's tokenizer, padding with a token of its own where it has one (GGUF files pad with the end token)."""
    import transformers as hf

    try:
        tokenizer = hf.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (ValueError, OSError, KeyError) as error:
        raise InputError(f"the tokenizer cannot be loaded: {error}", where=str(folder), next_step=_NEXT) from error
    if tokenizer.pad_token is None or tokenizer.pad_token == tokenizer.eos_token:
        known = tokenizer.get_vocab()
        own = next((pad for pad in _PADS if pad in known and pad != tokenizer.eos_token), tokenizer.eos_token)
        tokenizer.pad_token = own
    return tokenizer


def shape(folder: Path) -> Shape:
    """Sizes, by building the model without memory for its weights."""
    import torch
    import transformers as hf

    try:
        config = hf.AutoConfig.from_pretrained(str(folder), local_files_only=True)
        with torch.device("meta"):
            model = hf.AutoModelForCausalLM.from_config(config)
    except (ValueError, OSError, KeyError) as error:
        raise InputError(f"cannot be trained by transformers: {error}", where=str(folder), next_step=_NEXT) from error
    head = model.get_output_embeddings()
    linear = {
        name: (module.in_features, module.out_features)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    }
    text = config.get_text_config()
    return Shape(
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        linear=linear,
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        intermediate=getattr(text, "intermediate_size", None) or 4 * text.hidden_size,
        vocabulary=text.vocab_size,
        positions=getattr(text, "max_position_embeddings", None) or 1 << 30,
    )


def load(folder: Path, method: str, tokenizer: Any) -> Any:
    """The base model: nf4 with double quantisation for qlora, else bf16. On a GPU if there is one."""
    import torch
    import transformers as hf

    quantisation = {"quantization_config": nf4()} if method == "qlora" else {}
    place = {"device_map": {"": "cuda"}} if torch.cuda.is_available() else {}
    try:
        model = hf.AutoModelForCausalLM.from_pretrained(
            str(folder), dtype=torch.bfloat16, local_files_only=True, **quantisation, **place
        )
    except (ValueError, OSError, RuntimeError) as error:
        raise InputError(f"the weights cannot be loaded: {error}", where=str(folder), next_step=_NEXT) from error
    keep_unpacked(model)
    model.config.pad_token_id = model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def nf4() -> Any:
    """QLoRA's base: 4-bit NormalFloat, double quantisation, computing in bf16 (Dettmers et al. 2023)."""
    import torch
    import transformers as hf

    return hf.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def keep_unpacked(model: Any) -> None:
    """Keeps bitsandbytes from repacking 4-bit weights in place on CPUs with AVX512-BF16.

    bitsandbytes 0.50.2 does so in the first forward pass without gradients, a validation say. From then on gradients
    are 0 and merging gives garbage, without any message.
    """
    import bitsandbytes as bnb

    for module in model.modules():
        if isinstance(module, bnb.nn.Linear4bit):
            module.support_avx512bf16_for_cpu = False


def with_adapter(model: Any, adapter: Path) -> Any:
    """The model with a trained adapter, ready for evaluation."""
    from peft import PeftModel

    try:
        tuned = PeftModel.from_pretrained(model, str(adapter), local_files_only=True)
    except (ValueError, OSError, RuntimeError) as error:
        raise InputError(f"the adapter does not fit: {error}", where=str(adapter),
                         next_step="Evaluate it with the student that it was trained on") from error
    tuned.eval()
    if hides := getattr(tuned.active_peft_config, "num_virtual_tokens", 0) or 0:
        tuned.register_forward_hook(_text_alone(hides), with_kwargs=True)
    return tuned


def _text_alone(virtual_tokens: int) -> Any:
    """Takes the logits of virtual tokens away, so that those of the text stand at its own places, as everywhere."""

    def hook(model: Any, args: Any, given: dict[str, Any], made: Any) -> Any:
        text = given.get("input_ids")
        if text is not None and made.logits.shape[1] == virtual_tokens + text.shape[1]:
            made.logits = made.logits[:, virtual_tokens:]
        return made

    return hook
