"""The student: found, converted once if it is a GGUF file, loaded in bf16 or nf4, with or without an adapter.

Nothing here reaches for a network except `locate` with a name that is neither a folder nor a file nor already here.
"""

from __future__ import annotations

import importlib.util
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from seedbed import models, ranks
from seedbed.context import Progress
from seedbed.errors import InputError
from train import libraries
from train.options import Options
from train.students.converting import NEXT, convert
from train.students.methods import show_text_alone

# Tokens made for padding, in the order in which they are tried where a tokenizer pads with its end token.
_PADS = ("<|endoftext|>", "<pad>", "<|pad|>", "[PAD]", "<|finetune_right_pad_id|>", "<unk>")

_FLASH = (8, 0)  # compute capability that flash attention wants: Ampere


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
        return _folder(given)
    if name.startswith("path:"):
        raise InputError("no such file or folder", where=str(given), next_step=NEXT)
    if "/" in name:
        return _from_hub(name, progress)
    return convert(models.path(name) or models.pull(name, progress), progress)


def _folder(given: Path) -> Path:
    """The folder, if it holds a model; InputError with what it holds instead, where that can be told."""
    if (given / "config.json").is_file():
        return given
    if (given / "adapter_config.json").is_file():
        raise InputError("holds an adapter and no model", where=str(given),
                         next_step="Name the student that the adapter was trained on")
    found = sorted(given.glob("*.gguf"))
    step = f"Name the file in it: path:{found[0]}" if found else NEXT
    raise InputError("holds no model: config.json is missing", where=str(given), next_step=step)


def _from_hub(name: str, progress: Progress) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    wanted = ["*.json", "*.safetensors", "*.jinja", "tokenizer*"]
    # A check fetches the small files alone, and what is here then counts as the whole of it.
    with suppress(OSError, HFValidationError):
        if _has_weights(found := Path(snapshot_download(name, allow_patterns=wanted, local_files_only=True))):
            return found
    progress.say(f"fetching {name} from the hub")
    try:
        found = Path(snapshot_download(name, allow_patterns=wanted))
    except (OSError, HFValidationError) as error:
        raise InputError(f"cannot be had from the hub ({type(error).__name__})", where=name, next_step=NEXT) from error
    if not _has_weights(found):
        raise InputError("has no weights in safetensors files on the hub", where=name, next_step=NEXT)
    return found


def _has_weights(folder: Path) -> bool:
    """Whether all parts of the weights are there."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return any(folder.glob("*.safetensors"))
    parts = msgspec.json.decode(index.read_bytes())["weight_map"].values()
    return all((folder / part).is_file() for part in set(parts))


def load_tokenizer(folder: Path) -> Any:
    """The student's tokenizer, with an end token, and padding with one of its own where it has any (GGUF files pad with
    the end token). Raises InputError where nothing says what ends an answer.
    """
    import transformers as hf

    try:
        tokenizer = hf.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    except (ValueError, OSError, KeyError) as error:
        raise InputError(f"the tokenizer cannot be loaded: {error}", where=str(folder), next_step=NEXT) from error
    if tokenizer.eos_token is None:
        tokenizer.eos_token = _end_token(folder, tokenizer)
    if tokenizer.pad_token is None or tokenizer.pad_token == tokenizer.eos_token:
        known = tokenizer.get_vocab()
        own = next((pad for pad in _PADS if pad in known and pad != tokenizer.eos_token), tokenizer.eos_token)
        tokenizer.pad_token = own
    return tokenizer


def _end_token(folder: Path, tokenizer: Any) -> str:
    """What the model's own files say ends an answer, where its tokenizer does not say it."""
    for name in ("generation_config.json", "config.json"):
        try:
            ends = msgspec.json.decode((folder / name).read_bytes()).get("eos_token_id")
        except (OSError, msgspec.DecodeError, AttributeError):
            continue
        first = ends[0] if isinstance(ends, list) and ends else ends
        if isinstance(first, int) and 0 <= first < len(tokenizer):
            return str(tokenizer.convert_ids_to_tokens(first))
    raise InputError("the tokenizer has no end token, so the model would never learn to stop", where=str(folder),
                     next_step="Set `eos_token` in its tokenizer_config.json to what ends an answer in its template")


def shape(folder: Path) -> Shape:
    """Sizes, by building the model without memory for its weights."""
    import torch
    import transformers as hf

    try:
        config = hf.AutoConfig.from_pretrained(str(folder), local_files_only=True)
        with torch.device("meta"):
            model = hf.AutoModelForCausalLM.from_config(config)
    except (ValueError, OSError, KeyError) as error:
        raise InputError(f"cannot be trained by transformers: {error}", where=str(folder), next_step=NEXT) from error
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
    # Each process has a GPU of its own; what is spread over all of them (FSDP) finds its place later.
    on_gpu = torch.cuda.is_available() and not ranks.sharded()
    place = {"device_map": {"": torch.cuda.current_device()}} if on_gpu else {}
    try:
        model = hf.AutoModelForCausalLM.from_pretrained(
            str(folder), dtype=torch.bfloat16, local_files_only=True, **quantisation, **place, **attention()
        )
    except (ValueError, OSError, RuntimeError) as error:
        if libraries.out_of_memory(error):
            raise
        raise InputError(f"the weights cannot be loaded: {error}", where=str(folder), next_step=NEXT) from error
    keep_unpacked(model)
    model.config.pad_token_id = model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def attention() -> dict[str, str]:
    """Flash attention (Dao 2023) where its package and a GPU that it runs on are there; else what transformers takes by
    itself. With it packed rows go in one line (train/rows/packing.py)."""
    import torch

    there = torch.cuda.is_available() and importlib.util.find_spec("flash_attn") is not None
    fits = there and torch.cuda.get_device_capability() >= _FLASH
    return {"attn_implementation": "flash_attention_2"} if fits else {}


def nf4() -> Any:
    """QLoRA's base: 4-bit NormalFloat, double quantisation, computing in bf16 (Dettmers et al. 2023)."""
    import torch
    import transformers as hf

    return hf.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        # FSDP spreads values of a floating-point kind only, so there four 4-bit weights pose as one of 16 bits.
        bnb_4bit_quant_storage=torch.bfloat16 if ranks.sharded() else torch.uint8,
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
    tuned = adapted(model, adapter)
    tuned.eval()
    show_text_alone(tuned)
    return tuned


def adapted(model: Any, adapter: Path, trainable: bool = False) -> Any:
    """The model with a trained adapter. Raises InputError where it is one for another model."""
    from peft import PeftModel

    other = "Name the student that it was trained on"
    try:
        tuned = PeftModel.from_pretrained(model, str(adapter), is_trainable=trainable, local_files_only=True)
    except (ValueError, OSError, RuntimeError) as error:
        if libraries.out_of_memory(error):
            raise
        raise InputError(f"the adapter does not fit: {error}", where=str(adapter), next_step=other) from error
    if misfit := _misfit(tuned, adapter):
        raise InputError(f"the adapter is one for another model: {misfit}", where=str(adapter), next_step=other)
    return tuned


def _misfit(tuned: Any, adapter: Path) -> str:
    """What of an adapter found no place in the model, or what place got nothing: PEFT loads both without a word."""
    from peft import get_peft_model_state_dict
    from safetensors import safe_open

    path = adapter / "adapter_model.safetensors"
    if not path.is_file():
        return "" if (adapter / "adapter_model.bin").is_file() else f"{path.name} is missing"
    with safe_open(path, framework="pt") as kept:
        given = {name: list(kept.get_slice(name).get_shape()) for name in kept.keys()}  # noqa: SIM118  not a mapping
    wanted = {name: list(value.shape) for name, value in get_peft_model_state_dict(tuned).items()}
    wanted = {name: size for name, size in wanted.items() if "embed_tokens" not in name and "lm_head" not in name}
    if odd := sorted(wanted.keys() ^ given.keys()):
        return f"{len(odd)} of {len(wanted)} matrices are in one of the two alone, {odd[0]} first"
    wrong = [name for name, size in wanted.items() if given[name] != size]
    return f"{wrong[0]} is {given[wrong[0]]}, not {wanted[wrong[0]]}" if wrong else ""
