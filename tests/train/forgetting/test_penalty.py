"""The penalties against direct computations, and what they do to a training."""

from __future__ import annotations

import random
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seedbed.errors import TrainingError
from tests.train.forgetting.facts import capitals
from tests.train.test_stage import curve, run
from tests.train.tiny import records
from train import libraries
from train.forgetting import ewc
from train.forgetting.options import Forgetting
from train.forgetting.penalty import Penalty, collated, kl, penalised
from train.names import lora
from train.rows.data import Counts, Fit, rows
from train.rows.template import Template
from train.stage import Options
from train.students import model

DATA = [*records(20), *records(6, "validation"), *capitals("validation")[1::2]]


@pytest.fixture
def adapted(scholar: Path) -> tuple[Any, list[dict[str, list[int]]]]:
    """The student with a fresh adapter in 32 bits, and rows of the capitals."""
    from peft import get_peft_model

    with libraries.prepared(threads=1):
        tokenizer = model.load_tokenizer(scholar)
        found = [row for _, row in rows(capitals(), Template(tokenizer), Fit(256), Counts())]
        base = model.load(scholar, "lora", tokenizer).float()
        tuned = get_peft_model(base, lora(Options(method="lora", rank=4)))
    return tuned, [{"input_ids": row.input_ids, "labels": row.labels} for row in found]


def moved(tuned: Any) -> None:
    """The adapter after some training."""
    import torch

    torch.manual_seed(1)
    for name, value in tuned.named_parameters():
        if "lora_B" in name:
            value.data.normal_(std=0.05)


def direct(tuned: Any, batch: dict[str, Any]) -> Any:
    """KL(base ‖ tuned) by its definition, over all logits."""
    import torch

    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad(), tuned.disable_adapter():
        base = tuned(**inputs).logits[:, :-1].log_softmax(-1)
    now = tuned(**inputs).logits[:, :-1].log_softmax(-1)
    learned = batch["labels"][:, 1:] != -100
    return (base.exp() * (base - now)).sum(-1)[learned].mean()


def gradients(tuned: Any, loss: Any) -> dict[str, Any]:
    import torch

    named = ewc.trained(tuned)
    found = torch.autograd.grad(loss, [value for _, value in named])
    return {name: gradient for (name, _), gradient in zip(named, found, strict=True)}


def test_an_adapter_that_has_learned_nothing_is_the_base(adapted: tuple[Any, Any]) -> None:
    tuned, found = adapted
    assert float(kl(tuned, collated(found[:3], 0, "cpu"), random.Random(0)).detach()) == 0


def test_kl_and_its_gradients_are_those_of_the_definition(adapted: tuple[Any, Any]) -> None:
    import torch

    tuned, found = adapted
    moved(tuned)
    batch = collated([found[0], found[13]], 0, "cpu")  # of different lengths
    ours, theirs = kl(tuned, batch, random.Random(0)), direct(tuned, batch)
    assert float(theirs.detach()) > 0.01
    assert float(ours.detach()) == pytest.approx(float(theirs.detach()), rel=1e-4)
    expected = gradients(tuned, theirs)
    for name, gradient in gradients(tuned, ours).items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-3, atol=1e-6)
    assert len(expected) == 28 and all(float(gradient.abs().max()) > 0 for gradient in expected.values())


def test_kl_over_some_positions_is_that_of_all_on_average(adapted: tuple[Any, Any]) -> None:
    tuned, found = adapted
    moved(tuned)
    batch = collated(found[:1], 0, "cpu")
    one_each = [float(kl(tuned, batch, random.Random(seed), most=1).detach()) for seed in range(100)]
    assert len(set(one_each)) == sum(label != -100 for label in found[0]["labels"])
    whole = float(kl(tuned, batch, random.Random(0)).detach())
    assert sum(one_each) / 100 == pytest.approx(whole, rel=0.25)


def test_the_fisher_information_is_the_squared_gradient_of_what_the_model_says(adapted: tuple[Any, Any]) -> None:
    import torch

    tuned, found = adapted
    batches = [collated([row], 0, "cpu") for row in found[:2]]
    ours = ewc.fisher(tuned, iter(batches))
    assert all(float(value.abs().max()) == 0 for name, value in ours.items() if "lora_A" in name)  # B is zero
    moved(tuned)
    ours = ewc.fisher(tuned, iter(batches))
    drawing, tokens = torch.Generator().manual_seed(0), 0
    theirs = {name: torch.zeros_like(value) for name, value in ewc.trained(tuned)}
    for batch in batches:
        learned = batch["labels"][0, 1:] != -100
        logs = tuned(input_ids=batch["input_ids"]).logits[0, :-1][learned].log_softmax(-1)
        drawn = torch.multinomial(logs.detach().exp(), 1, generator=drawing)
        for name, gradient in gradients(tuned, logs.gather(1, drawn).sum()).items():
            theirs[name] += gradient**2
        tokens += int(learned.sum())
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value / tokens, rtol=1e-3, atol=1e-8)


def test_the_distance_pulls_each_weight_back_as_strongly_as_it_matters(adapted: tuple[Any, Any], tmp_path: Path) -> None:
    import torch

    tuned, found = adapted

    def batches(device: Any) -> Any:
        return iter([collated([row], 0, device) for row in found[:2]])

    path = tmp_path / "fisher.safetensors"
    assert float(ewc.distance(tuned, path, 0, batches)) == 0
    important = ewc.fisher(tuned, batches("cpu"))
    moved(tuned)
    loss = ewc.distance(tuned, path, 1, batches)
    assert float(loss.detach()) > 0
    for (name, value), gradient in zip(ewc.trained(tuned), gradients(tuned, loss).values(), strict=True):
        anchor = value.detach() if "lora_A" in name else torch.zeros_like(value)
        torch.testing.assert_close(gradient, important[name] * (value.detach() - anchor))
    del tuned._ewc  # as in another process
    assert float(ewc.distance(tuned, path, 1, batches)) == float(loss)
    del tuned._ewc
    path.unlink()
    with pytest.raises(TrainingError, match="Fisher information of the start is gone"):
        ewc.distance(tuned, path, 1, batches)


def penalty(found: Any, tmp_path: Path, **options: Any) -> Penalty:
    job = SimpleNamespace(
        options=SimpleNamespace(forgetting=Forgetting(**options)),
        held=found,
        context=SimpleNamespace(seed=3),
        tokenizer=SimpleNamespace(pad_token_id=0),
        checkpoints=tmp_path,
    )
    return Penalty(job)  # type: ignore[arg-type]


def test_every_row_is_looked_at_once_before_any_is_again(tmp_path: Path) -> None:
    ours = penalty(list(range(7)), tmp_path, rows=2, every=3)
    seen = [i for step in range(0, 42, 3) for i in ours.batch(step)]
    assert [sorted(seen[lap : lap + 7]) for lap in (0, 7, 14, 21)] == [list(range(7))] * 4
    assert seen[:7] != seen[7:14]
    assert ours.batch(12) == penalty(list(range(7)), tmp_path, rows=2, every=3).batch(12)
    assert ours.batch(12) != ours.batch(12, process=1) or ours.batch(15) != ours.batch(15, process=1)


def test_a_step_of_two_batches_takes_the_penalty_once_and_its_weight_grows_with_the_interval(
    adapted: tuple[Any, Any], tmp_path: Path
) -> None:
    import torch

    tuned, found = adapted
    moved(tuned)

    class Fake:
        """A trainer whose own batches have no gradients."""

        state, args = SimpleNamespace(global_step=0), SimpleNamespace(process_index=0)
        accelerator = SimpleNamespace(
            unwrap_model=lambda model: model, no_sync=lambda model: nullcontext(), backward=lambda loss: loss.backward()
        )
        compute_loss_context_manager = nullcontext

        def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> None:
            pass

        def log(self, logs: dict[str, float]) -> None:
            self.logs = logs

    ours = penalty(found, tmp_path, penalty="kl", rows=2, every=2, weight=0.5)
    trainer = penalised(Fake, ours)()
    for step in (0, 0, 1):
        trainer.state.global_step = step
        trainer.training_step(tuned, {})
    expected = gradients(tuned, direct(tuned, collated([found[i] for i in ours.batch(0)], 0, "cpu")))
    for name, value in ewc.trained(tuned):
        torch.testing.assert_close(value.grad, 0.5 * 2 * expected[name], rtol=1e-3, atol=1e-6)
    trainer.log({"loss": 1.0})
    assert trainer.logs["penalty"] == pytest.approx(
        0.5 * float(direct(tuned, collated([found[i] for i in ours.batch(0)], 0, "cpu"))), rel=1e-3
    )


@pytest.fixture(scope="module")
def losses(scholar: Path, half: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[float]]]:
    """Of the same narrow training without and with each penalty: its losses."""
    found = {}
    weights = {"none": 1.0, "kl": 1.0, "ewc": 300.0}
    for name, weight in weights.items():
        folder = tmp_path_factory.mktemp(name)
        against = Forgetting(penalty=name, weight=weight, general=str(half), rows=4)  # type: ignore[arg-type]
        run(scholar, folder, DATA, method="lora", patience=0, forgetting=against)
        found[name] = {key: [p["loss"] for p in points] for key, points in curve(folder).items()}
        found[name]["penalty"] = [p["penalty"] for p in curve(folder)["train"] if "penalty" in p]
    return found


def test_general_loss_rises_less_with_a_penalty(losses: dict[str, dict[str, list[float]]]) -> None:
    rises = {name: found["general"][-1] - found["general"][0] for name, found in losses.items()}
    assert rises["none"] > 0.2
    assert rises["kl"] < 0.6 * rises["none"]
    assert rises["ewc"] < 0.7 * rises["none"]


def test_the_domain_is_learned_nevertheless(losses: dict[str, dict[str, list[float]]]) -> None:
    gains = {name: found["validation"][0] - found["validation"][-1] for name, found in losses.items()}
    assert gains["none"] > 2
    assert gains["kl"] > 0.95 * gains["none"] and gains["ewc"] > 0.9 * gains["none"]


def test_a_penalty_is_zero_at_the_first_step_and_told(losses: dict[str, dict[str, list[float]]]) -> None:
    assert losses["none"]["penalty"] == []
    for name in ("kl", "ewc"):
        told = losses[name]["penalty"]
        assert len(told) == 15 and told[0] == 0 and max(told) > 0
        assert losses[name]["train"][0] == losses["none"]["train"][0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kl", "ewc"])
def test_a_training_that_was_stopped_goes_on_with_the_losses_it_would_have_had(
    name: str, losses: dict[str, dict[str, list[float]]], scholar: Path, half: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests.train import test_stage

    class Stopped(Exception):
        pass

    class Stopping(test_stage.Heard):
        def update(self, done: int, total: int | None = None, note: str = "") -> None:
            if done == 8 and note:
                raise Stopped

    weight = {"kl": 1.0, "ewc": 300.0}[name]
    against = Forgetting(penalty=name, weight=weight, general=str(half), rows=4)  # type: ignore[arg-type]
    options = {"method": "lora", "patience": 0, "forgetting": against}
    monkeypatch.setattr(test_stage, "Heard", Stopping)
    with pytest.raises(Stopped):
        run(scholar, tmp_path, DATA, **options)
    monkeypatch.undo()
    again = run(scholar, tmp_path, DATA, **options)
    assert "going on from step 6 of 15" in again.progress.lines  # type: ignore[attr-defined]
    for key in ("train", "validation", "general"):
        assert [p["loss"] for p in curve(tmp_path)[key]] == pytest.approx(losses[name][key], abs=1e-4)
