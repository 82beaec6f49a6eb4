"""The report says what the stages wrote: counts, places, reasons, and nothing that is not there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from curate.report.advice import advice
from curate.report.build import Options, report
from curate.report.build import build as built_with
from curate.report.model import Report
from curate.report.words import Words
from seedbed import jsonl
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.record import Evidence, Record, Source, chat, make
from seedbed.run import Manifest, finish, manifest
from tests.curate.report.run import GUIDE, LEGAL, MANUAL, NOTES, passages, write_run

# The lexical encoder: whatever is installed here, the same page; and nothing is loaded.
QUICK = Options(encoder="lexical", points=0, language="en")
MAPPED = Options(encoder="lexical", points=120)
ATTACK = "<script>document.title='pwned'</script><img src=http://example.invalid/x onerror=alert(1)>"


def build(run: Path, out: Path, options: Options = QUICK) -> Path:
    return built_with(run, out, options)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def built(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(run, tmp_path_factory.mktemp("out"), MAPPED)


@pytest.fixture(scope="module")
def page(built: Path) -> str:
    return built.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def numbers(built: Path) -> dict[str, Any]:
    return as_json(built)


def as_json(html: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((html.parent / "report.json").read_text(encoding="utf-8"))
    return found


def sections(html: str) -> set[str]:
    return set(re.findall(r'<section id="([a-z]+)"', html))


def test_funnel_has_each_stage_that_changed_the_count(run: Path, numbers: dict[str, Any]) -> None:
    levels = {level["label"]: level for level in numbers["funnel"]}
    assert list(levels) == [
        "Passages",
        "Drafted by the teacher",
        "Accepted",
        "Within the rules",
        "No exact twins",
        "No near twins",
        "With general data",
        "Training set",
    ]
    done = {folder.name[3:]: manifest(folder) for folder in run.glob("[0-9]*")}
    assert levels["Passages"]["count"] == 29
    assert levels["Accepted"]["count"] == done["doc_qa"].kept  # type: ignore[union-attr]
    assert levels["Drafted by the teacher"]["count"] - levels["Accepted"]["lost"] == levels["Accepted"]["count"]
    assert levels["With general data"]["added"] == numbers["dataset"]["general"] > 0
    split = {part["name"]: part["count"] for part in levels["With general data"]["parts"]}
    assert sum(split.values()) == levels["With general data"]["count"]
    assert levels["Training set"]["count"] == split["train"]


def test_reasons_carry_their_counts_and_examples(numbers: dict[str, Any], page: str) -> None:
    reasons = {reason["reason"]: reason for level in numbers["funnel"] for reason in level["reasons"]}
    assert reasons["copied_answer"]["count"] > reasons["cut_answer"]["count"] > 0
    assert reasons["unreadable_reply"]["unit"] == "replies"
    assert reasons["contents"]["unit"] == "passages"
    assert reasons["unreadable_reply"]["examples"][0]["record"]["text"].startswith("Sure! Here are the pairs")
    assert "password" not in reasons  # a document, not a record: it stands with the coverage
    for reason in reasons.values():
        assert f'<details class="reason" id="{reason["anchor"]}">' in page
        assert 1 <= len(reason["examples"]) <= 4


def test_a_duplicate_is_shown_with_the_record_that_it_matched(run: Path, numbers: dict[str, Any]) -> None:
    kept = {record.id: record for record in jsonl.read(run / "06-rouge/kept.jsonl")}
    reasons = [reason for level in numbers["funnel"] for reason in level["reasons"] if reason["stage"] == "rouge"]
    for example in reasons[0]["examples"]:
        matched = example["matched"]
        assert example["score"] == 0.83 and kept[matched["id"]].instruction == matched["question"] != ""
    twins = [*jsonl.read(run / "06-rouge/rejected.jsonl"), *jsonl.read(run / "05-exact/rejected.jsonl")]
    matched_of = {record.id: record.rejection.match for record in twins if record.rejection}
    stays = [matched_of.get(match, match) for match in matched_of.values()]  # one exact twin's match is a near twin
    found = numbers["duplicates"]
    assert found["largest"][0]["size"] == max(Counter(stays).values()) and found["groups"] == len(set(stays))
    assert found["records"] == len(twins) == sum(matches["count"] for matches in found["stages"])
    assert sum(part["count"] for part in found["sizes"]) == found["groups"]


def test_coverage_tells_pages_and_headings_without_records(numbers: dict[str, Any]) -> None:
    documents = {document["document"]: document for document in numbers["documents"]}
    manual, guide, notes = documents[MANUAL], documents[GUIDE], documents[NOTES]
    assert (manual["by"], manual["pages"], len(manual["cells"])) == ("page", 20, 20)
    assert manual["cells"][5] == {"label": "page 6", "passages": 0, "records": 0}
    assert guide["by"] == "heading" and guide["passages"] == 10
    unasked = [cell for cell in guide["cells"] if "Sampling interval" in cell["label"]]
    assert unasked == [{"label": "Settings › Sampling interval", "passages": 1, "records": 0}]
    assert (notes["records"], notes["with_records"], notes["passages"]) == (0, 0, 3)
    assert (documents[LEGAL]["passages"], documents[LEGAL]["cells"]) == (0, [])
    covered = sum(document["records"] for document in documents.values())
    assert covered == numbers["dataset"]["records"] - numbers["dataset"]["general"]
    assert numbers["unreadable"][0]["detail"] == "its 14 pages hold pictures only; run OCR first"
    assert {u["document"]: u["reason"] for u in numbers["unreadable"]} == {
        "scan-2019.pdf": "no_text",
        "担保条款.pdf": "password",
    }


def test_samples_are_of_both_languages_with_their_evidence_marked(
    run: Path, numbers: dict[str, Any], page: str
) -> None:
    kept = {record.id: record for record in jsonl.read(run / "09-export/kept.jsonl")}
    assert Counter(sample["record"]["language"] for sample in numbers["samples"]) == {"en": 10, "zh": 10}
    for sample in numbers["samples"]:
        record = kept[sample["record"]["id"]]
        assert [text for text, cited in sample["pieces"] if cited] == [record.evidence[0].quote]
        whole = "".join(text for text, _ in sample["pieces"])
        assert record.source and whole in {p.text for p in passages() if p.source == record.source}
    assert page.count("<blockquote>") == 20 and page.count("<mark>") == 21  # one more explains the marks


def test_data_set_is_counted_without_general_data(run: Path, numbers: dict[str, Any]) -> None:
    own = [record for record in jsonl.read(run / "09-export/kept.jsonl") if record.task != "general"]
    data = numbers["dataset"]
    assert data["languages"] == dict(Counter(record.language for record in own).most_common())
    assert sum(sum(levels.values()) for levels in data["kinds"].values()) == len(own)
    for chart in data["lengths"]:
        assert sum(sum(bin_["counts"].values()) for bin_ in chart["bins"]) == len(own)
    assert [quality["passed"] for quality in data["quality"]] == [len(own)] * 4
    assert 0.05 < data["mix_share"] < 0.15


def test_cost_loss_and_before_and_after_stand_as_noted(numbers: dict[str, Any], page: str) -> None:
    assert sum(stage["calls"] for stage in numbers["stages"]) == 212
    assert len(numbers["training"]["losses"]) == 120 and len(numbers["training"]["validation"]) == 6
    assert [c["name"] for c in numbers["evaluation"]["comparisons"]] == ["test_seen", "test_heldout", "test_general"]
    assert numbers["evaluation"]["comparisons"][0]["high"] == -1.72
    assert [tile["figure"] for tile in numbers["headline"]][1:] == ["2 of 6", "0.18", "3.41 → 1.40"]
    for text in (
        "184\u202fk",
        "61.9\u202fk",
        "−2.010",
        "that may be chance",
        "0 → 4 of 5",
        "0.11 → 0.43",
        "The relay is a relay",
    ):
        assert text in page


def test_page_has_every_section_and_asks_for_nothing(page: str) -> None:
    assert sections(page) == {
        "headline",
        "next",
        "funnel",
        "reasons",
        "change",
        "dataset",
        "map",
        "coverage",
        "duplicates",
        "training",
        "evaluation",
        "cost",
        "samples",
        "rejected",
    }
    assert page.count('<article class="example"', page.index('id="rejected"')) == 10
    assert not re.search(r"""\b(?:src|srcset|action|data|poster)\s*=|href="(?!#)|url\((?!#)|@import|https?:""", page)


def test_every_link_leads_to_something(page: str) -> None:
    ids = set(re.findall(r'\bid="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= ids
    assert len(ids) == len(re.findall(r'\bid="([^"]+)"', page))


def test_what_records_contain_stays_inert(tmp_path: Path) -> None:
    bad = chat(
        ATTACK,
        f"答案 {ATTACK}",
        task="doc_qa",
        language="zh",
        split="train",
        labels={"kind": ATTACK, "level": ATTACK},
        source=Source(document=ATTACK, headings=(ATTACK,)),
        evidence=(Evidence(ATTACK, 0, 3),),
    )
    run = write_run(tmp_path / "run", per_passage=1, extra=(bad, bad.reject("rules", ATTACK, ATTACK, match=ATTACK)))
    html = build(run, tmp_path / "out", Options(title=ATTACK, samples=100, encoder="lexical")).read_text(encoding="utf-8")
    assert html.count("&lt;script&gt;document.title") > 5
    assert html.count("<script>") == 1 and "<img" not in html
    assert "script-src 'sha256-" in html and "default-src 'none'" in html


@pytest.mark.parametrize(
    ("until", "missing", "there"),
    [
        ("ingest", {"training", "evaluation", "duplicates"}, {"coverage", "cost", "funnel"}),
        ("export", {"training", "evaluation"}, {"coverage", "samples", "dataset", "reasons"}),
        ("train", {"evaluation"}, {"training", "samples"}),
    ],
)
def test_sections_of_stages_that_did_not_run_are_left_out(
    tmp_path: Path, until: str, missing: set[str], there: set[str]
) -> None:
    html = build(write_run(tmp_path / "run", per_passage=2, until=until), tmp_path / "out").read_text(encoding="utf-8")
    assert there <= sections(html) and not missing & sections(html)


def test_a_data_set_that_was_only_curated_has_no_documents(tmp_path: Path) -> None:
    rows = [
        chat(q, a, language=lang)
        for q, a, lang in [("What is 2 + 2?", "It is 4.", "en"), ("二加二等于几？", "等于四。", "zh")]
    ]
    twin = rows[0].reject("exact", "duplicate", "the same", match=rows[0].id, score=1.0)
    stage(tmp_path / "run/01-import", rows + [rows[0]], [])
    stage(tmp_path / "run/02-exact", rows, [twin])
    out = build(tmp_path / "run", tmp_path / "out")
    found = as_json(out)
    assert [(level["label"], level["count"]) for level in found["funnel"]] == [
        ("Records read", 3),
        ("No exact twins", 2),
    ]
    assert found["documents"] == found["unreadable"] == found["evaluation"]["comparisons"] == []
    assert not {"coverage", "training", "evaluation"} & sections(out.read_text(encoding="utf-8"))
    assert "2 of 3 records came through curation" in found["summary"]


def stage(folder: Path, kept: list[Record], rejected: list[Record], **more: Any) -> None:
    jsonl.write(folder / "kept.jsonl", kept)
    jsonl.write(folder / "rejected.jsonl", rejected)
    done = Manifest(
        stage=folder.name[3:],
        fingerprint="x",
        read=len(kept) + len(rejected),
        kept=len(kept),
        rejected=len(rejected),
        **more,
    )
    done.reasons = dict(Counter(r.rejection.reason for r in rejected if r.rejection))
    finish(folder, done)


def test_the_task_writes_both_files_and_its_figures(run: Path, tmp_path: Path) -> None:
    folders = {folder.name[3:]: folder for folder in sorted(run.glob("[0-9]*"))}
    context = Context(tmp_path, seed=3, upstream=folders)
    report(jsonl.read(run / "09-export/kept.jsonl"), QUICK, context)
    whole = as_json(tmp_path / "report.html")
    assert context.figures["records"] == whole["dataset"]["records"]
    assert context.figures["bytes"] == (tmp_path / "report.html").stat().st_size
    again = as_json(build(run, tmp_path / "again"))
    assert again["funnel"] == whole["funnel"] and again["samples"] == whole["samples"]  # the job's seed is 3 as well


def test_same_run_same_page_and_another_seed_other_samples(run: Path, tmp_path: Path) -> None:
    first, second = build(run, tmp_path / "a"), build(run, tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    folders = {folder.name[3:]: folder for folder in run.glob("[0-9]*")}
    report(
        jsonl.read(run / "09-export/kept.jsonl"),
        QUICK,
        Context(tmp_path, seed=4, upstream=dict(sorted(folders.items()))),
    )
    ids = [{s["record"]["id"] for s in as_json(p)["samples"]} for p in (first, tmp_path / "report.html")]
    assert ids[0] != ids[1]


def test_unfinished_stages_and_damaged_lines_cost_only_themselves(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", per_passage=2)
    (run / "11-evaluate/manifest.json").write_text("{half", encoding="utf-8")
    with (run / "02-doc_qa/rejected.jsonl").open("a", encoding="utf-8") as lines:
        lines.write('{"id": "cut off he\n')
    found = as_json(build(run, tmp_path / "out"))
    assert found["evaluation"]["comparisons"] == [] and found["training"] and len(found["samples"]) == 20


def test_a_folder_without_finished_stages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a run directory"):
        build(tmp_path, tmp_path / "out")
    (tmp_path / "01-ingest").mkdir()
    with pytest.raises(InputError, match="no stage of this run is finished"):
        build(tmp_path, tmp_path / "out")


def test_a_page_of_the_longest_records_stays_below_5_mb(tmp_path: Path) -> None:
    text = "安装之前请先切断电源。" * 2000
    source = Source(document="长手册.pdf", document_hash="d", page=1, start=0, end=len(text))
    own = [
        chat(
            f"问题 {i}：" + "怎么做" * 800,
            text,
            task="doc_qa",
            language="zh",
            split="train",
            source=source,
            evidence=(Evidence(text[11:22], 11, 22),),
        )
        for i in range(120)
    ]
    others = [record.reject("rules", f"reason_{i % 80}", "长" * 3000, match=own[i].id) for i, record in enumerate(own)]
    many = [
        make(
            text="字" * 40,
            source=Source(
                document=f"{n}.md", document_hash=str(n), headings=(f"节 {i}",), start=i * 40, end=i * 40 + 40
            ),
        )
        for n in range(70)
        for i in range(130)
    ]
    stage(tmp_path / "run/01-ingest", [make(text=text, source=source, language="zh"), *many], [])
    stage(tmp_path / "run/02-doc_qa", own, [])
    stage(tmp_path / "run/03-rules", own, others)
    size = build(tmp_path / "run", tmp_path / "out", Options(samples=100, encoder="lexical", points=5000)).stat().st_size
    assert 1_000_000 < size < 5_000_000


def test_samples_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="samples: a number from 0 to 100"):
        Options(samples=101)


def test_options_are_cheap_to_import() -> None:
    code = "import sys, curate.report.build; print([m for m in ('jinja2', 'numpy', 'torch') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_no_advice_where_nothing_is_known_and_praise_where_all_is_well(run: Path, tmp_path: Path) -> None:
    assert advice(Report(title=""), Words()) == []
    rows = [chat(f"问题 {i}", f"答案 {i}", language="zh") for i in range(3)]
    stage(tmp_path / "run/01-import", rows, [])
    found = as_json(build(tmp_path / "run", tmp_path / "out"))
    assert [(piece["tone"], piece["title"]) for piece in found["advice"]] == [("good", "Nothing stands out")]


def test_records_count_for_the_page_of_their_evidence_and_passages_for_every_page_they_touch(tmp_path: Path) -> None:
    text = "第一页讲安装。第二页讲电源。第三页空白。"
    place = Source(document="手册.pdf", document_hash="h", page=1, start=0, end=14)
    record = chat(
        "电源怎么接？",
        "按第二页。",
        task="doc_qa",
        language="zh",
        source=place,
        evidence=(Evidence(text[7:14], 7, 14),),
    )
    again = make(source=Source(document="copy.pdf", document_hash="h")).reject(
        "ingest", "duplicate_document", "copy.pdf: the same file"
    )
    stage(tmp_path / "run/01-ingest", [make(text=text[:14], source=place)], [again])
    jsonl.write_text(
        tmp_path / "run/01-ingest/documents/h.json", '{"kind": "pdf", "text": "", "page_starts": [0, 7, 14]}'
    )
    stage(tmp_path / "run/02-doc_qa", [record], [])
    found = as_json(build(tmp_path / "run", tmp_path / "out"))
    assert [(c["passages"], c["records"]) for c in found["documents"][0]["cells"]] == [(1, 0), (1, 1), (0, 0)]
    assert found["headline"][1]["figure"] == "1 of 1" and found["unreadable"][0]["copy"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_numbers_are_of_the_documented_schema(run: Path, tmp_path: Path, language: str) -> None:
    data = (build(run, tmp_path, Options(encoder="lexical", points=0, language=language)).parent / "report.json").read_bytes()
    found = msgspec.json.decode(data, type=Report, strict=True)
    assert json.loads(msgspec.json.encode(found)) == json.loads(data)  # nothing is there that the schema does not name
