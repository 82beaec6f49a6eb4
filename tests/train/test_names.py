"""Every name that is used of TRL, transformers and PEFT is one that the installed versions have."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from seedbed.context import Context
from seedbed.errors import SeedbedError
from train import libraries, names
from train.job import Job
from train.options import Options
from train.rows.batches import LengthGrouped, plan


def job(folder: Path, **options: Any) -> Job:
    sampler = LengthGrouped([5, 9, 7], 2, 0)
    chosen = Options(**options)
    return Job(chosen, Context(folder), None, None, None, sampler, plan(sampler, chosen.epochs, 1), False)


def test_what_is_overridden_is_there() -> None:
    with libraries.prepared(threads=1):
        assert list(names.missing()) == []


def test_every_setting_is_known(tmp_path: Path) -> None:
    with libraries.prepared(threads=1):
        settings = names.arguments(job(tmp_path, neftune=5.0, schedule="linear"), fresh=True)
        assert (settings.neftune_noise_alpha, str(settings.lr_scheduler_type.value)) == (5.0, "linear")
        assert names.preference_arguments(job(tmp_path, objective="dpo"), fresh=True).beta == 0.1
        config = names.lora(Options(dora=True, rslora=True, targets=("q_proj",)))
        assert (config.use_dora, config.use_rslora, config.target_modules) == (True, True, {"q_proj"})
        assert names.prompt_tuning(Options(method="prompt_tuning", virtual_tokens=7)).num_virtual_tokens == 7


def test_a_setting_that_was_renamed_is_named_with_library_and_version(tmp_path: Path) -> None:
    with libraries.prepared(threads=1):
        from trl import SFTConfig

        with pytest.raises(SeedbedError, match=r"trl [\d.]+ has no setting `warmup_ratio` of SFTConfig.*constraints"):
            names.made(SFTConfig, output_dir=str(tmp_path), warmup_ratio=0.05)


def test_a_method_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "OVERRIDDEN", (("trl", "SFTTrainer", ("compute_loss", "_get_sampler")), ("trl", "X", ())))
    with libraries.prepared(threads=1):
        assert list(names.missing()) == ["trl.SFTTrainer._get_sampler", "trl.X"]
        with pytest.raises(SeedbedError, match="has no `SFTTrainer._get_sampler`"):
            names.refuse_missing()


def test_the_overrides_take_what_the_trainer_hands_them() -> None:
    with libraries.prepared(threads=1):
        from trl import SFTTrainer

        assert list(inspect.signature(SFTTrainer._get_train_sampler).parameters)[:2] == ["self", "train_dataset"]
        assert {"model", "inputs", "return_outputs", "num_items_in_batch"} <= set(
            inspect.signature(SFTTrainer.compute_loss).parameters
        )


def test_the_records_of_a_step_are_those_of_its_batches(tmp_path: Path) -> None:
    import datasets

    made = job(tmp_path, epochs=2, accumulation=1)
    made.rows = datasets.Dataset.from_dict({"record": ["a", "b", ""]})
    told = [made.records_of(step) for step in range(1, 5)]
    batches = [batch for epoch in (0, 1) for batch in made.sampler.batches(epoch)]
    assert told == [[name for i in batch if (name := ("a", "b", "")[i])] for batch in batches]
