"""Two runs beside each other: counts, reasons, quality, cost and evaluation with their differences."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from curate.report.compare import Figures, build
from curate.report.comparison import Row, compared
from curate.report.model import Report
from curate.report.model_records import Level, Reason
from curate.report.schema import FOLDER, encoded, schemas
from curate.report.words import Words
from seedbed.cli import main
from seedbed.errors import InputError
from tests.curate.report.run import write_run

EN, ZH = Words("en"), Words("zh")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("runs")
    return write_run(folder / "a", per_passage=3), write_run(folder / "b", per_passage=6)


@pytest.fixture(scope="module")
def found(runs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    page = build(*runs, tmp_path_factory.mktemp("out"), "en")
    whole: dict[str, Any] = json.loads((page.parent / "compare.json").read_text(encoding="utf-8"))
    return whole | {"page": page.read_text(encoding="utf-8")}


def rows(found: dict[str, Any], table: str) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for each in found["tables"] if each["name"] == table for row in each["rows"]}


def test_all_tables_are_there_and_differences_are_second_less_first(found: dict[str, Any]) -> None:
    names = ["counts", "reasons", "quality", "dataset", "scores", "cost", "evaluation"]
    assert [table["name"] for table in found["tables"]] == names
    accepted = rows(found, "counts")["accepted"]
    assert accepted["difference"] == accepted["second"] - accepted["first"] > 0
    assert rows(found, "cost")["calls"]["difference"] == 0
    assert rows(found, "evaluation")["test_seen.loss"]["better"] == -1
    assert found["page"].count('class="row"') == sum(len(table["rows"]) for table in found["tables"])
    assert (found["first"], found["second"]) == ("a", "b")  # two runs of one job: their folders tell them apart


def test_a_reason_that_one_run_has_not_is_zero_where_its_stage_ran_and_unknown_where_not() -> None:
    def one(*reasons: tuple[str, str]) -> Report:
        every = [
            Reason(anchor=r, stage=s, reason=r, unit="records", count=1, share=0.5) for s, r in reasons
        ]
        return Report(title="x", funnel=[Level(name="rules", label="Rules", unit="records", count=1, reasons=every)])

    with_rules, with_both = one(("rules", "too_short")), one(("rules", "too_short"), ("exact", "exact"))
    with_both.stages = with_rules.stages = []
    table = compared(with_rules, with_both, EN, ("one", "two")).tables[1]
    assert [(row.name, row.first, row.second) for row in table.rows] == [
        ("rules.too_short", 0.5, 0.5),
        ("exact.exact", None, 0.5),
    ]


@pytest.mark.parametrize(
    ("row", "english", "chinese", "verdict"),
    [
        (Row(name="q", label="", unit="share", first=0.5, second=0.75, difference=0.25, better=1),
         "+25.0 points", "+25.0 个百分点", "better"),
        (Row(name="l", label="", unit="number", first=3.0, second=2.5, difference=-0.5, better=-1), "−0.50", "−0.50", "better"),
        (Row(name="t", label="", unit="tokens", first=10_000, second=30_000, difference=20_000, better=-1),
         "+20.0\u202fk", "+2.0\u202f万", "worse"),
        (Row(name="n", label="", unit="count", first=5, second=5, difference=0.0, better=1), "0", "0", ""),
        (Row(name="r", label="", unit="count", first=None, second=5), "", "", ""),
    ],
)  # fmt: skip
def test_differences_in_words(row: Row, english: str, chinese: str, verdict: str) -> None:
    assert (Figures(EN).difference(row), Figures(ZH).difference(row)) == (english, chinese)
    assert Figures(EN).verdict(row) == verdict and Figures(EN).value(row, None) == "–"


def test_the_command_compares_or_reports_and_refuses_what_is_neither(
    runs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (str(run) for run in runs)
    assert main(["report", "--compare", first, second, "--out", str(tmp_path), "--language", "zh"]) == 0
    assert "两次运行对比" in (tmp_path / "compare.html").read_text(encoding="utf-8")
    assert main(["report"]) == 2 and main(["report", first, "--compare", first, second]) == 2
    assert "name one run, or two to compare" in capsys.readouterr().err
    with pytest.raises(InputError, match="is not a run directory"):
        build(runs[0], tmp_path, tmp_path)


def test_the_schemas_in_docs_are_current_and_fit_the_files(found: dict[str, Any]) -> None:
    root = Path(__file__).resolve().parents[3]
    for name, schema in schemas().items():
        written = (root / FOLDER / name).read_text(encoding="utf-8")
        assert written == encoded(schema), f"{name}: run python -m curate.report.schema"
    assert set(schemas()["compare.schema.json"]["$defs"]["Compared"]["properties"]) == found.keys() - {"page"}
    assert msgspec.json.schema(Report)["$ref"] == "#/$defs/Report"
