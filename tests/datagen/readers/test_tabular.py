"""CSV and JSON as documents, and what becomes of their tables when they are cut into passages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from datagen.documents.ingest import Options, ingest
from datagen.material.passages import passage_of
from datagen.readers import read
from datagen.readers.document import Unreadable
from seedbed.context import Context
from tests.datagen.office import saved

ROWS = "编号;说明\nE1;打开阀门，然后等待绿灯亮起。\nE2;\"关闭泵；再\n打开\"\n"
TABLE = "| 编号 | 说明 |\n| --- | --- |\n| E1 | 打开阀门，然后等待绿灯亮起。 |\n| E2 | 关闭泵；再 打开 |\n"


class TestCsv:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030"])
    def test_encodings(self, encoding: str) -> None:
        assert read("a.csv", ROWS.encode(encoding)).text == TABLE

    @pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
    def test_delimiters(self, mark: str) -> None:
        text = "\n".join(mark.join(row) for row in (["Code", "Remedy", "压力"], ["E1", '"Wait, then; open"', "2.5"], ["E2", "wipe", "3"]))
        for content in (text, f"sep={mark}\n{text}".replace("\n", "\r\n")):
            assert read("a.csv", content.encode()).text == (
                "| Code | Remedy | 压力 |\n| --- | --- | --- |\n| E1 | Wait, then; open | 2.5 |\n| E2 | wipe | 3 |\n")

    def test_figures_in_the_first_row_are_no_names(self) -> None:
        assert read("a.csv", b"1,2\n3,4\n").text == "| A | B |\n| --- | --- |\n| 1 | 2 |\n| 3 | 4 |\n"

    def test_rows_of_unequal_length_and_nothing_at_all(self) -> None:
        assert "| E1 | x |  |\n| E2 | y | 备注 |" in read("a.csv", "Code,Text\nE1,x\nE2,y,备注\n".encode()).text
        with pytest.raises(Unreadable) as caught:
            read("a.csv", b",,\n,,\n")
        assert caught.value.reason == "no_text"


def as_json(*values: Any) -> bytes:
    return "\n".join(json.dumps(value, ensure_ascii=False) for value in values).encode()


class TestJson:
    def test_short_flat_objects_are_a_table(self) -> None:
        rows = [{"code": "E1", "bar": 2.5, "also": ["E2", "E3"]}, {"code": "E2", "open": True}]
        table = "| code | bar | also | open |\n| --- | --- | --- | --- |\n| E1 | 2.5 | E2; E3 |  |\n| E2 |  |  | true |\n"
        assert read("a.json", as_json(rows)).text == read("a.jsonl", as_json(*rows)).text == table

    def test_articles_are_sections_with_their_headings(self) -> None:
        text = "油压过低时泵会停止。\n\n## 原因\n\n滤芯堵塞。"
        rows = [{"title": "报警 E1", "text": text, "标签": ["泵", "油"]}, {"id": 7, "body": "<p>Open <b>V2</b>.</p><ul><li>wait</li></ul>"}]
        assert read("a.jsonl", as_json(*rows)).text == (
            "# 报警 E1\n\n- 标签: 泵；油\n\n油压过低时泵会停止。\n\n### 原因\n\n滤芯堵塞。\n\n# 7\n\nOpen **V2**.\n\n- wait\n")

    def test_one_object_with_others_inside(self) -> None:
        value = {"name": "KX-40", "pressure": {"min": 1, "max": 4}, "faults": [{"code": "E1", "fix": "wipe"}, {"code": "E2", "fix": "wait"}]}
        found = read("a.json", json.dumps(value, indent=2).encode())
        assert found.title == "KX-40"
        assert found.text == ("# KX-40\n\n## pressure\n\n- min: 1\n- max: 4\n\n## faults\n\n"
                              "| code | fix |\n| --- | --- |\n| E1 | wipe |\n| E2 | wait |\n")

    def test_no_value_becomes_a_heading_by_accident(self) -> None:
        assert "\n# " not in read("a.json", as_json({"title": "T", "text": "Run:\n# apt-get update", "note": "# x " * 40})).text[1:]

    @pytest.mark.parametrize("row", [
        {"instruction": "问", "output": "答"}, {"conversations": [{"from": "human", "value": "Q"}]},
        {"messages": [{"role": "user", "content": "Q"}]}, {"prompt": "Q", "chosen": "A", "rejected": "B"}])
    def test_training_data_is_no_document(self, row: dict[str, Any]) -> None:
        with pytest.raises(Unreadable) as caught:
            read("a.jsonl", as_json(row, row))
        assert caught.value.reason == "data_set" and "`records:`" in caught.value.detail

    @pytest.mark.parametrize(("data", "says"), [
        (b'{"a": 1}\n{"b": \n', "line 2"), (b'{"a": ', "not JSON"), (b"[null]", ""), (b"[" * 70 + b"]" * 70, "")])
    def test_what_is_broken_or_empty(self, data: bytes, says: str) -> None:
        with pytest.raises(Unreadable) as caught:
            read("a.json", data)
        assert caught.value.reason == ("broken" if says else "no_text") and says in caught.value.detail

    def test_nesting_is_bounded(self) -> None:
        with pytest.raises(Unreadable) as caught:
            read("a.json", b'{"a": ' * 200 + b"1" + b"}" * 200)
        assert caught.value.reason == "too_large"


@pytest.mark.parametrize("tokens", [300, 320, 500])
def test_each_row_of_a_long_sheet_is_cited_at_its_span_below_its_head(tmp_path: Path, tokens: int) -> None:
    book = openpyxl.Workbook()
    book.active.title = "报警 Alarms"
    book.active.append(["编号", "Remedy", "bar"])
    for number in range(120):
        book.active.append([f"E{number}", f"Open valve {number}，等待绿灯亮起。", number / 4])
    (tmp_path / "a.xlsx").write_bytes(saved(book))
    context = Context(tmp_path / "run")
    records = list(ingest([], Options(paths=(str(tmp_path / "a.xlsx"),), tokens=tokens), context))
    seen = []
    for record in records:
        assert record.source and not record.rejection and record.source.headings == ("报警 Alarms",) and record.source.page == 1
        text = (tmp_path / "run" / "documents" / f"{record.source.document_hash}.md").read_text(encoding="utf-8")
        assert text[record.source.start : record.source.end] == record.text
        passage = passage_of(record, "zh")
        for number, head in passage.heads.items():
            assert passage.sentences[head] == "| 编号 | Remedy | bar |"
            start, end = passage.spans[number]
            assert text[record.source.start + start : record.source.start + end] == passage.sentences[number]
            seen.append(passage.stated(number).partition("编号: ")[2].partition(";")[0])
    assert seen == [f"E{number}" for number in range(120)]


def test_a_table_of_short_rows_is_a_passage(tmp_path: Path) -> None:
    (tmp_path / "端口.csv").write_text("端口,用途\n" + "".join(f"{n},服务{n}\n" for n in range(20, 40)), encoding="utf-8")
    records = list(ingest([], Options(paths=(str(tmp_path),)), Context(tmp_path / "run")))
    assert records and not any(record.rejection for record in records)
