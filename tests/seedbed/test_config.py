"""Job files: what is read, what stands over what, and what is said of every mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seedbed import config
from seedbed.config import Job
from seedbed.errors import JobError
from seedbed.pipeline import Pipeline


def written(folder: Path, text: str) -> Path:
    path = folder / "job.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def resolved(folder: Path, text: str) -> Pipeline:
    """The job with all its options looked at, as `run` and `plan` do."""
    return Pipeline(config.load(written(folder, text)))


def complaint(folder: Path, text: str) -> str:
    """What is said of a job, with `job.yaml` for the file's path."""
    with pytest.raises(JobError) as caught:
        resolved(folder, text)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(folder.resolve() / "job.yaml"), "job.yaml").replace(f"{folder}/", "")


def test_a_job_is_read_with_its_stages_in_order(tmp_path: Path) -> None:
    job = config.load(written(tmp_path, """
name: 水泵
seed: 3
documents: [manuals, 手册.pdf]
generate: [doc_qa]
curate:
  - clean
  - rouge: {threshold: 0.6}
train: {epochs: 2}
"""))
    assert [(entry.name, entry.group, entry.options) for entry in job.stages()] == [
        ("ingest", "source", {"paths": ["manuals", "手册.pdf"]}),
        ("doc_qa", "generate", {}),
        ("clean", "curate", {}),
        ("rouge", "curate", {"threshold": 0.6}),
        ("train", "task", {"epochs": 2}),
        ("report", "task", {}),
    ]
    assert (job.top.seed, job.out) == (3, tmp_path.resolve() / "runs" / "水泵")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # a key or a stage that nobody knows, with the one that was meant
        ("documets: d\n", "job.yaml:1: documets: unknown key `documets`. Did you mean `documents`? Known: curate, "),
        ("documents: d\nlimits:\n  call: 5\n", "job.yaml:3: limits.call: unknown key `call`. Did you mean `calls`? "
         "Known: calls, money, tokens"),
        ("documents: d\ncurate:\n  - clean\n  - rouge:\n      treshold: 0.5\n",
         "job.yaml:5: curate.rouge.treshold: unknown key `treshold`. Did you mean `threshold`? Known: floor, "),
        ("documents:\n  paths: [d]\n  token: 200\n", "job.yaml:3: documents.token: unknown key `token`. "
         "Did you mean `tokens`?"),
        ("documents: d\nteacher:\n  prices: {promt: 1}\n", "job.yaml:3: teacher.prices.promt: unknown key `promt`. "
         "Did you mean `prompt`? Known: completion, currency, prompt"),
        ("documents: d\ncurate:\n  - clean\n  - rogue\n", "job.yaml:4: curate: unknown stage `rogue`. "
         "Did you mean `rouge`? Known: "),
        ("documents: d\ngenerate: [docqa]\n", "job.yaml:2: generate: unknown stage `docqa`. Did you mean `doc_qa`?"),
        ("documents: d\ncurate: [doc_qa]\n", "job.yaml:2: curate: `doc_qa` is a generate stage and cannot stand under "
         "`curate`. Known there: clean, "),
        # an option of its neighbours that a generator cannot have
        ("documents: d\ngenerate:\n  - rewrite: {reasoning: true}\n", "job.yaml:3: generate.rewrite.reasoning: no `reasoning` "
         "here: it makes running text, in which nothing is answered. Leave it out"),
        ("documents: d\ngenerate:\n  - doc_qa\n  - augment: {answers: 3}\n", "job.yaml:4: generate.augment.answers: no `answers` "
         "here: it makes no new answer; steps that an answer has stay. Leave it out"),
        # a value of the wrong type
        ("documents: d\nseed: 七\n", "job.yaml:2: seed: expected `int`, got `str`"),
        ("documents: 5\n", "job.yaml:1: documents: expected `str | object | array`, got `int`"),
        ("documents: d\ngenerate: doc_qa\n", "job.yaml:2: generate: expected `array`, got `str`"),
        ("documents: d\ngenerate:\n  - doc_qa: {kinds: {fact: much}}\n",
         "job.yaml:3: generate.doc_qa.kinds: expected `float`, got `str`"),
        # lists of stages that are none
        ("documents: d\ncurate: [5]\n", "job.yaml:2: curate: expected `str | object`, got `int`"),
        ("documents: d\ncurate:\n  - {}\n", "job.yaml:3: curate: each entry is one stage, this one has 0 keys"),
        ("documents: d\ncurate:\n  - clean: {}\n    exact: {}\n", "job.yaml:3: curate: each entry is one stage, this one "
         "has 2 keys: clean, exact. Write `- clean: {option: value}`"),
        ("documents: d\ncurate:\n  - clean: 5\n", "job.yaml:3: curate.clean: options are key: value pairs, not 5"),
        # options that contradict each other or themselves
        ("documents: d\nlimits:\n  tokens: 5\n  calls: -1\n", "job.yaml:4: limits.calls: expected 0 or more, not -1"),
        ("documents: d\ncurate:\n  - split:\n      seen: 0.3\n      validation: 0.3\n",
         "job.yaml:5: curate.split.validation: expected `validation` and `seen` to be at most 0.5 together"),
        ("documents:\n  paths: [d]\n  minimum: 300\n", "job.yaml:3: documents.minimum: must be between 0 and half"),
        ("documents: d\nteacher:\n  model: gpt-x\n", "job.yaml:2: teacher.url: needed for 'gpt-x'"),
        ("documents: d\ngenerate:\n  - doc_qa: {kinds: {facts: 1}}\n",
         "job.yaml:3: generate.doc_qa.kinds: unknown facts; known: fact, how_to"),
        ("documents: d\ngenerate:\n  - doc_qa:\n      waves: 0\n", "job.yaml:4: generate.doc_qa.waves: expected 1 or more"),
        ("records: d.jsonl\nlimits:\n  money: 5\n", "job.yaml:3: limits.money: counts money, and the teacher has no "
         "prices. Add `prices: "),
        ("documents: d\nprompts: mine\n", "job.yaml:2: prompts: no such folder. It holds en/ and zh/"),
        # documents and records
        ("name: x\n", "job.yaml: a job reads either `documents` or `records`; it names none. Name a folder"),
        ("documents: d\nseed: 1\nrecords: r.jsonl\n", "job.yaml:3: records: a job reads either `documents` or "
         "`records`, not both"),
        # no YAML, or YAML that says something twice
        ("documents:\n\td\n", "job.yaml:2: is not valid YAML: found character '\\t' that cannot start any token"),
        ("documents: d\ncurate: [clean\nseed: 1\n", "job.yaml:3: is not valid YAML: "),
        ("documents: a\0b\n", "job.yaml: is not valid YAML: unacceptable character #x0000"),
        ("documents: " + "[" * 1200, "job.yaml: is not valid YAML: nested too deeply"),
        ("documents: &all [*all]\n", "job.yaml: is not valid YAML: nested too deeply"),
        ("- documents\n", "job.yaml: a job is a list of `key: value` lines. `seedbed init DIR` writes"),
        ("", "job.yaml: a job is a list of `key: value` lines"),
        ("documents: d\nseed: 1\nseed: 2\n", "job.yaml:3: `seed` stands here for the second time; the first is in line 2"),
    ],
)
def test_every_mistake_is_told_with_file_line_and_key(tmp_path: Path, text: str, said: str) -> None:
    found = complaint(tmp_path, text)
    assert found.startswith(said), found


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"none\.yaml: cannot be read: No such file.*seedbed init DIR"):
        config.load(tmp_path / "none.yaml")
    with pytest.raises(JobError, match="cannot be read: Is a directory"):
        config.load(tmp_path)
    (tmp_path / "gbk.yaml").write_bytes("name: 水泵\n".encode("gbk"))
    with pytest.raises(JobError, match=r"gbk\.yaml: is not UTF-8 text. Save it as UTF-8"):
        config.load(tmp_path / "gbk.yaml")


@pytest.mark.parametrize(
    ("written_as", "value"),
    [("1e-4", 1e-4), ("1E5", 1e5), ("-3", -3), ("1_000", 1000), ("0.5", 0.5), (".5", 0.5), ("true", True), ("~", None),
     ("on", "on"), ("no", "no"), ("2024-01-01", "2024-01-01"), ("12:30", "12:30"), ("007", "007"), ("关", "关")],
)
def test_values_are_what_people_mean_by_them(tmp_path: Path, written_as: str, value: Any) -> None:
    job = config.load(written(tmp_path, f"documents: {{paths: [d], x: {written_as}}}\n"))
    assert (type(found := job.raw["documents"]["x"]), found) == (type(value), value)


def test_a_key_named_on_is_a_name(tmp_path: Path) -> None:
    steps = resolved(tmp_path, "records: r.jsonl\ncurate:\n  - exact: {on: instruction}\n").plan()
    assert steps[1].options.on == "instruction"


def test_stages_without_options_take_the_defaults(tmp_path: Path) -> None:
    text = "records: r.jsonl\ncurate:\n  - clean:\n  - exact: {}\n  - rouge\nevaluate:\n"
    assert [(e.name, e.options) for e in config.load(written(tmp_path, text)).stages()][1:5] == [
        ("clean", {}), ("exact", {}), ("rouge", {}), ("evaluate", {})]


def test_what_is_given_besides_stands_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "documents: d\nseed: 1\nname: a\n")
    job = config.load(path, {"seed": 7, "out": "elsewhere"})
    assert (job.top.seed, job.top.name, job.out) == (7, "a", tmp_path.resolve() / "elsewhere")
    with pytest.raises(JobError, match=r"job\.yaml:2: seed: expected `int`"):
        config.load(path, {"seed": "x"})


def test_paths_start_from_the_job_file_and_know_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    pipeline = resolved(tmp_path, "documents: [manuals, ~/手册, /abs]\n")
    base = tmp_path.resolve()
    assert pipeline.plan()[0].options.paths == (f"{base}/manuals", "/home/somebody/手册", "/abs")
    pipeline = resolved(tmp_path, "documents: d\nteacher: {model: \"path:models/a.gguf\"}\n")
    assert pipeline.teachers.main.model == f"path:{base}/models/a.gguf"


def test_an_error_without_a_line_names_the_nearest_key_that_has_one() -> None:
    job = Job(Path("job.yaml"), config.JobFile(), {}, {("curate",): 4, ("curate", 0, "split"): 6})
    assert job.where(("curate", 0, "split", "seen")) == "job.yaml:6: curate.split.seen"
    assert job.where(("curate", 3)) == "job.yaml:4: curate"
    assert job.where(("seed",)) == "job.yaml: seed"
    assert job.where(()) == "job.yaml"
