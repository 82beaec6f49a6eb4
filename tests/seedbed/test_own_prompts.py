"""Prompts of the user's own: listed, shown, ejected, and checked before anything is bought."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from seedbed import config, prompts
from seedbed.own_prompts import eject, shipped
from seedbed.pipeline import Pipeline
from seedbed.resources import resource
from tests.seedbed.commands import one_line
from tests.tiny_job import write_job

PAIR = {language: resource("prompts") / language / "doc_qa" / "pair.md" for language in ("en", "zh")}


@pytest.fixture(autouse=True)
def prompts_are_read_anew() -> Iterator[None]:
    prompts.load.cache_clear()
    yield
    prompts.load.cache_clear()


def own(folder: Path, name: str, text: str) -> Path:
    path = folder / "mine" / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# ---- list and show ----


def test_list_tells_hash_stage_and_variables_of_every_prompt(seedbed: Any) -> None:
    lines = seedbed("prompts", "list").out.splitlines()
    assert lines[0].split() == ["prompt", "hash", "stage", "variables"]
    assert [line.split()[0] for line in lines[1:]] == [one.name for one in shipped()]
    for language in ("en", "zh"):
        found = next(line for line in lines if line.startswith(f"{language}/doc_qa/pair "))
        hash_ = prompts.load(language, "doc_qa/pair").hash
        assert found.split() == [f"{language}/doc_qa/pair", hash_, "doc_qa,", "dialogue", "about,", "kind,", "sentences"]
    assert all("seedbed itself" in line for line in lines if "/parse/" in line)


def test_show_prints_a_prompt_as_it_is_and_the_users_own_where_there_is_one(seedbed: Any, tmp_path: Path) -> None:
    for language, path in PAIR.items():
        assert seedbed("prompts", "show", f"{language}/doc_qa/pair").out.encode() == path.read_bytes()
    job = write_job(tmp_path, prompts="mine")
    mine = own(tmp_path, "zh/doc_qa/pair", "请认真。" + PAIR["zh"].read_text(encoding="utf-8"))
    assert seedbed("prompts", "show", "zh/doc_qa/pair", "--job", job).out.encode() == mine.read_bytes()
    assert seedbed("prompts", "show", "en/doc_qa/pair", "--job", job).out.encode() == PAIR["en"].read_bytes()
    yours = [line.split()[0] for line in seedbed("prompts", "list", "--job", job).out.splitlines() if "(yours)" in line]
    assert yours == ["zh/doc_qa/pair"]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["show", "doc_qa/pair"], "doc_qa/pair: no such prompt. Did you mean zh/doc_qa/pair or en/doc_qa/pair"),
        (["show", "zh/文档"], "zh/文档: no such prompt. `seedbed prompts list` shows all names"),
        (["eject", "x", "--group", "docqa"], "--group: no prompts are called `docqa`. Did you mean `doc_qa`? Known: "),
        (["eject", "x", "--language", "de"], "--language: no prompts are called `de`. "),
        (["eject", "x", "--group", "parse"], "--group parse: these are seedbed's own: no job can replace them"),
        (["list", "--job", "none.yaml"], "none.yaml: cannot be read"),
        (["eject", "file/mine"], "file/mine/en/"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    seedbed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("no folder")
    assert said in one_line(seedbed("prompts", *argv))
    assert not (tmp_path / "x").exists()


# ---- eject ----


def test_ejected_prompts_are_the_same_bytes_and_change_no_fingerprint(seedbed: Any, tmp_path: Path) -> None:
    said = seedbed("prompts", "eject", tmp_path / "mine")
    assert said.status == 0 and f"`prompts: {tmp_path.resolve() / 'mine'}`" in said.out
    written = {p.relative_to(tmp_path / "mine").as_posix(): p.read_bytes() for p in (tmp_path / "mine").rglob("*.md")}
    assert written == {f"{one.name}.md": one.path.read_bytes() for one in shipped() if one.stages}
    assert len(written) >= 14 and not any("/parse/" in name for name in written)

    def prints(**top: Any) -> list[str]:
        pipeline = Pipeline(config.load(write_job(tmp_path, **top)))
        return [pipeline.fingerprint(step) for step in pipeline.plan()]

    assert prints(prompts="mine") == prints()
    own(tmp_path, "en/doc_qa/pair", PAIR["en"].read_text(encoding="utf-8") + "!")
    prompts.load.cache_clear()
    assert prints(prompts="mine")[1] != prints()[1]


def test_eject_copies_a_group_or_a_language_alone(tmp_path: Path) -> None:
    list(eject(tmp_path, "doc_qa", "zh"))
    found = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.md")}
    assert found == {f"zh/doc_qa/{path.name}" for path in PAIR["zh"].parent.glob("*.md")} and len(found) > 1


def test_eject_never_writes_over_changed_prompts_unless_told_to(seedbed: Any, tmp_path: Path) -> None:
    mine, others = own(tmp_path, "zh/doc_qa/pair", "我的提示词"), len(shipped("doc_qa")) - 1
    said = seedbed("prompts", "eject", tmp_path / "mine", "--group", "doc_qa").out.splitlines()
    assert said[:2] == [f"left as it is, for it differs: {mine} (--force writes over it)",
                        f"Wrote {others} prompts into {tmp_path / 'mine'}"]
    assert mine.read_text(encoding="utf-8") == "我的提示词"
    said = seedbed("prompts", "eject", tmp_path / "mine", "--group", "doc_qa", "--force").out.splitlines()
    assert said[0] == f"Wrote 1 prompts into {tmp_path / 'mine'}; {others} were there already"
    assert mine.read_bytes() == PAIR["zh"].read_bytes()


# ---- checked before anything is bought ----


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("zh/doc_qa/pair", "{{about}}\n---\n{{sentense}} {{kind}} {{sentences}}",
         "uses unknown variables: sentense. Did you mean `sentences`? Known: about, kind, sentences"),
        ("en/doc_qa/pair", "{{about}}\n---\n{{sentences}}", "does not use: kind. Add {{kind}} where it belongs"),
        ("en/doc_qa/pair", "{{about}}\n---\n{{kind}} {{sentences}}\n---\nYes", "has 3 parts, so that its last one is not"),
        ("zh/doc_qa/kinds", "fact: 事实\nwhy: 原因", "has no line `advanced: …`. It needs: advanced, "),
        ("zh/doc_qa/kinds", "fact: {{about}}", "uses unknown variables: about. It has none"),
    ],
)
def test_a_prompt_that_cannot_work_is_one_line_before_any_call(
    seedbed: Any, tmp_path: Path, name: str, text: str, said: str
) -> None:
    path, job = own(tmp_path, name, text), write_job(tmp_path, prompts="mine")
    for command in ("plan", "run"):
        assert f"{path}: {said}" in one_line(seedbed(command, job))
    assert not (tmp_path / "run").exists()
    # a stage that the job does not have is none of its business
    assert seedbed("plan", write_job(tmp_path, prompts="mine", generate=[], curate=["exact"])).status == 0


def test_a_file_that_nothing_reads_is_a_warning_with_the_nearest_name(seedbed: Any, tmp_path: Path) -> None:
    stray, fixed = own(tmp_path, "zh/doc_qa/pear", "问"), own(tmp_path, "en/parse/again", "Again: {{why}}")
    own(tmp_path, "README", "What these are for.")
    job = write_job(tmp_path, prompts="mine")
    for argv in (["plan", job], ["run", job, "--stop-after", "ingest"]):
        said = seedbed(*argv)
        assert said.status == 0
        assert said.out.splitlines()[:2] == [
            f"{fixed}: nothing reads it: this prompt is seedbed's own and cannot be replaced",
            f"{stray}: no prompt has this name, so nothing reads it. Did you mean zh/doc_qa/pair.md?"]
        assert "README" not in said.out
