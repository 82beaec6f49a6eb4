"""Rows of a database as documents: what they are called, what they hold, and what is said of a query that fails."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from datagen.documents.database import Query, below, digest, files
from datagen.documents.ingest import Options, ingest, marks
from seedbed.config import build
from seedbed.context import Context
from seedbed.errors import InputError, JobError
from seedbed.pipeline import Pipeline
from seedbed.record import Record
from tests.datagen.office import saved
from tests.datagen.readers.test_office import word

LONG = ("The pump P-20 stops when the oil pressure falls below 2.5 bar. The operator must then open the bypass valve and "
        "wait until the gauge shows a steady value. Only then may the pump be started again with key F9.")
ZH = "水泵在油压低于二点五巴时会停止运行，操作员必须打开旁通阀。等待压力表稳定以后，才可以用按键重新启动水泵。"


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    path = tmp_path / "plant.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE faults (code, name, cause, remedy, file)")
        connection.executemany(
            "INSERT INTO faults VALUES (?, ?, ?, ?, ?)",
            [("E17", "Pump stops 100%", LONG, "Open V2 at 12:30.", saved(word(("Heading 1", "泵"), ("Normal", ZH)))),
             ("E/18", "水泵停止", ZH, None, b"\x89PNG")],
        )
        connection.commit()
    return path


def query(path: Path, sql: str = "SELECT code, name, cause, remedy FROM faults", **more: Any) -> Query:
    return Query(url=f"sqlite:///{path}", query=sql, name="faults", **more)


def contents(*queries: Query) -> dict[str, tuple[str, str]]:
    with files(queries) as found:
        return {file.name: (file.path.read_text(encoding="utf-8"), file.suffix) for file in found}


def ingested(folder: Path, *queries: Query) -> list[Record]:
    return list(ingest([], Options(database=queries, minimum=20), Context(folder / "run")))


def test_a_row_is_a_document_with_title_and_fields(plant: Path) -> None:
    assert contents(query(plant, title="name")) == {
        "faults/E-18": (f"# 水泵停止\n\ncause:\n\n{ZH}", ".md"),
        "faults/E17": (f"# Pump stops 100%\n\ncause:\n\n{LONG}\n\n- remedy: Open V2 at 12:30.", ".md"),
    }
    assert contents(query(plant, key="name", text="remedy"))["faults/Pump stops 100%"] == ("Open V2 at 12:30.", ".md")


def test_a_query_is_taken_as_it_is(plant: Path) -> None:
    found = contents(query(plant, "/* bars */ SELECT code, remedy FROM faults WHERE remedy LIKE '%12:30%' AND 5 % 2 = 1;"))
    assert list(found) == ["faults/E17"]


def test_passages_of_rows_are_cited_like_those_of_files(tmp_path: Path, plant: Path) -> None:
    records = ingested(tmp_path, query(plant, title="name", text=("cause", "remedy")))
    assert [(r.source.document, r.source.headings, r.language) for r in records if r.source] == [
        ("faults/E-18", ("水泵停止",), "zh"), ("faults/E17", ("Pump stops 100%",), "en")]
    for record in records:
        assert record.source and not record.rejection
        text = (tmp_path / "run" / "documents" / f"{record.source.document_hash}.md").read_text(encoding="utf-8")
        assert text[record.source.start : record.source.end] == record.text


def test_a_column_with_a_file_in_it_is_that_file_and_a_page_is_a_page(tmp_path: Path, plant: Path) -> None:
    records = ingested(tmp_path, query(plant, "SELECT code, file FROM faults"))
    assert [(r.source.document, r.rejection.reason if r.rejection else "") for r in records if r.source] == [
        ("faults/E-18", "unsupported"), ("faults/E17", "")]
    assert ZH in records[1].text
    page = contents(query(plant, "SELECT 1 AS id, 'Care' AS name, '<p>Open <b>V2</b>.</p><ul><li>等待</li></ul>' AS body", title="name"))
    assert page == {"faults/1": ("<h1>Care</h1><p>Open <b>V2</b>.</p><ul><li>等待</li></ul>", ".html")}


def test_only_a_changed_row_is_another_digest_and_only_it_is_read(tmp_path: Path, plant: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datagen.readers.worker import Worker

    asked = query(plant, title="name")
    first, before = ingested(tmp_path, asked), digest((asked,))
    assert before == digest((query(plant, "SELECT code, name, cause, remedy FROM faults ORDER BY code", title="name"),))
    assert marks(Options(database=asked)) == [("database", before)]
    with closing(sqlite3.connect(plant)) as connection:
        connection.execute("UPDATE faults SET remedy = 'Open V3.' WHERE code = 'E17'")
        connection.commit()
    read: list[str] = []
    original = Worker.read
    monkeypatch.setattr(Worker, "read", lambda self, name, path: read.append(name) or original(self, name, path))
    second = ingested(tmp_path, asked)
    assert (read, digest((asked,)) == before, second[0] == first[0]) == (["faults/E17.md"], False, True)


@pytest.mark.parametrize("sql", ["DELETE FROM faults", "update faults set code = 1", "-- SELECT\nDROP TABLE faults", "PRAGMA x"])
def test_a_query_that_writes_is_refused(plant: Path, sql: str) -> None:
    with pytest.raises(ValueError, match="^query: must be one that reads"):
        query(plant, sql)


def test_a_write_in_disguise_changes_nothing(plant: Path) -> None:
    with pytest.raises(InputError, match="faults: query: .*readonly"):
        contents(query(plant, "WITH gone AS (SELECT 1) DELETE FROM faults"))
    assert len(contents(query(plant))) == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sql": "SELECT pressure FROM faults"}, "faults: query: no such column: pressure"),
        ({"sql": "SELECT FROM WHERE"}, "faults: query: near"),
        ({"title": "titel"}, "faults: title: the query gives no column titel. It gives code, name, cause, remedy"),
        ({"text": ("cause", "cure")}, "faults: text: the query gives no column cure"),
        ({"sql": "SELECT 1 AS id, name FROM faults"}, "faults: key: two rows are named faults/1"),
    ],
)
def test_a_wrong_query_is_one_clear_error(plant: Path, change: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as caught:
        contents(query(plant, **change))
    assert says in str(caught.value) and caught.value.next_step


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nonsense", "is no SQLAlchemy URL"),
        ("postgresql://ana:topsecret@:port/db", "is no SQLAlchemy URL"),
        ("tulip://ana:topsecret@host/db", "no such kind of database: tulip"),
        ("mysql+pymysql://ana:topsecret@host/db", "the driver pymysql is not installed"),
        ("sqlite:////nowhere/plant.db", "no such database file: /nowhere/plant.db"),
    ],
)
def test_a_wrong_url_names_its_key_and_never_the_password(monkeypatch: pytest.MonkeyPatch, url: str, says: str) -> None:
    monkeypatch.setenv("PLANT_URL", url)
    with pytest.raises(InputError) as caught:
        contents(Query(url_env="PLANT_URL", query="SELECT 1", name="faults"))
    assert f"documents: database: faults: url_env: {says}" in str(caught.value)
    assert "topsecret" not in str(caught.value)


def test_a_variable_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLANT_URL", raising=False)
    with pytest.raises(InputError, match="the variable PLANT_URL is not set"):
        contents(Query(url_env="PLANT_URL", query="SELECT 1"))


@pytest.mark.parametrize("url", ["postgresql://ana:topsecret@host/db", "mssql://host/db?password=topsecret", ""])
def test_a_password_in_a_job_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    raw = {"documents": {"database": {"url": url, "query": "SELECT 1"}}}
    with pytest.raises(JobError, match="url: ") as caught:
        Pipeline(build(tmp_path / "job.yaml", raw))
    assert "topsecret" not in str(caught.value) and "url_env" in str(caught.value)


def test_a_mistyped_key_of_a_query_is_suggested(tmp_path: Path) -> None:
    raw = {"documents": {"database": [{"url": "sqlite:///a.db", "query": "SELECT 1", "titel": "x"}]}}
    with pytest.raises(JobError, match="unknown key `titel`. Did you mean `title`?"):
        Pipeline(build(tmp_path / "job.yaml", raw))


def test_a_job_over_a_database_beside_it(tmp_path: Path, plant: Path) -> None:
    raw = {"documents": {"database": {"url": "sqlite:///plant.db", "query": "SELECT code, cause FROM faults"}, "minimum": 20}}
    job = build(tmp_path / "job.yaml", raw)
    (step,) = Pipeline(job, tmp_path / "run", report=False).execute()
    assert (step.folder / "kept.jsonl").read_text(encoding="utf-8").count("\n") == 2
    assert not list(tmp_path.glob("**/*.db-journal"))
    assert below(Query(url="sqlite:////srv/plant.db", query="SELECT 1"), tmp_path).url == "sqlite:////srv/plant.db"
