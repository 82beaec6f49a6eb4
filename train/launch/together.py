"""What the processes of one training say to each other besides gradients: wait, and do as the first one does.

They talk over a group of their own (gloo, on the CPU) with a time limit of a week: the first process may generate and
curate for hours before the others are needed, which NCCL would take for a fault after ten minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any

from seedbed import ranks
from seedbed.errors import TrainingError

_PATIENCE = timedelta(days=7)


@cache
def _group() -> Any:
    import torch
    import torch.distributed as dist

    if torch.cuda.is_available():
        torch.cuda.set_device(ranks.local())
    if not dist.is_initialized():
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    return dist.new_group(backend="gloo", timeout=_PATIENCE)


def wait() -> None:
    """Until every process is here. Nothing where there is only one."""
    if ranks.world() > 1:
        import torch.distributed as dist

        dist.barrier(group=_group())


def agreed(value: Any = None) -> Any:
    """What the first process says, in all of them."""
    if ranks.world() == 1:
        return value
    import torch.distributed as dist

    said = [value]
    dist.broadcast_object_list(said, src=0, group=_group())
    return said[0]


@contextmanager
def first_alone() -> Iterator[None]:
    """The block runs in the first process, and then in the others: what it writes they find.

    Where the first one fails in it, it ends, and the launcher ends the others.
    """
    if ranks.rank():
        wait()
    yield
    if not ranks.rank():
        wait()


def any_of(value: int) -> int:
    """The largest of what the processes say: a signal that only one of them heard is heard by all."""
    if ranks.world() == 1:
        return value
    import torch
    import torch.distributed as dist

    said = torch.tensor(value)
    dist.all_reduce(said, dist.ReduceOp.MAX, group=_group())
    return int(said)


def as_asked(trainer: Any) -> None:
    """Raises TrainingError where the model was to be spread over the processes and is not: accelerate leaves FSDP out
    on CPUs, and says nothing."""
    if ranks.sharded() and not trainer.is_fsdp_enabled:
        raise TrainingError("FSDP was asked for, and accelerate did not begin it", where="train",
                            next_step="FSDP needs GPUs; on CPUs start it with torchrun, without ACCELERATE_USE_FSDP")


@contextmanager
def gathered(trainer: Any) -> Iterator[None]:
    """Within the block the first process has the trained values whole, where FSDP had spread them."""
    if not ranks.sharded():
        yield
        return
    whole = trainer.accelerator.get_state_dict(trainer.model_wrapped)
    if not ranks.rank():
        model = trainer.accelerator.unwrap_model(trainer.model_wrapped)
        trainer.model = _filled(model, whole)
    yield


def _filled(model: Any, values: dict[str, Any]) -> Any:
    """The model with whole values in the place of its shards of them."""
    import torch

    for name, parameter in list(model.named_parameters()):
        owner, _, last = name.rpartition(".")
        value = torch.nn.Parameter(values[name], requires_grad=parameter.requires_grad) if name in values else parameter
        setattr(model.get_submodule(owner), last, value)
    return model


def leave() -> None:
    """The end of what is done together: the first process goes on alone."""
    if ranks.world() > 1:
        import torch.distributed as dist

        wait()  # one that goes while another still listens is taken for a fault
        _group.cache_clear()
        dist.destroy_process_group()
