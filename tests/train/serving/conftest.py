"""A training that is over: a tiny student, and an adapter that makes it say other things."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedbed import jsonl
from seedbed.progress import Plain
from train import libraries, names
from train.options import Options
from train.serving.speaker import Speaker, open_speaker
from train.students import model, trained


@pytest.fixture(scope="session")
def adapted(student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training, with adapter/ and training.json."""
    import msgspec
    import torch
    from peft import get_peft_model

    folder = tmp_path_factory.mktemp("trained")
    with libraries.prepared(threads=1):
        torch.manual_seed(3)  # before: adapters begin at random, and the same ones are wanted whatever ran before
        tuned = get_peft_model(model.load(student, "lora", model.load_tokenizer(student)), names.lora(Options(rank=4, method="lora")))
        for name, value in tuned.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(value, std=0.3)
        tuned.save_pretrained(str(folder / trained.ADAPTER))
    noted = trained.Training(student=str(student), method="lora", rank=4, alpha=32, seed=1, max_length=256, template="")
    jsonl.write_text(folder / trained.NOTED, msgspec.json.encode(noted).decode())
    return folder


@pytest.fixture(scope="session")
def speaker(adapted: Path) -> Speaker:
    with libraries.prepared(threads=1):
        return open_speaker(adapted, Plain())
