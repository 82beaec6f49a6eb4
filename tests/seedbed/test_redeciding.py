"""`seedbed curate` with --rethreshold and --against: decided anew from the pairs that were kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from curate.duplicates import minhash, rouge
from seedbed.run import manifest
from tests.seedbed.commands import one_line, records
from tests.tiny_job import contents

# The second is like the first, the fourth like the third (ROUGE-L and Jaccard between 0.8 and 0.98).
ROWS = [
    "Describe how the default pressure of the KX-40 pump is set at the factory and why",
    "Describe how the default pressure of the KX-40 pump is set at the factory and who",
    "请说明 KX-40 离心泵的默认压力在出厂之前是怎样调整并且加上铅封的以及这样做有什么好处",
    "请说明 KX-40 离心泵的默认压力在出厂之前是怎样调整并且加上铅封的以及这样做有什么坏处",
    "Every 500 hours: 每运行 500 小时更换一次润滑油。",
]


def write_job(folder: Path, *curate: Any, **top: Any) -> Path:
    rows = [json.dumps({"instruction": text, "output": f"{n}."}, ensure_ascii=False) for n, text in enumerate(ROWS)]
    (folder / "rows.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    job = {"out": "run", "records": "rows.jsonl", "curate": list(curate)} | top
    (folder / "job.yaml").write_text(yaml.safe_dump(job, allow_unicode=True), encoding="utf-8")
    return folder / "job.yaml"


def kept(run: Path, stage: str) -> int:
    return len(records(run / stage))


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stages that looked for pairs."""
    made: list[str] = []
    for module in (rouge, minhash):
        find, name = module._find, module.__name__.rpartition(".")[2]

        def watched(*given: Any, find: Any = find, name: str = name, **more: Any) -> Any:
            made.append(name)
            return find(*given, **more)

        monkeypatch.setattr(module, "_find", watched)
    return made


def test_a_finished_run_is_decided_anew_without_comparing(seedbed: Any, tmp_path: Path, searches: list[str]) -> None:
    job = write_job(tmp_path, "exact", {"minhash": {"on": "instruction"}}, "split")
    assert seedbed("run", job).status == 0
    run = tmp_path / "run"
    first = contents(run)
    assert kept(run, "03-minhash") == 3
    said = seedbed("curate", "--out", run, "--rethreshold", "0.99")
    assert said.status == 0 and "write the threshold into the job" in said.out
    assert kept(run, "03-minhash") == kept(run, "04-split") == 5
    assert (run / "05-report" / "report.html").is_file()  # what is not curation is left for `seedbed run`
    assert seedbed("run", job).status == 0
    assert contents(run) == first
    assert searches == ["minhash"]


def test_data_and_a_config_are_decided_anew(seedbed: Any, tmp_path: Path, searches: list[str]) -> None:
    job = write_job(tmp_path, {"rouge": {"floor": 0.5}}, {"minhash": {"on": "instruction"}})
    base = ["curate", tmp_path / "rows.jsonl", "--config", job, "--out", tmp_path / "out"]
    assert seedbed(*base, "--rethreshold", "rouge=0.99,minhash=0.7").status == 0
    assert (kept(tmp_path / "out", "02-rouge"), kept(tmp_path / "out", "03-minhash")) == (5, 3)
    assert seedbed(*base, "--rethreshold", "rouge=0.99,minhash=0.99").status == 0
    assert (kept(tmp_path / "out", "02-rouge"), kept(tmp_path / "out", "03-minhash")) == (5, 5)
    assert searches == ["rouge", "minhash"]
    # fewer records into minhash: its pairs are others
    assert seedbed(*base, "--rethreshold", "rouge=0.6").status == 0
    assert kept(tmp_path / "out", "02-rouge") == 3 and searches == ["rouge", "minhash", "minhash"]


def test_a_number_alone_is_for_those_that_have_pairs_from_there_on(seedbed: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path, {"rouge": {"threshold": 0.99, "floor": 0.99}}, {"minhash": {"on": "instruction", "threshold": 0.99}})
    assert seedbed("run", job).status == 0
    said = seedbed("curate", "--out", tmp_path / "run", "--rethreshold", "0.7")
    assert said.status == 0 and "rouge stays as it is: it found its pairs from 0.99 on\n" in said.out
    assert (kept(tmp_path / "run", "02-rouge"), kept(tmp_path / "run", "03-minhash")) == (5, 3)


def test_the_default_job_can_be_decided_anew_from_0_6_on(seedbed: Any, tmp_path: Path, searches: list[str]) -> None:
    write_job(tmp_path)
    base = ("curate", tmp_path / "rows.jsonl", "--out", tmp_path / "out")
    assert seedbed(*base).status == 0
    assert seedbed("curate", "--out", tmp_path / "out", "--rethreshold", "0.6").status == 0
    assert searches == ["rouge"]


@pytest.mark.parametrize(
    ("thresholds", "said"),
    [
        ("minhash=0.5", "--rethreshold: 0.5 is below the floor of 0.6, from which on minhash found its pairs. Set `floor: 0.5`"),
        ("0.1", "--rethreshold: 0.1 is below the floor of 0.6"),
        ("rouge=0.8", "--rethreshold: no near-duplicate stage `rouge` in this job. Known: minhash"),
        ("exact=0.8", "--rethreshold: no near-duplicate stage `exact` in this job"),
        ("minhsh=0.8", "--rethreshold: no near-duplicate stage `minhsh` in this job. Did you mean `minhash`?"),
        ("often", "--rethreshold: expected a number, got 'often'. Write 0.6, or minhash=0.6,rouge=0.8"),
        ("minhash=", "--rethreshold: expected a number, got ''"),
        ("1.5", "threshold: expected a similarity above 0 and up to 1, got 1.5"),
        ("-1", "--rethreshold: expected a similarity above 0 and up to 1, got -1. Write 0.6"),
        ("minhash=0", "--rethreshold: expected a similarity above 0 and up to 1, got 0. Write 0.6"),
        ("nan", "threshold: expected a similarity above 0 and up to 1, got nan"),
    ],
)
def test_a_threshold_that_cannot_be_is_one_line(seedbed: Any, tmp_path: Path, thresholds: str, said: str) -> None:
    job = write_job(tmp_path, "exact", {"minhash": {"on": "instruction"}})
    assert seedbed("run", job).status == 0
    before = contents(tmp_path / "run")
    assert said in one_line(seedbed("curate", "--out", tmp_path / "run", "--rethreshold", thresholds))
    assert contents(tmp_path / "run") == before


def test_a_run_that_is_not_finished_is_not_decided_anew(seedbed: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path, "exact", "minhash")
    run = tmp_path / "run"
    flags = ("curate", "--out", run, "--rethreshold", "0.8")
    assert "is not a run directory" in one_line(seedbed(*flags))
    assert seedbed("run", job, "--stop-after", "exact").status == 0
    assert "03-minhash: is not finished. Finish it first" in one_line(seedbed(*flags))
    assert seedbed("run", job).status == 0
    (tmp_path / "rows.jsonl").write_text('{"text": "阀门"}\n', encoding="utf-8")
    assert "01-import: is not finished" in one_line(seedbed(*flags))
    (run / "job.yaml").write_text("[]")
    assert "has no job.yaml that can be read" in one_line(seedbed(*flags))


def test_without_data_and_threshold_there_is_nothing_to_do(seedbed: Any, tmp_path: Path) -> None:
    assert "curate: names no data" in one_line(seedbed("curate", "--out", tmp_path))


def test_a_job_without_such_a_stage_says_so(seedbed: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path, "exact")
    assert seedbed("run", job).status == 0
    said = one_line(seedbed("curate", "--out", tmp_path / "run", "--rethreshold", "0.8"))
    assert said.startswith("--rethreshold: no near-duplicate stage that it could be for. Such stages are rouge, minhash")


def test_the_index_stands_across_runs(seedbed: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path, "exact", "split")
    base = ["curate", tmp_path / "rows.jsonl", "--config", job, "--against", tmp_path / "index"]
    assert seedbed(*base, "--out", tmp_path / "a").status == 0
    assert kept(tmp_path / "a", "03-minhash") == kept(tmp_path / "a", "04-split") == 3
    line = one_line(seedbed(*base, "--out", tmp_path / "b"))
    assert line.startswith("03-minhash: nothing was kept of 5 (minhash 5)")
    assert seedbed(*base, "--out", tmp_path / "a").out.count("already done") == 5  # the report among them


def test_an_index_in_a_job_lies_beside_the_job(seedbed: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path, {"minhash": {"against": "index"}})
    assert seedbed("run", job).status == 0
    done = manifest(tmp_path / "run" / "02-minhash")
    assert done and done.figures["outside"] == 0 and (tmp_path / "index" / "index.json").is_file()
