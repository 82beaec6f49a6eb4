"""What each process gets of a step, and what is written out to start them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from seedbed import ranks
from seedbed.errors import InputError, TrainingError
from seedbed.training import as_typed
from train.launch import written
from train.launch.shares import Dealt, Share, filled, share, with_blank
from train.options import Options
from train.rows.batches import LengthGrouped

LENGTHS = [5, 90, 33, 12, 70, 8, 41, 60, 22, 17]


@pytest.mark.parametrize(("batch", "accumulation", "world", "expected"), [
    (4, 1, 1, (4, 1)),
    (4, 1, 2, (2, 1)),
    (4, 2, 2, (4, 1)),
    (4, 4, 2, (4, 2)),
    (6, 2, 3, (4, 1)),
    (1, 8, 4, (1, 2)),
    (4, 3, 2, (3, 2)),
])  # fmt: skip
def test_a_step_keeps_its_rows_whatever_the_number_of_processes(
    batch: int, accumulation: int, world: int, expected: tuple[int, int]
) -> None:
    part = share(Options(batch=batch, accumulation=accumulation), world)
    assert (part.batch, part.accumulation) == expected
    assert part.rows == batch * accumulation


def test_rows_that_cannot_be_shared_evenly_are_refused() -> None:
    with pytest.raises(InputError, match="4 rows .* 3 processes.*batch: 1 and accumulation: 6"):
        share(Options(batch=4), 3)
    with pytest.raises(InputError, match="preferences are learned in one process"):
        share(Options(objective="dpo"), 2)


def steps(part: Share, dealt: Dealt) -> list[list[list[int]]]:
    """The rows of each process in each step, as accelerate deals batches in turn."""
    order = list(dealt)
    assert len(order) == len(dealt)
    batches = [order[i : i + part.batch] for i in range(0, len(order), part.batch)]
    a_step = part.world * part.accumulation
    return [
        [[row for batch in batches[i + process : i + a_step : part.world] for row in batch]
         for process in range(part.world)]
        for i in range(0, len(batches), a_step)
    ]


@pytest.mark.parametrize(("batch", "accumulation", "world"), [(4, 1, 2), (2, 2, 2), (4, 2, 4), (1, 4, 4)])
def test_each_step_has_the_rows_that_one_process_would_have(batch: int, accumulation: int, world: int) -> None:
    inner = LengthGrouped(LENGTHS, batch, seed=3)
    part = share(Options(batch=batch, accumulation=accumulation), world)
    found = steps(part, Dealt(inner, part, blank=99))
    alone = list(inner)
    expected = [sorted(alone[i : i + part.rows]) for i in range(0, len(alone), part.rows)]
    assert [sorted(row for rows in step for row in rows if row != 99) for step in found] == expected
    assert all(len({len(rows) for rows in step}) == 1 for step in found)  # nobody waits for a batch that never comes


def test_no_process_gets_all_the_long_rows() -> None:
    inner = LengthGrouped(LENGTHS, 10, seed=3)
    part = share(Options(batch=10), 2)
    [step] = steps(part, Dealt(inner, part, blank=99))
    tokens = [sum(LENGTHS[row] for row in rows) for rows in step]
    assert sum(tokens) == sum(LENGTHS) and abs(tokens[0] - tokens[1]) < 0.2 * sum(tokens)


def test_an_empty_row_has_nothing_to_learn() -> None:
    import datasets

    rows = datasets.Dataset.from_dict(
        {"input_ids": [[1, 2, 3], [4, 5], [6, 7, 8]], "labels": [[-100, 2, 3], [-100, 5], [6, 7, 8]], "record": list("abc")}
    )
    blank = with_blank(rows)
    assert len(blank) == 4 and blank[3] == {"input_ids": [4, 5], "labels": [-100, -100], "record": "b"}
    even = filled(rows, Share(batch=2, accumulation=1, world=2))
    assert len(even) == 4 and set(even[3]["labels"]) == {-100}
    assert filled(rows, Share(batch=3, accumulation=1, world=1)) is rows


def test_fewer_processes_than_were_asked_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (ranks.world(), ranks.rank(), ranks.sharded()) == (1, 0, False)
    monkeypatch.setenv(ranks.WANTED, "2")
    with pytest.raises(TrainingError, match="2 processes were to train together and 1 was started"):
        ranks.world()
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert ranks.world() == ranks.here() == 2
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    assert ranks.sharded()


def test_what_is_written_starts_the_same_command_with_that_many(tmp_path: Path) -> None:
    typed = ["train", "my data.jsonl", "--out", "run", "--launch", "2"]
    assert as_typed(typed) == ["train", "my data.jsonl", "--out", "run"]
    assert as_typed(["train", "--launch", "job.yaml"]) == ["train", "job.yaml"] == as_typed(
        ["train", "--launch=4", "job.yaml"]
    )
    lines = written.write(tmp_path, as_typed(typed), Options(), 2)
    ddp, fsdp = ((tmp_path / f"{name}.sh").read_text() for name in ("ddp", "fsdp"))
    assert "export SEEDBED_PROCESSES=2" in ddp and "export SEEDBED_PROCESSES=2" in fsdp
    start = "torchrun --standalone --nproc-per-node 2 -m seedbed.cli train 'my data.jsonl' --out run"
    assert f"exec {start}\n" in ddp and f"  {start}" in lines
    settings = yaml.safe_load((tmp_path / "fsdp.yaml").read_text())
    assert settings["num_processes"] == 2 and settings["fsdp_config"]["fsdp_version"] == 2
    assert f"accelerate launch --config_file {tmp_path / 'fsdp.yaml'} -m seedbed.cli" in fsdp
    assert (tmp_path / "ddp.sh").stat().st_mode & 0o111
    assert lines[0].startswith("4 rows a step, as in one process: 2 × 1 in each of 2")


def test_accelerate_reads_what_is_written(tmp_path: Path) -> None:
    from accelerate.commands.config import load_config_from_file

    written.write(tmp_path, ["train"], Options(), 4)
    for name, kind in (("ddp", "MULTI_GPU"), ("fsdp", "FSDP")):
        read = load_config_from_file(str(tmp_path / f"{name}.yaml"))
        assert read.distributed_type == kind and read.num_processes == 4
