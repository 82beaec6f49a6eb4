"""Which general records are watched, and which a penalty holds the model to."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.pairs import conversation
from seedbed.record import Record
from tests.train.forgetting.facts import capitals
from tests.train.test_stage import run
from tests.train.tiny import records
from train.forgetting.general import choose, spare
from train.forgetting.options import Forgetting
from train.stage import Options, watch

CONTEXT = Context(Path())
KL = Forgetting(penalty="kl", watched=8)


def said(several: tuple[Record, ...] | list[Record]) -> set[bytes]:
    return {conversation(record) for record in several}


def test_those_of_the_validation_set_come_first() -> None:
    data = [*records(9), *capitals("validation")[:6], *capitals()[6:]]
    found = choose(data, KL, CONTEXT, validating=True)
    assert found.source == "validation" and said(found.watched) == said(capitals()[:6])
    assert said(found.held) > said(capitals()[6:]) and not said(found.held) & said(found.watched)


def test_without_any_there_are_others_in_the_languages_of_the_training() -> None:
    chinese = [record for record in records(40) if record.language == "zh"]
    found = choose([*records(9), *chinese], KL, CONTEXT, validating=True)  # 24 of 29 are Chinese
    assert found.source == "seedbed" and len(found.watched) == 8
    assert sum(any("\u4e00" <= c <= "\u9fff" for c in r.answer) for r in found.watched) == 7
    assert not said(found.held) & said(found.watched)


def test_a_test_is_neither_watched_nor_held_to(half: Path) -> None:
    options = Forgetting(penalty="kl", general=str(half))
    found = choose([*records(9), *capitals("test_general")[:8]], options, CONTEXT, validating=True)
    assert found.source == "capitals.jsonl"
    assert not said([*found.watched, *found.held]) & said(capitals()[:8])
    assert said(found.watched) == said(capitals()[8::2])


def test_the_choice_is_the_seeds(half: Path) -> None:
    data = records(9)
    first, again = (choose(data, KL, CONTEXT, validating=True) for _ in range(2))
    assert first == again != choose(data, KL, Context(Path(), seed=1), validating=True)
    assert Counter(map(conversation, spare(data, str(half), CONTEXT))) == Counter(map(conversation, capitals()[::2]))


def test_nothing_to_hold_to_is_an_error(tmp_path: Path, student: Path) -> None:
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="empty.jsonl"):
        run(student, tmp_path / "run", records(9), forgetting=Forgetting(penalty="kl", general=str(tmp_path / "empty.jsonl")))
    taken = [*records(9), *records(4, "validation"), *capitals("test_general")[::2]]
    file = tmp_path / "general.jsonl"
    file.write_text('{"messages": [{"role": "user", "content": "Hm?"}, {"role": "assistant", "content": "%s"}]}' % ("x" * 4000))
    with pytest.raises(InputError, match="no general record fits the student"):
        run(student, tmp_path / "run", taken, max_length=64, too_long="drop",
            forgetting=Forgetting(penalty="kl", general=str(file)))  # fmt: skip


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ({"bound": 0}, "bound"),
        ({"bound": 0.05, "watched": 0}, "watched"),
        ({"every": 0}, "every"),
        ({"rows": 0}, "rows"),
        ({"weight": 0}, "weight"),
    ],
)
def test_options_that_make_no_sense_are_refused(given: dict[str, float], key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}: expected"):
        Forgetting(**given)  # type: ignore[arg-type]


def test_the_file_lies_below_the_job_and_its_content_decides(half: Path) -> None:
    options = Options(forgetting=Forgetting(general=half.name)).placed(half.parent)
    assert watch(options) == [half] and watch(Options()) == []
