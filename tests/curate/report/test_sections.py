"""The map, personal data, topics, the ends of the curation, and what must not be shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from curate.report import plot, stages
from curate.report.build import Options, build
from curate.report.charts import plot as drawing
from curate.report.conceal import Concealer
from curate.report.model_set import Map
from curate.report.plot import Candidate, candidate
from curate.report.tally import Tally, change
from curate.report.words import Words
from seedbed import encode, jsonl
from seedbed.context import Context
from seedbed.record import Message, Record, Source, chat, make
from seedbed.stages import STAGES
from tests.curate.report.test_report import as_json, stage

EN, ZH = Words("en"), Words("zh")
PHONE = "13800001234"


def points(count: int) -> list[Candidate]:
    texts = ["How is the pump started?", "水泵怎么启动？", "Name a colour of the rainbow."]
    return [
        candidate(
            chat(f"{texts[n % 3]} ({n})", "…", source=Source(document=f"d{n % 9}.md", line=n)), "rouge" * (n % 4 == 0)
        )
        for n in range(count)
    ]


def test_the_map_has_a_place_a_source_and_a_fate_for_every_point() -> None:
    found = plot.plotted(points(60), (1000, 15), encode.load("lexical"), 0, EN)
    assert found and len(found.points) == 60 and (found.kept, found.dropped) == (1000, 15)
    assert all(0 <= point.x <= 1 and 0 <= point.y <= 1 for point in found.points)
    assert len(found.sources) == 6 and found.sources[-1] == "others" and found.languages == ["English", "Chinese"]
    assert sum(point.why == "rouge" for point in found.points) == 15
    assert found == plot.plotted(points(60), (1000, 15), encode.load("lexical"), 0, EN)
    svg = str(drawing(found, ZH))
    assert svg.count("<circle") == 60 and svg.count('class="out') == 15 and "排除: 措辞相近" in svg
    assert plot.plotted(points(11), (11, 0), encode.load("lexical"), 0, EN) is None  # too few to be a map


def test_many_documents_are_coloured_by_their_folder() -> None:
    given = [Candidate(str(n), f"t {n}", "t", f"{'ab'[n % 2]}/{n}.md", "en") for n in range(20)]
    found = plot.plotted(given, (20, 0), encode.load("lexical"), 0, EN)
    assert found and found.sources == ["a", "b"]


def test_what_was_left_out_is_at_least_a_quarter_of_the_map_where_there_is_enough() -> None:
    kept, dropped = points(400), points(200)
    assert len(plot.drawn(kept, dropped, (100_000, 200), 100)) == 100
    assert plot.drawn(kept, dropped, (100_000, 200), 100)[75:] == dropped[:25]
    assert len(plot.drawn(kept, dropped[:3], (100_000, 3), 100)) == 100
    assert len(plot.drawn(kept[:10], dropped, (10, 200), 100)) == 100


def test_groups_far_apart_are_drawn_larger_and_equal_texts_at_one_place() -> None:
    far = np.array([[0, 0], [0, 0], [0.01, 0.01], [1, 1]], np.float32)
    spread = plot._spread(far)
    assert spread.min() == 0 and spread.max() == 1 and (spread[0] == spread[1]).all() and spread[2, 0] > 0.2


def test_before_and_after_are_counted_by_the_same_measure() -> None:
    before, after = Tally(), Tally()
    rows = [chat("What is a pump?", "It moves water.", language="en"), chat("What  is a PUMP?", "It moves water.", language="en")]
    rows.append(chat("水泵是什么？", "输送水的机器。", language="zh"))
    for row in rows:
        before.add(row)
    for row in rows[1:]:
        after.add(row)
    found = change(before, after)
    assert (found.before.twins, found.after.twins) == (1, 0)  # folded: white space and case
    assert found.before.languages == {"en": 2, "zh": 1} and found.after.records == 2
    assert [sum(b.counts[end] for b in found.lengths[0].bins) for end in ("before", "after")] == [3, 2]


def test_openings_seen_once_are_forgotten_when_they_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.report.tally._DISTINCT", 50)
    tally = Tally()
    for n in range(300):
        tally.add(chat(f"Word{n} begins?" if n % 3 else "What is it?", "It.", language="en"))
    [openings] = tally.openings()
    assert openings.top[0].text == "what is" and openings.top[0].count == 100 and openings.questions == 300


def pii(records: Iterable[Record], options: Any, context: Context) -> Iterator[Record]:
    """A stage that knows one telephone number, and drops what has two."""
    for record in records:
        turns = tuple(Message(m.role, m.content.replace(PHONE, "[PHONE]")) for m in record.messages)
        if sum(m.content.count(PHONE) for m in record.messages) > 1:
            yield record.reject("pii", "personal_data")
        else:
            yield msgspec.structs.replace(record, messages=turns, text=record.text.replace(PHONE, "[PHONE]"))


class PiiOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing to choose."""


@pytest.fixture
def with_pii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAGES, "pii", SimpleNamespace(function=pii, options=PiiOptions, group="curate"))  # type: ignore[arg-type]


def pii_run(folder: Path, figures: dict[str, Any]) -> Path:
    """Records with a telephone number: one left out before the stage `pii`, with its match, one after, one that stays."""
    early = chat(f"Whom do I call at {PHONE}?", "Nobody.", language="en")
    twice = chat(f"{PHONE}?", f"{PHONE}!", language="en")
    late = chat("Whom do I call at [PHONE]?", "Somebody.", language="en")
    stays = chat("Where is it?", "There.", language="en")
    first = early.reject("exact", "exact", f"the same as a record about {PHONE}", match=early.id, score=1.0)
    stage(folder / "01-import", [early, twice, late, stays], [])
    stage(folder / "02-exact", [early, late, stays], [first, twice.reject("exact", "exact", "", match=early.id)])
    stage(folder / "03-pii", [late, stays], [], figures=figures)
    stage(folder / "04-rouge", [stays], [late.reject("rouge", "rouge", "near", match=early.id, score=0.8)])
    return folder


def test_texts_from_before_the_pii_stage_go_through_it_before_they_are_shown(tmp_path: Path, with_pii: None) -> None:
    page = build(pii_run(tmp_path / "run", {}), tmp_path / "out", Options(encoder="lexical"))
    for shown in (page.read_text(encoding="utf-8"), (tmp_path / "out/report.json").read_text(encoding="utf-8")):
        assert PHONE not in shown and "the same as a record about [PHONE]" in shown
        assert "(not shown: it was left out before personal data was looked for)" in shown  # the one that pii drops


def test_without_the_stage_at_hand_such_texts_are_not_shown_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(STAGES, "pii", raising=False)
    page = build(pii_run(tmp_path / "run", {}), tmp_path / "out", Options(encoder="lexical")).read_text(encoding="utf-8")
    assert PHONE not in page and "(not shown: it was left out" in page


def test_passages_with_personal_data_are_not_shown_beside_their_records(tmp_path: Path, with_pii: None) -> None:
    stage(tmp_path / "01-ingest", [], [])
    stage(tmp_path / "02-pii", [], [])
    conceal = Concealer(stages.of_run(tmp_path), 0, EN)
    assert conceal.same("Nothing personal.") and not conceal.same(f"Call {PHONE}.")
    assert Concealer([], 0, EN).same(f"Call {PHONE}.")  # a run that does not look for it shows all


@pytest.mark.parametrize("key", ["by_kind", "found"])
def test_personal_data_is_counted_by_kind(tmp_path: Path, with_pii: None, key: str) -> None:
    run = pii_run(tmp_path / "run", {key: {"mobile": 12, "email": 3}, "records": 9})
    found = as_json(build(run, tmp_path / "out", Options(points=0, language="zh")))
    assert found["pii"] == {"found": 15, "by_kind": {"mobile": 12, "email": 3}}
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert '<section id="pii">' in page and "手机号" in page and "没有任何原值" in page


def test_topics_that_gave_least_stand_with_the_coverage(tmp_path: Path) -> None:
    place = Source(document="pump.md", document_hash="h", start=0, end=9, headings=("Pump",))
    stage(tmp_path / "run/01-ingest", [make(text="The pump.", source=place)], [])
    topics = [{"topic": "pump.md > Noise", "language": "en", "passages": 3, "accepted": 0}]
    asked = chat("What is it?", "The pump.", task="doc_qa", language="en", source=place)
    stage(tmp_path / "run/02-doc_qa", [asked], [], figures={"least_covered_topics": topics})
    found = as_json(build(tmp_path / "run", tmp_path / "out", Options(points=0)))
    assert found["topics"] == topics
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "Topics that gave least" in page and "from 3 passages" in page


def test_chains_of_twins_are_one_group(tmp_path: Path) -> None:
    rows = [chat(f"水泵 {n}？", "答。", language="zh") for n in range(4)]
    stage(tmp_path / "run/01-import", rows, [])
    stage(tmp_path / "run/02-exact", rows[:3], [rows[3].reject("exact", "exact", match=rows[2].id, score=1.0)])
    second = [rows[2].reject("minhash", "minhash", match=rows[1].id, score=0.9)]
    second.append(rows[1].reject("minhash", "minhash", match=rows[0].id, score=0.8))
    stage(tmp_path / "run/03-minhash", rows[:1], second)
    found = as_json(build(tmp_path / "run", tmp_path / "out", Options(points=0)))["duplicates"]
    assert (found["records"], found["groups"], [part["count"] for part in found["sizes"]]) == (3, 1, [1])
    [group] = found["largest"]
    assert group["kept"]["question"] == "水泵 0？" and group["size"] == 3 == len(group["twins"])


def test_two_stages_of_one_name_are_both_counted(tmp_path: Path) -> None:
    from curate.report.build import report

    rows = [chat(f"Question {n}?", "Answer.", language="en") for n in range(3)]
    stage(tmp_path / "01-import", rows, [])
    stage(tmp_path / "02-rules", rows[:2], [rows[2].reject("rules", "too_short")])
    stage(tmp_path / "03-rules", rows[:1], [rows[1].reject("rules", "too_long")])
    upstream = {"import": tmp_path / "01-import", "rules": tmp_path / "03-rules"}
    report(jsonl.read(tmp_path / "03-rules/kept.jsonl"), Options(points=0), Context(tmp_path / "04-report", upstream=upstream))
    assert [level["count"] for level in as_json(tmp_path / "04-report/report.html")["funnel"]] == [3, 2, 1]


def test_points_and_language_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="points: a number from 0 to 5000"):
        Options(points=9999)
    assert isinstance(Map.__doc__, str)
