"""Two penalties on the general loss to come, each put on the gradients before the batch's own.

kl: on general text the tuned model is to say what the base says: KL(base ‖ tuned) at the tokens of the answers.
Learning without Forgetting (Li & Hoiem 2017) holds a new network to the recorded replies of the old one; here the old
one is there all along, as the model with its adapter switched off: nothing is recorded, no second model is in memory.
It costs a forward pass without and a pass both ways with the adapter, on `rows` records every `every` steps.

ewc: Elastic Weight Consolidation (Kirkpatrick et al. 2017): half the sum of F · (θ - θ*)², F being the diagonal of
the Fisher information on general text. See `ewc` for what that means for an adapter, and for what it does not see.

Both are nats a token: to second order, KL(base ‖ tuned) is the quadratic form of which EWC keeps the diagonal. A
batch is a function of the seed and the step alone, so that a resumed training sees those it would have seen. A penalty
has its own backward pass: its activations are gone before those of the batch come, and its weight is not divided by
however TRL counts the tokens of accumulated batches.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from train.forgetting import ewc
from train.job import Job
from train.rows.template import IGNORED

# Positions of a batch whose whole distributions are compared, drawn where there are more: two times 32 bits for each of
# a vocabulary of 150,000 are 0.3 GB.
_POSITIONS = 256


class Penalty:
    """The penalty that a job asks for, over one training."""

    def __init__(self, job: Job) -> None:
        self.options, self.rows, self.seed = job.options.forgetting, job.held, job.context.seed
        self.pad = job.tokenizer.pad_token_id
        self.fisher = job.checkpoints / "fisher.safetensors"
        self.told: list[float] = []
        self._last = -1

    def due(self, step: int) -> bool:
        """Whether the step, which may be of several batches, still needs its penalty."""
        due = step != self._last and step % self.options.every == 0
        self._last = step
        return due

    def term(self, model: Any, step: int, process: int = 0) -> Any:
        """The weighted penalty of this step, to be added to the loss. `model` has its adapter switched on."""
        if self.options.penalty == "kl":
            batch = collated([self.rows[i] for i in self.batch(step, process)], self.pad, model.device)
            value = kl(model, batch, random.Random(f"{self.seed} {step} positions"))
        else:
            value = ewc.distance(model, self.fisher, step, self._each_row)
        self.told.append(self.options.weight * float(value.detach()))
        return self.options.weight * self.options.every * value

    def batch(self, step: int, process: int = 0) -> list[int]:
        """Which rows are looked at in a step: all of them in turn, each time in another order."""
        size = self.options.rows
        first = (step // self.options.every) * size
        return [self._at(first + i, process) for i in range(size)]

    def _at(self, place: int, process: int) -> int:
        lap, within = divmod(place, len(self.rows))
        order = list(range(len(self.rows)))
        random.Random(f"{self.seed} {lap} {process} held").shuffle(order)
        return order[within]

    def _each_row(self, device: Any) -> Iterator[dict[str, Any]]:
        return (collated([row], self.pad, device) for row in self.rows)


def collated(rows: list[Any], pad: int, device: Any) -> dict[str, Any]:
    """Rows as one batch, padded on the right to the longest."""
    import torch

    longest = max(len(row["input_ids"]) for row in rows)

    def filled(values: list[list[int]], empty: int) -> Any:
        return torch.tensor([[*ones, *[empty] * (longest - len(ones))] for ones in values], device=device)

    return {
        "input_ids": filled([row["input_ids"] for row in rows], pad),
        "attention_mask": filled([[1] * len(row["input_ids"]) for row in rows], 0),
        "labels": filled([row["labels"] for row in rows], IGNORED),
    }


def kl(model: Any, batch: dict[str, Any], chance: random.Random, most: int = _POSITIONS) -> Any:
    """Mean over the answers' tokens of KL(base ‖ tuned), in nats; the base is `model` without its adapter.

    Where the batch has more positions than `most`, so many are drawn.
    """
    import torch
    from torch.nn.functional import kl_div, log_softmax

    wanted = batch["labels"][:, 1:] != IGNORED
    columns = wanted.any(0).nonzero().squeeze(1).tolist()
    if len(columns) * len(wanted) > most:
        columns = sorted(chance.sample(columns, max(1, most // len(wanted))))
    places = torch.tensor(columns, device=wanted.device)

    def said() -> Any:
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], logits_to_keep=places,
                       use_cache=False).logits  # fmt: skip
        return log_softmax(logits[wanted[:, places]].float(), dim=-1)

    with torch.no_grad(), model.disable_adapter():
        base = said()
    return kl_div(said(), base, log_target=True, reduction="sum") / max(1, len(base))


def penalised(trainer: type, penalty: Penalty) -> type:
    """The trainer class whose steps begin with the gradients of the penalty."""

    class Penalised(trainer):  # type: ignore[misc]
        def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
            step = self.state.global_step
            if penalty.due(step):
                model.train()
                whole = self.accelerator.unwrap_model(model)
                # Not yet shared among processes: that happens once, after the batch's own gradients.
                with self.accelerator.no_sync(model):
                    with self.compute_loss_context_manager():
                        term = penalty.term(whole, step, self.args.process_index)
                    self.accelerator.backward(term)
            return super().training_step(model, inputs, num_items_in_batch)

        def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
            if "loss" in logs and penalty.told:
                logs = logs | {"penalty": sum(penalty.told) / len(penalty.told)}
                penalty.told.clear()
            super().log(logs, *args, **kwargs)

    return Penalised
