"""Packed rows: none sees another, the loss and its gradient are those of the rows alone, and the order repeats."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import TrainingError
from tests.train.test_stage import curve, run
from tests.train.tiny import records
from train.objectives import sft
from train.options import Options
from train.rows.batches import LengthGrouped, plan
from train.rows.ordering import told
from train.rows.packing import Packed, PackedRows, best_fit, collator, leak
from train.rows.template import IGNORED


def some_lengths(count: int, most: int) -> list[int]:
    chance = random.Random(1)
    return [chance.randint(1, most) for _ in range(count)]


def test_the_longest_come_first_each_into_the_fullest_sequence_with_room() -> None:
    assert best_fit([5, 9, 1, 4, 6], 10) == [[1, 2], [4, 3], [0]]
    assert best_fit([], 10) == [] and best_fit([10, 10], 10) == [[0], [1]]


def test_every_row_is_packed_once_and_nothing_is_over_full() -> None:
    sizes = some_lengths(2000, 300)
    packs = best_fit(sizes, 512)
    assert sorted(row for pack in packs for row in pack) == list(range(2000))
    filled = [sum(sizes[row] for row in pack) for pack in packs]
    assert max(filled) <= 512
    assert len(packs) <= -(-sum(sizes) // 512) + 2  # hardly more than if rows could be torn


def test_each_epoch_has_every_row_once_in_as_many_steps_and_an_order_of_its_own() -> None:
    sizes = [(7 * i) % 23 + 5 for i in range(60)]
    sampler = Packed(sizes, batch=2, capacity=64, seed=3)
    orders = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
        assert sorted(row for pack in orders[-1] for row in pack) == list(range(60))
        assert len(orders[-1]) == len(sampler)
    assert orders[0] != orders[1] != orders[2]
    assert {frozenset(pack) for pack in orders[0]} != {frozenset(pack) for pack in orders[1]}
    again = Packed(sizes, 2, 64, 3)
    assert [pack for batch in again.packs(2) for pack in batch] == orders[2]
    assert [row for batch in again.batches(2) for row in batch] == [row for pack in orders[2] for row in pack]


def test_a_plan_of_packs_counts_padding_between_sequences_only() -> None:
    sampler = Packed([6, 4, 5, 5, 7], batch=3, capacity=10, seed=0)
    counted = plan(sampler, epochs=2, accumulation=1)
    assert (counted.steps, counted.step_tokens) == (2, [27, 27])
    assert counted.padding_share == pytest.approx(1 - 27 / 30)


def test_the_padding_is_told_both_ways() -> None:
    sizes = [10, 500] * 20
    grouped = told(LengthGrouped(sizes, 4, 0), Options(batch=4))
    assert grouped == "padding of the batches: 0.0% grouped by length; it would be 49.0% as they come and 0.0% packed"
    packed = told(Packed(sizes, 4, 1024, 0), Options(batch=4, packing=True))
    assert packed.startswith("padding of the batches: 0.0% packed; it would be 49.0% as they come")


@pytest.fixture(scope="module")
def model(student: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(str(student), dtype=torch.float32)


ROWS = [{"input_ids": [(5 * i + n) % 400 + 20 for i in range(size)],
         "labels": [IGNORED] * 3 + [(5 * i + n) % 400 + 20 for i in range(3, size)]} for n, size in
        enumerate([9, 4, 17, 6, 11])]  # fmt: skip
PACKS = [(2, 0, 1), (4, 3)]


def packed() -> dict[str, Any]:
    rows = PackedRows(ROWS, len(PACKS))
    return collator(pad=0)([rows[pack] for pack in PACKS])


def loss_of(model: Any, batch: dict[str, Any]) -> Any:
    import torch

    given = {name: value for name, value in batch.items() if name != "labels"}
    logits = model(**given, use_cache=False).logits[:, :-1]
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), batch["labels"][:, 1:].flatten(), ignore_index=IGNORED, reduction="sum"
    )


def test_logits_of_packed_rows_are_those_of_the_rows_alone(model: Any) -> None:
    import torch

    batch = packed()
    assert batch["position_ids"][0].tolist() == [*range(17), *range(9), *range(4)]
    assert batch["position_ids"][1].tolist() == [*range(11), *range(6), *[0] * 13]
    with torch.no_grad():
        together = model(input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False).logits
        for number, pack in enumerate(PACKS):
            start = 0
            for row in pack:
                alone = model(input_ids=torch.tensor([ROWS[row]["input_ids"]])).logits[0]
                torch.testing.assert_close(together[number, start : start + len(alone)], alone, atol=1e-5, rtol=1e-5)
                start += len(alone)


def test_loss_and_gradient_of_a_packed_batch_are_those_of_its_rows(model: Any) -> None:
    import torch

    def gradients(batches: list[dict[str, Any]]) -> tuple[float, list[Any]]:
        model.zero_grad()
        total = sum(loss_of(model, batch) for batch in batches)
        total.backward()
        return float(total.detach()), [parameter.grad.clone() for parameter in model.parameters()]

    alone = [{name: torch.tensor([values]) for name, values in row.items()} for row in ROWS]
    (loss, expected), (packed_loss, got) = gradients(alone), gradients([packed()])
    assert packed_loss == pytest.approx(loss, rel=1e-5)
    for one, other in zip(got, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


def test_the_first_token_of_a_row_is_not_learned_from_the_row_before() -> None:
    text = {"input_ids": [5, 6, 7, 8, 9], "labels": [5, 6, 7, 8, 9], "documents": [2, 3]}
    batch = collator(pad=0)([PackedRows([text], 1)[(0,)]])
    assert batch["labels"].tolist() == [[IGNORED, 6, IGNORED, 8, 9]]
    assert batch["position_ids"].tolist() == [[0, 1, 0, 1, 2]]


def test_a_model_whose_rows_see_each_other_is_found_out(model: Any) -> None:
    def masked(examples: Any) -> dict[str, Any]:  # as collators usually do
        batch = collator(pad=0)(examples)
        return batch | {"attention_mask": batch["input_ids"] > 0}

    assert not leak(model, collator(pad=0))
    assert leak(model, masked)
    assert leak(model, lambda examples: {"input_ids": collator(0)(examples)["input_ids"]})
    assert model.training is False


def test_a_packed_training_learns_and_repeats(student: Path, tmp_path: Path) -> None:
    options = {"packing": True, "max_length": 256, "batch": 2, "epochs": 6}
    first = run(student, tmp_path / "first", **options)
    again = run(student, tmp_path / "again", **options)
    assert curve(first.folder) == curve(again.folder)
    losses = [point["loss"] for point in curve(first.folder)["train"]]
    assert losses[-1] < losses[0] - 0.3
    assert first.figures["tokens_trained"] == 6 * first.figures["records"]["tokens"]
    assert any(line.startswith("padding of the batches") and "packed;" in line for line in first.progress.lines)  # type: ignore[attr-defined]


def test_a_packed_loss_is_trls_own(student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"packing": True, "max_length": 256, "batch": 2, "epochs": 1}
    ours = run(student, tmp_path / "ours", dropout=0.0, **options)
    monkeypatch.setattr(sft, "LOGITS", 0)  # no room for logits: TRL's tiles
    theirs = run(student, tmp_path / "theirs", dropout=0.0, **options)
    losses = [[point["loss"] for point in context.figures["losses"]] for context in (ours, theirs)]
    assert losses[0] == pytest.approx(losses[1], abs=5e-3)


def test_one_packed_step_is_the_step_of_its_rows(student: Path, tmp_path: Path) -> None:
    losses = []
    for packing, batch in ((True, 64), (False, 64)):
        options = {"packing": packing, "batch": batch, "epochs": 1, "dropout": 0.0, "warmup": 0.0}
        context = run(student, tmp_path / str(packing), records(12), max_length=256, method="lora", **options)
        losses.append([point["loss"] for point in context.figures["losses"]])
    assert len(losses[0]) == len(losses[1]) == 1
    assert losses[0] == pytest.approx(losses[1], abs=2e-3)


def test_packing_is_refused_where_rows_would_see_each_other(
    student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.rows.ordering.leak", lambda *_: True)
    with pytest.raises(TrainingError, match=r"would see each other.*packing: false"):
        run(student, tmp_path, packing=True)


@pytest.mark.parametrize("more", [{"objective": "dpo"}, {"method": "prompt_tuning"}])
def test_packing_where_it_means_nothing_is_refused(more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="packing:"):
        Options(packing=True, **more)
