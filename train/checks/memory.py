"""How much memory a training will take, before it takes any; and how much there is."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from train.options import Options
from train.students.model import Shape

LOGIT = 14  # bytes a logit: bf16, its 32-bit copy, the log-probability and its gradient
LOGITS = 2_400 << 20  # bytes for whole logits; beyond, TRL's tiles take less (26 bytes for each of 32,768 × 4,096)
_LIBRARIES = 640 << 20  # torch, transformers, trl, peft and their buffers (measured)
# Freed memory stays with the process in pieces that do not fit the next batch. Fitted on peaks of students of 12M, 60M
# and 360M parameters (benchmarks/random_students.py), LoRA and full, rows of mixed length.
_PIECES = 1.3
_NF4 = 0.516  # bytes a weight: 4.127 bits with double quantisation (Dettmers et al. 2023, section 3)
_TOKENIZER = 20 << 20  # the largest tokenizers' files (a vocabulary of 150,000 takes 11 MB)


class Memory(msgspec.Struct, frozen=True):
    """Bytes at the peak of a step, by what takes them.

    adapter     what is learned and its gradients; of full fine-tuning the gradients and the bf16 copies of the weights
    optimiser   Adam's two moments
    """

    weights: int
    adapter: int
    optimiser: int
    activations: int
    logits: int
    libraries: int = _LIBRARIES

    @property
    def total(self) -> int:
        return sum(msgspec.structs.astuple(self))

    def parts(self) -> str:
        """The parts in GB, in words, the largest first."""
        sizes = sorted(msgspec.structs.asdict(self).items(), key=lambda part: -part[1])
        return ", ".join(f"{name} {size / 1e9:.1f}" for name, size in sizes if size >= 5e7)


def estimate(shape: Shape, options: Options, longest: int, checkpointing: bool) -> Memory:
    """The peak for batches of rows up to `longest` tokens, one process on a CPU or one GPU.

    How near it comes: docs/training/checks.md, `python -m benchmarks.train_memory`.
    """
    tokens = options.batch * (longest + options.virtual_tokens)
    linear = sum(into * out for into, out in shape.linear.values())
    quantised = linear * _NF4 if options.method == "qlora" else linear * 2
    learned = shape.adapter_parameters(options)
    weights: float
    layer = _layer_bytes(shape, options)
    # Checkpointing keeps each layer's input in bf16, and all of the one layer that is being computed again.
    kept = 2 * shape.hidden * shape.layers + layer if checkpointing else layer * shape.layers
    activations, logits = tokens * kept * _PIECES, min(tokens * shape.vocabulary * LOGIT, LOGITS)
    if options.method == "full":
        weights = 4.0 * shape.parameters
        # Gradients come as activations go; only where they are summed over several batches are all of both there.
        gradients = 4 * learned - (0 if options.accumulation > 1 else activations + logits)
        held = 2 * linear + max(0, gradients)
    else:
        weights, held = quantised + 2 * (shape.parameters - linear), 8 * learned
    return Memory(int(weights), int(held), 8 * learned, int(activations), int(logits))


def fitting(shape: Shape, options: Options, longest: int, room: int) -> str:
    """What to change so that a step takes at most `room` bytes, the mildest first, and what it takes then.

    longest    tokens that a row of a batch takes: of a pair those of two sequences of its longer side
    """
    wide = 2 if options.objective == "dpo" else 1
    saving: dict[str, str | int] = {"activation_checkpointing": "on"}
    small = saving | {"batch": 1, "accumulation": options.batch * options.accumulation}
    shorter = small | {"max_length": max(16, longest // wide // 2)}
    # From full to an adapter the learning rate must be another one: 0 is the usual one of the method.
    adapter = {"method": "lora", "learning_rate": 0} if options.method == "full" else {}
    quantised = adapter | {"method": "qlora"} if options.method in ("full", "lora") else {}
    changes = (saving, small, small | adapter, small | quantised, shorter | quantised)
    for change in changes:
        changed = msgspec.structs.replace(options, **change)
        need = estimate(shape, changed, min(longest, wide * changed.max_length), True).total
        if need <= room:
            said = ", ".join(f"{name}: {value}" for name, value in change.items() if getattr(options, name) != value)
            return f"Set {said}: that takes about {need / 1e9:.1f} GB"
    return "Take a smaller student, or a machine with more memory"


def _layer_bytes(shape: Shape, options: Options) -> float:
    """Bytes that one layer keeps of one token for the way back.

    Around attention 44 bytes a hidden unit (two norms in 32 bits, residuals, queries, keys, values, output) and 8 an
    intermediate unit (gate, up, their product, in bf16); dropout keeps 3.3 of each adapted input (fitted to peaks).
    PEFT copies what a 4-bit layer gives: 1 byte of each adapted output (fitted, between none at 60M and 2 at 360M).
    """
    adapted = shape.targeted(options.targets).values()
    inputs, outputs = (sum(size[side] for size in adapted) / max(1, shape.layers) for side in (0, 1))
    more = (3.3 * inputs if options.dropout else 0) + (outputs if options.method == "qlora" else 0)
    return 44 * shape.hidden + 8 * shape.intermediate + more


def disk_needed(shape: Shape, options: Options) -> int:
    """Bytes of the files: three checkpoints at a time (a new one before an old one goes), and the adapter."""
    adapter = 4 * shape.adapter_parameters(options)
    return 3 * (3 * adapter + _TOKENIZER) + adapter + _TOKENIZER  # a checkpoint holds Adam's two moments besides


def on_gpu() -> bool:
    """Whether it is a GPU's memory that counts."""
    import torch

    return bool(torch.cuda.is_available())


def available() -> int:
    """Bytes that can still be had: of the GPU if there is one, else of the machine, within a container's limit."""
    import psutil  # type: ignore[import-untyped]
    import torch

    if on_gpu():
        return int(torch.cuda.mem_get_info()[0])
    free = int(psutil.virtual_memory().available)
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit ("max")
        free = min(free, int(limit.read_text()) - int(used.read_text()))
    return free


def forget_peak() -> None:
    """Makes `peak` count from now on. Does nothing where the system has no such thing."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak() -> int:
    """The largest resident memory of this process so far, in bytes; 0 where nobody tells."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:")), 0)
