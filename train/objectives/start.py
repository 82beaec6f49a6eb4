"""Where a training begins: at a fresh adapter, or at one that was trained before (`from`).

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


def begun(model: Any, options: Options) -> Any:
    """The model with the adapter that `from` names, ready to be trained on; the model itself where it names none.

    Raises InputError where the adapter is one for another student or of another method.
    """
    if not options.from_:
        return model
    from peft import PeftModel

    folder = _adapter(Path(options.from_))
    beside = folder.parent / "training.json"
    known = msgspec.json.decode(beside.read_bytes(), type=dict[str, Any]) if beside.is_file() else {}
    for name, now in (("student", options.student), ("method", options.method)):
        if (was := known.get(name, now)) != now:
            raise InputError(f"its {name} is {was}, and this training's is {now}", where=f"from: {folder}",
                             next_step=f"Set {name}: {was}, or leave `from` out")
    try:
        return PeftModel.from_pretrained(model, str(folder), is_trainable=True, local_files_only=True)
    except (ValueError, OSError, RuntimeError) as error:
        raise InputError(f"the adapter does not fit: {error}", where=f"from: {folder}",
                         next_step="Take the student that it was trained on, or leave `from` out") from error


def _adapter(given: Path) -> Path:
    """The adapter's folder: `given`, or the one in a training's folder, or in the last training of a run."""
    for folder in (given, given / "adapter", *sorted(given.glob("*-train/adapter"), reverse=True)):
        if (folder / "adapter_config.json").is_file():
            return folder
    raise InputError("no adapter is in it", where=f"from: {given}",
                     next_step="Name a run, the folder of its training, or an adapter")


def holding(model: Any) -> Callable[[Any], None]:
    """Remembers what is to be trained; the function that is returned puts it back, and all of it into 32 bits."""
    held = {}
    if hasattr(model, "peft_config"):  # a base has no adapter yet, and nothing else of it is trained
        held = {name: value.detach().clone() for name, value in model.named_parameters() if value.requires_grad}

    def put_back(model: Any) -> None:
        for name, value in model.named_parameters():
            if value.requires_grad:
                value.data = held.get(name, value.data).float()

    return put_back
