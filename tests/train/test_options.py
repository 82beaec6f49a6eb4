"""What a user may say of a training: defaults of each method, and what contradicts itself."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from train.options import Options


@pytest.mark.parametrize(("said", "rate"), [
    ({}, 2e-4),
    ({"method": "lora"}, 2e-4),
    ({"method": "full"}, 2e-5),
    ({"method": "prompt_tuning"}, 3e-2),
    ({"objective": "dpo"}, 5e-6),
    ({"method": "full", "objective": "pretrain"}, 3e-5),
    ({"method": "full", "learning_rate": 1e-6}, 1e-6),
])  # fmt: skip
def test_each_method_has_a_rate_of_its_own(said: dict[str, Any], rate: float) -> None:
    assert Options(**said).learning_rate == rate


def test_a_method_that_is_changed_later_takes_its_own_rate_when_it_is_left_open() -> None:
    changed = msgspec.structs.replace(Options(), method="full", learning_rate=0.0)
    assert changed.learning_rate == 2e-5


def test_virtual_tokens_are_those_of_prompt_tuning_alone() -> None:
    assert Options(method="prompt_tuning").virtual_tokens == 20
    assert Options(method="prompt_tuning", virtual_tokens=5).virtual_tokens == 5
    assert Options().virtual_tokens == 0


@pytest.mark.parametrize(("said", "why"), [
    ({"method": "full", "dora": True}, "dora: belongs to qlora and lora, and method is full"),
    ({"method": "full", "rank": 8}, "rank: belongs to qlora and lora"),
    ({"method": "prompt_tuning", "targets": ["q_proj"]}, "targets: belongs to qlora and lora"),
    ({"method": "prompt_tuning", "rslora": True}, "rslora: belongs to qlora and lora"),
    ({"virtual_tokens": 8}, "virtual_tokens: belongs to prompt_tuning, and method is qlora"),
    ({"method": "lora", "initial_text": "Antworte."}, "initial_text: belongs to prompt_tuning"),
    ({"beta": 0.3}, "beta: belongs to dpo, and objective is sft"),
    ({"objective": "pretrain", "neftune": 5}, "neftune: is for sft"),
    ({"schedule": "constant", "warmup": 0.1}, "schedule: constant has no warm-up"),
    ({"method": "full", "forgetting": {"penalty": "kl"}}, "forgetting: a penalty works through the adapter"),
    ({"method": "full", "from": "runs/a"}, "from: goes on with an adapter"),
    ({"learning_rate": -1}, "learning_rate: expected more than 0"),
    ({"neftune": -5}, "neftune: expected 0 or more"),
])  # fmt: skip
def test_contradictions_are_refused_when_the_options_are_built(said: dict[str, Any], why: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=why):
        msgspec.convert(said, Options)


def test_an_unknown_method_is_refused_with_its_name() -> None:
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value 'galore'"):
        msgspec.convert({"method": "galore"}, Options)
