"""Each check before a training: what it finds, and that an error stops it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from seedbed.context import Context
from seedbed.errors import PreflightError
from train.checks import rates
from train.checks.memory import Memory, disk_needed, estimate, fitting
from train.checks.preflight import Facts, Finding, check, tell
from train.checks.talk import Talk
from train.options import Method, Objective, Options
from train.rows.data import Counts
from train.students.model import Shape

LAYERS = {f"layers.{i}.{name}": (64, 64) for i in range(2) for name in ("q_proj", "k_proj", "v_proj", "up_proj")}
SHAPE = Shape(parameters=100_000, linear=LAYERS, layers=2, hidden=64, intermediate=128, vocabulary=512, positions=2048)
GOOD = Facts(
    options=Options(),
    train=Counts(records=200, rows=200, tokens=30_000, learned=20_000, longest=300),
    validation=Counts(records=20, rows=20),
    general=16,
    steps=150,
    shape=SHAPE,
    pad="<|endoftext|>",
    end="<|im_end|>",
    longest=300,
    memory=Memory(weights=10, adapter=5, optimiser=5, activations=10, logits=10, libraries=10),
    free=1000,
    disk=100,
    disk_free=1000,
)


def facts(**changes: Any) -> Facts:
    for part in ("options", "train", "validation", "shape"):
        if isinstance(changes.get(part), dict):
            changes[part] = msgspec.structs.replace(getattr(GOOD, part), **changes[part])
    return msgspec.structs.replace(GOOD, **changes)


def found(of: Facts) -> dict[str, str]:
    return {finding.name: finding.level for finding in check(of) if finding.level != "ok"}


def test_a_sound_training_passes_every_check() -> None:
    findings = check(GOOD)
    assert {finding.level for finding in findings} == {"ok"}
    assert [finding.name for finding in findings] == [
        "training_records", "general_share", "learning_rate", "epochs", "target_modules", "chat_template", "end_token",
        "pad_token", "length", "validation", "memory", "disk",
    ]  # fmt: skip
    assert all(finding.figure and finding.why for finding in findings)


@pytest.mark.parametrize(("changes", "name", "level"), [
    ({"general": 9}, "general_share", "warning"),
    ({"options": {"learning_rate": 1e-5}}, "learning_rate", "warning"),
    ({"options": {"learning_rate": 1e-3}}, "learning_rate", "warning"),
    ({"options": {"learning_rate": 0.1}}, "learning_rate", "error"),
    ({"options": {"epochs": 4}}, "epochs", "warning"),
    ({"options": {"targets": ("q_proj",)}}, "target_modules", "warning"),
    ({"options": {"targets": ("no_such",)}}, "target_modules", "error"),
    ({"train": {"refused": 3, "why": "roles must alternate"}}, "chat_template", "warning"),
    ({"train": {"unclean": 200}}, "chat_template", "warning"),
    ({"train": {"folded": 7}}, "system_role", "warning"),
    ({"train": {"marked": 2}}, "special_tokens_in_text", "warning"),
    ({"train": {"endless": 200}}, "end_token", "error"),
    ({"pad": "<|im_end|>"}, "pad_token", "warning"),
    ({"train": {"cut": 9, "dropped": 2}}, "length", "warning"),
    ({"shape": {"positions": 512}}, "length", "error"),
    ({"validation": Counts()}, "validation", "warning"),
    ({"free": 55}, "memory", "warning"),
    ({"free": 49}, "memory", "error"),
    ({"disk_free": 99}, "disk", "error"),
    ({"steps": 9}, "training_records", "warning"),
    ({"end": ""}, "end_token", "error"),
    ({"talk": Talk(tokens=600)}, "vocabulary", "error"),
    ({"talk": Talk(split=("<|user|>",))}, "template_mismatch", "warning"),
    ({"talk": Talk(untrained=("<|im_start|>",))}, "template_mismatch", "warning"),
    ({"talk": Talk(other="<start_of_turn>")}, "template_mismatch", "warning"),
    ({"talk": Talk(closes="<|im_end|>", stops=("</s>",))}, "stop_token", "warning"),
    ({"shape": {"linear": {"layers.0.q_proj": (80, 64)}}}, "quantisation", "error"),
])  # fmt: skip
def test_each_fault_is_found_and_nothing_else_is(changes: dict[str, Any], name: str, level: str) -> None:
    assert found(facts(**changes)) == {name: level}
    fault = next(finding for finding in check(facts(**changes)) if finding.name == name)
    assert fault.why and fault.remedy


@pytest.mark.parametrize(("method", "objective", "low", "good", "high", "ruin"), [
    ("qlora", "sft", 1e-5, 2e-4, 1e-3, 0.1),
    ("full", "sft", 5e-7, 2e-5, 2e-4, 1e-2),
    ("prompt_tuning", "sft", 1e-4, 3e-2, 1.0, 20.0),
    ("lora", "dpo", 1e-7, 5e-6, 2e-4, 1e-2),
    ("full", "dpo", 1e-8, 5e-7, 2e-5, 1e-3),
    ("full", "pretrain", 1e-6, 3e-5, 1e-3, 1e-2),
])  # fmt: skip
def test_each_method_and_objective_has_rates_of_its_own(
    method: Any, objective: Any, low: float, good: float, high: float, ruin: float
) -> None:
    levels = []
    for rate in (low, good, high, ruin):
        of = facts(options={"method": method, "objective": objective, "learning_rate": rate})
        finding = next(finding for finding in check(of) if finding.name == "learning_rate")
        levels.append(finding.level)
        assert f"usual for {method}" in finding.why and "learning_rate: " in (finding.remedy or "learning_rate: ")
    assert levels == ["warning", "ok", "warning", "error"]


def test_the_rate_that_nobody_names_passes_its_own_check() -> None:
    for method in get_args(Method):
        for objective in get_args(Objective):
            usual = rates.usual(options := Options(method=method, objective=objective))
            assert usual.low <= options.learning_rate <= usual.high, (method, objective)


def test_a_template_that_cannot_be_used_leaves_the_checks_that_need_no_rows() -> None:
    broken = facts(train=Counts(), fault="the tokenizer has no chat template", mend="Take the instruct version")
    assert found(broken) == {"chat_template": "error"}
    assert "learning_rate" in {finding.name for finding in check(broken)}


def test_odd_sizes_are_no_matter_without_quantisation() -> None:
    odd = {"linear": {"layers.0.q_proj": (80, 64)}}
    assert found(facts(shape=odd, options={"method": "lora"})) == {}


def test_few_records_are_a_warning_and_none_an_error() -> None:
    assert found(facts(train={"records": 20}, general=2))["training_records"] == "warning"
    none = facts(train={"records": 5, "refused": 5, "why": "roles must alternate"}, steps=0)
    finding = check(none)[0]
    assert finding.level == "error" and "5 refused: roles must alternate" in finding.figure


def test_findings_are_said_and_kept_and_an_error_stops(tmp_path: Path) -> None:
    class Heard:
        lines: list[str] = []

        def update(self, done: int, total: int | None = None, note: str = "") -> None: ...

        def say(self, line: str) -> None:
            self.lines.append(line)

    context = Context(tmp_path, progress=Heard())
    findings = [
        Finding("ok", "epochs", "3", "Up to three.", "never shown"),
        Finding("error", "end_token", "missing in 2 of 2 rows", "It does not stop.", "Mend the template"),
    ]
    with pytest.raises(PreflightError) as stopped:
        tell(findings, context)
    assert str(stopped.value) == "train: end token: missing in 2 of 2 rows. It does not stop. Mend the template"
    assert Heard.lines == [
        "  ok      epochs: 3. Up to three.",
        "  error   end token: missing in 2 of 2 rows. It does not stop. Mend the template.",
    ]
    assert context.figures["preflight"][1] == {
        "level": "error", "name": "end_token", "figure": "missing in 2 of 2 rows", "why": "It does not stop.",
        "remedy": "Mend the template",
    }  # fmt: skip


def test_memory_grows_with_what_takes_it() -> None:
    options = Options()
    plain = estimate(SHAPE, options, 300, checkpointing=False)
    assert plain.adapter + plain.optimiser == 16 * 8 * 16 * (64 + 64)  # rank × layers × 16 bytes × (in + out)
    assert plain.weights == int(8 * 64 * 64 * 0.516 + 2 * (100_000 - 8 * 64 * 64))
    bigger = msgspec.structs.replace(options, method="lora", batch=8, rank=32)
    more = estimate(SHAPE, bigger, 300, checkpointing=False)
    assert (
        more.weights == 200_000
        and more.adapter == 2 * plain.adapter
        and plain.activations < more.activations < 2 * plain.activations  # a 4-bit layer's output is copied
    )
    assert estimate(SHAPE, options, 600, checkpointing=False).activations == pytest.approx(
        2 * plain.activations, rel=1e-6
    )
    assert estimate(SHAPE, options, 300, checkpointing=True).activations < plain.activations
    assert disk_needed(SHAPE, bigger) > disk_needed(SHAPE, options) > 3 * 12 * SHAPE.adapter_parameters(options)
    parts = (plain.weights, plain.adapter, plain.optimiser, plain.activations, plain.logits, plain.libraries)
    assert plain.total == sum(parts)


def test_full_training_takes_every_weight_four_times_and_a_soft_prompt_next_to_nothing() -> None:
    full = estimate(SHAPE, Options(method="full"), 300, checkpointing=False)
    prompt = estimate(SHAPE, Options(method="prompt_tuning"), 300, checkpointing=False)
    assert full.weights == 4 * SHAPE.parameters and full.optimiser == 8 * SHAPE.parameters
    assert full.adapter == 2 * 8 * 64 * 64  # bf16 copies of the linear layers; gradients come as activations go
    summed = estimate(SHAPE, Options(method="full", accumulation=2), 300, checkpointing=False)
    assert summed.adapter == full.adapter + 4 * SHAPE.parameters
    assert prompt.optimiser == 8 * 20 * SHAPE.hidden and prompt.weights == 2 * SHAPE.parameters


def test_too_little_memory_says_what_to_set_and_what_that_takes() -> None:
    large = {"layers": 40, "hidden": 4096, "intermediate": 11008, "vocabulary": 1000}
    tight = facts(shape=large, longest=1024, memory=Memory(10**9, 0, 0, 4 * 10**10, 0, 0), free=25 * 10**8)
    said = next(finding for finding in check(tight) if finding.name == "memory")
    assert said.level == "error" and said.figure == "about 41.0 GB of 2.5 GB free (activations 40.0, weights 1.0)"
    assert said.remedy.startswith("Set activation_checkpointing: on, batch: 1, accumulation: 4: that takes about ")
    hopeless = msgspec.structs.replace(tight, free=10**6)
    assert "smaller student" in next(f for f in check(hopeless) if f.name == "memory").remedy


def test_what_is_advised_for_pairs_is_counted_over_both_sides() -> None:
    shape = msgspec.structs.replace(SHAPE, layers=40, hidden=4096, intermediate=11008)
    options = Options(objective="dpo", batch=8)
    one = estimate(shape, msgspec.structs.replace(options, batch=1), 2 * 1000, True).total
    advised = fitting(shape, options, 2 * 1000, one)
    assert advised == f"Set activation_checkpointing: on, batch: 1, accumulation: 8: that takes about {one / 1e9:.1f} GB"
    assert "max_length: 500" in fitting(shape, options, 2 * 1000, one - 1)


def test_full_training_that_does_not_fit_is_offered_an_adapter_at_its_own_rate() -> None:
    options = Options(method="full", batch=1)
    whole = estimate(SHAPE, options, 300, True).total
    said = fitting(SHAPE, options, 300, whole - 1)
    assert said.startswith("Set activation_checkpointing: on, method: lora, learning_rate: 0: that takes about ")


def test_virtual_tokens_take_places_of_the_context() -> None:
    full = facts(options=Options(method="prompt_tuning", max_length=2048))
    said = next(finding for finding in check(full) if finding.name == "length")
    assert said.level == "error" and said.figure == "2048 tokens behind 20 virtual ones, the student takes 2048"
    assert said.remedy == "Set max_length: 2028"
    fitting_one = facts(options=Options(method="prompt_tuning", max_length=2028))
    assert "length" not in found(fitting_one)


def test_processes_of_one_machine_share_its_memory() -> None:
    assert found(facts(processes=25)) == {"memory": "error"}


@pytest.mark.parametrize(("wrong", "said"), [
    ({"rank": 0}, "rank: expected 1 or more"),
    ({"targets": "most"}, "targets: expected all-linear"),
    ({"targets": ()}, "targets"),
    ({"warmup": 1.0}, "warmup: expected a share"),
    ({"learning_rate": -1e-4}, "learning_rate: expected more than 0"),
    ({"student": " "}, "student"),
    ({"dropout": 1.0}, "dropout"),
])  # fmt: skip
def test_contradictory_options_are_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Options(**wrong)


def test_options_come_from_yaml_types() -> None:
    read = msgspec.convert({"targets": ["q_proj", "v_proj"], "method": "lora", "epochs": 2}, Options)
    assert read.targets == ("q_proj", "v_proj") and read.method == "lora"
    with pytest.raises(msgspec.ValidationError, match="unknown field `lr`"):
        msgspec.convert({"lr": 1}, Options)
