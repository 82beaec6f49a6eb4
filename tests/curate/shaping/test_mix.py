"""General data: the share, the languages, what is set apart, and what is kept out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from curate.shaping.general import General
from curate.shaping.mix import Options, mix, watch
from seedbed import jsonl
from seedbed.context import Context, Silent
from seedbed.errors import InputError
from seedbed.gate import rouge_l
from seedbed.record import Message, Record, Source, Step, chat


class Heard(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def domain(english: int, chinese: int = 0, split: str = "train") -> list[Record]:
    asked = [(f"Which bolt holds flange {n}?", "en") for n in range(english)]
    asked += [(f"第{n}号法兰用哪种螺栓？", "zh") for n in range(chinese)]
    return [chat(q, "M8.", language=language, split=split, task="doc_qa") for q, language in asked]


def run(records: list[Record], folder: Path, seed: int = 0, **options: object) -> tuple[list[Record], dict, list[str]]:
    context = Context(folder, seed, progress=Heard())
    done = list(mix(records, Options(**options), context))
    return done, context.figures, context.progress.lines  # type: ignore[attr-defined]


def general(done: list[Record], split: str) -> list[Record]:
    return [r for r in done if r.task == "general" and r.split == split]


def data_file(folder: Path, questions: list[str]) -> str:
    path = folder / "general.jsonl"
    turns = [[{"role": "user", "content": q}, {"role": "assistant", "content": "So be it."}] for q in questions]
    jsonl.write(path, [{"messages": t, "task": "office"} for t in turns])
    return str(path)


def test_eight_per_cent_of_the_final_set_in_the_domain_s_languages_and_24_set_apart(tmp_path: Path) -> None:
    given = domain(69, 23)
    done, figures, said = run(given, tmp_path)
    assert done[:92] == given
    added, test = general(done, "train"), general(done, "test_general")
    assert len(added) == 8 and len(test) == 24 and len(done) == 92 + 8 + 24
    assert [r.language for r in added].count("zh") == 2
    assert [r.language for r in test].count("zh") == 6
    assert figures == {
        "share": 0.08, "asked": 0.08, "added": 8, "test": 24, "kept_out": 0, "notes": [],
        "by_language": {"en": {"domain": 69, "added": 6, "test": 18}, "zh": {"domain": 23, "added": 2, "test": 6}},
        "by_source": {"general.en.jsonl": {"there": 142, "added": 6, "test": 18},
                      "general.zh.jsonl": {"there": 145, "added": 2, "test": 6}},
    }  # fmt: skip
    assert said == []


def test_records_set_apart_are_not_trained_on_in_any_wording(tmp_path: Path) -> None:
    alike = [f"请用一句话介绍第{number}颗行星的颜色。" for number in "一二三四五六七八"]
    other = ["海水为什么是咸的？", "写一首关于秋天的短诗。", "三加五乘二等于多少？", "怎样礼貌地拒绝邀请？"]
    path = data_file(tmp_path, [*alike, *other])
    for seed in range(4):
        done, _, _ = run(domain(0, 30), tmp_path, seed, data=path, share=0.25, test=4)
        added, test = general(done, "train"), general(done, "test_general")
        assert len(test) == 4 and added
        assert not {r.id for r in added} & {r.id for r in test}
        assert max(rouge_l(a.user_text, t.user_text) for a in added for t in test) <= 0.7


def test_a_general_record_tells_what_it_is_and_where_it_stood(tmp_path: Path) -> None:
    path = data_file(tmp_path, [f"怎样用{word}写一封信？" for word in ("毛笔", "钢笔", "电脑", "手机")])
    done, _, _ = run(domain(0, 20), tmp_path, data=path, test=0)
    added = general(done, "train")[0]
    assert added.labels == {"origin": "general", "kind": "office"}
    assert added.language == "zh" and added.extra == {}
    assert added.history == (Step(stage="mix", operation="add"),)
    lines = [row["messages"][0]["content"] for row in jsonl.read_as(dict, Path(path))]
    assert added.source == Source(document="general.jsonl", line=lines.index(added.instruction) + 1)


def test_the_seed_decides_and_the_order_of_the_domain_does_not(tmp_path: Path) -> None:
    first = general(run(domain(40), tmp_path)[0], "train")
    assert general(run(domain(40)[::-1], tmp_path)[0], "train") == first
    assert general(run(domain(40), tmp_path, seed=1)[0], "train") != first


@pytest.mark.parametrize(("own", "their"), [
    ("How do I write a formal letter to the tax office about it?", "How do I write a formal letter to my tax office?"),
    ("怎样给税务局写一封关于退税的信？", "怎样给税务局写一封退税的信？"),
])  # fmt: skip
def test_general_near_duplicates_of_domain_questions_are_kept_out(tmp_path: Path, own: str, their: str) -> None:
    assert rouge_l(own, their) > 0.7
    language = "en" if own.isascii() else "zh"
    path = data_file(tmp_path, [their, "Tell me a story about two snails.", "讲一个关于蜗牛的故事。"])
    held_out = chat(own, "Politely.", language=language, split="test_heldout")
    done, figures, _ = run([*domain(20, 20), held_out], tmp_path, data=path, share=0.5, test=0)
    assert figures["kept_out"] == 1
    assert sorted(r.instruction[:2] for r in general(done, "train")) == ["Te", "讲一"]


def test_too_few_are_all_taken_with_a_word_about_it(tmp_path: Path) -> None:
    path = data_file(tmp_path, ["Name a planet.", "Who wrote Hamlet?", "What is frost?"])
    done, figures, said = run(domain(97), tmp_path, data=path)
    assert figures["added"] == 2 and figures["test"] == 1
    assert figures["share"] == round(2 / 99, 4)
    assert said == figures["notes"] == [
        "too few general records: all that fit were taken, 6 short of 8%",
        "too few general records: test_general has 1 instead of 24",
        "general data is 2.0% of the training set; below 5% a model forgets what it knew",
    ]  # fmt: skip
    assert len(done) == 100


def test_no_share_is_allowed_and_warned_of(tmp_path: Path) -> None:
    done, figures, said = run(domain(10), tmp_path, share=0)
    assert general(done, "train") == [] and len(general(done, "test_general")) == 24
    assert figures["share"] == 0.0
    assert said == ["general data is 0.0% of the training set; below 5% a model forgets what it knew"]


def test_only_training_records_count_and_so_does_general_data_that_is_there_already(tmp_path: Path) -> None:
    tests = domain(500, split="test_seen")
    assert run([*domain(46), *tests], tmp_path)[1]["added"] == 4
    there = [msgspec.structs.replace(r, task="general") for r in domain(0, 3)]
    assert run([*domain(46), *there], tmp_path)[1]["added"] == 1


def test_a_general_language_that_the_domain_has_not_is_used_only_for_want_of_another(tmp_path: Path) -> None:
    path = data_file(tmp_path, [f"{word}是什么意思？" for word in ("彩虹", "潮汐", "回声", "霜冻", "雷暴", "日食")])
    assert run(domain(30, 30), tmp_path, data=path, test=0)[1]["by_language"]["zh"]["added"] == 5
    assert run(domain(30), tmp_path, data=path, test=0)[1]["by_language"]["zh"]["added"] == 3


def test_lines_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    path = Path(data_file(tmp_path, ["Name a planet.", "Who wrote Hamlet?"]))
    path.write_text(path.read_text() + '{"messages": []}\n')
    _, figures, said = run(domain(10), tmp_path, data=str(path), test=0)
    assert figures["added"] == 1
    assert said[0].startswith(f"1 lines of general data cannot be used; the first: {path}:3: ")


def test_what_decides_the_outcome_is_watched(tmp_path: Path) -> None:
    assert [path.name for path in watch(Options())] == ["general.en.jsonl", "general.zh.jsonl"]
    path = data_file(tmp_path, ["Name a planet."])
    assert watch(Options(data=path)) == watch(Options(data=str(tmp_path))) == [Path(path)]
    with pytest.raises(InputError, match="no such data file"):
        watch(Options(data=str(tmp_path / "none.jsonl")))


# Words of one character each, so that no two questions are near.
FRESH = [chr(0x4E00 + 7 * n) * 2 + chr(0x6000 + 11 * n) * 3 for n in range(300)]


def source_file(folder: Path, name: str, start: int, count: int, talks: bool = False) -> str:
    """Chinese questions, numbers `start` and on; dialogues where `talks`."""
    rows = []
    for word in FRESH[start : start + count]:
        turns = [{"role": "user", "content": f"{word}？"}, {"role": "assistant", "content": "好。"}]
        turns += [{"role": "user", "content": f"{word}还有呢？"}, {"role": "assistant", "content": "没有了。"}] if talks else []
        rows.append({"messages": turns})
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    jsonl.write(folder / name, rows)
    return str(folder / name)


def origins(done: list[Record], split: str = "train") -> Counter[str]:
    return Counter(r.source.document for r in general(done, split) if r.source)


def test_several_sources_come_in_the_proportion_of_their_weights(tmp_path: Path) -> None:
    sources = [General(data=source_file(tmp_path, "a.jsonl", 0, 60), weight=3),
               General(data=source_file(tmp_path, "folder/b.jsonl", 100, 60).removesuffix("/b.jsonl"), weight=1)]
    done, figures, _ = run(domain(0, 120), tmp_path, share=0.25, test=8, sources=tuple(sources))
    assert origins(done) == {"a.jsonl": 30, "b.jsonl": 10}
    assert origins(done, "test_general") == {"a.jsonl": 6, "b.jsonl": 2}
    assert figures["by_source"]["folder"] == {"there": 60, "added": 10, "test": 2}


def test_what_one_source_lacks_the_others_give(tmp_path: Path) -> None:
    sources = (General(data=source_file(tmp_path, "a.jsonl", 0, 6), weight=9), General(data=source_file(tmp_path, "b.jsonl", 100, 60)))
    done, _, said = run(domain(0, 90), tmp_path, share=0.25, test=0, sources=sources)
    assert origins(done) == {"a.jsonl": 6, "b.jsonl": 24} and said == []


def test_a_source_may_give_a_count_and_the_rest_fills_the_share(tmp_path: Path) -> None:
    sources = (General(data=source_file(tmp_path, "a.jsonl", 0, 30), count=12), General(data=source_file(tmp_path, "b.jsonl", 100, 60)))
    done, _, _ = run(domain(0, 90), tmp_path, share=0.25, test=0, sources=sources)
    assert origins(done) == {"a.jsonl": 12, "b.jsonl": 18}
    done, figures, said = run(domain(0, 90), tmp_path, test=0, sources=(sources[0],))
    assert origins(done) == {"a.jsonl": 12} and figures["added"] == 12 and said == []


def test_a_count_in_the_place_of_a_share(tmp_path: Path) -> None:
    assert run(domain(50, 50), tmp_path, count=17)[1]["added"] == 17
    assert run(domain(50), tmp_path, count=0, test=0)[1]["added"] == 0


@pytest.mark.slow  # imports datasets
def test_a_hub_name_or_folder_is_a_source_as_it_is_under_records(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    source_file(tmp_path, "set/train.jsonl", 0, 20)
    placed = Options(sources=(General(dataset="set", split="train"),)).placed(tmp_path)
    assert watch(placed) == [tmp_path / "set/train.jsonl"]
    done, _, _ = run(domain(0, 30), tmp_path, share=0.25, test=0, sources=placed.sources)
    assert origins(done) == {"set/train": 10}


def test_the_same_question_from_two_sources_comes_once(tmp_path: Path) -> None:
    sources = (General(data=source_file(tmp_path, "a.jsonl", 0, 20)), General(data=source_file(tmp_path, "b.jsonl", 10, 20)))
    done, _, said = run(domain(0, 200), tmp_path, share=0.3, test=5, sources=sources)
    asked = [r.instruction for r in done if r.task == "general"]
    assert len(asked) == len(set(asked)) == 30
    assert said[0].startswith("too few general records")


@pytest.mark.parametrize(("share", "talks"), [(0.7, 30), (0.0, 0), (0.2, 20)])
def test_general_dialogues_bring_the_training_set_near_seventy_to_thirty(tmp_path: Path, share: float, talks: int) -> None:
    sources = (General(data=source_file(tmp_path, "talks.jsonl", 0, 90, talks=True)), General(data=source_file(tmp_path, "asks.jsonl", 100, 90)))
    done, figures, _ = run(domain(0, 70), tmp_path, share=0.3, test=0, dialogue=share, sources=sources)
    assert sum(len(r.messages) == 4 for r in general(done, "train")) == talks
    assert figures["added"] == 30 and figures["dialogue"] == talks / 100


def test_the_order_of_domain_records_and_rows_changes_nothing(tmp_path: Path) -> None:
    first, second = source_file(tmp_path, "a.jsonl", 0, 40), source_file(tmp_path, "b.jsonl", 100, 40, talks=True)
    options = {"share": 0.3, "test": 6, "dialogue": 0.5, "sources": (General(data=first, weight=2), General(data=second))}
    one = run(domain(30, 40), tmp_path, **options)[0]
    two = run(domain(30, 40)[::-1], tmp_path, **options)[0]
    assert one[70:] == two[70:] and len(one) > 90


def test_repeated_records_count_as_often_as_they_train(tmp_path: Path) -> None:
    again = [msgspec.structs.replace(r, labels={"repeat": "4"}) for r in domain(0, 23)]
    assert run(again, tmp_path)[1]["added"] == 8


def test_malformed_domain_records_pass(tmp_path: Path) -> None:
    odd = [Record(id="0" * 16), Record(id="1" * 16, messages=(Message("assistant", "嗯"),)), Record(id="2" * 16, text="\ud800"),
           chat("长" * 3_000_000, "x", language="zh"), chat("长" * 3_000_000 + "！", "x", language="zh")]
    done, figures, _ = run(odd, tmp_path)
    assert done[:5] == odd and figures["test"] == 24


@pytest.mark.parametrize(("bad", "key"), [
    ({"data": "a", "dataset": "b"}, "data"), ({}, "data"), ({"data": "a", "weight": 0}, "weight"),
    ({"data": "a", "count": -1}, "count"), ({"data": "a", "split": "train"}, "split"), ({"data": "a", "format": "x"}, "format"),
])  # fmt: skip
def test_sources_that_cannot_be_are_refused(bad: dict, key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}: "):
        General(**bad)


@pytest.mark.parametrize(("bad", "key"), [({"share": 1.0}, "share"), ({"test": -1}, "test"), ({"count": -1}, "count"), ({"dialogue": 7}, "dialogue")])
def test_options_that_cannot_be_are_refused(bad: dict, key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}: expected"):
        Options(**bad)
