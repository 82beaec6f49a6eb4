"""Where a training begins: at a fresh adapter, or at one that was trained before (`from`).

What such an adapter is stands in its own files, and nothing of it is taken from the options: so they must say the same.
It is also worth something only on the very weights that it was trained on. PEFT checks neither.

TRL turns the adapter of a quantised base into bf16. A fresh one loses nothing by that; one that goes on would lose what
it learned in steps finer than bf16 has, so its values are put back.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from seedbed.errors import InputError
from train.options import Options
from train.students import methods, model, trained

# What must be the same, by our name and PEFT's.
_LORA = {"rank": "r", "alpha": "lora_alpha", "dropout": "lora_dropout", "dora": "use_dora", "rslora": "use_rslora"}
_PROMPTS = {"virtual_tokens": "num_virtual_tokens"}
_WEIGHTS = "adapter_model.safetensors"


def adapter(options: Options) -> Path | None:
    """The folder of the adapter that `from` names; None where it names none.

    Raises InputError where there is none, or where it is one of another student, method or form.
    """
    if not options.from_:
        return None
    folder = trained.find(Path(options.from_))
    if (folder.parent / trained.NOTED).is_file():
        known = trained.noted(folder)
        for name in ("student", "method"):
            _compare(name, getattr(known, name), options, folder)
    config = _config(folder)
    for name, its in (_PROMPTS if options.method == "prompt_tuning" else _LORA).items():
        _compare(name, config.get(its), options, folder)
    return folder


def refuse_other(options: Options, shape: model.Shape, base: str, template: str) -> None:
    """Raises InputError where the adapter that `from` names was trained on other weights or another template than the
    student has now, or in other layers than the targets. `base` and `template` are the student's digests."""
    folder = adapter(options)
    if folder is None:
        return
    if (folder.parent / trained.NOTED).is_file():
        trained.refuse_changed(trained.noted(folder), folder, base, template)
    if options.method == "prompt_tuning":
        return
    there, wanted = _layers(folder), set(shape.targeted(options.targets))
    if odd := sorted(there ^ wanted):
        named = ", ".join(sorted({name.rpartition(".")[2] for name in there}))
        raise InputError(f"it is in other layers than those of this training: {odd[0]} is in one of the two alone",
                         where=f"from: {folder}", next_step=f"Set targets to its own ({named}), or leave `from` out")


def _compare(name: str, was: Any, options: Options, folder: Path) -> None:
    if was != (now := getattr(options, name)):
        raise InputError(f"its {name} is {was}, and that of this training {now}", where=f"from: {folder}",
                         next_step=f"Set {name}: {was}, or leave `from` out")


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "adapter_config.json"
    if not path.is_file() or not (folder / _WEIGHTS).is_file():
        raise InputError(f"holds no adapter: {path.name} and {_WEIGHTS} are wanted", where=f"from: {folder}",
                         next_step="Name the folder of an adapter, of the training or of the run that made it")
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise InputError(f"cannot be read: {error}", where=f"from: {path}",
                         next_step="Copy the adapter again") from error


def _layers(folder: Path) -> set[str]:
    """The layers of the model that the adapter is in."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / _WEIGHTS, framework="pt") as kept:
            names = [name for name in kept.keys() if ".lora_A" in name]  # noqa: SIM118  not a mapping
    except SafetensorError as error:
        raise InputError(f"cannot be read: {error}", where=f"from: {folder / _WEIGHTS}",
                         next_step="Copy the adapter again") from error
    return {name.removeprefix("base_model.model.").partition(".lora_A")[0] for name in names}


def begun(base: Any, options: Options) -> Any:
    """The model with the adapter that `from` names, ready to be trained on; the model itself where it names none."""
    folder = adapter(options)
    return base if folder is None else model.adapted(base, folder, trainable=True)


def holding(model: Any, options: Options) -> Callable[[Any, Any], None]:
    """Remembers the adapter that the training goes on with. The function that is returned makes model and tokenizer
    ready for the first step: that adapter put back, or a fresh one begun, in 32 bits."""
    if not options.from_:
        return lambda model, tokenizer: methods.make_ready(model, options, tokenizer)
    held = {name: value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}

    def put_back(model: Any, tokenizer: Any) -> None:
        for name, value in model.named_parameters():
            if name in held:
                value.data = held[name].float()
        methods.show_text_alone(model)

    return put_back
