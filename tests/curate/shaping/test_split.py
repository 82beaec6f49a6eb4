"""The split: documents on one side, tests in other words, and the same outcome whatever comes around it."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from curate.shaping.split import Options, split
from seedbed.context import Context
from seedbed.gate import rouge_l
from seedbed.record import Evidence, Record, Source, chat

# Of each device, one part and what is wrong with it; so no two questions have a ROUGE-L over 0.6.
ASKED = {
    "en": (
        "Why does {0} {1} get {2}?",
        "Who checks whether {0} {1} is {2}?",
        "How often can {0} {1} become {2}?",
        "A remedy for {2} {1}, {0}?",
        "Must {0} stop when {1} looks {2}?",
    ),
    "zh": (
        "为什么{0}的{1}会{2}？",
        "谁负责检查{0}{1}是否{2}？",
        "{1}{2}以后{0}还能开吗？",
        "怎样修好{0}上{2}了的{1}？",
        "每隔多久{0}就有{1}{2}？",
    ),
}
WORDS = {
    "en": (
        ["pump", "turbine", "gearbox", "feeder", "crane", "boiler", "mixer", "lathe", "kiln", "dryer", "press", "saw"],
        ["bearing", "valve", "belt", "gear", "cable", "filter", "bolt", "spring", "seal", "blade", "nozzle", "rail"],
        ["hot", "leaky", "loose", "broken", "clogged", "rusty", "bent", "worn", "noisy", "shaky", "stuck", "brittle"],
    ),
    "zh": (
        ["锅炉", "水泵", "车床", "磨床", "风机", "电机", "窑炉", "吊车", "冲床", "叉车", "筛子", "绞盘"],
        ["轴承", "阀门", "皮带", "齿轮", "电缆", "滤网", "螺栓", "弹簧", "密封", "叶片", "喷嘴", "导轨"],
        ["过热", "漏油", "松动", "断裂", "堵塞", "生锈", "变形", "磨损", "异响", "振动", "卡死", "老化"],
    ),
}


def record(question: str, document: str = "", language: str = "en", place: int = 0, **fields: object) -> Record:
    source = Source(document=document, document_hash=f"#{document}", start=place, end=place + 50) if document else None
    return chat(question, f"{question} 42", source=source, language=language, **fields)


def manuals(languages: tuple[str, ...] = ("en", "zh"), documents: int = 12) -> list[Record]:
    """Five records of each document, one document a device."""
    return [
        record(asked.format(*words), f"{words[0]}.md", language, 100 * place)
        for language in languages
        for words in list(zip(*WORDS[language], strict=True))[:documents]
        for place, asked in enumerate(ASKED[language])
    ]


def run(records: list[Record], folder: Path, seed: int = 0, **options: object) -> tuple[list[Record], dict]:
    context = Context(folder, seed)
    return list(split(records, Options(**options), context)), context.figures


def sizes(records: list[Record]) -> Counter[str]:
    return Counter(r.split for r in records)


def documents(records: list[Record], *splits: str) -> set[str]:
    return {r.source.document for r in records if r.source and r.split in splits}


def test_every_record_comes_back_in_order_and_unchanged_but_for_its_split(tmp_path: Path) -> None:
    given = manuals()
    done, figures = run(given, tmp_path)
    assert [msgspec.structs.replace(r, split="") for r in done] == given
    assert set(sizes(done)) == {"train", "validation", "test_seen", "test_heldout"}
    counted = {name: sum(by_language.values()) for name, by_language in figures["counts"].items()}
    assert counted == sizes(done)
    assert list(tmp_path.iterdir()) == []


def test_no_document_is_on_both_sides_and_every_drawn_record_has_its_document_in_train(tmp_path: Path) -> None:
    done, figures = run(manuals(), tmp_path)
    held = documents(done, "test_heldout")
    assert not held & documents(done, "train", "validation", "test_seen")
    assert documents(done, "validation", "test_seen") <= documents(done, "train")
    assert figures["heldout_documents"] == sorted(held)
    assert {r.language for r in done if r.split == "test_heldout"} == {"en", "zh"}


@pytest.mark.parametrize("seed", range(5))
def test_a_language_with_four_documents_holds_one_out_and_never_more_than_a_third(tmp_path: Path, seed: int) -> None:
    done, _ = run(manuals(("zh",), documents=4), tmp_path, seed)
    assert len(documents(done, "test_heldout")) == 1


def test_the_seed_decides(tmp_path: Path) -> None:
    chosen = {frozenset(documents(run(manuals(), tmp_path, seed)[0], "test_heldout")) for seed in range(6)}
    assert len(chosen) > 1


def test_reordering_changes_nothing(tmp_path: Path) -> None:
    given = manuals()
    shuffled = random.Random(3).sample(given, len(given))
    assert {r.id: r.split for r in run(given, tmp_path)[0]} == {r.id: r.split for r in run(shuffled, tmp_path)[0]}


def test_other_documents_change_nothing(tmp_path: Path) -> None:
    english, both = manuals(("en",)), manuals(("zh", "en"))
    before = {r.id: r.split for r in run(english, tmp_path, minimum=0)[0]}
    after = {r.id: r.split for r in run(both, tmp_path, minimum=0)[0]}
    assert set(before.values()) == {"train", "validation", "test_seen", "test_heldout"}
    assert {id_: after[id_] for id_ in before} == before
    fewer = {r.id: r.split for r in run(english[:45], tmp_path, minimum=0)[0]}
    assert {id_: before[id_] for id_ in fewer} == fewer


def test_what_only_filled_a_set_up_to_the_minimum_trains_once_there_is_enough(tmp_path: Path) -> None:
    before = {r.id: r.split for r in run(manuals(("en",)), tmp_path, minimum=8)[0]}
    after = {r.id: r.split for r in run(manuals(), tmp_path, minimum=8)[0]}
    moved = {(before[id_], after[id_]) for id_ in before if before[id_] != after[id_]}
    assert moved
    assert {to for _, to in moved} == {"train"}


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_drawn_question_has_no_near_duplicate_in_train(tmp_path: Path, language: str) -> None:
    asked = {"en": "Which pressure does the {} tolerate at most?", "zh": "请问{}最高能承受多大的压力？"}[language]
    alike = [record(asked.format(name), f"{name}.md", language, 900) for name in WORDS[language][0]]
    done, _ = run([*manuals((language,)), *alike], tmp_path)
    trained = [r.instruction for r in done if r.split == "train"]
    drawn = [r.instruction for r in done if r.split in ("validation", "test_seen")]
    assert len(drawn) >= 8
    assert max(rouge_l(question, other) for question in drawn for other in trained) <= 0.6
    assert {r.split for r in done if r.instruction in {a.instruction for a in alike}} <= {"train", "test_heldout"}


def test_sixty_records_fill_every_set(tmp_path: Path) -> None:
    for seed in range(8):
        done, figures = run([*manuals(("en",), 7), *manuals(("zh",), 5)], tmp_path, seed)
        assert min(sizes(done)[name] for name in ("validation", "test_seen", "test_heldout")) >= 4
        assert sizes(done)["train"] > 20
        assert figures["shortfalls"] == {}


def test_three_documents_are_held_out_from_only_where_the_set_would_be_too_small(tmp_path: Path) -> None:
    done, _ = run(manuals(("zh",), documents=3), tmp_path)
    assert len(documents(done, "test_heldout")) == 1


def test_shortfalls_say_why(tmp_path: Path) -> None:
    one = manuals(("en",), documents=1)
    twins = [record(f"What is the weight of pump number {n}?", "pumps.md", place=n) for n in range(9)]
    _, figures = run([*one, *twins], tmp_path)
    assert figures["shortfalls"]["test_heldout"].startswith("0 of at least 4: 0 of the documents (2 en)")
    assert "of 14 records not held out, 9 have a near-duplicate question" in figures["shortfalls"]["validation"]


def test_imported_rows_have_no_document_and_are_drawn_by_hash(tmp_path: Path) -> None:
    rows = [
        chat(r.instruction, "42", source=Source(document="faq.jsonl", line=n), language=r.language)
        for n, r in enumerate(manuals(documents=6), 1)
    ]
    twins = [record(f"多久给{n}号泵换一次油？", language="zh") for n in range(8)]
    done, figures = run([*rows, *twins], tmp_path)
    assert list(figures["shortfalls"]) == ["test_heldout"]
    assert figures["shortfalls"]["test_heldout"].startswith("no record names the document")
    assert sizes(done)["test_seen"] >= 4 <= sizes(done)["validation"]
    assert {r.split for r in done[-8:]} == {"train"}


def test_a_split_given_before_stays_and_draws_its_document_and_its_near_duplicates(tmp_path: Path) -> None:
    given = manuals()
    fixed = [msgspec.structs.replace(given[i], split=s) for i, s in ((0, "test_heldout"), (5, "test_seen"))]
    again = record(given[5].instruction.replace("get", "always get"), "turbine.md", place=700)
    done, figures = run([*fixed, again, *given[1:5], *given[6:]], tmp_path)
    by_id = {r.id: r.split for r in done}
    assert {by_id[r.id] for r in given[:5]} == {"test_heldout"}
    assert by_id[given[5].id] == by_id[again.id] == "test_seen"
    assert "turbine.md" not in documents(done, "test_heldout")
    assert figures["on_two_sides"] == []


def test_asking_for_the_same_evidence_in_other_words_is_counted(tmp_path: Path) -> None:
    same = (Evidence("The seal lasts 400 hours.", 10, 35),)
    given = [msgspec.structs.replace(r, evidence=same) for r in manuals(("en",))]
    done, figures = run(given, tmp_path)
    assert figures["taught"] == sizes(done)["test_seen"] > 0
    assert run(manuals(("en",)), tmp_path)[1]["taught"] == 0


def test_a_document_with_most_of_the_records_is_not_held_out(tmp_path: Path) -> None:
    big = [record(f"{a} {n}", "big.md", place=n) for n in range(8) for a in ASKED["en"]]
    for seed in range(6):
        assert "big.md" not in documents(run([*big, *manuals(("en",), 5)], tmp_path, seed)[0], "test_heldout")


def test_a_set_that_is_not_wanted_is_empty(tmp_path: Path) -> None:
    done, figures = run(manuals(), tmp_path, heldout=0, validation=0)
    assert set(sizes(done)) == {"train", "test_seen"}
    assert figures["shortfalls"] == {}


def test_larger_sets_come_near_the_shares(tmp_path: Path) -> None:
    given = [record(f"{chr(0x4E00 + n) * 3}{chr(0x6000 + n) * 3}？", f"{n % 300}.md", "zh", n) for n in range(1200)]
    done = sizes(run(given, tmp_path)[0])
    assert 0.10 < done["test_heldout"] / 1200 < 0.20
    assert 0.07 < done["test_seen"] / 1200 < 0.14
    assert 0.05 < done["validation"] / 1200 < 0.12


@pytest.mark.parametrize(
    ("bad", "key"),
    [({"heldout": 0.7}, "heldout"), ({"validation": 0.4, "seen": 0.3}, "validation"), ({"minimum": -1}, "minimum")],
)
def test_options_that_cannot_be_are_refused(bad: dict, key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}: expected"):
        Options(**bad)
