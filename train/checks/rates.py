"""Which learning rates are usual, by what is trained and towards what. Outside of them is a warning, far outside an
error: there the loss is known to diverge, or nothing moves at all.

Adapters stand ten times as high as the whole model does (Schulman et al. 2025, "LoRA Without Regret": the best rate of
LoRA is about ten times that of full fine-tuning, whatever the model), preferences ten to a hundred times lower than
answers (Rafailov et al. 2023).
"""

from __future__ import annotations

import msgspec

from train.options import Options


class Rates(msgspec.Struct, frozen=True):
    """Usual rates from `low` to `high`, and from where on the model is destroyed (`ruin`)."""

    low: float
    high: float
    ruin: float
    origin: str


_ADAPTER = Rates(5e-5, 5e-4, 1e-2, "QLoRA, table 9: 1e-4 to 2e-4; twice that for small models")
_FULL = Rates(1e-6, 5e-5, 1e-3, "Alpaca and Tülu 2: 2e-5; InstructGPT: 1e-5")
# Lester et al. 2021 use .3 with Adafactor, whose steps are relative; with Adam PEFT's own recipes lie at 1e-3 to 3e-2.
_PROMPT = Rates(1e-3, 3e-1, 10.0, "Lester et al. 2021: .3; PEFT's recipes: 1e-3 to 3e-2")
_DPO_ADAPTER = Rates(1e-6, 5e-5, 1e-3, "ten times the rate of the whole model")
_DPO_FULL = Rates(1e-7, 5e-6, 1e-4, "Rafailov et al. 2023: 1e-6; Zephyr: 5e-7")
_PRETRAIN_ADAPTER = Rates(5e-5, 5e-4, 1e-2, "Biderman et al. 2024: 2e-4 for continued pre-training with LoRA")
# Re-warmed to at most the peak of the first training: 3e-4 for the models of Ibrahim et al. 2024.
_PRETRAIN_FULL = Rates(5e-6, 3e-4, 3e-3, "Ibrahim et al. 2024: re-warmed to at most 3e-4")

_RATES = {
    ("sft", "qlora"): _ADAPTER,
    ("sft", "lora"): _ADAPTER,
    ("sft", "full"): _FULL,
    ("dpo", "qlora"): _DPO_ADAPTER,
    ("dpo", "lora"): _DPO_ADAPTER,
    ("dpo", "full"): _DPO_FULL,
    ("pretrain", "qlora"): _PRETRAIN_ADAPTER,
    ("pretrain", "lora"): _PRETRAIN_ADAPTER,
    ("pretrain", "full"): _PRETRAIN_FULL,
}


def usual(options: Options) -> Rates:
    """The rates of this method and objective; a soft prompt has its own, whatever it is trained towards."""
    return _RATES.get((options.objective, options.method), _PROMPT)


def advised(options: Options) -> str:
    """What to write into the job instead."""
    return f"Set learning_rate: {_plain(options.usual_rate)}"


def described(options: Options) -> str:
    """The usual rates and where they come from."""
    rates = usual(options)
    what = options.method + ("" if options.objective == "sft" else f" and {options.objective}")
    return f"usual for {what} are {_plain(rates.low)} to {_plain(rates.high)} ({rates.origin})"


def _plain(rate: float) -> str:
    """`2e-4` rather than `0.0002`; YAML reads both."""
    figures, _, power = f"{rate:e}".partition("e")
    return f"{float(figures):g}e{int(power)}"
