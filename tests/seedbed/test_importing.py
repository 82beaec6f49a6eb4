"""Data sets as the source of a job: what is read, and what becomes of a bad line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.importing import Options, import_records, watch
from seedbed.record import Record, chat
from seedbed.run import Manifest, separate

GOOD = [
    {"instruction": "阀门 V2 有什么作用？", "input": "", "output": "限制压力。"},
    {"messages": [{"role": "user", "content": "What is V2?"}, {"role": "assistant", "content": "A valve."}]},
    {"text": "The seal leaks above 4 bar. 超过以后密封会泄漏。"},
]


def written(path: Path, *lines: Any) -> str:
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    return str(path)


def imported(folder: Path, *paths: str, format: str | None = None) -> list[Record]:
    return list(import_records((), Options(paths=paths, format=format), Context(folder)))


def test_rows_of_any_format_become_records_that_know_their_line(tmp_path: Path) -> None:
    records = imported(tmp_path, written(tmp_path / "a.jsonl", *GOOD), written(tmp_path / "乙.jsonl", GOOD[0]))
    assert [r.instruction or r.text for r in records] == ["阀门 V2 有什么作用？", "What is V2?", GOOD[2]["text"], "阀门 V2 有什么作用？"]
    assert [(r.source.document, r.source.line) for r in records if r.source] == [
        ("a.jsonl", 1), ("a.jsonl", 2), ("a.jsonl", 3), ("乙.jsonl", 1)]
    assert len({record.id for record in records}) == 4  # the same words in two places are two records
    assert not any(record.rejection for record in records)


def test_a_bad_line_is_set_aside_with_its_number_and_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.jsonl", GOOD[0], '{"instruction": "cut off 截断', "", GOOD[1], {"foo": 1}, "[1]",
                   {"instruction": 5, "output": "五"}, GOOD[2])
    done = Manifest(stage="import", fingerprint="f")
    records = imported(tmp_path, path)
    separate(records, tmp_path / "out", done)
    assert (done.kept, done.rejected, done.reasons) == (3, 4, {"bad_line": 4})
    bad = [record for record in records if record.rejection]
    assert [record.source.line for record in bad if record.source] == [2, 5, 6, 7]
    said = [record.rejection.detail for record in bad if record.rejection]
    assert all(f"{path}:{line}: " in detail for line, detail in zip((2, 5, 6, 7), said, strict=True))
    assert "not JSON" in said[0] and "no known format has the keys foo" in said[1] and "expected an object" in said[2]
    assert bad[0].text == '{"instruction": "cut off 截断'


def test_records_of_a_stage_come_back_as_they_were(tmp_path: Path) -> None:
    made = chat("阀门 V2 是什么？", "限压阀。", language="zh", task="doc_qa", labels={"kind": "fact"})
    separate([made], tmp_path, Manifest(stage="x", fingerprint="f"))
    assert imported(tmp_path, str(tmp_path / "kept.jsonl")) == [made]


def test_a_named_format_is_taken_at_its_word(tmp_path: Path) -> None:
    path = written(tmp_path / "rows.jsonl", {"text": "正文", "instruction": "问", "output": "答。"})
    assert imported(tmp_path, path)[0].answer == "答。"
    assert imported(tmp_path, path, format="text")[0].text == "正文"
    with pytest.raises(ValueError, match="format: unknown 'alpca'; known: alpaca, sharegpt"):
        Options(paths=(path,), format="alpca")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.jsonl", "not JSON\nnor this 也不是\n", r"rows\.jsonl: no row could be read; the first \(line 1\): not JSON"),
        ("rows.jsonl", "", r"rows\.jsonl: holds no rows"),
        ("rows.txt", "text", r"rows\.txt: not a data set file: \.txt\. Expected one of \.jsonl"),
        ("rows.json", "[{]", r"rows\.json: not valid JSON: .*save it as JSONL"),
    ],
)
def test_a_file_without_one_good_row_is_an_error(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        imported(tmp_path, str(tmp_path / name))


@pytest.mark.parametrize("name", ["none.jsonl", "."])
def test_what_is_no_file_is_told_before_anything_runs(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="no such data file. Name a JSON, JSONL, CSV or Parquet file"):
        watch(Options(paths=(str(tmp_path / name),)))
