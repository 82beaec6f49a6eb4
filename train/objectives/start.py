"""Where a training begins: at a fresh adapter, or at one that was trained before (`from`).

TRL turns the adapter of a quantised base into bf16. A fresh one loses nothing by that; one that goes on would lose what
it learned in steps finer than bf16 has, so its values are put back.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from seedbed.errors import InputError
from train.options import Options
from train.students import methods, trained

# What an adapter is, and a training that goes on with it must say too: nothing of it would be taken from the options.
_SAME = ("student", "method", "rank", "alpha")


def adapter(options: Options) -> Path | None:
    """The folder of the adapter that `from` names; None where it names none.

    Raises InputError where there is none, or where it is one of another student, method, rank or alpha.
    """
    if not options.from_:
        return None
    folder = trained.find(Path(options.from_))
    if (folder.parent / trained.NOTED).is_file():
        known = trained.noted(folder)
        for name in _SAME:
            if (was := getattr(known, name)) != (now := getattr(options, name)):
                raise InputError(f"its {name} is {was}, and that of this training {now}", where=f"from: {folder}",
                                 next_step=f"Set {name}: {was}, or leave `from` out")
    return folder


def begun(model: Any, options: Options) -> Any:
    """The model with the adapter that `from` names, ready to be trained on; the model itself where it names none."""
    folder = adapter(options)
    if folder is None:
        return model
    from peft import PeftModel

    try:
        return PeftModel.from_pretrained(model, str(folder), is_trainable=True, local_files_only=True)
    except (ValueError, OSError, RuntimeError) as error:
        raise InputError(f"the adapter does not fit: {error}", where=f"from: {folder}",
                         next_step="Take the student that it was trained on, or leave `from` out") from error


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
