"""The export: what lands in which file, and that the loaders it is made for take it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from curate.export.export import Options, export
from seedbed.context import Context
from seedbed.formats import read_records
from seedbed.record import Evidence, Message, Record, Source, Step, chat, make
from seedbed.run import Manifest, finish

SYSTEM = Message("system", "You help a technician.")
VALVE = chat(
    "Which pressure opens the relief valve?", "It opens at 6 bar.", split="train", language="en", task="doc_qa",
    source=Source(document="handbook.pdf", document_hash="4f2a91", page=3, start=10, end=60),
    labels={"kind": "fact"}, evidence=(Evidence("opens at 6 bar", 20, 34),),
    history=(Step(stage="doc_qa", operation="generate", prompt="en/doc_qa/pairs@1f0c", teacher="demo-teacher"),),
)  # fmt: skip
OIL = chat("多久换一次润滑油？", "每三个月换一次。", split="validation", language="zh", task="doc_qa",
           source=Source(document="手册.md", start=0, end=9))
TABLE = chat("Sum up the table.", "Two pumps, 40 kW in all.", input="P1 15 kW\nP2 25 kW", split="train", language="en")
DIALOGUE = make(
    messages=(SYSTEM, Message("user", "泵不转。"), Message("assistant", "先看电源。"), Message("user", "电源正常。"),
              Message("assistant", "再检查联轴器。")),
    split="test_seen", language="zh",
)  # fmt: skip
CHOICE = chat("Is the valve shut?", "Yes, since noon.", rejected=Message("assistant", "No idea."), language="en")
TEXT = make(text="第一章 安全须知", language="zh")


def run(records: list[Record], folder: Path, **options: Any) -> dict[str, Any]:
    context = Context(folder)
    assert list(export(records, Options(**options), context)) == records
    return context.figures


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def head(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8").split("---\n")[1])


def test_one_file_a_format_and_split(tmp_path: Path) -> None:
    figures = run([VALVE, OIL, TABLE], tmp_path)
    files = [f"{f}/{s}.jsonl" for f in ("alpaca", "messages", "sharegpt") for s in ("train", "validation")]
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.jsonl")} == {"left_out.jsonl", *files}
    assert figures["rows"]["alpaca"] == {"train": 2, "validation": 1}
    assert figures["left_out"] == {} == {line["id"]: line for line in lines(tmp_path / "left_out.jsonl")}
    assert lines(tmp_path / "alpaca/train.jsonl") == [
        {"instruction": VALVE.instruction, "input": "", "output": "It opens at 6 bar."},
        {"instruction": "Sum up the table.", "input": "P1 15 kW\nP2 25 kW", "output": "Two pumps, 40 kW in all."},
    ]
    assert lines(tmp_path / "sharegpt/validation.jsonl") == [
        {"conversations": [{"from": "human", "value": OIL.instruction}, {"from": "gpt", "value": OIL.answer}]}
    ]


def test_a_record_without_a_split_goes_to_train(tmp_path: Path) -> None:
    assert run([msgspec.structs.replace(VALVE, split="")], tmp_path)["rows"]["messages"] == {"train": 1}


@pytest.mark.parametrize("format", ["alpaca", "sharegpt", "messages"])
def test_what_was_written_reads_back_the_same(tmp_path: Path, format: str) -> None:
    run([VALVE, DIALOGUE, TABLE, OIL], tmp_path, formats=(format,))
    for record, name in ((OIL, "validation"), (DIALOGUE, "test_seen"), (VALVE, "train")):
        back = next(read_records(tmp_path / format / f"{name}.jsonl"))
        assert [(m.role, m.content) for m in back.messages] == [(m.role, m.content) for m in record.messages]


def test_all_rows_of_a_format_have_the_same_columns_whatever_their_split(tmp_path: Path) -> None:
    run([VALVE, OIL, DIALOGUE], tmp_path)
    for format in ("alpaca", "sharegpt"):
        rows = [row for path in (tmp_path / format).glob("*.jsonl") for row in lines(path)]
        assert len({tuple(row) for row in rows}) == 1
    assert lines(tmp_path / "alpaca/train.jsonl")[0]["system"] == ""


def test_what_a_format_cannot_hold_is_counted_and_named(tmp_path: Path) -> None:
    figures = run([VALVE, CHOICE, TEXT], tmp_path, formats=("alpaca", "preference", "text"))
    assert figures["rows"] == {"alpaca": {"train": 1}, "preference": {"train": 1}, "text": {"train": 1}}
    assert {format: sum(reasons.values()) for format, reasons in figures["left_out"].items()} == {
        "alpaca": 2, "preference": 2, "text": 2,
    }  # fmt: skip
    named = lines(tmp_path / "left_out.jsonl")
    assert [(line["format"], line["id"]) for line in named if line["format"] == "alpaca"] == [
        ("alpaca", CHOICE.id), ("alpaca", TEXT.id),
    ]  # fmt: skip
    assert all(line["reason"] for line in named)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert CHOICE.id in card and TEXT.id in card and named[0]["reason"] in card


def test_llama_factory_finds_every_file_column_and_role_it_is_told_of(tmp_path: Path) -> None:
    run([VALVE, OIL, DIALOGUE, CHOICE, TEXT], tmp_path,
        formats=("alpaca", "sharegpt", "messages", "preference", "text"))
    told = json.loads((tmp_path / "dataset_info.json").read_text())
    assert {"seedbed_alpaca", "seedbed_sharegpt_test_seen", "seedbed_messages_validation"} <= told.keys()
    for entry in told.values():
        rows = lines(tmp_path / entry["file_name"])
        assert rows and all(column in row for row in rows for column in entry["columns"].values())
        if "tags" in entry:
            tags = entry["tags"]
            roles = {tags[f"{name}_tag"] for name in ("user", "assistant", "system", "observation", "function")}
            turns = [turn for row in rows for turn in row[entry["columns"]["messages"]]]
            assert all(turn[tags["role_tag"]] in roles and isinstance(turn[tags["content_tag"]], str) for turn in turns)
    assert told["seedbed_alpaca"]["columns"]["history"] == "history"
    assert told["seedbed_sharegpt"]["formatting"] == "sharegpt" and "formatting" not in told["seedbed_alpaca"]
    assert told["seedbed_preference"] == {
        "file_name": "preference/train.jsonl", "ranking": True,
        "columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
    }  # fmt: skip


def test_preference_rows_are_all_lists_where_one_has_to_be(tmp_path: Path) -> None:
    longer = msgspec.structs.replace(DIALOGUE, rejected=Message("assistant", "不知道。"))
    run([CHOICE, longer], tmp_path, formats=("preference",))
    row = lines(tmp_path / "preference/train.jsonl")[0]
    assert row["prompt"] == [{"role": "user", "content": "Is the valve shut?"}]
    assert row["chosen"] == [{"role": "assistant", "content": "Yes, since noon."}]
    assert json.loads((tmp_path / "dataset_info.json").read_text()) == {}


def test_the_card_tells_counts_sources_kinds_provenance_and_licence(tmp_path: Path) -> None:
    stage = tmp_path / "02-doc_qa"
    stage.mkdir()
    finish(stage, Manifest(stage="doc_qa", fingerprint="", kept=3, rejected=7, reasons={"echo": 5, "cut_answer": 2}))
    folder = tmp_path / "03-export"
    list(export([VALVE, TABLE, OIL], Options(licence="CC-BY-4.0"), Context(folder, upstream={"doc_qa": stage})))
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "| train | 2 | 0 | 2 | for training |" in card
    assert "| handbook.pdf | 4f2a91 | 1 |" in card and "| 手册.md |  | 1 |" in card
    assert "Records that name no source: 1" in card
    assert "| fact | 1 |" in card and "| doc_qa | 2 |" in card
    assert "demo-teacher (1)" in card and "en/doc_qa/pairs@1f0c (1)" in card
    assert "1 of 3 records carry the quotes" in card
    assert "| doc_qa | 3 | 7 | echo 5, cut_answer 2 |" in card
    assert "- Licence of this data set: CC-BY-4.0" in card
    assert head(folder / "README.md")["language"] == ["en", "zh"]
    assert head(folder / "README.md")["license_name"] == "CC-BY-4.0"


def test_columns_of_imported_rows_that_are_not_exported_are_counted(tmp_path: Path) -> None:
    given = msgspec.structs.replace(VALVE, extra={"difficulty": 3})
    assert run([given], tmp_path)["columns_left_out"] == {"difficulty": 1}


def test_nothing_appears_when_the_records_break_off(tmp_path: Path) -> None:
    rest = export([VALVE, OIL], Options(), Context(tmp_path))
    next(rest)
    rest.close()
    assert [p for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".partial"] == []


@pytest.mark.parametrize("formats", [(), ("alpaca", "alpaca"), ("parquet",)])
def test_formats_that_cannot_be_are_refused(formats: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="^formats: expected some of alpaca"):
        Options(formats=formats)


@pytest.mark.slow  # imports datasets
def test_datasets_loads_every_format_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    calls = {"tool_calls": [{"type": "function", "function": {"name": "stop", "arguments": "{}"}}]}
    tools = make(messages=(Message("user", "停泵。"), Message("assistant", "", calls), Message("tool", "done"),
                           Message("assistant", "泵已停。")), language="zh", split="test_seen")
    longer = msgspec.structs.replace(DIALOGUE, rejected=Message("assistant", "不知道。"))
    out, cache = tmp_path / "export", str(tmp_path / "cache")
    general = msgspec.structs.replace(TABLE, split="test_general")
    given = [VALVE, OIL, DIALOGUE, general, tools, CHOICE, longer, TEXT]
    figures = run(given, out, formats=("alpaca", "sharegpt", "messages", "preference", "text"))
    for format, rows in figures["rows"].items():
        for loaded in (datasets.load_dataset(str(out / format), cache_dir=cache),
                       datasets.load_dataset(str(out), format, cache_dir=cache)):
            assert {split: len(part) for split, part in loaded.items()} == rows, format
    alpaca = datasets.load_dataset(str(out / "alpaca"), cache_dir=cache)
    assert list(alpaca) == ["train", "validation", "test_seen", "test_general"]
    assert alpaca["validation"][0]["output"] == "每三个月换一次。"
    assert alpaca["test_seen"][0]["history"] == [["泵不转。", "先看电源。"]]
    messages = datasets.load_dataset(str(out / "messages"), cache_dir=cache)
    assert messages["train"][0]["messages"][1]["content"] == "It opens at 6 bar."
