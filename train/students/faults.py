"""What is wrong with a finished training although no step complained: values that are no numbers, or no change."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from train.options import Options
from train.students.methods import first_vectors


def fault(model: Any, options: Options, tokenizer: Any, base: Path) -> str:
    """What makes a trained model worthless, or nothing. `base` is the folder of the weights that it began from."""
    trained = [(name, value.detach()) for name, value in model.named_parameters() if value.requires_grad]
    if options.method in ("qlora", "lora"):
        # Of what a checkpoint restores as the best, not all may still ask for gradients.
        trained = [(name, value.detach()) for name, value in model.named_parameters() if "lora_" in name]
    if not trained:
        return "nothing in the model was trained"
    if bad := [name for name, value in trained if not math.isfinite(float(value.float().sum()))]:
        return f"{len(bad)} of {len(trained)} trained matrices hold values that are no numbers"
    return _unchanged(model, trained, options, tokenizer, base)


def _unchanged(model: Any, trained: list[tuple[str, Any]], options: Options, tokenizer: Any, base: Path) -> str:
    import torch

    if options.method == "full":
        return "" if _differs(model, base) else "every weight is as it was before, to the precision that is kept"
    if options.method == "prompt_tuning":
        vectors = model.get_prompt_embedding_to_save(model.active_adapter)
        same = torch.equal(vectors.float().cpu(), first_vectors(model, options, tokenizer).cpu())
        return "the virtual tokens are the words that they began as, so they change nothing" if same else ""
    if not any(bool(value.any()) for name, value in trained if "lora_B" in name):
        return "every B matrix is still zero, so the adapter changes nothing"
    return ""


def _differs(model: Any, base: Path) -> bool:
    """Whether any weight differs from the base's in bf16, in which both are kept; read one by one, up to the first.

    True as well where nothing can be compared: weights in another kind of file, or under names without the prefix that
    transformers adds when it loads them.
    """
    import torch
    from safetensors import safe_open

    now, compared = model.state_dict(), 0
    for path in sorted(base.glob("*.safetensors")):
        with safe_open(path, framework="pt") as before:
            for name in set(before.keys()) & set(now):
                compared += 1
                if not torch.equal(now[name].cpu().bfloat16(), before.get_tensor(name).bfloat16()):
                    return True
    return not compared
