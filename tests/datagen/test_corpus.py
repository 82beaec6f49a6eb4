"""Passages as running text: what stands in it, what stays of its origin, and what curation does with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from curate.cleaning.clean import Options as Clean
from curate.cleaning.clean import clean
from curate.duplicates.rouge import Options as Rouge
from curate.duplicates.rouge import rouge
from curate.export.export import Options as Export
from curate.export.export import export
from curate.filters.rules import Options as Rules
from curate.filters.rules import rules
from curate.shaping.split import Options as Split
from curate.shaping.split import split
from datagen.corpus import Options, passages
from seedbed.context import Context
from seedbed.record import Record, Source, Step, chat, make

TABLE = {
    "en": "## Faults\n\n| Code | Remedy |\n|---|---|\n| E17 | Wipe the door sensor |\n| E18 | Refill the oil |",
    "zh": "## 故障\n\n| 代码 | 处理 |\n|---|---|\n| E17 | 擦净门传感器 |\n| E18 | 补充润滑油 |",
}
PROSE = {"en": "The KX-40 pump runs at 2.5 bar by default. Above 4 bar the seal leaks.",
         "zh": "KX-40 离心泵的默认压力是 2.5 bar。压力超过 4 bar 时密封会泄漏。"}
TITLE = {"en": ("KX-40 pump", "Faults"), "zh": ("KX-40 离心泵", "故障")}
BOTH = pytest.mark.parametrize("lang", ["en", "zh"])


def passage(lang: str, text: str, document: str = "kx.md", **fields: Any) -> Record:
    source = Source(document=document, document_hash=document, headings=TITLE[lang], start=7, end=7 + len(text))
    return make(text=text, language=lang, source=source, history=(Step(stage="ingest", operation="cut"),), **fields)


def run(records: list[Record], **options: Any) -> tuple[list[Record], dict[str, Any]]:
    context = Context(Path("passages"))
    return list(passages(records, Options(**options), context)), context.figures


@BOTH
def test_a_passage_becomes_a_text_record_of_the_same_words_and_place(lang: str) -> None:
    given = passage(lang, TABLE[lang])
    (made,), figures = run([given], minimum=5)
    assert (made.text, made.source, made.language, made.task, made.id) == (given.text, given.source, lang, "passage", given.id)
    assert [(step.stage, step.operation) for step in made.history] == [("ingest", "cut"), ("passages", "text")]
    assert figures["texts"] == {lang: 1} and made.rejection is None and not made.messages


@BOTH
def test_the_title_is_the_path_that_the_text_does_not_show_itself(lang: str) -> None:
    shown, bare = passage(lang, TABLE[lang]), passage(lang, PROSE[lang])
    (first, second), _ = run([shown, bare], title=True, minimum=5)
    assert first.text == f"{TITLE[lang][0]}\n\n{TABLE[lang]}"
    assert second.text == f"{' > '.join(TITLE[lang])}\n\n{PROSE[lang]}"
    assert second.source == bare.source and second.id != bare.id
    assert second.history[-1].parents == (bare.id,)


@BOTH
def test_a_short_passage_is_rejected_and_what_is_no_text_left_alone(lang: str) -> None:
    made, figures = run([passage(lang, PROSE[lang]), chat("?", "!")], minimum=60)
    assert [(r.rejection.reason, r.rejection.detail.endswith("60")) for r in made if r.rejection] == [("too_short", True)]
    assert len(made) == 1 and figures["texts"] == {}
    with pytest.raises(ValueError, match="minimum"):
        Options(minimum=-1)


@BOTH
def test_text_is_cleaned_and_its_tables_stay(lang: str) -> None:
    messy = f"<p><b>{PROSE[lang]}</b></p>\r\n\r\n\r\n\r\n{TABLE[lang]}  \n"
    (made,), _ = run([passage(lang, messy)], minimum=5)
    (done,) = clean([made], Clean(), Context(Path("clean")))
    assert done.text == f"{PROSE[lang]}\n\n{TABLE[lang]}"
    assert done.source == made.source and done.rejection is None


@BOTH
def test_running_text_passes_the_rules_and_is_no_twin_of_a_question(tmp_path: Path, lang: str) -> None:
    question = chat(PROSE[lang], PROSE[lang], language=lang)
    made, _ = run([passage(lang, PROSE[lang]), passage(lang, TABLE[lang])], minimum=5)
    done = list(rouge(rules([question, *made], Rules(off=("echo",)), Context(Path("rules"))), Rouge(), Context(tmp_path)))
    assert [record.rejection for record in done] == [None] * 3
    again = passage(lang, PROSE[lang], "copy.md")
    *_, twin = rouge([*made, again], Rouge(), Context(tmp_path))
    assert twin.rejection and (twin.rejection.reason, twin.rejection.match) == ("rouge", made[0].id)


WORDS = ("pump valve seal belt crane boiler mixer lathe kiln dryer press saw fan gear rail blade filter nozzle spring bolt "
         "cable hose tank shaft drum chain wheel lever").split()


def test_running_text_goes_with_its_document_and_never_to_unseen_questions(tmp_path: Path) -> None:
    given = [
        passage("en", " ".join(f"{word}{n}{i}" for i in range(30)), f"{word}.md", task="passage")
        for word in WORDS[:10] for n in range(6)
    ]
    context = Context(tmp_path)
    done = list(split(given, Split(), context))
    sides = {r.source.document: {o.split for o in done if o.source == r.source} for r in done if r.source}
    held = {name for name, found in sides.items() if "test_heldout" in found}
    assert held and all(sides[name] == {"test_heldout"} for name in held)
    assert "test_seen" not in {record.split for record in done}
    assert sum(record.split == "validation" for record in done) >= 4
    assert "running text asks nothing" in context.figures["shortfalls"]["test_seen"]


@BOTH
def test_the_text_format_holds_it_whole(tmp_path: Path, lang: str) -> None:
    made, _ = run([passage(lang, TABLE[lang])], minimum=5)
    list(export(made, Export(formats=("text", "messages")), Context(tmp_path)))
    (line,) = (tmp_path / "text" / "train.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line) == {"text": TABLE[lang]}
    told = msgspec.json.decode((tmp_path / "dataset_info.json").read_bytes())
    assert told["seedbed_text"]["columns"] == {"prompt": "text"}
    assert not (tmp_path / "messages").exists()
