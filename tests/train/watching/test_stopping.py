"""When a training stops, by which of the two losses, and what it keeps."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import InputError, TrainingError
from tests.train.forgetting.facts import capitals
from tests.train.test_stage import DATA, run
from tests.train.tiny import records
from train import stage
from train.forgetting.options import Forgetting
from train.job import step_of
from train.watching.stopping import DOMAIN, GENERAL, forgotten, reason

NARROW = [*records(20), *records(6, "validation")]


def history(domain: list[float], general: list[float] | None = None) -> list[dict[str, Any]]:
    """Validations every 3 steps, the first of the base, as transformers logs them."""
    found: list[dict[str, Any]] = []
    for i, loss in enumerate(domain):
        found += [{"loss": 9.0, "step": 3 * i}, {DOMAIN: loss, "step": 3 * i}]
        if general:
            found.append({GENERAL: general[i], "step": 3 * i})
    return found


@pytest.mark.parametrize(
    ("domain", "general", "patience", "bound", "why"),
    [
        ([5, 4, 3, 3.1], None, 2, None, ""),
        ([5, 4, 3, 3.1, 3.2], None, 2, None, "domain"),
        ([5, 4, 3, 3.1, 3.2], None, 0, None, ""),
        ([1, 4, 3, 2], None, 2, None, ""),  # the base itself is no candidate
        ([5, 4, 3], [1.0, 1.02, 1.05], 2, 0.05, ""),
        ([5, 4, 3], [1.0, 1.02, 1.051], 2, 0.05, "general"),
        ([5, 4, 3], [1.0, 1.02, 9.0], 2, None, ""),
        ([5, 4, 3], [1.0, 1.02, math.nan], 2, 0.05, "general"),
        ([5, 4, 3, 3.1, 3.2], [1.0, 1.0, 1.0, 1.0, 1.2], 2, 0.05, "general"),
    ],
)
def test_which_loss_says_stop(
    domain: list[float], general: list[float] | None, patience: int, bound: float | None, why: str
) -> None:
    assert reason(history(domain, general), patience, bound) == why


def test_what_was_forgotten_is_counted_from_the_base() -> None:
    now = forgotten(history([5, 4, 3], [1.5, 1.4, 1.8]))
    assert now and (now.base, now.now) == (1.5, 1.8) and now.share == pytest.approx(0.2)
    assert forgotten(history([5, 4])) is None


def steps(points: list[dict[str, float]]) -> list[float]:
    return [point["step"] for point in points]


def test_a_bound_stops_the_training_and_keeps_the_best_within_it(scholar: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    data = [*NARROW, *capitals("validation")]
    context = run(scholar, tmp_path, data, method="lora", patience=0, forgetting=Forgetting(bound=1.5))
    figures = context.figures
    base, *later = [point["loss"] for point in figures["general"]]
    assert all(loss <= 2.5 * base for loss in later[:-1]) and later[-1] > 2.5 * base
    assert figures["stopped_by"] == "general" and figures["stopped_early"]
    assert figures["steps"] == figures["kept_step"] + 3 < 15
    assert steps(figures["general"]) == steps(figures["validation"])
    said = [line for line in context.progress.lines if "stopped" in line]  # type: ignore[attr-defined]
    assert len(said) == 1 and f"the adapter of step {figures['kept_step']} is kept" in said[0]
    kept = tmp_path / "checkpoints" / f"checkpoint-{figures['kept_step']}"
    saved, best = (load_file(folder / "adapter_model.safetensors") for folder in (tmp_path / "adapter", kept))
    assert all(bool((saved[name] == best[name]).all()) for name in best)


def test_one_that_had_stopped_and_was_killed_before_it_was_saved_does_not_train_on(
    scholar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("killed")

    data, options = [*NARROW, *capitals("validation")], {"method": "lora", "forgetting": Forgetting(bound=1.5)}
    with monkeypatch.context() as patched, pytest.raises(RuntimeError, match="killed"):
        patched.setattr(stage, "_save", fail)
        run(scholar, tmp_path, data, **options)
    stopped_at = max(step_of(path) for path in (tmp_path / "checkpoints").glob("checkpoint-*"))
    assert stopped_at < 15
    figures = run(scholar, tmp_path, data, **options).figures
    assert figures["steps"] == stopped_at == figures["kept_step"] + 3 and figures["stopped_by"] == "general"


def test_a_bound_that_is_passed_at_once_leaves_nothing_to_keep(scholar: Path, tmp_path: Path) -> None:
    data = [*NARROW, *capitals("validation")]
    with pytest.raises(TrainingError, match="no earlier adapter lies within the bound.*penalty: kl"):
        run(scholar, tmp_path, data, method="lora", forgetting=Forgetting(bound=0.01), learning_rate=9e-3)
    assert not (tmp_path / "adapter").exists()


def test_a_bound_without_validation_is_refused(student: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no validation records.*stage `split`"):
        run(student, tmp_path, records(20), forgetting=Forgetting(bound=0.05))


def test_general_records_of_the_validation_set_are_watched_apart_from_the_domain(student: Path, tmp_path: Path) -> None:
    context = run(student, tmp_path, [*NARROW, *capitals("validation")], epochs=1)
    assert context.figures["general_from"] == "validation"
    assert context.figures["validation_records"]["records"] == 6
    assert context.figures["general"][0]["loss"] != context.figures["validation"][0]["loss"]


def test_without_any_seedbeds_own_are_watched(student: Path, tmp_path: Path) -> None:
    figures = run(student, tmp_path, DATA, epochs=1).figures
    assert figures["general_from"] == "seedbed" and steps(figures["general"]) == [0, 3, 5]


def test_nothing_is_watched_where_nobody_wants_it_or_nobody_validates(student: Path, tmp_path: Path) -> None:
    unwatched = run(student, tmp_path / "a", DATA, epochs=1, forgetting=Forgetting(watched=0)).figures
    unsplit = run(student, tmp_path / "b", records(20), epochs=1).figures
    assert [figures["general"] for figures in (unwatched, unsplit)] == [[], []]


def test_general_loss_is_told_while_it_trains(scholar: Path, tmp_path: Path) -> None:
    context = run(scholar, tmp_path, [*NARROW, *capitals("validation")], epochs=1, method="lora")
    notes = [note for _, _, note in context.progress.updates if note.startswith("loss")]  # type: ignore[attr-defined]
    last = context.figures["general"][-2]["loss"]  # the last one is taken after the last step was told
    assert notes[-1].startswith("loss ") and f", general {last:.2f}, " in notes[-1]
