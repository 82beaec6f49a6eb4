"""Record-scope stages over several processes: the same bytes, the same counts, the same one error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from seedbed import config, jsonl, spread
from seedbed.context import Context
from seedbed.errors import InputError, RunError
from seedbed.pipeline import Pipeline
from seedbed.record import Record, chat
from seedbed.run import Manifest
from seedbed.spread_worker import work
from seedbed.stages import STAGES, Stage
from tests.curate.malformed import odd_records

RECORD_SCOPE = [stage for stage in STAGES.values() if stage.scope == "record"]
CURATORS = [stage for stage in STAGES.values() if stage.group == "curate"]


def some(count: int) -> list[Record]:
    """Sound records, some to be mended and some to be rejected, in both languages."""
    found = []
    for number in range(count):
        english = chat(f"What does part {number} do?", f"Part {number} pumps<br>oil." if number % 5 else "and the")
        chinese = chat(f"第 {number} 号零件有什么用？", f"第 {number} 号零件用来泵油  。" if number % 7 else "")
        found += [english, chinese]
    return [*found, *odd_records()]


def files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in ("kept.jsonl", "rejected.jsonl")}


def run(folder: Path, records: list[Record], processes: int, curate: list[Any]) -> Pipeline:
    """A run over `records`, its stages spread from the first byte on."""
    jsonl.write(folder / "rows.jsonl", records)
    raw = {"records": ["rows.jsonl"], "curate": curate, "processes": processes}
    pipeline = Pipeline(config.build(folder / "job.yaml", raw), folder / "run", report=False)
    pipeline.execute()
    return pipeline


@pytest.mark.parametrize("stage", RECORD_SCOPE, ids=lambda stage: stage.name)
def test_any_division_of_the_records_gives_the_same(stage: Stage, tmp_path: Path) -> None:
    """What makes a stage a record-scope one; a chunk at a time as in a worker, without the processes."""
    records = some(20)
    lines = [msgspec.json.encode(record, order="deterministic") for record in records]
    setting = spread.Setting(stage.name, {}, str(tmp_path), 7, {}, None)
    outcomes = []
    for size in (len(lines), 3):
        kept = rejected = b""
        reasons, figures = dict[str, Any](), dict[str, Any]()
        for start in range(0, len(lines), size):
            done = work(setting, spread.Chunk("rows.jsonl", start + 1, b"\n".join(lines[start : start + size])))
            kept, rejected = kept + done.kept, rejected + done.rejected
            spread.add(reasons, done.reasons)
            spread.add(figures, done.figures)
        outcomes.append((kept, rejected, reasons, figures))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] and sum(outcomes[0][2].values()) == outcomes[0][1].count(b"\n")


def test_several_processes_write_the_same_bytes_and_counts_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "WORTH_IT", 1)
    monkeypatch.setattr(spread, "_CHUNK", 2_000)
    made = {}
    for processes in (1, 3):
        folder = tmp_path / str(processes)
        pipeline = run(folder, some(60), processes, ["clean", {"rules": {"shortest": 2}}])
        stages = [step.folder for step in pipeline.plan()[1:]]
        manifests = [msgspec.to_builtins(pipeline.finished(step)) | {"seconds": 0} for step in pipeline.plan()[1:]]
        made[processes] = [(files(stage), manifest) for stage, manifest in zip(stages, manifests, strict=True)]
    assert made[1] == made[3]
    assert made[1][1][1]["reasons"]["too_short"] > 5


def test_few_records_start_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spread, "spread", lambda *given: pytest.fail("a process for 40 records"))
    run(tmp_path, some(20), 4, ["clean"])


def spread_over(tmp_path: Path, lines: bytes, count: int = 2) -> Manifest:
    (tmp_path / "in.jsonl").write_bytes(lines)
    done = Manifest(stage="clean", fingerprint="")
    folder = tmp_path / "02-clean"
    spread.spread("clean", STAGES["clean"].options(), [tmp_path / "in.jsonl"], Context(folder), done, count)
    return done


def test_no_record_at_all(tmp_path: Path) -> None:
    done = spread_over(tmp_path, b"\n")
    assert (done.read, done.kept, done.rejected) == (0, 0, 0)
    assert files(tmp_path / "02-clean") == {"kept.jsonl": b"", "rejected.jsonl": b""}


def test_a_line_that_is_none_is_told_with_its_number_as_in_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spread, "_CHUNK", 100)
    good = msgspec.json.encode(chat("泵？", "泵。")) + b"\n"
    with pytest.raises(InputError, match=r"in\.jsonl:31: not a valid line") as told:
        spread_over(tmp_path, good * 30 + b'{"id": 5}\n' + good * 30)
    assert told.value.next_step == "Mend or delete that line"
    assert not (tmp_path / "02-clean" / "kept.jsonl").exists()


def test_a_process_that_ends_by_itself_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = spread._Worker.give

    def killed(self: Any, number: int, chunk: spread.Chunk) -> None:
        self._process.kill()
        self._process.wait()
        given(self, number, chunk)

    monkeypatch.setattr(spread._Worker, "give", killed)
    with pytest.raises(RunError, match="signal 9.*memory") as told:
        spread_over(tmp_path, msgspec.json.encode(chat("泵？", "泵。")) + b"\n")
    assert told.value.where == "clean" and "--processes 1" in told.value.next_step


def test_figures_are_counts_that_are_added() -> None:
    whole: dict[str, Any] = {}
    spread.add(whole, {"checked": 3, "by": {"en": 1}, "model": "small"})
    spread.add(whole, {"checked": 2, "by": {"zh": 4, "en": 1}, "model": "small"})
    assert whole == {"checked": 5, "by": {"en": 2, "zh": 4}, "model": "small"}
    with pytest.raises(TypeError, match="`mean` is no count"):
        spread.add({"mean": 0.5}, {"mean": 0.25})
