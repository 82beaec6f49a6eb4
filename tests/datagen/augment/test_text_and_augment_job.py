"""A job with every text generator and augmentation: what reads what, what the plan says, and the same bytes again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from seedbed import config, jsonl
from seedbed.pipeline import Pipeline
from seedbed.planning import describe
from tests.datagen.augment.test_augment import text
from tests.datagen.rewrite.test_rewrite import said
from tests.tiny_job import contents, rules, write_job

GENERATE: list[Any] = [
    {"passages": {"minimum": 5}},
    {"rewrite": {"forms": ["facts"]}},
    {"doc_qa": {"about": "the KX-40 pump", "about_zh": "KX-40 离心泵", "levels": {"basic": 1}}},
    {"augment": {"from": "doc_qa", "kinds": {"paraphrase": 1}, "share": 1.0}},
]
FACTS = {
    "Oil\n": ["Every 500 hours the oil of the KX-40 pump is changed.", "Before each start the sight glass shows the oil level."],
    "润滑\n": ["KX-40 离心泵运行 500 小时就要更换润滑油。", "油位在每次启动之前通过视镜检查。"],
}


def write(folder: Path) -> Path:
    """Documents of which the teacher retells two passages and words two questions anew."""
    told = [
        {"match": "The oil level is checked through the sight glass before each start of the pump.", "text": said(*FACTS["Oil\n"])},
        {"match": "每次启动之前通过视镜检查油位。", "text": said(*FACTS["润滑\n"])},
    ]
    again = [{"match": "How often is the oil of", "text": text("At what intervals is the oil of the KX-40 pump changed?")},
             {"match": "KX-40 离心泵多久更换一次", "text": text("KX-40 离心泵每隔多久更换润滑油？")}]
    asked = [rule for rule in rules() if "match" in rule]
    return write_job(folder, [*asked, *told, *again, {"default": "I do not know."}], generate=GENERATE,
                     curate=["clean", "exact", {"rouge": {"threshold": 0.8}}, "split", {"export": {"formats": ["text", "messages"]}}])


def run(job: Path) -> Path:
    Pipeline(config.load(job), report=False).execute()
    return job.parent / "run"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(write(tmp_path_factory.mktemp("job")))


def test_every_generator_reads_what_it_is_made_for(done: Path) -> None:
    folders = {path.name[3:]: path for path in done.glob("[0-9][0-9]-*")}
    kept = {name: list(jsonl.read(path / "kept.jsonl")) for name, path in folders.items()}
    assert len(kept["passages"]) == len(kept["ingest"]) == 4
    assert {record.labels["form"] for record in kept["rewrite"]} == {"facts"} and len(kept["rewrite"]) == 2
    assert len(kept["augment"]) == 2 and len(kept["doc_qa"]) == 8
    origins = {record.id for record in kept["doc_qa"]}
    assert {record.history[-1].parents[0] for record in kept["augment"]} <= origins
    documents = {p.stem: p.read_bytes().decode() for p in (folders["ingest"] / "documents").glob("*.md")}
    for record in [*kept["rewrite"], *kept["augment"]]:
        assert record.source and record.evidence
        document = documents[record.source.document_hash]
        assert all(document[quote.start : quote.end] == quote.quote for quote in record.evidence)
    assert {record.task for record in kept["export"]} == {"passage", "rewrite", "doc_qa"}
    assert sum(bool(record.labels.get("augmented")) for record in kept["export"]) == 2  # spared beside their originals


def test_text_and_conversations_go_into_their_own_formats(done: Path) -> None:
    (export,) = done.glob("*-export")
    rows = {name: sum(1 for path in (export / name).glob("*.jsonl") for _ in path.open("rb")) for name in ("text", "messages")}
    assert rows == {"text": 6, "messages": 10}
    texts = [json.loads(line)["text"] for path in (export / "text").glob("*.jsonl") for line in path.open(encoding="utf-8")]
    assert any("\n".join(FACTS["润滑\n"]) == text for text in texts)


def test_the_same_job_again_is_the_same_bytes(done: Path, tmp_path: Path) -> None:
    assert contents(run(write(tmp_path))) == contents(done)


def test_the_plan_counts_what_can_be_known(done: Path, tmp_path: Path) -> None:
    before = "\n".join(describe(Pipeline(config.load(write(tmp_path)), report=False)))
    assert "03-rewrite         to do: 4 passages, about 4 calls" in before
    assert "05-augment         to do: at most 12 records of 04-doc_qa, about 12 calls" in before
    job = done.parent / "job.yaml"
    raw = yaml.safe_load(job.read_text(encoding="utf-8"))
    raw["generate"][-1]["augment"]["target"] = 3
    job.with_name("more.yaml").write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")
    after = "\n".join(describe(Pipeline(config.load(job.with_name("more.yaml")), report=False)))
    assert "05-augment         to do: 8 records, about 6 calls" in after
