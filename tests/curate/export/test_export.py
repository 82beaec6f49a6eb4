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
from seedbed.errors import RunError
from seedbed.formats import read_records
from seedbed.record import Evidence, Message, Record, Source, Step, chat, make
from seedbed.run import Manifest, Usage, finish

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
    return [json.loads(line) for line in path.read_bytes().splitlines()]


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
    told = json.loads((tmp_path / "dataset_info.json").read_text())
    assert {name: entry["file_name"] for name, entry in told.items()} == {
        "seedbed_preference": "preference/llama_factory/train.jsonl",
        "seedbed_preference_test_seen": "preference/llama_factory/test_seen.jsonl",
    }
    assert lines(tmp_path / "preference/llama_factory/test_seen.jsonl") == [{
        "system": SYSTEM.content,
        "conversations": [{"from": who, "value": m.content} for who, m in zip(["human", "gpt", "human"], DIALOGUE.messages[1:4], strict=True)],
        "chosen": {"from": "gpt", "value": "再检查联轴器。"}, "rejected": {"from": "gpt", "value": "不知道。"},
    }]  # fmt: skip


def test_a_pair_keeps_its_system_prompt_in_llama_factory_too(tmp_path: Path) -> None:
    told = make(messages=(SYSTEM, *CHOICE.messages), rejected=CHOICE.rejected)
    run([CHOICE, told], tmp_path, formats=("preference",))
    assert lines(tmp_path / "preference/train.jsonl")[1]["prompt"][0] == {"role": "system", "content": SYSTEM.content}
    entry = json.loads((tmp_path / "dataset_info.json").read_text())["seedbed_preference"]
    assert entry["columns"]["system"] == "system" and entry["ranking"] is True
    assert [row["system"] for row in lines(tmp_path / entry["file_name"])] == ["", SYSTEM.content]


def test_a_repeated_record_is_as_many_rows_of_train_far_apart(tmp_path: Path) -> None:
    again = [msgspec.structs.replace(r, labels={"repeat": n}) for r, n in ((VALVE, "3"), (OIL, "5"), (TABLE, "2"))]
    figures = run(again, tmp_path, formats=("alpaca", "record"))
    assert figures["rows"] == {"alpaca": {"train": 5, "validation": 1}, "record": {"train": 2, "validation": 1}}
    rows = [row["output"] for row in lines(tmp_path / "alpaca/train.jsonl")]
    assert rows == [VALVE.answer, TABLE.answer, VALVE.answer, TABLE.answer, VALVE.answer]
    assert "2 training records are repeated, which makes 3 more rows" in (tmp_path / "README.md").read_text()
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["README.md", "dataset_info.json", "left_out.jsonl"]


STOP = {"type": "function", "function": {"name": "stop", "arguments": {"pump": "P1", "秒": 3}}}
TOOLS = [{"type": "function", "function": {"name": "stop", "parameters": {"type": "object", "properties": {"pump": {"type": "string"}}}}}]
CALL = make(messages=(Message("user", "停泵。"), Message("assistant", "", {"tool_calls": [STOP]}), Message("tool", "done"), Message("assistant", "泵已停。")),
            language="zh", split="train", extra={"tools": TOOLS})  # fmt: skip
STEPS = {"reasoning_content": "It has leaked for two days."}
REASONED = make(messages=(Message("user", "Stop the pump?"), Message("assistant", "Stop it.", STEPS)), language="en", split="train")


def test_tools_and_arguments_are_json_text_so_that_no_tool_gets_the_fields_of_another(tmp_path: Path) -> None:
    run([CALL, OIL], tmp_path, formats=("messages", "sharegpt"))
    row = lines(tmp_path / "messages/train.jsonl")[0]
    assert json.loads(row["tools"]) == TOOLS
    assert json.loads(row["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {"pump": "P1", "秒": 3}
    assert lines(tmp_path / "messages/validation.jsonl")[0]["tools"] is None, "an empty text is no JSON"
    value = lines(tmp_path / "sharegpt/train.jsonl")[0]["conversations"][1]
    assert value["from"] == "function_call" and json.loads(value["value"])["arguments"] == {"pump": "P1", "秒": 3}


@pytest.mark.parametrize("record", [CALL, REASONED], ids=["tools", "steps"])
def test_llama_factory_is_not_told_of_what_it_would_lose(tmp_path: Path, record: Record) -> None:
    run([record], tmp_path, formats=("messages", "sharegpt"))
    assert list(json.loads((tmp_path / "dataset_info.json").read_text())) == ["seedbed_sharegpt"]
    assert "LLaMA-Factory loses the tool calls and worked-out steps of `messages`" in (tmp_path / "README.md").read_text()


def test_the_steps_of_an_answer_are_exported(tmp_path: Path) -> None:
    run([REASONED], tmp_path, formats=("messages", "alpaca"))
    assert lines(tmp_path / "messages/train.jsonl")[0]["messages"][1] == {"role": "assistant", "content": "Stop it.", **STEPS}
    assert lines(tmp_path / "alpaca/train.jsonl")[0]["output"] == "<think>\nIt has leaked for two days.\n</think>\n\nStop it."


def test_rows_that_llama_factory_passes_over_are_counted(tmp_path: Path) -> None:
    twice = make(messages=(Message("user", "在吗？"), Message("user", "泵停了。"), Message("assistant", "看电源。")), split="train")
    opens = make(messages=(Message("assistant", "Hello."), Message("user", "Hi."), Message("assistant", "Yes?")), split="train")
    figures = run([VALVE, twice, opens, CALL], tmp_path)
    assert figures["passed_over"] == {"sharegpt": 2, "messages": 2}
    assert "LLaMA-Factory passes over 2 rows of sharegpt" in (tmp_path / "README.md").read_text()


ODD = {
    "there is no text": Record(id="0" * 16),
    "there is no question": make(messages=(Message("assistant", "只有回答"),), input="x"),
    "there is no answer at the end": make(messages=(Message("user", "在吗？"), Message("user", "喂？"))),
    "there are two answers and no question": make(rejected=Message("assistant", "No.")),
}


@pytest.mark.parametrize("reason", ODD)
@pytest.mark.parametrize("format", ["alpaca", "sharegpt", "messages", "preference", "text"])
def test_what_no_trainer_can_use_is_left_out_with_a_reason(tmp_path: Path, reason: str, format: str) -> None:
    figures = run([ODD[reason]], tmp_path, formats=(format,))
    assert figures["left_out"] == {format: {reason: 1}}
    assert figures["rows"] == {format: {}} and lines(tmp_path / "left_out.jsonl")[0]["reason"] == reason


def test_surrogates_nan_and_ten_megabytes_come_out_as_valid_json(tmp_path: Path) -> None:
    lone = Record(id="1" * 16, messages=(Message("user", "坏\ud800字？"), Message("assistant", "a\udfffb")), labels={"k\ud801": "v"})
    nan = msgspec.structs.replace(VALVE, scores={"ppl": float("nan"), "judge": 4.0}, extra={"x": float("inf"), "when": {"y": float("nan")}})
    long = chat("长" * 3_500_000, "答\x00\u2028\n", split="train")
    run([lone, nan, long, CHOICE], tmp_path, formats=("alpaca", "sharegpt", "messages", "preference", "record"))
    for path in tmp_path.rglob("*.jsonl"):
        for line in path.read_bytes().splitlines():
            json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    rows = lines(tmp_path / "messages/train.jsonl")
    assert rows[0]["messages"] == [{"role": "user", "content": "坏\ufffd字？"}, {"role": "assistant", "content": "a\ufffdb"}]
    assert rows[2]["messages"][0]["content"] == long.instruction
    back = list(read_records(tmp_path / "record/train.jsonl"))
    assert back[1].scores == {"judge": 4.0} and back[1].extra == {"x": None, "when": {"y": None}}
    assert json.loads((tmp_path / "dataset_info.json").read_text())


@pytest.mark.parametrize("container", ["json", "csv", "parquet"])
def test_other_containers_hold_the_same_rows(tmp_path: Path, container: str) -> None:
    talk = [] if container == "csv" else [make(messages=DIALOGUE.messages, split="train")]
    given = [VALVE, OIL, TABLE, *talk, chat('逗号,"引号"\n换行', "=1+1", split="train")]
    formats = ("alpaca",) if container == "csv" else ("alpaca", "messages", "text")
    run([*given, TEXT], tmp_path / "a", formats=formats, container=container)
    run([*given, TEXT], tmp_path / "b", formats=formats)
    names = lambda folder: sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*/*") if p.suffix != ".md")  # noqa: E731
    assert names(tmp_path / "a") == names(tmp_path / "b")
    for path in (tmp_path / "a").glob(f"*/*.{container}"):
        twin = tmp_path / "b" / path.relative_to(tmp_path / "a").with_suffix(".jsonl")
        told = [[(m.role, m.content) for m in r.messages] or r.text for r in read_records(path)]
        assert told == [[(m.role, m.content) for m in r.messages] or r.text for r in read_records(twin)]
    info = json.loads((tmp_path / "a" / "dataset_info.json").read_text())
    assert {Path(entry["file_name"]).suffix for entry in info.values()} == {f".{container}"}
    assert [f["path"] for f in head(tmp_path / "a/alpaca/README.md")["configs"][0]["data_files"]] == [f"train.{container}", f"validation.{container}"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("full", ["alpaca/train.jsonl.partial", "left_out.jsonl.partial", "dataset_info.json.partial", "README.md.partial"])
def test_a_full_disk_is_one_clear_error_and_no_half_file(tmp_path: Path, full: str) -> None:
    (tmp_path / full).parent.mkdir(exist_ok=True)
    (tmp_path / full).symlink_to("/dev/full")
    with pytest.raises(RunError, match="cannot be written: No space left"):
        run([VALVE, CHOICE], tmp_path, formats=("alpaca",))
    assert not (tmp_path / full.removesuffix(".partial")).exists()
    (tmp_path / full).unlink()
    assert run([VALVE, CHOICE], tmp_path, formats=("alpaca",))["rows"] == {"alpaca": {"train": 1}}


def test_no_record_at_all_is_a_card_that_says_so(tmp_path: Path) -> None:
    assert run([], tmp_path)["rows"] == {"alpaca": {}, "sharegpt": {}, "messages": {}}
    card = (tmp_path / "README.md").read_text()
    assert "0 records, in no format." in card and (tmp_path / "dataset_info.json").read_text() == "{}\n"


def test_the_card_tells_cost_prompts_and_known_limits(tmp_path: Path) -> None:
    made, parted, mixed = tmp_path / "02-doc_qa", tmp_path / "03-split", tmp_path / "04-mix"
    for folder in (made, parted, mixed):
        folder.mkdir()
    usage = Usage(calls=1200, prompt_tokens=900_000, completion_tokens=81_000, money=1.5)
    finish(made, Manifest(stage="doc_qa", fingerprint="", kept=3, usage=usage, prompts={"en/doc_qa/pairs": "1f0c22aa77"}))
    finish(parted, Manifest(stage="split", fingerprint="", kept=3, figures={"shortfalls": {"test_seen": "2 of at least 4"}}))
    finish(mixed, Manifest(stage="mix", fingerprint="", kept=3, figures={"notes": ["general data is 2.0% of it"]}))
    upstream = {"doc_qa": made, "split": parted, "mix": mixed}
    options = Options(sources_licence="CC-BY-4.0", teacher_terms="Apache-2.0")
    list(export([VALVE, TABLE, OIL, *[msgspec.structs.replace(VALVE, id=f"{n:016x}") for n in range(9)]], options, Context(tmp_path / "e", upstream=upstream)))
    card = (tmp_path / "e/README.md").read_text()
    assert "| doc_qa | 1,200 | 900,000 | 81,000 | 1.50 |" in card
    assert "en/doc_qa/pairs 1f0c22aa" in card
    for line in ("Written by a model", "2 records carry no quote", "Only 1 records are in zh", "No test set", "No stage looked for personal data",
                 "test_seen is small: 2 of at least 4", "mix: general data is 2.0% of it",
                 "Licence of the source documents: CC-BY-4.0", "Terms of the teacher's output: Apache-2.0; teachers: demo-teacher"):
        assert line in card, line


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


def test_a_csv_leaves_out_what_has_earlier_turns(tmp_path: Path) -> None:
    longer = msgspec.structs.replace(DIALOGUE, rejected=Message("assistant", "不知道。"))
    figures = run([VALVE, DIALOGUE, CHOICE, longer], tmp_path, formats=("alpaca", "preference"), container="csv")
    assert figures["rows"] == {"alpaca": {"train": 1}, "preference": {"train": 1}}
    reasons = [line["reason"] for line in lines(tmp_path / "left_out.jsonl") if line["id"] == DIALOGUE.id]
    assert reasons[0] == "a CSV holds no lists, and this is a conversation of several turns"


def test_csv_is_refused_for_lists_of_turns() -> None:
    with pytest.raises(ValueError, match="^container: csv has no room for messages, record; jsonl has"):
        Options(formats=("alpaca", "record", "messages"), container="csv")
    with pytest.raises(ValueError, match="^container: parquet has no room for record"):
        Options(formats=("record",), container="parquet")


def test_columns_that_parquet_cannot_hold_are_one_clear_error(tmp_path: Path) -> None:
    calls = [Message("assistant", "", {"tool_calls": calls}) for calls in ([{"function": 3}], [{"function": ["x"]}])]
    odd = [make(messages=(Message("user", "停泵。"), call, Message("tool", "好"), Message("assistant", "已停。")), split="train") for call in calls]
    with pytest.raises(RunError, match="cannot be written as Parquet") as error:
        run(odd, tmp_path, formats=("messages",), container="parquet")
    assert "container: jsonl" in str(error.value)
    assert run(odd, tmp_path, formats=("messages",))["rows"] == {"messages": {"train": 2}}


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
