"""From files on disk to passages, and what becomes of files that cannot be used."""

from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path

import msgspec
import pytest

from datagen.documents.files import find
from datagen.documents.ingest import Options, ingest, watch
from datagen.readers.document import Document, Unreadable
from datagen.readers.worker import Worker
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.record import Record
from tests.datagen.made_up import page, pdf

EN = (
    "# Pump manual\n\n## Alarms\n\nThe pump P-20 stops when the oil pressure falls below 2.5 bar. The operator must "
    "then open the bypass valve and wait until the gauge shows a steady value. Only then may the pump be started again "
    "with key F9.\n"
)
ZH = (
    "# 水泵手册\n\n## 报警\n\n水泵在油压低于二点五巴时会停止运行，操作员必须打开旁通阀。"
    "等待压力表稳定以后，才可以用按键重新启动水泵。\n"
)


def run(folder: Path, *paths: Path, **options: object) -> tuple[list[Record], Context]:
    context = Context(folder=folder / "run")
    chosen = msgspec.convert({"paths": [str(path) for path in paths], "minimum": 20, **options}, Options)
    return list(ingest([], chosen, context)), context


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "zh").mkdir(parents=True)
    (folder / "pump.md").write_text(EN, encoding="utf-8")
    (folder / "zh" / "水泵.txt").write_bytes(ZH.encode("gbk"))
    return folder


class TestPassages:
    def test_each_passage_knows_where_it_stands(self, tmp_path: Path, documents: Path) -> None:
        records, context = run(tmp_path, documents)
        assert [(record.source.document, record.language) for record in records if record.source] == [
            ("pump.md", "en"),
            ("zh/水泵.txt", "zh"),
        ]
        for record in records:
            source = record.source
            assert source is not None and record.rejection is None
            text = (context.folder / "documents" / f"{source.document_hash}.md").read_text(encoding="utf-8")
            assert text[source.start : source.end] == record.text
        assert records[0].source and records[0].source.headings == ("Pump manual", "Alarms")
        assert records[1].source and records[1].source.headings == ("水泵手册", "报警")

    def test_figures_count_what_became_of_the_documents(self, tmp_path: Path, documents: Path) -> None:
        (documents / "bad.pdf").write_bytes(b"junk")
        (documents / "title.md").write_text("# Only a title\n", encoding="utf-8")
        _, context = run(tmp_path, documents)
        figures = context.figures
        assert [
            (entry["document"], entry["passages"], entry.get("rejected_reason")) for entry in figures["documents"]
        ] == [
            ("bad.pdf", 0, "broken"),
            ("pump.md", 1, None),
            ("title.md", 0, None),
            ("zh/水泵.txt", 1, None),
        ]
        assert figures["passages_kept"] == 2
        assert figures["passages_set_aside"] == {"no_sentence": 1}
        assert figures["documents_rejected"] == {"broken": 1}

    def test_pages_of_a_pdf(self, tmp_path: Path) -> None:
        sentence = "The alarm code E-{} means that the sensor number {} is broken and has to be replaced."
        pages = [page(*[sentence.format(n * 7 + m, m) for m in range(6)], leading=30) for n in range(3)]
        (tmp_path / "alarms.pdf").write_bytes(pdf(pages))
        records, _ = run(tmp_path, tmp_path / "alarms.pdf", tokens=100)
        found = [(record.source.page, record.text) for record in records if record.source]
        assert [number for number, _ in found] == sorted(number for number, _ in found if number)
        assert {number for number, _ in found} == {1, 2, 3}

    def test_the_same_passage_again_is_set_aside_with_its_first_id(self, tmp_path: Path, documents: Path) -> None:
        (documents / "second.md").write_text(
            EN + "\n## More\n\n" + "Keep the floor dry and clean at all times. " * 6, encoding="utf-8"
        )
        records, _ = run(tmp_path, documents)
        again = [record for record in records if record.rejection]
        assert [(r.rejection.reason, r.rejection.match) for r in again if r.rejection] == [
            ("duplicate_passage", records[0].id)
        ]

    def test_a_copy_of_a_document_is_named_as_such(self, tmp_path: Path, documents: Path) -> None:
        (documents / "copy.md").write_text(EN, encoding="utf-8")
        records, context = run(tmp_path, documents)
        assert context.figures["documents_rejected"] == {"duplicate_document": 1}
        assert any("copy.md" in r.rejection.detail for r in records if r.rejection)

    def test_what_the_bytes_say_is_noted_on_the_passages(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text(f"<html><body><p>{EN}</p></body></html>", encoding="utf-8")
        records, _ = run(tmp_path, tmp_path / "a.txt")
        assert records[0].labels == {"read_as": "html, though named .txt"}


class TestAgain:
    def test_an_unchanged_document_is_not_read_again(
        self, tmp_path: Path, documents: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, _ = run(tmp_path, documents)
        (documents / "new.md").write_text(
            "# New\n\n" + "The seal is changed once a year by the crew. " * 6, encoding="utf-8"
        )
        read: list[str] = []
        original = Worker.read

        def noted(worker: Worker, name: str, path: Path) -> Document:
            read.append(name)
            return original(worker, name, path)

        monkeypatch.setattr(Worker, "read", noted)
        second, _ = run(tmp_path, documents)
        assert read == ["new.md"]
        assert [record for record in second if record.source and record.source.document != "new.md"] == first

    def test_a_text_without_its_page_map_is_read_again(self, tmp_path: Path, documents: Path) -> None:
        first, context = run(tmp_path, documents)
        for path in (context.folder / "documents").glob("*.json"):
            path.write_bytes(b'{"kind": "cut o')
        assert run(tmp_path, documents)[0] == first

    def test_watch_names_the_documents(self, documents: Path) -> None:
        assert watch(Options(paths=(str(documents),))) == [documents / "pump.md", documents / "zh" / "水泵.txt"]


def reason(folder: Path, name: str, data: bytes, **options: object) -> str:
    (folder / name).write_bytes(data)
    records, _ = run(folder, folder / name, **options)
    assert len(records) == 1 and records[0].rejection and name in records[0].rejection.detail
    return records[0].rejection.reason


class TestUnusable:
    def test_every_bad_file_has_its_reason_and_costs_itself_only(self, tmp_path: Path, documents: Path) -> None:
        bomb = tmp_path / "bomb.zip"
        with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("word/document.xml", b"\0" * 50_000_000)
        whole = pdf([page("The pump stops when the pressure falls below 2.5 bar.")])
        files = {
            "bomb.docx": (bomb.read_bytes(), "broken"),
            "bomb.txt.gz": (gzip.compress(b" \n" * 60_000_000), "too_large"),
            "cut.pdf": (whole[: len(whole) // 2], "broken"),
            "deep.html": (b"<ul><li>" * 5_000 + b"x", "too_large"),
            "empty.md": (b"", "empty_file"),
            "koi.txt": ("Насос останавливается при низком давлении масла.".encode("koi8-r"), "encoding"),
            "locked.pdf": (pdf([page("secret")], password="x"), "password"),
            "picture.txt": (b"\x89PNG\r\n\x1a\n\0\0", "wrong_suffix"),
            "scan.pdf": (pdf([[], []]), "no_text"),
            "tool.xyz": (b"what", "unsupported"),
        }
        for name, (data, _) in files.items():
            (documents / name).write_bytes(data)
        records, context = run(tmp_path, documents)
        found = {
            record.source.document: record.rejection.reason for record in records if record.source and record.rejection
        }
        assert found == {name: expected for name, (_, expected) in files.items()}
        assert context.figures["passages_kept"] == 2

    def test_a_file_that_takes_too_long_and_the_next_one(self, tmp_path: Path, documents: Path) -> None:
        (documents / "long.txt").write_bytes(b"The pump stops, and the valve opens. \n" * 1_000_000)
        records, context = run(tmp_path, documents, timeout=1)
        assert context.figures["documents_rejected"] == {"timeout": 1}
        assert [record.source.document for record in records if record.source and not record.rejection] == [
            "pump.md",
            "zh/水泵.txt",
        ]

    def test_a_file_that_needs_too_much_memory(self, tmp_path: Path) -> None:
        assert reason(tmp_path, "big.txt", b"The pump stops at once. " * 8_000_000, memory_mb=256) == "too_large"

    def test_a_reader_that_crashes_is_replaced(self, tmp_path: Path, documents: Path) -> None:
        with Worker(10, 512) as worker:
            worker.read("pump.md", documents / "pump.md")
            process = worker._process
            assert process is not None
            os.kill(process.pid, 11)
            with pytest.raises(Unreadable) as caught:
                worker.read("pump.md", documents / "pump.md")
            assert (caught.value.reason, "SIGSEGV" in caught.value.detail) == ("broken", True)
            assert "P-20" in worker.read("pump.md", documents / "pump.md").text
        assert process.poll() is not None

    def test_a_teachers_key_does_not_reach_the_reading_process(
        self, tmp_path: Path, documents: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
        with Worker(10, 512) as worker:
            worker.read("pump.md", documents / "pump.md")
            assert worker._process is not None
            environment = Path(f"/proc/{worker._process.pid}/environ")
            assert not environment.exists() or b"sk-very-secret" not in environment.read_bytes()


class TestPaths:
    @pytest.mark.parametrize(("name", "says"), [("nowhere", "no such file"), ("hollow", "no documents in it")])
    def test_a_missing_or_empty_folder_is_an_error_that_names_it(self, tmp_path: Path, name: str, says: str) -> None:
        (tmp_path / "hollow").mkdir()
        with pytest.raises(InputError, match=says) as caught:
            run(tmp_path, tmp_path / name)
        assert name in str(caught.value) and caught.value.next_step

    def test_no_paths_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no documents are named"):
            run(tmp_path)

    def test_hidden_and_excluded_files_are_left_out(self, documents: Path) -> None:
        (documents / ".hidden.md").write_text(EN, encoding="utf-8")
        (documents / ".git").mkdir()
        (documents / ".git" / "a.md").write_text(EN, encoding="utf-8")
        assert [file.name for file in find((str(documents),), ("zh/*",))] == ["pump.md"]
        assert [file.name for file in find((str(documents),), ("*.md",))] == ["zh/水泵.txt"]
        with pytest.raises(InputError, match="all 2 documents are excluded"):
            find((str(documents),), ("*",))

    def test_names_stay_apart_when_folders_hold_the_same_ones(self, tmp_path: Path) -> None:
        for place in ("a/docs", "b/docs", "c/more"):
            (tmp_path / place).mkdir(parents=True)
            (tmp_path / place / "x.md").write_text(EN, encoding="utf-8")
        roots = [str(tmp_path / place) for place in ("a/docs", "b/docs", "c/more")]
        assert [file.name for file in find((roots[0], roots[2]))] == ["docs/x.md", "more/x.md"]
        assert [file.name for file in find((roots[0], roots[1]))] == ["1-docs/x.md", "2-docs/x.md"]
        assert [file.name for file in find((roots[0], roots[0] + "/x.md"))] == ["x.md"]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"tokens": 5}, "tokens"),
        ({"minimum": 300}, "minimum"),
        ({"overlap": 200}, "overlap"),
        ({"timeout": 0}, "timeout"),
        ({"memory_mb": 10}, "memory_mb"),
    ],
)
def test_options_out_of_range_are_refused_by_name(options: dict[str, int], key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}:"):
        Options(**options)  # type: ignore[arg-type]
