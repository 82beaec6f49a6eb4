"""What a user may say about a training."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from train.forgetting.options import Forgetting


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One supervised fine-tuning with an adapter.

    student        a name of the catalogue (`seedbed models list`), a folder, a hub name, or path:/some/model.gguf
    method         qlora: base in nf4, doubly quantised (Dettmers et al. 2023); lora: base in bf16 (Hu et al. 2021)
    targets        the linear layers that get an adapter: all of them, or their names (q_proj, v_proj, …)
    max_length     longest example in the student's own tokens
    too_long       cut: the answer ends at an earlier sentence; drop: the record is left out
    eval_steps     validation loss and a checkpoint every so many steps; 0: twice an epoch
    patience       stop when validation has not improved so many times in a row, and keep the best; 0: never
    forgetting     how general loss is watched, bounded and held back: see `Forgetting`
    track          where losses are told besides the report: tensorboard, wandb, mlflow, swanlab
    """

    student: str = "smollm2-135m-instruct"
    method: Literal["qlora", "lora"] = "qlora"
    rank: int = 16
    alpha: int = 32  # twice the rank
    dropout: float = 0.0  # 0.05 to 0.1 against overfitting (QLoRA, appendix B); on a CPU a fifth of the time (measured)
    targets: str | tuple[str, ...] = "all-linear"  # QLoRA, section 4: all linear layers match full fine-tuning
    learning_rate: float = 2e-4  # QLoRA, table 9, models up to 13 B
    epochs: int = 3
    batch: int = 4
    accumulation: int = 1
    warmup: float = 0.05  # share of the steps
    schedule: Literal["cosine", "linear", "constant_with_warmup"] = "cosine"
    weight_decay: float = 0.0
    max_length: int = 1024
    too_long: Literal["cut", "drop"] = "cut"
    eval_steps: int = 0
    save_steps: int = 0  # 0: with each validation
    patience: int = 3
    validation_limit: int = 32  # records; bounds the time that validation takes
    activation_checkpointing: Literal["auto", "on", "off"] = "auto"  # less memory, a step takes a third longer
    threads: int = 0  # 0: all cores
    forgetting: Forgetting = Forgetting()
    track: tuple[Literal["tensorboard", "wandb", "mlflow", "swanlab"], ...] = ()

    def __post_init__(self) -> None:
        for name in ("rank", "alpha", "epochs", "batch", "accumulation", "validation_limit"):
            _want(getattr(self, name) >= 1, name, "1 or more")
        for name in ("eval_steps", "save_steps", "patience", "threads", "weight_decay"):
            _want(getattr(self, name) >= 0, name, "0 or more")
        _want(0 <= self.dropout < 1, "dropout", "from 0 up to, not including, 1")
        _want(0 <= self.warmup < 1, "warmup", "a share of the steps, from 0 up to, not including, 1")
        _want(self.learning_rate > 0, "learning_rate", "more than 0")
        _want(self.max_length >= 16, "max_length", "16 tokens or more")
        _want(bool(self.student.strip()), "student", "the name of a model, a folder, or path:/some/model.gguf")
        if isinstance(self.targets, str):
            _want(self.targets == "all-linear", "targets", "all-linear, or a list of layer names")
        else:
            _want(len(self.targets) > 0, "targets", "all-linear, or a list of layer names")

    def placed(self, base: Path) -> Options:
        """The same with the paths of `forgetting` below `base`."""
        return msgspec.structs.replace(self, forgetting=self.forgetting.placed(base))


def _want(holds: bool, key: str, expected: str) -> None:
    if not holds:
        raise ValueError(f"{key}: expected {expected}")
