"""`--preview N`: records to read, what they cost, and what the whole would; nothing of the run is changed or lost."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from datagen.teacher.journal import Journal
from seedbed import config
from seedbed.outlook import Trial, busy, wilson
from seedbed.pipeline import Pipeline
from seedbed.record import Message, chat, make
from seedbed.run import Usage, manifest
from seedbed.show import content
from seedbed.stages import STAGES
from tests.fake_endpoint import serving
from tests.seedbed.commands import one_line, records
from tests.seedbed.retold import STAGE
from tests.tiny_job import contents, rules, write_job, write_rules

PRICED = {"model": "scripted:replies.jsonl", "prices": {"prompt": 1000, "completion": 1000, "currency": "CNY"}}


@pytest.fixture
def retold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAGES, "retold", STAGE)


def bought(run: Path) -> tuple[int, int]:
    """Calls and tokens in the journal."""
    with Journal(run / "journal.sqlite", read_only=True) as journal:
        return journal.spent()[:2]


def parts(out: str) -> dict[str, list[str]]:
    """The lines of each stage, and under "" those of the whole job."""
    found: dict[str, list[str]] = {"": []}
    name = ""
    for line in out.splitlines():
        if stage := re.match(r"(\d\d-\w+): (?!.* kept, \d+ s)", line):
            name = stage.group(1)
            found[name] = []
        elif not line.startswith("  "):
            name = ""
        found[name].append(line)
    return found


# ---- what is shown ----


def test_records_are_shown_with_their_evidence_in_both_languages(seedbed: Any, tmp_path: Path) -> None:
    said = seedbed("generate", write_job(tmp_path), "--preview", "5")
    assert said.status == 0, said.err
    lines = parts(said.out)["02-doc_qa"]
    assert re.fullmatch(r"02-doc_qa: 5 of \d accepted records from \d of 4 passages", lines[0])
    assert [line for line in lines if line.startswith("  record ")] == [f"  record {n}" for n in range(1, 6)]
    assert sum(line.startswith("    user: ") for line in lines) == sum(line.startswith("    assistant: ") for line in lines) == 5
    languages = {word for line in lines for word in re.findall(r"language (\w+), task doc_qa, kind \w+", line)}
    assert languages == {"en", "zh"}
    quotes = [line.partition("]: ")[2] for line in lines if line.startswith("    evidence [")]
    assert len(quotes) >= 5 and any("密封会泄漏" in q for q in quotes) and any("oil" in q for q in quotes)


def test_what_it_measures_is_what_the_journal_holds(seedbed: Any, tmp_path: Path) -> None:
    said = seedbed("run", write_job(tmp_path, teacher=PRICED), "--preview", "12")
    lines, calls, tokens = parts(said.out), *bought(tmp_path / "run")
    assert "  rejected: twin_question 1 (nearly the words of " in "\n".join(lines["02-doc_qa"])
    measured = next(line for line in lines["02-doc_qa"] if line.startswith("  measured: "))
    accepted, made = map(int, re.findall(r"(\d+) of (\d+) accepted", measured)[0])
    prompt, completion = (int(n.replace(",", "")) for n in re.findall(r"([\d,]+) (?:prompt|completion)", measured))
    assert prompt + completion == tokens and f"({accepted / made:.0%}; 95 % interval " in measured and f"%), {calls} calls, " in measured
    assert measured.endswith(f"; {tokens / accepted:,.0f} tokens for an accepted record")
    # all four passages were in the sample: the whole is the sample
    whole = f"about {calls} calls, {tokens:,} tokens, {tokens / 1000:.2f} CNY, 0 s at the pace of this preview"
    assert lines["02-doc_qa"][-1] == f"  the whole: about {accepted} records from 4 passages, {whole}"
    assert f"The whole job: {whole}" in lines[""]
    assert f"This preview bought {calls} calls, {tokens:,} tokens, {tokens / 1000:.2f} CNY" in lines[""]


def test_preference_and_text_records_can_be_read() -> None:
    pair = make(messages=(Message("user", "多久换油？"), Message("assistant", "500 小时。")), rejected=Message("assistant", "每年。"))
    assert list(content(pair))[:3] == ["  user: 多久换油？", "  assistant: 500 小时。", "  rejected answer: 每年。"]
    assert list(content(make(text="The valve V2 limits\nthe pressure."))) == [
        "  text:", "    The valve V2 limits\n    the pressure."]


# ---- nothing is paid twice, nothing is changed ----


def test_the_run_after_a_preview_pays_for_no_call_again(seedbed: Any, tmp_path: Path) -> None:
    plain, seen = (write_job(tmp_path / name) for name in ("plain", "seen"))
    assert seedbed("run", plain).status == 0
    assert seedbed("generate", seen, "--preview", "3").status == 0
    early = bought(seen.parent / "run")
    assert 3 <= early[0] < bought(plain.parent / "run")[0]
    assert sorted(p.name for p in (seen.parent / "run").glob("0*")) == ["01-ingest"]
    said = seedbed("run", seen)
    assert said.status == 0 and "01-ingest: already done (4 kept)" in said.out
    assert bought(seen.parent / "run") == bought(plain.parent / "run")
    assert contents(seen.parent / "run") == contents(plain.parent / "run")


def test_a_second_preview_is_the_same_and_costs_nothing(seedbed: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path)
    first, second = (parts(seedbed("run", job, "--preview", "4").out) for _ in range(2))
    assert first["02-doc_qa"] == second["02-doc_qa"]
    assert "This preview bought nothing: all of its replies were in the journal" in second[""]


def test_the_languages_come_by_turns_however_few_are_asked_for(seedbed: Any, tmp_path: Path) -> None:
    for seed in range(2):
        said = seedbed("run", write_job(tmp_path / str(seed), seed=seed), "--preview", "2")
        assert sorted(re.findall(r"language (\w+)", said.out)) == ["en", "zh"]


def test_a_preview_of_a_finished_run_changes_nothing_and_shows_what_is_there(seedbed: Any, finished: Path, run_of: Path) -> None:
    files = [path for path in run_of.rglob("*") if path.is_file() and "sqlite-" not in path.name and path.name != ".lock"]
    before = {path: path.stat().st_mtime_ns for path in files}
    said = seedbed("run", finished / "job.yaml", "--preview", "3")
    assert {path: path.stat().st_mtime_ns for path in files} == before
    done = manifest(run_of / "02-doc_qa")
    assert done and f"02-doc_qa: finished ({done.kept} kept, {done.rejected} rejected); 3 of its records" in said.out
    assert said.out.endswith("Every generator is finished: nothing more is bought\n")
    shown = re.findall(r"    user: (.*)", said.out)
    assert len(shown) == 3 and set(shown) <= {record.instruction for record in records(run_of / "02-doc_qa")}


def test_other_options_are_previewed_beside_the_finished_stage(seedbed: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path)
    seedbed("run", job)
    before = contents(tmp_path / "run")
    said = seedbed("run", write_job(tmp_path, generate=[{"doc_qa": {"temperature": 0.9}}]), "--preview", "2")
    assert "02-doc_qa: 2 of " in said.out and re.search(r"This preview bought \d+ calls", said.out)
    assert contents(tmp_path / "run") == before
    assert seedbed("run", write_job(tmp_path)).out.count("already done") == 8


def test_a_limit_ends_it_after_showing_what_came(seedbed: Any, tmp_path: Path) -> None:
    said = seedbed("run", write_job(tmp_path, limits={"calls": 6}), "--preview", "5")
    assert one_line(said, 3).startswith("limits.calls: 6 of 6 calls spent")
    assert "accepted records" in said.out and "  the whole: cannot be told from this" in said.out
    assert "\nNot in it: 02-doc_qa\nThis preview bought 6 calls, " in said.out
    # the next one goes on where this one stopped, and comes to the same as one that was never stopped
    went_on = seedbed("run", write_job(tmp_path), "--preview", "5").out
    assert parts(went_on)["02-doc_qa"] == parts(seedbed("run", write_job(tmp_path / "b"), "--preview", "5").out)["02-doc_qa"]
    assert bought(tmp_path / "run") == bought(tmp_path / "b" / "run")
    said = seedbed("run", write_job(tmp_path, limits={"calls": 9}), "--preview", "1")
    assert said.status == 0 and "limits.calls is 9: the run may stop there, and goes on once it is raised" in said.out


# ---- every kind of teacher, data and generator ----


def test_an_endpoint_is_previewed_too(seedbed: Any, tmp_path: Path) -> None:
    with serving(rules(), lambda headers, body: None) as endpoint:
        job = write_job(tmp_path, teacher={"model": "pump-7b", "retries": 1})
        said = seedbed("generate", job, "--teacher", endpoint.url, "--preview", "2")
    assert said.status == 0, said.err
    assert "02-doc_qa: 2 of " in said.out and len(endpoint.bodies) == bought(tmp_path / "run")[0]


def test_plain_data_with_the_options_of_a_job(seedbed: Any, tmp_path: Path) -> None:
    job = write_job(tmp_path)
    rows = [{"text": "KX-40 离心泵的默认压力是 2.5 bar。压力不得超过 4 bar，因为超过以后密封会泄漏。"}]
    data = tmp_path / "passages.jsonl"
    data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    said = seedbed("generate", data, "--config", job, "--out", tmp_path / "o", "--preview", "1")
    assert said.status == 0, said.err
    assert re.search(r"02-doc_qa: 1 of \d accepted records from 1 of 1 passages", said.out)
    assert sorted(p.name for p in (tmp_path / "o").glob("0*")) == ["01-import"]


@pytest.mark.parametrize("source", [{}, {"records": "passages.jsonl"}])
def test_a_generator_with_its_own_seeds(seedbed: Any, tmp_path: Path, source: dict[str, Any]) -> None:
    """Passages beside its seeds do not bound it: its target does."""
    (tmp_path / "passages.jsonl").write_text('{"text": "The valve V2 limits the pressure."}\n' * 3, encoding="utf-8")
    tasks = [f"Name three uses of a {thing} in a {place}." for thing, place in (("rag", "garage"), ("torch", "cellar"))]
    replies = [{"match": "Go on with numbers 9 to 16", "text": f"{tasks[0]}\n10. {tasks[1]}"},
               {"match": "Task: ", "json": {"input": "", "output": "It wipes, it cleans and it protects."}},
               {"default": "text"}]
    write_rules(tmp_path / "replies.jsonl", replies)
    job = {**source, "teacher": PRICED, "out": "run", "curate": ["exact"],
           "generate": [{"self_instruct": {"target": 30, "languages": ["en"]}}]}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job), encoding="utf-8")
    lines = parts(seedbed("run", tmp_path / "job.yaml", "--preview", "1").out)
    shown = lines["02-self_instruct" if source else "01-self_instruct"]
    assert "-self_instruct: 1 of 1 accepted records" in shown[0]
    calls, tokens = bought(tmp_path / "run")
    assert shown[-1].startswith("  the whole: about 30 records")
    assert f"about {30 * calls} calls, {30 * tokens:,} tokens, {30 * tokens / 1000:.2f} CNY" in shown[-1]


def test_generators_that_read_records_get_those_of_the_preview(seedbed: Any, tmp_path: Path, retold: None) -> None:
    job = write_job(tmp_path, generate=["doc_qa", {"retold": {"from": "doc_qa"}}])
    said = seedbed("generate", job, "--preview", "12")
    assert said.status == 0, said.err
    first, second = (parts(said.out)[name] for name in ("02-doc_qa", "03-retold"))
    made = [line.partition(": ")[2] for line in first if line.startswith("    user: ")]
    again = [line.partition("Again: ")[2] for line in second if "Again: " in line]
    assert again and set(again) <= set(made)
    assert "    rejected answer: No idea. 不知道。" in second
    expected = re.search(r"about (\d+) records from", "\n".join(first))
    assert expected and f" of {expected.group(1)} records" in second[0]
    assert re.search(rf"the whole: about \d+ records from {expected.group(1)} records", second[-1])
    assert sorted(p.name for p in (tmp_path / "run").glob("0*")) == ["01-ingest"]


def test_where_nothing_was_accepted_nothing_can_be_read(seedbed: Any, tmp_path: Path, retold: None) -> None:
    job = write_job(tmp_path, [{"default": "prose 散文"}], generate=["doc_qa", {"retold": {"from": "doc_qa"}}])
    said = seedbed("generate", job, "--preview", "2")
    assert said.status == 0, said.err
    assert "02-doc_qa: no accepted record from 3 of 4 passages" in said.out
    assert re.search(r"  rejected: not_json \d+ \(", said.out)
    assert "03-retold: no records to try it on: the generators that it reads made none in this preview" in said.out
    assert "\nNot in it: 03-retold\n" in said.out


def test_generate_takes_a_job_file_up_to_its_last_generator(seedbed: Any, tmp_path: Path) -> None:
    said = seedbed("generate", write_job(tmp_path), "--limit", "2", "--out", tmp_path / "o")
    assert said.status == 0 and said.out.endswith(f"Done: {tmp_path.resolve() / 'o'}\n")
    assert sorted(p.name for p in (tmp_path / "o").glob("0*")) == ["01-ingest", "02-doc_qa"]
    assert len(records(tmp_path / "o" / "02-doc_qa")) == 2


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["run", "job.yaml", "--preview", "0"], "--preview: expected 1 or more records"),
        (["run", "job.yaml", "--preview", "2", "--stop-after", "doc_qa"], "--preview: stops before anything is run. Leave"),
        (["run", "bare.yaml", "--preview", "2"], "bare.yaml: has no generator to preview. Add one to `generate:`"),
        (["generate", "bare.yaml"], "bare.yaml: has no generator. Add one to `generate:`"),
        (["generate", "job.yaml", "--config", "job.yaml"], "job.yaml: a job file stands alone. It names its own data"),
        (["generate", "rows.jsonl"], "generate: name the run directory to write. Add --out DIR"),
        (["generate", "none.yaml", "--preview", "2"], "none.yaml: cannot be read: No such file"),
    ],
)
def test_what_cannot_be_previewed_is_one_line(
    seedbed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    job = write_job(tmp_path)
    bare = yaml.safe_load(job.read_text(encoding="utf-8")) | {"generate": []}
    (tmp_path / "bare.yaml").write_text(yaml.safe_dump(bare, allow_unicode=True), encoding="utf-8")
    assert said in one_line(seedbed(*argv))
    assert not (tmp_path / "run").exists()


# ---- how the whole is told from the sample ----


@pytest.mark.parametrize(
    ("target", "whole", "used", "kept", "times"),
    [
        (None, 100, 4, 5, 25.0),  # no target: so many passages
        (20, 100, 4, 5, 4.0),  # the target is reached before the passages are through
        (500, 100, 4, 5, 25.0),  # it is not
        (20, 100, 4, 0, 25.0),  # nothing accepted: all passages are asked
        (20, None, 4, 5, None),  # nobody knows how much there will be
        (20, 100, 0, 0, None),
    ],
)
def test_the_whole_is_so_many_times_the_sample(
    tmp_path: Path, target: int | None, whole: float | None, used: int, kept: int, times: float | None
) -> None:
    pipeline = Pipeline(config.load(write_job(tmp_path, generate=[{"doc_qa": {"target": target} if target else {}}])))
    step = pipeline.plan()[1]
    made = [chat(f"第 {n} 个问题 {n}?", "答案") for n in range(kept)]
    trial = Trial(step, whole, used, made, usage=Usage(calls=10))
    assert trial.scale == times
    assert trial.records == (None if times is None else times * kept)


@pytest.mark.parametrize(
    ("accepted", "made", "low", "high"), [(0, 5, 0.0, 0.434), (5, 6, 0.436, 0.970), (6, 6, 0.610, 1.0), (45, 100, 0.356, 0.548)]
)
def test_the_accepted_share_comes_with_its_interval(accepted: int, made: int, low: float, high: float) -> None:
    assert wilson(accepted, made) == pytest.approx((low, high), abs=1e-3)


def test_what_hangs_on_the_accepted_share_has_a_range(tmp_path: Path) -> None:
    def trial(target: int | None, rejected: int = 1, whole: float = 100) -> Trial:
        made = [chat(f"第 {n} 个问题 {n}?", "答案") for n in range(6)]
        generate = [{"doc_qa": {"target": target} if target else {}}]
        step = Pipeline(config.load(write_job(tmp_path, generate=generate))).plan()[1]
        return Trial(step, whole, 2, made[rejected:], made[:rejected])

    assert trial(None).range == (50, 50)  # all passages are asked, whatever comes of it
    assert trial(50).range == pytest.approx((10 * (5 / 6) / 0.970, 10 * (5 / 6) / 0.436), rel=2e-3)
    assert trial(50, whole=24).range[1] == 12  # and never more than all passages


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [([], 0.0), ([(0, 2), (1, 3)], 3.0), ([(0, 5), (1, 2), (4, 6)], 6.0), ([(0, 1), (100, 102)], 3.0)],
)
def test_time_is_counted_while_any_call_is_under_way(spans: list[tuple[float, float]], seconds: float) -> None:
    assert busy(spans) == seconds
