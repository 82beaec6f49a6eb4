"""Malformed input: every reader makes of a bad row one rejected row, and every curator passes or rejects odd records.

One table of rows for the readers and one of records for the curators; a new stage is covered by being in STAGES.
"""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seedbed import config, jsonl
from seedbed.context import Context
from seedbed.errors import InputError, MissingExtra, RunError, SeedbedError
from seedbed.importing import Options, import_records
from seedbed.pipeline import Pipeline
from seedbed.record import Record, chat
from seedbed.stages import STAGES, Stage
from tests.curate.malformed import odd_records
from tests.curate.scoring.test_measuring import Student

GOOD = '{"instruction": "泵有什么用？", "output": "泵用来输送液体。"}'
# Line, and what is said of it; "" when it is read.
ROWS = {
    "empty turns": ('{"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": ""}]}', ""),
    "two user turns": ('{"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}, '
                       '{"role": "assistant", "content": "c"}]}', ""),
    "no assistant": ('{"messages": [{"role": "user", "content": "a"}]}', "the last turn is not the assistant's"),
    "no user": ('{"conversations": [{"from": "gpt", "value": "答"}]}', "no turn is the user's"),
    "no turn": ('{"messages": []}', "no turn is the user's"),
    "null text": ('{"instruction": "a", "output": null}', "output: expected text, got nothing"),
    "null turn": ('{"messages": [null]}', "messages 1: expected an object"),
    "null content": ('{"messages": [{"role": "user", "content": null}]}', "messages 1: no content"),
    "a number for text": ('{"instruction": 5, "output": "a"}', "instruction: expected text, got int"),
    "a number for a turn": ('{"conversations": [{"from": "human", "value": 5}]}', "conversations 1: value"),
    "a number for a role": ('{"messages": [{"role": 1, "content": "a"}]}', "messages 1: unknown role 1"),
    "a list for text": ('{"text": ["a"]}', "no known format has the keys text"),
    "a list for a row": ('["a"]', "expected an object with named fields, got list"),
    "a number for a row": ("5", "expected an object with named fields, got int"),
    "null": ("null", "expected an object with named fields, got NoneType"),
    "an empty row": ("{}", "no known format has the keys (none)"),
    "unknown keys": ('{"frage": "a"}', "no known format has the keys frage"),
    "no rejected answer": ('{"prompt": "a", "chosen": "b"}', "no known format"),
    "10 MB": (json.dumps({"instruction": "问", "output": "x" * 10_000_000}), ""),
    "lone surrogate": ('{"instruction": "a", "output": "\\ud800"}', "not JSON"),
    "NaN": ('{"instruction": "a", "output": NaN}', "not JSON"),
    "NaN beside": ('{"instruction": "a", "output": "b", "score": NaN}', "not JSON"),
    "infinite": ('{"instruction": "a", "output": "b", "score": 1e999}', "not JSON"),
    "duplicated keys": ('{"instruction": "a", "instruction": "b", "output": "c"}', ""),
    "nested deeply": ('{"instruction": "a", "output": "b", "x": ' + "[" * 5_000 + "]" * 5_000 + "}", "not JSON: nested in more than 100"),
    "nested so that it cannot be written": ('{"instruction": "a", "output": "b", "x": ' + "[" * 500 + "]" * 500 + "}",
                                            "not JSON: nested in more than 100 levels"),
    "cut off": ('{"instruction": "a", "outp', "not JSON"),
    "two rows in a line": (GOOD + GOOD, "not JSON"),
}  # fmt: skip


def imported(path: Path, **options: Any) -> list[Record]:
    return list(import_records(iter(()), Options(paths=(str(path),), **options), Context(path.parent)))


@pytest.mark.parametrize("name", ROWS)
def test_a_malformed_row_costs_itself_and_is_told_with_its_line(tmp_path: Path, name: str) -> None:
    line, why = ROWS[name]
    (tmp_path / "rows.jsonl").write_text(f"{GOOD}\n{line}\n{GOOD}\n", encoding="utf-8")
    records = imported(tmp_path / "rows.jsonl")
    assert len(records) == 3
    refused = [record.rejection for record in records if record.rejection]
    if not why:
        assert refused == []
        return
    [rejection] = refused
    assert rejection.reason == "bad_line" and f"rows.jsonl:2: {why}" in rejection.detail
    jsonl.write(tmp_path / "rejected.jsonl", records)  # and it can be written down


@pytest.mark.parametrize("name", sorted(ROWS.keys() - {"two rows in a line"}))
def test_a_malformed_item_of_an_array_costs_itself_too(tmp_path: Path, name: str) -> None:
    line, why = ROWS[name]
    (tmp_path / "rows.json").write_text(f"[{GOOD},\n{line},\n{GOOD}]\n", encoding="utf-8")
    records = imported(tmp_path / "rows.json")
    assert [record.source and record.source.line for record in records if not record.rejection] == ([1, 3] if why else [1, 2, 3])
    assert [r.rejection.detail.startswith(f"{tmp_path / 'rows.json'}:2: ") and why.removeprefix("not JSON: ") in r.rejection.detail
            for r in records if r.rejection] == [True] * bool(why)


@pytest.mark.parametrize(("raw", "count"), [
    (b"\xef\xbb\xbf" + GOOD.encode() + b"\r\n\r\n" + GOOD.encode() + b"\r\n", 2),
    (GOOD.encode() + b"\n" + b'{"instruction": "\xff\xfe", "output": "a"}\n', 1),
    (GOOD.encode() + b"\n" + b'{"instruction": "\xed\xa0\x80", "output": "a"}\n', 1),
    (GOOD.encode(), 1),
    (b"\x00\x00\n" + GOOD.encode(), 1),
])
def test_bytes_that_are_no_text_cost_their_line(tmp_path: Path, raw: bytes, count: int) -> None:
    (tmp_path / "rows.jsonl").write_bytes(raw)
    records = imported(tmp_path / "rows.jsonl")
    assert [record.answer for record in records if record.rejection is None] == ["泵用来输送液体。"] * count
    assert all("not JSON" in r.rejection.detail for r in records if r.rejection)


@pytest.mark.parametrize(("raw", "questions", "bad"), [
    ("instruction,output\r\n泵？,泵。\r\n".encode("utf-8-sig"), ["泵？"], 0),
    ("instruction,output\n阀门有什么用？,限制压力。\n".encode("gb18030"), ["阀门有什么用？"], 0),
    ("instruction,output\n阀门有什么用？,限制压力。\n".encode() + b"a\xff,b\n", ["阀门有什么用？"], 1),
    (b"instruction,output\nWhat is it?,A valve.\na\x80,b\n\xff,c\n", ["What is it?"], 2),
    ("instruction,output,备注".encode() + b"\xff\n" + "阀门？,阀门。,无\n".encode(), ["阀门？"], 0),
    (b"instruction,output\nq,a,b\nWhat?,That.\n", ["What?"], 1),
])
def test_a_csv_in_any_encoding_and_with_bytes_of_none(tmp_path: Path, raw: bytes, questions: list[str], bad: int) -> None:
    (tmp_path / "rows.csv").write_bytes(raw)
    records = imported(tmp_path / "rows.csv")
    assert [record.instruction for record in records if record.rejection is None] == questions
    assert sum(record.rejection is not None for record in records) == bad
    jsonl.write(tmp_path / "rejected.jsonl", records)


@pytest.mark.parametrize("raw", [b"", b"5", b'"text"', b"null", b"[]", b"[null]", b"[[[", b"{", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv", ".tsv", ".parquet"])
def test_a_file_without_a_row_is_one_error_that_names_it(tmp_path: Path, raw: bytes, suffix: str) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    (tmp_path / f"rows{suffix}").write_bytes(raw)
    with pytest.raises(InputError, match=rf"rows\{suffix}"):
        imported(tmp_path / f"rows{suffix}")


@pytest.mark.parametrize("format", ["alpaca", "sharegpt", "messages", "preference", "text", "record"])
def test_a_format_that_is_named_and_does_not_fit_costs_rows_only(tmp_path: Path, format: str) -> None:
    lines = [line for line, _ in ROWS.values() if len(line) < 1_000]
    (tmp_path / "rows.jsonl").write_text("\n".join(lines), encoding="utf-8")
    try:
        records = imported(tmp_path / "rows.jsonl", format=format)
    except InputError as error:
        assert "no row could be read" in str(error)
    else:
        assert len(records) == len(lines)


CURATORS = [stage for stage in STAGES.values() if stage.group == "curate"]


@pytest.mark.parametrize("stage", CURATORS, ids=lambda stage: stage.name)
def test_every_curator_passes_or_rejects_every_odd_record(stage: Stage, tmp_path: Path) -> None:
    """By default options, as far as it needs no teacher; a student that measures anything stands in."""
    records = [*odd_records(), *odd_records()[:3], chat("What is it?", "A valve, of the pump."), chat("阀门？", "离心泵的阀门。")]
    if stage.name == "mix":
        records = [msgspec.structs.replace(record, split="train") for record in records]
    context = Context(tmp_path / stage.name, likelihood=Student())
    context.folder.mkdir()
    (tmp_path / "exam.jsonl").write_text(GOOD, encoding="utf-8")
    options = {"paths": (str(tmp_path / "exam.jsonl"),)} if stage.name == "decontaminate" else {}
    try:
        made = list(stage.function(iter(records), stage.options(**options), context))
    except (MissingExtra, SeedbedError) as error:
        if stage.teacher or isinstance(error, MissingExtra):
            pytest.skip(str(error))
        raise
    came = [record.id for record in records]
    left = [record for record in made if record.rejection]
    assert len(made) >= len(records)
    assert all(record.rejection.reason and record.rejection.stage == stage.name for record in left)
    assert {r.id for r in made} | {parent for r in made for step in r.history for parent in step.parents} >= {*came}
    assert jsonl.write(tmp_path / "all.jsonl", made) == len(made)
    assert list(jsonl.read(tmp_path / "all.jsonl")) == made
    assert msgspec.json.encode(context.figures)


@pytest.mark.slow
def test_ten_megabytes_in_one_field_go_through_the_usual_stages(tmp_path: Path) -> None:
    jsonl.write(tmp_path / "rows.jsonl", [*odd_records(10_000_000), chat("What is it?", "A valve, of the pump.")])
    usual = ["clean", "rules", "exact", "rouge"]
    pipeline = Pipeline(config.build(tmp_path / "j", {"records": ["rows.jsonl"], "curate": usual}), tmp_path / "run", report=False)
    pipeline.execute()
    assert any(record.answer == "A valve, of the pump." for record in jsonl.read(tmp_path / "run" / "05-rouge" / "kept.jsonl"))


@pytest.mark.parametrize("processes", [1, 2])
def test_a_disk_that_fills_up_is_one_error_and_the_same_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processes: int
) -> None:
    """A limit on the size of a file gives the error of a full disk at the same call."""
    monkeypatch.setattr("seedbed.spread.WORTH_IT", 1)
    rows = [chat(f"第 {n} 号阀门有什么用？", f"第 {n} 号阀门限制离心泵的压力。") for n in range(400)]
    jsonl.write(tmp_path / "rows.jsonl", rows)
    raw = {"records": ["rows.jsonl"], "curate": ["clean", "exact"], "processes": processes}
    pipeline = Pipeline(config.build(tmp_path / "j", raw), tmp_path / "run", report=False)
    pipeline.execute("import")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(RunError, match=r"02-clean.*cannot be written") as told:
            pipeline.execute()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "Free some space" in told.value.next_step
    assert not (tmp_path / "run" / "02-clean" / "kept.jsonl").exists()
    pipeline.execute()
    assert len(list(jsonl.read(tmp_path / "run" / "03-exact" / "kept.jsonl"))) == 400


# The judge buys, and these measure with a student: no run of theirs is had here.
WRITERS = [stage.name for stage in CURATORS if stage.name not in ("judge", "ifd", "perplexity")]
FULL: dict[str, dict[str, Any]] = {"semantic": {"encoder": "lexical", "threshold": 0.9}, "select": {"best": 0.5},
                                   "minhash": {"against": "seen"}, "decontaminate": {"paths": ["exam.jsonl"]}}


@pytest.mark.slow
@pytest.mark.parametrize("limit", [0, 6_000])
@pytest.mark.parametrize("name", [*WRITERS, "report"])
def test_whichever_file_a_full_disk_cuts_it_is_one_error_and_the_run_goes_on(tmp_path: Path, name: str, limit: int) -> None:
    rows = [chat(text.format(n), f"{n} 号阀门限制 pressure {n}.", scores={"judge": n % 5 + 1.0})
            for n in range(40) for text in ("第 {} 号阀门有什么用？", "What does valve {} of the pump do?")]
    jsonl.write(tmp_path / "rows.jsonl", rows)
    jsonl.write(tmp_path / "exam.jsonl", rows[:2])
    before = ["split"] if name in ("mix", "export", "report") else []
    curate = [*before, *([] if name == "report" else [{name: FULL.get(name, {})}])]
    job = config.build(tmp_path / "j", {"records": ["rows.jsonl"], "curate": curate})
    try:
        pipeline = Pipeline(job, tmp_path / "run", report=name == "report")
        pipeline.execute((before or ["import"])[0])
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            with pytest.raises(RunError, match=r"cannot be written") as told:
                pipeline.execute()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert "Free some space" in told.value.next_step
        pipeline.execute()
    except MissingExtra as error:
        pytest.skip(str(error))
    assert (tmp_path / "run" / f"{len(before) + 2:02d}-{name}" / "manifest.json").exists()
