"""A record's family over the files of a run: who came of whom, and what became of each."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from seedbed import jsonl
from seedbed.lineage import lineage
from seedbed.record import Message, Record, Step, chat, make

WORDS = {
    "en": ("What limits the pressure?", "What limits the pressure, and why?", "Which valve leaks?", "The valve V2 limits the pressure."),
    "zh": ("压力由什么限制？", "压力由什么限制，为什么？", "哪个阀门会泄漏？", "阀门 V2 限制压力。"),
}
BOTH = pytest.mark.parametrize("lang", ["en", "zh"])


def step(stage: str, operation: str, *parents: Record | str, note: str = "") -> Step:
    ids = tuple(parent if isinstance(parent, str) else parent.id for parent in parents)
    return Step(stage=stage, operation=operation, parents=ids, note=note)


def stage(run: Path, name: str, kept: list[Record], rejected: list[Record] | None = None) -> None:
    jsonl.write(run / name / "kept.jsonl", kept)
    jsonl.write(run / name / "rejected.jsonl", rejected or [])


def grown(run: Path, lang: str) -> dict[str, Record]:
    """A passage, its question, two rounds of evolution, a preference pair, and a curator that changes one of them."""
    asked, deeper, other, text = WORDS[lang]
    passage = make(text=text)
    first = chat(asked, "V2.", history=(step("doc_qa", "pair", passage),))
    second = chat(deeper, "V2.", history=(step("evol_instruct", "deepen", first, note="round 1"),))
    failed = chat(other, "V2.", history=(step("evol_instruct", "in_breadth", second, note="round 2"),)).reject(
        "evol_instruct", "equal", "nothing new")
    pair = make(messages=second.messages, rejected=Message("assistant", "V3."), history=(step("preference", "negative", second),))
    cleaned = second.revised(Step(stage="clean", operation="clean"), messages=(Message("user", deeper + " "), Message("assistant", "V2")))
    stage(run, "01-ingest", [passage])
    stage(run, "02-doc_qa", [first])
    stage(run, "03-evol_instruct", [second], [failed])
    stage(run, "04-preference", [pair])
    stage(run, "05-clean", [first, cleaned, pair])
    stage(run, "06-exact", [cleaned, pair], [first.reject("exact", "duplicate", match="x")])
    return {"passage": passage, "first": first, "second": second, "failed": failed, "pair": pair, "cleaned": cleaned}


@BOTH
def test_the_family_is_a_tree_with_the_fate_of_each(tmp_path: Path, lang: str) -> None:
    family = grown(tmp_path, lang)
    asked, deeper, other, text = WORDS[lang]
    expected = [
        f"{family['passage'].id} passage: {text} [kept]",
        f"  {family['first'].id} doc_qa pair: {asked} [rejected by exact: duplicate]",
        f"    > {family['second'].id} evol_instruct deepen, round 1: {deeper} [kept]",
        f"      {family['failed'].id} evol_instruct in_breadth, round 2: {other} [rejected by evol_instruct: equal]",
        f"      {family['pair'].id} preference negative: {deeper} [kept]",
        f"      {family['cleaned'].id} clean clean: {deeper} [kept]",
    ]
    assert list(lineage(tmp_path, family["second"])) == expected
    # from below, the same line upwards; brothers are not drawn
    upwards = list(lineage(tmp_path, family["failed"]))
    assert [line.lstrip()[:16] for line in upwards[:3]] == [family[name].id for name in ("passage", "first", "second")]
    assert upwards[3].startswith("      > ") and len(upwards) == 4
    # from above, all of it
    assert [line.lstrip(" >")[:16] for line in lineage(tmp_path, family["passage"])] == [
        family[name].id for name in ("passage", "first", "second", "failed", "pair", "cleaned")]


def test_a_record_of_no_family_stands_alone(tmp_path: Path) -> None:
    record = chat("What?", "That.")
    stage(tmp_path, "01-import", [record])
    assert list(lineage(tmp_path, record)) == [f"> {record.id} record: What? [kept]"]


def test_parents_that_are_not_in_the_run_are_named(tmp_path: Path) -> None:
    record = chat("Why?", "So.", history=(step("self_instruct", "task", *(f"en-{n:03}" for n in range(20))),))
    stage(tmp_path, "01-self_instruct", [record])
    lines = list(lineage(tmp_path, record))
    assert lines[0] == "en-000 (not in this run)" and lines[12] == "… and 8 more"
    assert lines[-1].startswith(f"  > {record.id} self_instruct task")


def test_a_form_that_no_file_has_does_not_break_the_line(tmp_path: Path) -> None:
    passage = make(text="The valve limits it.")
    first = chat("What limits it ?", "V2.", history=(step("doc_qa", "pair", passage),))
    once = first.revised(Step(stage="clean", operation="spaces"), messages=(Message("user", "What limits it?"), Message("assistant", "V2.")))
    twice = once.revised(Step(stage="clean", operation="stop"), messages=(Message("user", "What limits it?"), Message("assistant", "V2")))
    stage(tmp_path, "01-ingest", [passage])
    stage(tmp_path, "02-clean", [twice])
    assert [line.split()[0] for line in lineage(tmp_path, twice)][:2] == [first.id, once.id]


def test_a_ring_of_parents_comes_to_an_end(tmp_path: Path) -> None:
    one, other = chat("One?", "1"), chat("Other?", "2")
    one = msgspec.structs.replace(one, history=(step("x", "y", other),))
    other = msgspec.structs.replace(other, history=(step("x", "y", one),))
    stage(tmp_path, "01-x", [one, other])
    assert [line.lstrip(" >")[:16] for line in lineage(tmp_path, one)] == [other.id, one.id, other.id]


def test_many_children_are_counted(tmp_path: Path) -> None:
    parent = chat("What?", "That.")
    children = [chat(f"What {n}?", "That.", history=(step("augment", "paraphrase", parent),)) for n in range(20)]
    stage(tmp_path, "01-import", [parent])
    stage(tmp_path, "02-augment", children)
    lines = list(lineage(tmp_path, parent))
    assert len(lines) == 14 and lines[-1] == "  … and 8 more"
