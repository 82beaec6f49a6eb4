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
        ("rows.json", "[{]", r"rows\.json: no row could be read; the first \(line 1\): not JSON"),
        ("rows.json", '{"data": [{}', r"rows\.json: not valid JSON: .*save it as JSONL"),
    ],
)
def test_a_file_without_one_good_row_is_an_error(tmp_path: Path, name: str, content: str, said: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        imported(tmp_path, str(tmp_path / name))


@pytest.mark.parametrize(("name", "said"), [("none.jsonl", "no such data file"), (".", "there are no data files in it")])
def test_what_is_no_file_is_told_before_anything_runs(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        watch(Options(paths=(str(tmp_path / name),)))
    assert caught.value.next_step


def test_a_folder_is_its_data_files(tmp_path: Path) -> None:
    (tmp_path / "set" / "zh").mkdir(parents=True)
    written(tmp_path / "set" / "a.jsonl", GOOD[0])
    (tmp_path / "set" / "zh" / "b.csv").write_text("instruction,output\n问？,答。\n只有问\n", encoding="utf-8")
    (tmp_path / "set" / "dataset_info.json").write_text('{"a": {"file_name": "a.jsonl"}}')
    (tmp_path / "set" / "README.md").write_text("# A set")
    records = imported(tmp_path, str(tmp_path / "set"))
    assert [(r.source.document, r.source.line, r.rejection is None) for r in records if r.source] == [
        ("a.jsonl", 1, True), ("zh/b.csv", 2, True), ("zh/b.csv", 3, False)]


def test_of_several_files_one_without_rows_costs_itself(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "set").mkdir()
    written(tmp_path / "set" / "a.jsonl", GOOD[0])
    for name, content in {"b.jsonl": "", "c.csv": "部门,主管\n财务,王芳\n", "d.json": '{"license": "x"}', "e.parquet": "PAR"}.items():
        (tmp_path / "set" / name).write_text(content, encoding="utf-8")
    good, *bad = imported(tmp_path, str(tmp_path / "set"))
    assert good.answer == "限制压力。" and good.rejection is None
    told = [(r.source.document, r.source.line, r.rejection.reason) for r in bad if r.source and r.rejection]
    assert told == [("b.jsonl", None, "bad_file"), ("c.csv", None, "bad_file"), ("c.csv", 2, "bad_line"),
                    ("d.json", None, "bad_file"), ("d.json", 1, "bad_line"), ("e.parquet", None, "bad_file")]
    assert bad[0].rejection and bad[0].rejection.detail == f"{tmp_path / 'set' / 'b.jsonl'}: holds no rows"
    (tmp_path / "set" / "a.jsonl").unlink()
    with pytest.raises(InputError, match=r"b\.jsonl: holds no rows"):
        imported(tmp_path, str(tmp_path / "set"))


@pytest.mark.parametrize(
    ("content", "answers", "bad"),
    [
        ('[{"instruction": "Q", "output": "答"},\n {"instruction": "Q2", "output": "B"},\n]', ["答", "B"], []),
        ('[{"instruction": "Q", "output": "答"}, {"instruction": "Q2", "out', ["答"], [2]),
        ('[{"instruction": "Q, "output": "[x"}, {"instruction": "Q2", "output": "答"}]', ["答"], [1]),
        ('[{"messages": [{"role": "user", "content": u}, {"role": "assistant", "content": "a"}]}, '
         '{"messages": [{"role": "user", "content": "问"}, {"role": "assistant", "content": "答"}]}]', ["答"], [1]),
        ('[{"instruction": "Q", "output": "答"}] and so on', ["答"], [2]),
    ],
)
def test_an_array_that_is_broken_loses_what_is_broken(tmp_path: Path, content: str, answers: list[str], bad: list[int]) -> None:
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    records = imported(tmp_path, str(tmp_path / "a.json"))
    assert [record.answer for record in records if not record.rejection] == answers
    assert [record.source.line for record in records if record.rejection and record.source] == bad


def test_columns_of_other_names(tmp_path: Path) -> None:
    path = written(tmp_path / "faq.jsonl", {"question": "What is V2?", "answer": "A valve.", "id": 7}, {"question": "问？"})
    options = Options(paths=(path,), columns={"instruction": "question", "output": "answer"})
    kept, bad = import_records((), options, Context(tmp_path))
    assert (kept.instruction, kept.answer, kept.extra["id"]) == ("What is V2?", "A valve.", 7)
    assert bad.rejection and "faq.jsonl:2: no known format has the keys instruction" in bad.rejection.detail


@pytest.mark.parametrize(
    ("content", "answers"),
    [
        ('{"version": 1, "data": [{"instruction": "Q", "output": "答"}, {"instruction": "Q2", "output": "B"}]}', ["答", "B"]),
        ('{\n  "version": 1,\n  "data": [\n    {"instruction": "Q", "output": "答"}\n  ]\n}\n', ["答"]),
        ('{\n  "instruction": "Q",\n  "output": "答"\n}\n', ["答"]),
        ('{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "答"}]}', ["答"]),
        ('cut off"}\n{"instruction": "Q", "output": "答"}\n', ["", "答"]),
    ],
)
def test_json_that_is_one_value_or_one_a_line(tmp_path: Path, content: str, answers: list[str]) -> None:
    (tmp_path / "a.json").write_text(content, encoding="utf-8")
    assert sorted(record.answer for record in imported(tmp_path, str(tmp_path / "a.json"))) == sorted(answers)


class TestHub:
    """The library `datasets` itself, on folders, without a network."""

    @pytest.fixture(autouse=True)
    def own_cache(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        datasets = pytest.importorskip("datasets")
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")

    def rows(self, folder: Path, **options: Any) -> list[Record]:
        return list(import_records((), Options(**options), Context(folder)))

    def test_a_folder_with_splits_and_one_that_was_saved(self, tmp_path: Path) -> None:
        import datasets

        turns = [[{"from": "human", "value": "V2?"}, {"from": "gpt", "value": "A valve."}],
                 [{"from": "human", "value": "阀门？"}, {"from": "gpt", "value": "限压。"}]]
        (tmp_path / "set" / "data").mkdir(parents=True)
        for split, conversations in zip(("train", "test"), turns, strict=True):
            written(tmp_path / "set" / "data" / f"{split}.jsonl", {"conversations": conversations}, {"conversations": turns[0], "system": "S"})
        records = self.rows(tmp_path, dataset=str(tmp_path / "set"))
        assert [(r.source.document, r.source.line, r.answer) for r in records if r.source] == [
            ("set/train", 1, "A valve."), ("set/train", 2, "A valve."), ("set/test", 1, "限压。"), ("set/test", 2, "A valve.")]
        assert [m.role for m in records[0].messages] == ["user", "assistant"] and records[0].labels == {"format": "sharegpt"}
        assert [r.answer for r in self.rows(tmp_path, dataset=str(tmp_path / "set"), split="test")] == ["限压。", "A valve."]
        saved = datasets.Dataset.from_list([{"instruction": "问？", "output": "答。", "input": None}, {"instruction": "?", "output": None}])
        saved.save_to_disk(str(tmp_path / "saved"))
        good, bad = self.rows(tmp_path, dataset=str(tmp_path / "saved"))
        assert (good.answer, bad.source and bad.source.line, bad.rejection and bad.rejection.reason) == ("答。", 2, "bad_line")
        with pytest.raises(InputError, match="saved by `datasets` as Arrow files. Name it as `dataset: saved`"):
            watch(Options(paths=(str(tmp_path / "saved"),)))

    def test_what_cannot_be_loaded_is_one_error(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        import datasets

        (tmp_path / "set").mkdir()
        written(tmp_path / "set" / "train.jsonl", GOOD[0], "{broken")
        with pytest.raises(InputError, match="cannot be loaded: JSON parse error.*Name its files under `paths`"):
            self.rows(tmp_path, dataset=str(tmp_path / "set"))
        written(tmp_path / "set" / "train.jsonl", GOOD[0])
        with pytest.raises(InputError, match="has no split tset. It has train"):
            self.rows(tmp_path, dataset=str(tmp_path / "set"), split="tset")

        def no_network(*_: object, **__: object) -> None:
            raise ConnectionError("Couldn't reach 'tatsu-lab/alpaca' on the Hub")

        monkeypatch.setattr(datasets, "load_dataset", no_network)
        with pytest.raises(InputError, match="dataset: tatsu-lab/alpaca: cannot be fetched from the hub. Check the network"):
            self.rows(tmp_path, dataset="tatsu-lab/alpaca")

    def test_conversations_by_field_as_older_sets_hold_them(self, tmp_path: Path) -> None:
        import datasets

        set_ = datasets.Dataset.from_list([{"messages": {"role": ["user", "assistant"], "content": ["问？", "答。"]}}])
        set_.save_to_disk(str(tmp_path / "old"))
        (record,) = self.rows(tmp_path, dataset=str(tmp_path / "old"))
        assert (record.instruction, record.answer) == ("问？", "答。")

    def test_a_split_without_a_data_set(self) -> None:
        with pytest.raises(ValueError, match="split: is of a Hugging Face data set, and `dataset` names none"):
            Options(paths=("a.jsonl",), split="train")
