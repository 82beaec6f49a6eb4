"""`semantic` and `decontaminate` in a run of their own: from the command line, killed and gone on, with another threshold."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from curate.duplicates import vectors
from seedbed import encode_lexical
from seedbed.cli import main
from tests.tiny_job import contents

ROWS = [
    ("How do I change the default port of the server?", "Set the port in the configuration file and restart the server."),
    ("How is the default port of the server changed?", "Change the port in the configuration file; restart the server."),
    ("Where does the pump keep its oil?", "In the sump below the gearbox."),
    ("怎样修改服务器的默认端口？", "在配置文件中修改端口，然后重启服务器。"),
    ("服务器的默认端口怎样修改？", "修改配置文件中的端口，再重启服务器。"),
    ("水泵的润滑油在哪里？", "在齿轮箱下面的油池里。"),
    ("法国的首都是哪座城市？", "巴黎。"),
]


def job(folder: Path, **semantic: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"instruction": question, "output": answer} for question, answer in ROWS]
    (folder / "data.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    (folder / "exam.jsonl").write_text(json.dumps({"question": "法国的首都是哪座城市?"}) + "\n", encoding="utf-8")
    curate = ["exact", {"semantic": {"encoder": "lexical", "threshold": 0.5, **semantic}}, {"decontaminate": {"paths": ["exam.jsonl"]}}]
    content = {"name": "twins", "out": "run", "records": {"paths": ["data.jsonl"]}, "curate": curate}
    (folder / "job.yaml").write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return folder / "job.yaml"


def left(run: Path, stage: str) -> list[tuple[str, str]]:
    """Reason and question of what a stage left out."""
    records = map(json.loads, (run / stage / "rejected.jsonl").read_text(encoding="utf-8").splitlines())
    return [(record["rejection"]["reason"], record["messages"][0]["content"]) for record in records]


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many texts each call of the encoder was given."""
    given: list[int] = []
    embed: Callable[[Sequence[str]], np.ndarray] = encode_lexical.embed

    def counting(texts: Sequence[str]) -> np.ndarray:
        given.append(len(texts))
        return embed(texts)

    monkeypatch.setattr(encode_lexical, "embed", counting)
    return given


def test_twins_and_the_exam_go_in_both_languages(tmp_path: Path) -> None:
    assert main(["run", str(job(tmp_path))]) == 0
    assert left(tmp_path / "run", "03-semantic") == [("semantic", ROWS[1][0]), ("semantic", ROWS[4][0])]
    assert left(tmp_path / "run", "04-decontaminate") == [("item", ROWS[6][0])]


def test_a_run_killed_while_it_encodes_goes_on_and_ends_with_the_same_bytes(
    tmp_path: Path, encoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "_CHUNK", 2)
    assert main(["run", str(job(tmp_path / "whole"))]) == 0
    whole = list(encoded)
    encoded.clear()
    rows, calls = vectors._rows, []

    def dying(encoder: Any, chunk: list[tuple[str, ...]]) -> Any:
        calls.append(len(chunk))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return rows(encoder, chunk)

    monkeypatch.setattr(vectors, "_rows", dying)
    assert main(["run", str(job(tmp_path / "killed"))]) != 0
    assert main(["run", str(job(tmp_path / "killed"))]) == 0
    assert encoded == whole
    assert contents(tmp_path / "killed" / "run") == contents(tmp_path / "whole" / "run")


def test_another_threshold_encodes_nothing_and_decides_anew(tmp_path: Path, encoded: list[int]) -> None:
    path = job(tmp_path)
    assert main(["run", str(path)]) == 0
    encoded.clear()
    assert main(["curate", "--rethreshold", "semantic=0.99", "--out", str(tmp_path / "run")]) == 0
    assert left(tmp_path / "run", "03-semantic") == [] and encoded == []
    # Below the floor pairs must be found anew, but nothing is encoded for it.
    job(tmp_path, threshold=0.3)
    assert main(["run", str(path)]) == 0
    assert len(left(tmp_path / "run", "03-semantic")) >= 2 and encoded == []


def test_a_missing_encoder_ends_with_the_pip_line_and_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    assert main(["run", str(job(tmp_path, encoder="somebody/a-model"))]) == 2
    assert 'pip install "seedbed[embed]"' in capsys.readouterr().err


def test_a_cut_that_nobody_measured_and_an_option_out_of_range_end_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", str(job(tmp_path, threshold=7))]) == 2
    assert "threshold: expected a similarity above 0 and up to 1, got 7" in capsys.readouterr().err
