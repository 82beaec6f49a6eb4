"""`seedbed curate`: any data set in, a curated one and its report out; with a config and without."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from seedbed import curating
from seedbed.config import convert, load
from seedbed.errors import InputError
from seedbed.stages import STAGES
from tests.seedbed.commands import one_line, records

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "curate.yaml"
ALPACA = [
    {"instruction": "What does the valve V2 do?", "input": "", "output": "It limits the pressure<br>of the pump."},
    {"instruction": "What does the valve V2 do ?", "input": "", "output": "Nobody knows what it is for."},
    {"instruction": "阀门 V2 有什么用？", "input": "", "output": "阀门 V2 限制离心泵的压力。"},
    {"instruction": "多久换一次油？", "input": "", "output": ""},
]
TALKS = [{"conversations": [{"from": "human", "value": "How often is oil changed?"}, {"from": "gpt", "value": "Yearly."}]}]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "alpaca.jsonl", ALPACA)
    write(tmp_path / "more" / "talks.jsonl", TALKS)
    return tmp_path


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def test_files_and_folders_become_a_data_set_and_a_report_without_a_config(seedbed: Any, data: Path) -> None:
    done = seedbed("curate", "alpaca.jsonl", "more", "--out", "out")
    assert done.status == 0, done.err
    assert [path.name for path in sorted((data / "out").glob("[0-9]*"))] == [
        "01-import", "02-clean", "03-rules", "04-exact", "05-rouge", "06-split", "07-mix", "08-export", "09-report"]
    assert len(records(data / "out" / "01-import")) == 5
    [cleaned] = records(data / "out" / "02-clean", "rejected")
    assert cleaned.rejection and cleaned.rejection.reason == "empty"
    [twin] = records(data / "out" / "05-rouge", "rejected")
    assert twin.rejection and twin.rejection.match == records(data / "out" / "05-rouge")[0].id
    assert {r.instruction for r in records(data / "out" / "05-rouge")} == {
        "What does the valve V2 do?", "阀门 V2 有什么用？", "How often is oil changed?"}
    assert done.out.splitlines()[-1] == f"Report: {data / 'out' / '09-report' / 'report.html'}"


def test_a_config_says_which_stages_with_which_options_and_the_command_line_which_data(seedbed: Any, data: Path) -> None:
    columns = {"instruction": "q", "output": "a"}
    job = {"records": {"paths": ["elsewhere.jsonl"], "columns": columns}, "seed": 3, "curate": ["clean", {"exact": {"on": "answer"}}]}
    (data / "curate.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")
    write(data / "qa.jsonl", [{"q": "Is it on?", "a": "Yes."}, {"q": "开着吗？", "a": "是。"}, {"q": "Is it off?", "a": "yes."}])
    done = seedbed("curate", "qa.jsonl", "--config", "curate.yaml", "--out", "out")
    assert done.status == 0, done.err
    [again] = records(data / "out" / "03-exact", "rejected")
    assert (again.instruction, len(records(data / "out" / "03-exact"))) == ("Is it off?", 2)
    assert yaml.safe_load((data / "out" / "job.yaml").read_text())["seed"] == 3


def test_a_plan_tells_what_would_be_read_and_done_and_does_nothing(seedbed: Any, data: Path) -> None:
    (data / "alpaca.jsonl").write_text((data / "alpaca.jsonl").read_text() + '{"nothing": 1}\n')
    done = seedbed("curate", "alpaca.jsonl", "--out", "out", "--plan")
    lines = done.out.splitlines()
    assert done.status == 0 and not (data / "out").exists()
    assert lines[0].startswith("Reads alpaca.jsonl") and lines[0].endswith("alpaca 4 (of the first 100 rows)")
    assert lines[1].startswith("  1 of them cannot be read; line 5: no known format has the keys nothing")
    assert [line.split()[0] for line in lines[3:]][:3] == ["01-import", "02-clean", "03-rules"]


def test_it_stops_after_a_stage_and_goes_on_from_there(seedbed: Any, data: Path) -> None:
    assert seedbed("curate", "alpaca.jsonl", "--out", "out", "--stop-after", "rules").status == 0
    assert not (data / "out" / "04-exact").exists()
    done = seedbed("curate", "alpaca.jsonl", "--out", "out")
    assert done.status == 0 and "03-rules: already done" in done.out
    assert "no stage `polish`" in seedbed("curate", "alpaca.jsonl", "--out", "out", "--stop-after", "polish").err


def test_a_format_can_be_named_and_is_then_demanded(seedbed: Any, data: Path) -> None:
    done = seedbed("curate", "alpaca.jsonl", "--format", "sharegpt", "--out", "out")
    assert done.status == 2 and "no row could be read; the first (line 1)" in one_line(done)
    assert "unknown 'parrot'; known: alpaca" in one_line(seedbed("curate", "alpaca.jsonl", "--format", "parrot", "--out", "o"))


@pytest.mark.parametrize(("words", "why"), [
    (["alpaca.jsn"], "alpaca.jsn: no such data"),
    (["missing.jsonl"], "missing.jsonl: no such data"),
    (["more/missing.jsonl"], "no such data"),
    (["a/b", "c/d"], "one data set of the hub at a time"),
])
def test_what_is_no_data_is_told_with_a_next_step(seedbed: Any, data: Path, words: list[str], why: str) -> None:
    assert why in one_line(seedbed("curate", *words, "--out", "out"))


def test_owner_and_name_are_a_data_set_of_the_hub_unless_such_a_folder_is_there(data: Path) -> None:
    assert curating.sources(["owner/name", "alpaca.jsonl"], "alpaca") == {
        "paths": [str(data / "alpaca.jsonl")], "dataset": "owner/name", "format": "alpaca"}
    (data / "owner" / "name").mkdir(parents=True)
    assert curating.sources(["owner/name"]) == {"paths": [str(data / "owner" / "name")]}
    (data / "owner" / "name" / "state.json").write_text("{}")
    assert curating.sources(["owner/name"])["dataset"] == str(data / "owner" / "name")
    with pytest.raises(InputError, match="no such data file"):
        curating.sources(["name"])


@pytest.mark.parametrize(("rows", "why"), [
    ("", "holds no rows"),
    ("\n \n", "holds no rows"),
    ('{"instruction": "a", "output": ""}\n{"instruction": "b", "output": " "}\n', "nothing was kept of 2 (empty 2)"),
])
def test_no_records_and_none_left_are_one_clear_error(seedbed: Any, data: Path, rows: str, why: str) -> None:
    (data / "none.jsonl").write_text(rows)
    done = seedbed("curate", "none.jsonl", "--out", "out")
    assert done.status == 2 and why in one_line(done)


@pytest.mark.parametrize(("flags", "why"), [
    (["--processes", "-1"], "expected 0 (as many as there are cores) or more, not -1"),
    ([], "job.yaml:3: curate.rouge.threshold: expected a similarity above 0 and up to 1, got 1.5"),
])
def test_a_number_out_of_range_is_told_with_its_place(seedbed: Any, data: Path, flags: list[str], why: str) -> None:
    (data / "job.yaml").write_text("curate:\n  - clean\n  - rouge: {threshold: 1.5}\n")
    config = flags or ["--config", "job.yaml"]
    assert why in one_line(seedbed("curate", "alpaca.jsonl", "--out", "out", *config))


def test_the_shipped_config_names_every_stage_and_its_comments_are_the_defaults(tmp_path: Path) -> None:
    text = CONFIG.read_text(encoding="utf-8")
    named = re.findall(r"^  (?:# )?- (\w+):", text, re.M)
    assert sorted({*named}) == sorted(named)
    assert {name for name, stage in STAGES.items() if stage.group == "curate"} <= {*named}
    (tmp_path / "curate.yaml").write_text(re.sub(r"^      # ", "      ", text, flags=re.M), encoding="utf-8")
    job = load(tmp_path / "curate.yaml")
    told = {entry.name: entry.options for entry in job.stages() if entry.group == "curate"}
    for name, options in told.items():
        type_ = STAGES[name].options
        assert convert(options, type_, job, ()) == type_(), name
        assert set(options) == {field.encode_name for field in msgspec.structs.fields(type_)}, name
    assert [next(iter(entry)) for entry in curating.default_stages()] == list(told)
