"""The split: documents on one side, tests in other words, and the same outcome whatever comes around it."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from curate.shaping.split import Options, split
from seedbed.context import Context
from seedbed.errors import RunError
from seedbed.gate import rouge_l
from seedbed.record import Evidence, Message, Record, Source, chat, make

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


# ---- documents that say the same ----


def edition(original: Record, document: str) -> Record:
    """The record as a new edition of its manual would give it: a word more in question and answer."""
    zh = original.language == "zh"
    more = "请问" + original.instruction if zh else original.instruction.replace("?", " exactly?")
    source = Source(document=document, document_hash=f"#{document}", start=0, end=9)
    return chat(more, original.answer, source=source, language=original.language)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_two_editions_of_a_manual_are_on_one_side(tmp_path: Path, language: str) -> None:
    given = manuals((language,))
    name = given[0].source.document
    again = [edition(r, f"new-{r.source.document}") for r in given]
    for seed in range(6):
        done, figures = run([*given, *again], tmp_path, seed)
        held = documents(done, "test_heldout")
        assert held and held == {f"new-{d}" if not d.startswith("new-") else d[4:] for d in held}
        assert not held & documents(done, "train", "validation", "test_seen")
        assert [r for r in done if r.rejection] == []
    assert sorted([name, f"new-{name}"]) in figures["linked_documents"]


def test_what_is_linked_through_a_third_document_is_linked(tmp_path: Path) -> None:
    given = manuals(("en",))
    first = [r for r in given if r.source.document == "pump.md"]
    bridge = [*[edition(r, "bridge.md") for r in first[:2]], *[edition(r, "bridge.md") for r in given[5:7]]]
    _, figures = run([*given, *bridge], tmp_path)
    assert figures["linked_documents"] == [["bridge.md", "pump.md", "turbine.md"]]


def test_documents_that_rest_on_the_same_sentences_say_the_same(tmp_path: Path) -> None:
    words = ["The seal of the slewing ring lasts four hundred hours.", "回转支承的密封件每运行四百小时必须更换一次。"]
    resting = [
        msgspec.structs.replace(r, evidence=(Evidence(words[n % 2], 0, 9),)) if r.source.document in ("pump.md", "saw.md") else r
        for n, r in enumerate(manuals(("en",)))
    ]
    _, figures = run(resting, tmp_path)
    assert figures["linked_documents"] == [["pump.md", "saw.md"]]


def test_manuals_of_two_models_are_two_documents(tmp_path: Path) -> None:
    asked = {"KX-40": "2.5", "KX-50": "4.5", "KX-60": "7", "KX-70": "9"}
    given = [
        record(f"{model} 离心泵的{part}压力是多少 bar？", f"{model}.md", "zh", n)
        for model in asked for n, part in enumerate(["默认", "最高", "最低", "试验", "入口"])
    ]
    done, figures = run(given, tmp_path)
    assert figures["linked_documents"] == [] and len(documents(done, "test_heldout")) == 1
    assert [r for r in done if r.rejection] == []


def test_a_page_that_stands_in_every_manual_links_none_and_is_no_test(tmp_path: Path) -> None:
    given = manuals(("zh",))
    notes = [record("检修之前必须先做什么才安全？", name, "zh", 990) for name in sorted(documents(given, ""))]
    done, figures = run([*given, *notes], tmp_path)
    assert figures["linked_documents"] == []
    held = documents(done, "test_heldout")
    left_out = [r for r in done if r.rejection]
    assert {r.source.document for r in left_out} == held and len(left_out) == len(held) > 0
    assert {(r.rejection.reason, r.instruction) for r in left_out} == {("twin_in_train", notes[0].instruction)}
    trained = {r.id for r in done if r.split == "train"}
    assert all(r.rejection.match in trained for r in left_out)
    assert sum(figures["counts"]["test_heldout"].values()) == sizes(done)["test_heldout"]


def test_an_imported_twin_of_a_held_out_record_is_held_out_too(tmp_path: Path) -> None:
    given = manuals(("en",))
    rows = [chat(r.instruction, r.answer, source=Source(document="faq.csv", line=n), language="en") for n, r in enumerate(given, 1)]
    done, _ = run([*given, *rows], tmp_path)
    by_question = {r.instruction: r.split for r in done[: len(given)]}
    assert "test_heldout" in by_question.values()
    assert all(by_question[r.instruction] == r.split or "test_heldout" not in (by_question[r.instruction], r.split) for r in done)


@pytest.mark.parametrize("seed", range(4))
def test_no_twin_is_on_the_other_side_in_any_order(tmp_path: Path, seed: int) -> None:
    given = manuals()
    mixed = random.Random(seed)
    originals = mixed.sample(given, 40)
    again = [edition(r, f"copy-of-{r.source.document}" if n % 3 else "") for n, r in enumerate(originals)]
    again = [msgspec.structs.replace(r, source=None) if r.source.document == "" else r for r in again]
    done, _ = run([*given, *again], tmp_path, seed)
    other, _ = run(mixed.sample([*given, *again], len(given) + len(again)), tmp_path, seed)
    assert {r.id: (r.split, r.rejection) for r in other} == {r.id: (r.split, r.rejection) for r in done}
    kept = [r for r in done if r.rejection is None]
    trained = [r.instruction for r in kept if r.split == "train"]
    for one in kept:
        if one.split in ("validation", "test_seen"):
            assert max(rouge_l(one.instruction, question) for question in trained) <= 0.6
    by_question = {r.instruction: r.split for r in kept}
    for one, twin in zip(originals, again, strict=True):
        sides = {by_question[r.instruction] for r in (one, twin) if r.instruction in by_question}
        assert sides == {"test_heldout"} or "test_heldout" not in sides


def test_a_later_question_of_a_dialogue_is_a_question_too(tmp_path: Path) -> None:
    given = manuals(("zh",))
    talks = [
        make(messages=(Message("user", f"{n}在吗"), Message("assistant", "在。"), Message("user", r.instruction), Message("assistant", r.answer)),
             language="zh")
        for n, r in zip(["老张", "小李", "王工", "赵姐", "班长"] * 12, given, strict=True)
    ]
    done, _ = run([*given, *talks], tmp_path, heldout=0)
    assert sizes(done) == {"train": 120}, "each has its twin within a dialogue"
    short = [make(messages=(*t.messages[:2], Message("user", "那要多久呢？"), t.messages[3]), language="zh") for t in talks]
    done, _ = run([*given, *short], tmp_path, heldout=0)
    assert sizes(done)["test_seen"] >= 4, "what is asked in every dialogue tells nothing"


def test_other_wordings_of_a_fact_may_train_and_its_twin_may_not_be_tested(tmp_path: Path) -> None:
    fact = (Evidence("密封件在压力超过四巴时会泄漏。", 10, 25),)
    wordings = ["密封在多大压力下会漏？", "超过几巴时水泵开始渗水？", "什么情况会让密封件失效？", "压力到几巴就不能再升高了？"]
    asked = [msgspec.structs.replace(record(w, "pump.md", "zh", 10), evidence=fact, labels={"fact": "7"}) for w in wordings]
    for seed in range(6):
        done, figures = run([*asked, *manuals(("zh",))], tmp_path, seed, heldout=0, seen=0.4, validation=0)
        tested = [r for r in done[:4] if r.split == "test_seen"]
        assert figures["taught"] >= len(tested)
        if tested:
            return
    raise AssertionError("in six seeds no wording of the fact was drawn")


def test_pairs_texts_and_malformed_records_find_their_place(tmp_path: Path) -> None:
    given = manuals(("zh",))
    pairs = [msgspec.structs.replace(r, id=f"{n:016x}", rejected=Message("assistant", "不知道。")) for n, r in enumerate(given)]
    odd = [
        Record(id="a" * 16),
        Record(id="b" * 16, messages=(Message("assistant", "只有回答"),)),
        Record(id="c" * 16, messages=(Message("user", ""), Message("user", "")), scores={"judge": float("nan")}),
        Record(id="d" * 16, messages=(Message("user", "\ud800?"), Message("assistant", "x"))),
        chat("长" * 2_000_000, "答", language="zh"), chat("长" * 2_000_001, "答", language="zh"),
    ]
    done, _ = run([*given, *pairs, *odd], tmp_path)
    assert len(done) == len(given) + len(pairs) + len(odd)
    assert [r.split for r in done[: len(given)]] == [r.split for r in done[len(given) : 2 * len(given)]]
    assert {r.split for r in done[-6:-3]} <= {"train", "validation"}, "what asks nothing is no test of what was learned"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.TemporaryFile", lambda dir: open("/dev/full", "wb+"))  # noqa: SIM115
    with pytest.raises(RunError, match="cannot be written: No space left"):
        run(manuals(), tmp_path)


def test_broken_off_in_the_middle_it_leaves_nothing_and_starts_anew(tmp_path: Path) -> None:
    whole = run(manuals(), tmp_path)[0]
    begun = split(manuals(), Options(), Context(tmp_path))
    assert next(begun) == whole[0]
    begun.close()
    assert list(tmp_path.iterdir()) == []
    assert run(manuals(), tmp_path)[0] == whole


@pytest.mark.parametrize(
    ("bad", "key"),
    [({"heldout": 0.7}, "heldout"), ({"validation": 0.4, "seen": 0.3}, "validation"), ({"minimum": -1}, "minimum")],
)
def test_options_that_cannot_be_are_refused(bad: dict, key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}: expected"):
        Options(**bad)
