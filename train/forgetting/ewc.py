"""Elastic Weight Consolidation on an adapter (Kirkpatrick et al. 2017).

The anchor θ* is the adapter as it is when the training begins, F the diagonal of the Fisher information of its weights
on general text: for each token of an answer, the squared gradient of the log-likelihood of a token that the model
itself draws there. (Tokens of the data instead of drawn ones would give the "empirical Fisher", which is no curvature:
Kunstner et al. 2019.) A gradient is taken of a whole answer; since what is drawn at one token is independent of what is
drawn at another, its square is on average the sum of those of the tokens.

What that comes to for LoRA, whose update is B·A with B = 0 at the start: the anchor is the base model itself. But at
B = 0 nothing depends on A, so the Fisher information of A is exactly zero, and A moves freely; what is held is B alone,
each entry towards zero, as strongly as general text feels it through the A of the start. As A turns away from there the
Fisher information is no longer that of the weights that B meets. So this is a ridge on B weighted by importance, near
the start as good as EWC on the base's own weights and further away a good deal weaker; `penalty: kl` does not have that
limit. An adapter that is trained on further has B other than 0: then both are held, to what the adapter was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from seedbed import ranks
from seedbed.errors import TrainingError
from train.launch import together
from train.rows.template import IGNORED

Batches = Callable[[Any], Iterator[dict[str, Any]]]
_ROWS = 64  # general rows that the Fisher information is taken of, one at a time


def distance(model: Any, path: Path, step: int, rows: Batches) -> Any:
    """Half the sum of F · (θ - θ*)², in nats a token. F and θ* are made in the first step and kept at `path`.

    Raises TrainingError where a resumed training no longer finds them.
    """
    import torch
    from safetensors.torch import load_file

    kept = getattr(model, "_ewc", None)
    if kept is None:
        # Of several processes each may see the file of the first or not yet: all must do the same.
        if not together.agreed(path.is_file()):
            if step:
                raise TrainingError("the Fisher information of the start is gone", where=str(path),
                                    next_step="Delete the checkpoints and train from the start")
            found = fisher(model, rows(model.device))
            if not ranks.rank():
                _keep(found, trained(model), path)
            together.wait()
        kept = model._ewc = load_file(str(path), device=str(model.device))
    total = torch.zeros((), device=model.device)
    for name, value in trained(model):
        total = total + (kept[f"fisher {name}"] * (value - kept[f"anchor {name}"]).square()).sum()
    return total / 2


def _keep(found: dict[str, Any], parameters: list[tuple[str, Any]], path: Path) -> None:
    from safetensors.torch import save_file

    anchor = {f"anchor {name}": value.detach().clone() for name, value in parameters}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file({**{f"fisher {name}": value for name, value in found.items()}, **anchor}, str(partial))
    partial.replace(path)


def fisher(model: Any, rows: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """The diagonal of the Fisher information of each trained parameter, a token, over at most 64 rows.

    Leaves the gradients and the random state as they were.
    """
    import torch

    parameters = trained(model)
    found = {name: torch.zeros_like(value) for name, value in parameters}
    drawing = torch.Generator(device=model.device).manual_seed(0)
    tokens, training = 0, model.training
    model.eval()
    for _, row in zip(range(_ROWS), rows, strict=False):
        places = (row["labels"][0, 1:] != IGNORED).nonzero().squeeze(1)
        logits = model(input_ids=row["input_ids"], logits_to_keep=places, use_cache=False).logits[0].float()
        drawn = torch.multinomial(logits.detach().softmax(-1), 1, generator=drawing).squeeze(1)
        loss = torch.nn.functional.cross_entropy(logits, drawn, reduction="sum")
        gradients = torch.autograd.grad(loss, [value for _, value in parameters], allow_unused=True)
        for (name, _), gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                found[name] += gradient.square()
        tokens += len(places)
    model.train(training)
    return {name: value / max(1, tokens) for name, value in found.items()}


def trained(model: Any) -> list[tuple[str, Any]]:
    """The parameters that are trained, by name."""
    return [(name, value) for name, value in model.named_parameters() if value.requires_grad]
