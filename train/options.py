"""What a user may say about a training. What contradicts itself is refused here, before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import msgspec

from train.forgetting.options import Forgetting

Method = Literal["qlora", "lora", "full", "prompt_tuning"]
Objective = Literal["sft", "dpo", "pretrain"]

# Learning rates where the user gives none, by objective and method.
_ADAPTER = 2e-4  # QLoRA, table 9, models up to 13 B; LoRA in 16 bits does as well at the same rates, there
_PROMPT = 3e-2  # the upper end of PEFT's recipes; Lester et al. 2021 use .3, with an optimiser of relative steps
_RATES = {
    # A tenth of an adapter's (Schulman et al. 2025, "LoRA Without Regret"); Alpaca and Tülu 2: 2e-5
    "sft": {"qlora": _ADAPTER, "lora": _ADAPTER, "full": 2e-5, "prompt_tuning": _PROMPT},
    # Preferences take a fraction, or the chosen answers become unlikely too. Zephyr (Tunstall et al. 2023): 5e-7
    "dpo": {"qlora": 5e-6, "lora": 5e-6, "full": 5e-7, "prompt_tuning": _PROMPT / 10},
    # Biderman et al. 2024 for LoRA; a tenth of the peak of a first training for the whole model (Ibrahim et al. 2024)
    "pretrain": {"qlora": _ADAPTER, "lora": _ADAPTER, "full": 3e-5, "prompt_tuning": _PROMPT},
}
_VIRTUAL_TOKENS = 20  # Lester et al. 2021, section 3.2: beyond 20 there is little to win
# What only one kind of method has, by its value where nobody asked for it.
_OF_LORA = {"rank": 16, "alpha": 32, "dropout": 0.0, "targets": "all-linear", "dora": False, "rslora": False}
_OF_PROMPTS = {"virtual_tokens": 0, "initial_text": ""}
_OF_DPO = {"beta": 0.1, "sft_weight": 0.2}


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One training.

    student        a name of the catalogue (`seedbed models list`), a folder, a hub name, or path:/some/model.gguf
    method         qlora: base in nf4, doubly quantised (Dettmers et al. 2023); lora: base in bf16 (Hu et al. 2021);
                   full: every weight, in 32 bits; prompt_tuning: nothing but a few vectors before the text (Lester et
                   al. 2021)
    objective      sft: answers, given what stands before them; dpo: the chosen answer before the rejected one (Rafailov
                   et al. 2023); pretrain: running text, and chat beside it (docs/training/objectives.md)
    from           an adapter to go on from: its folder, or that of the training or the run that made it
    beta           of dpo: how dearly it pays for leaving the model that it started from
    sft_weight     of dpo: weight of the plain loss on the chosen answers, which keeps them from becoming unlikely too
    dora           the adapter's direction and size learned apart (Liu et al. 2024); a step takes about twice as long
    rslora         alpha divided by the root of the rank (Kalajdzievski 2023): for ranks above 32
    targets        the linear layers that get an adapter: all of them, or their names (q_proj, v_proj, …)
    virtual_tokens vectors of prompt_tuning, and `initial_text` what they say at first
    learning_rate  0: the usual one of method and objective (docs/training/methods.md)
    neftune        noise on the embeddings, 5 say (Jain et al. 2023); 0: none
    max_length     longest example in the student's own tokens
    too_long       cut: the answer ends at an earlier sentence; drop: the record is left out
    eval_steps     validation loss and a checkpoint every so many steps; 0: twice an epoch
    patience       stop when validation has not improved so many times in a row, and keep the best; 0: never
    forgetting     how general loss is watched, bounded and held back: see `Forgetting`
    track          where losses are told besides the report: tensorboard, wandb, mlflow, swanlab
    """

    PATHS: ClassVar[tuple[str, ...]] = ("from_",)

    student: str = "smollm2-135m-instruct"
    method: Method = "qlora"
    objective: Objective = "sft"
    from_: str = msgspec.field(default="", name="from")
    beta: float = 0.1  # Rafailov et al. 2023, appendix B; Llama 3 (Dubey et al. 2024, section 4.1.4) takes the same
    sft_weight: float = 0.2  # Llama 3, the same section
    rank: int = 16
    alpha: int = 32  # twice the rank
    dropout: float = 0.0  # 0.05 to 0.1 against overfitting (QLoRA, appendix B); on a CPU a fifth of the time (measured)
    dora: bool = False
    rslora: bool = False
    targets: str | tuple[str, ...] = "all-linear"  # QLoRA, section 4: all linear layers match full fine-tuning
    virtual_tokens: int = 0
    initial_text: str = ""
    learning_rate: float = 0.0
    epochs: int = 3
    batch: int = 4
    accumulation: int = 1
    warmup: float = 0.05  # share of the steps
    schedule: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    weight_decay: float = 0.0
    neftune: float = 0.0
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
        self._refuse_contradictions()
        for name in ("rank", "alpha", "epochs", "batch", "accumulation", "validation_limit"):
            _want(getattr(self, name) >= 1, name, "1 or more")
        for name in ("eval_steps", "save_steps", "patience", "threads", "weight_decay", "neftune", "virtual_tokens",
                     "sft_weight"):
            _want(getattr(self, name) >= 0, name, "0 or more")
        _want(0 <= self.dropout < 1, "dropout", "from 0 up to, not including, 1")
        _want(0 <= self.warmup < 1, "warmup", "a share of the steps, from 0 up to, not including, 1")
        _want(self.learning_rate >= 0, "learning_rate", "more than 0, or 0 for the method's own")
        _want(self.beta > 0, "beta", "more than 0")
        _want(self.max_length >= 16, "max_length", "16 tokens or more")
        _want(bool(self.student.strip()), "student", "the name of a model, a folder, or path:/some/model.gguf")
        if isinstance(self.targets, str):
            _want(self.targets == "all-linear", "targets", "all-linear, or a list of layer names")
        else:
            _want(len(self.targets) > 0, "targets", "all-linear, or a list of layer names")
        self._resolve()

    @property
    def usual_rate(self) -> float:
        """The learning rate of those who give none."""
        return _RATES[self.objective][self.method]

    def _refuse_contradictions(self) -> None:
        """An option of another method would be ignored in silence, and the results be taken for what they are not."""
        lora, prompts = self.method in ("qlora", "lora"), self.method == "prompt_tuning"
        foreign = ({} if lora else _OF_LORA) | ({} if prompts else _OF_PROMPTS)
        for name, usual in foreign.items():
            owner = "qlora and lora" if name in _OF_LORA else "prompt_tuning"
            if getattr(self, name) != usual:
                raise ValueError(f"{name}: belongs to {owner}, and method is {self.method}")
        for name, usual in _OF_DPO.items():
            if self.objective != "dpo" and getattr(self, name) != usual:
                raise ValueError(f"{name}: belongs to dpo, and objective is {self.objective}")
        if self.from_ and self.method == "full":
            raise ValueError("from: goes on with an adapter; with full, name the folder of the model as student")
        if self.forgetting.penalty != "none" and not lora:
            raise ValueError(f"forgetting: a penalty works through the adapter of qlora or lora, not {self.method}")
        if self.schedule == "constant" and self.warmup not in (0.0, 0.05):
            raise ValueError("schedule: constant has no warm-up; constant_with_warmup has")
        if self.neftune and self.objective != "sft":
            raise ValueError(f"neftune: is for sft, and objective is {self.objective}")

    def _resolve(self) -> None:
        """Puts in what depends on the method, so that whoever reads an option reads what will be done."""
        if not self.learning_rate:
            msgspec.structs.force_setattr(self, "learning_rate", self.usual_rate)
        if self.method == "prompt_tuning" and not self.virtual_tokens:
            msgspec.structs.force_setattr(self, "virtual_tokens", _VIRTUAL_TOKENS)

    def placed(self, base: Path) -> Options:
        """The same with the paths of `forgetting` below `base`."""
        return msgspec.structs.replace(self, forgetting=self.forgetting.placed(base))


def _want(holds: bool, key: str, expected: str) -> None:
    if not holds:
        raise ValueError(f"{key}: expected {expected}")
