"""What all near-duplicate stages do alike: policies, pairs kept for another threshold, what is spared, bad options."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from curate.duplicates import minhash, near, rouge
from curate.duplicates.near import NearOptions
from curate.duplicates.pairs import FILE
from seedbed.context import Context
from seedbed.errors import RunError
from seedbed.record import Evidence, Message, Record, Step, chat, make

STAGES = {"rouge": (rouge.rouge, rouge.Options), "minhash": (minhash.minhash, minhash.Options)}
ALL = pytest.mark.parametrize("stage", sorted(STAGES))
# A question, one like it (9 or more of 10 tokens and of 10 runs), and one less like it (between 0.6 and 0.8).
TEXTS = {
    "en": ("Describe in a few words how the default pressure of the KX-40 pump is set at the factory and why",
           "Describe in a few words how the default pressure of the KX-40 pump is set at the factory and who",
           "Describe in many short words how the default pressure of the KX-40 pump is set at the plant and why"),
    "zh": ("请用几句话说明 KX-40 离心泵的默认压力在出厂之前是怎样调整并且加上铅封的以及这样做有什么样的好处",
           "请用几句话说明 KX-40 离心泵的默认压力在出厂之前是怎样调整并且加上铅封的以及这样做有什么样的坏处",
           "请用几个词说明 KX-40 离心泵的默认压力在交货之前是怎样调整并且加上铅封的以及这样做有什么样的坏处"),
}
BOTH = pytest.mark.parametrize("lang", ["en", "zh"])


def run(stage: str, folder: Path, records: list[Record], **options: Any) -> tuple[list[str | None], dict[str, Any]]:
    """For each record the id of its match, and the figures."""
    function, type_ = STAGES[stage]
    context = Context(folder)
    results = list(function(iter(records), type_(**{"on": "instruction"} | options), context))
    assert [result.id for result in results] == [record.id for record in records]
    return [result.rejection.match if result.rejection else None for result in results], context.figures


def three(lang: str, **fields: Any) -> list[Record]:
    return [chat(text, f"Answer {number} 回答", language=lang, **fields) for number, text in enumerate(TEXTS[lang])]


def scores(stage: str, folder: Path, lang: str) -> tuple[float, float]:
    """Of the second and the third with the first one."""
    function, type_ = STAGES[stage]
    found = []
    for place in (1, 2):
        pair = [three(lang)[0], three(lang)[place]]
        (_, twin) = function(pair, type_(on="instruction", threshold=0.3), Context(folder))
        assert twin.rejection and twin.rejection.score
        found.append(twin.rejection.score)
    return found[0], found[1]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The stages that looked for pairs instead of taking those that were kept."""
    calls: list[str] = []
    known = near.known

    def watched(material: Any, options: Any, context: Any, way: near.Near) -> Any:
        def find(*given: Any) -> Any:
            calls.append(way.name)
            return way.find(*given)

        return known(material, options, context, replace(way, find=find))

    monkeypatch.setattr(near, "known", watched)
    return calls


@ALL
@BOTH
def test_another_threshold_decides_without_comparing_again(tmp_path: Path, found: list[str], stage: str, lang: str) -> None:
    records = three(lang)
    near_, far = scores(stage, tmp_path, lang)
    assert 0.3 < far < near_ < 1
    found.clear()
    (tmp_path / FILE).unlink()
    first = records[0].id
    for threshold, match in (((far + near_) / 2, first), (far - 0.01, first), ((1 + near_) / 2, None)):
        again = run(stage, tmp_path, records, threshold=threshold, floor=0.3)
        assert again[0][:2] == [None, match]
        fresh = tmp_path / f"fresh {threshold}"
        fresh.mkdir()
        assert again == run(stage, fresh, records, threshold=threshold, floor=0.3)
    assert len(found) == 4  # once in the common folder, once in each fresh one


@ALL
def test_what_decides_the_pairs_has_them_found_again(tmp_path: Path, found: list[str], stage: str) -> None:
    records = three("en")
    for options in ({}, {"on": "both"}, {"on": "both", "floor": 0.4}):
        run(stage, tmp_path, records, **options)
    run(stage, tmp_path, records[:2], on="both", floor=0.4)
    changed = [*records[:2], chat(records[2].instruction + "?", "-", language="en")]
    run(stage, tmp_path, changed)
    assert found == [stage] * 5
    run(stage, tmp_path, changed, keep="longest")
    run(stage, tmp_path, changed, max_per_fact=2)
    assert found == [stage] * 5


@ALL
@BOTH
@pytest.mark.parametrize(
    ("keep", "changes"),
    [
        ("longest", {"messages": None}),
        ("best_score", {"scores": {"judge": 5.0}}),
        ("most_evidence", {"evidence": (Evidence("x", 0, 1), Evidence("y", 2, 3))}),
    ],
)
def test_the_copy_that_the_policy_prefers_stays(tmp_path: Path, stage: str, lang: str, keep: str, changes: dict[str, Any]) -> None:
    first, second, _ = three(lang)
    if "messages" in changes:
        changes = {"messages": (*second.messages[:1], Message("assistant", "A longer answer, 更长的回答。" * 3))}
    second = msgspec.structs.replace(second, **changes)
    assert run(stage, tmp_path, [first, second])[0] == [None, first.id]
    assert run(stage, tmp_path, [first, second], keep=keep)[0] == [second.id, None]


@ALL
@BOTH
def test_wordings_of_one_fact(tmp_path: Path, stage: str, lang: str) -> None:
    first, _, second = three(lang, labels={"fact": "a1b2c3d4"})
    twin = chat(TEXTS[lang][0] + "!", "-", language=lang, labels={"fact": "a1b2c3d4", "angle": "reworded"})
    third = chat(TEXTS[lang][2].replace("KX-40", "KX-40 XL"), "-", language=lang, labels={"fact": "a1b2c3d4"})
    other = chat(TEXTS[lang][2] + "?", "-", language=lang, labels={"fact": "ffffffff"})
    records = [first, twin, second, third, other]
    stays = [True, False, False, False, False]
    assert [match is None for match in run(stage, tmp_path, records, threshold=0.3)[0]] == stays
    matches, figures = run(stage, tmp_path, records, threshold=0.3, max_per_fact=2)
    assert matches == [None, first.id, None, second.id, second.id] and figures["wordings"] == 1
    # However many wordings may stay, nearly the same question is none.
    matches, _ = run(stage, tmp_path, [first, twin, second], threshold=0.3, max_per_fact=9)
    assert matches == [None, first.id, None]


@ALL
@BOTH
def test_kin_pairs_and_languages_are_left_alone(tmp_path: Path, stage: str, lang: str) -> None:
    origin, twin, _ = three(lang)
    form = origin.revised(Step(stage="augment", operation="noise"), messages=twin.messages)
    matches, figures = run(stage, tmp_path, [origin, form])
    assert (matches, figures["spared"]) == ([None, None], 1)
    preference = msgspec.structs.replace(twin, rejected=Message("assistant", "No. 不。"), labels={"negative": "wrong_figure"})
    other = msgspec.structs.replace(twin, language="other")
    text = make(text=TEXTS[lang][0], language=lang)
    assert run(stage, tmp_path, [origin, preference, other, text])[0] == [None] * 4


@ALL
@pytest.mark.parametrize(("form", "entries"), [
    ("Which remedy does the table of the KX-40 pump handbook name for the fault called {}?", ("dry run", "leak")),
    ("KX-40 离心泵手册里的故障表针对名称为{}的故障给出了怎样的处理办法以及需要的时间？", ("空转", "泄漏")),
])
def test_grounded_questions_about_two_entries_of_a_table_are_no_twins(
    tmp_path: Path, stage: str, form: str, entries: tuple[str, str]
) -> None:
    asked = [chat(form.format(entry), "-", labels={"entry": entry}, evidence=(Evidence("…", 0, 1),)) for entry in entries]
    assert run(stage, tmp_path, asked)[0] == [None, None]
    bare = [chat(form.format(entry), "-", labels={"entry": entry}) for entry in entries]
    assert run(stage, tmp_path, bare)[0] == [None, bare[0].id]


@ALL
def test_figures_count_by_language(tmp_path: Path, stage: str) -> None:
    _, figures = run(stage, tmp_path, [*three("en")[:2], *three("zh")[:2]])
    assert (figures["accepted"], figures["rejected"]) == ({"en": 1, "zh": 1}, {"en": 1, "zh": 1})
    assert (figures["threshold"], figures["crowded"], figures["outside"]) == (0.7, 0, 0)


@ALL
@BOTH
def test_killed_anywhere_it_comes_to_the_same_bytes(tmp_path: Path, stage: str, lang: str) -> None:
    records = three(lang) + three("en" if lang == "zh" else "zh")
    function, type_ = STAGES[stage]
    run(stage, tmp_path / _made(tmp_path / "whole"), records)
    folder = tmp_path / _made(tmp_path / "killed")

    def broken_off(last: int) -> None:
        def give() -> Iterator[Record]:
            for number, record in enumerate(records):
                if number == last:
                    raise KeyboardInterrupt
                yield record

        with pytest.raises(KeyboardInterrupt):
            list(function(give(), type_(on="instruction"), Context(folder)))

    broken_off(3)
    results = function(iter(records), type_(on="instruction"), Context(folder))
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert run(stage, folder, records) == run(stage, tmp_path / "whole", records)
    assert (folder / FILE).read_bytes() == (tmp_path / "whole" / FILE).read_bytes()
    assert os.listdir(folder) == [FILE]


def _made(folder: Path) -> str:
    folder.mkdir()
    return folder.name


@ALL
@BOTH
def test_half_a_surrogate_pair_is_no_reason_to_stop(tmp_path: Path, stage: str, lang: str) -> None:
    odd = [Record(id=str(n), messages=(Message("user", TEXTS[lang][n] + "\ud800"), Message("assistant", "-"))) for n in (0, 1)]
    assert run(stage, tmp_path, [*odd, *three(lang)[2:]])[0][:2] == [None, "0"]


@ALL
def test_a_full_disk_is_told(tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        run(stage, tmp_path / "missing", three("en"))


@pytest.mark.parametrize("type_", [NearOptions, rouge.Options, minhash.Options])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"threshold": 0.0}, "threshold: expected a similarity above 0"),
        ({"threshold": 1.5}, "threshold: expected a similarity above 0"),
        ({"threshold": float("nan")}, "threshold: expected a similarity above 0"),
        ({"floor": 0.8}, r"floor: expected a similarity above 0 and up to the threshold \(0.7\), got 0.8"),
        ({"floor": 0.0}, "floor: expected"),
        ({"max_per_fact": 0}, "max_per_fact: expected 1 wording or more, got 0"),
    ],
)
def test_options_out_of_range_are_refused(type_: type[NearOptions], options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        type_(**options)


@pytest.mark.parametrize("bad", [{"keep": "last"}, {"on": "question"}, {"treshold": 0.5}])
def test_words_that_nobody_knows_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(bad, minhash.Options)
