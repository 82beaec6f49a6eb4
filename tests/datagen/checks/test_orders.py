"""Orders to a model and ordinary sentences that look like them: the lists stand in `orders/`.

`dev` is what the patterns were written on, and `first` a list that was held out at first (11 English and 12 Chinese ones of
20 were known then) and was written on afterwards. `held` is what they were never written on: nobody may widen them for it
(add to `dev`). `ordinary` is what manuals say and must be shown.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from datagen.checks.orders import is_order
from seedbed.text import sentences
from tests.datagen.teaching import BOTH

HELD = {"en": 1, "zh": 1}  # of 20, as measured


def listed(name: str, lang: str) -> list[str]:
    return (Path(__file__).parent / "orders" / f"{name}.{lang}.txt").read_text(encoding="utf-8").splitlines()


@BOTH
@pytest.mark.parametrize("name", ["dev", "first"])
def test_every_order_of_the_lists_is_known(name: str, lang: str) -> None:
    assert [text for text in listed(name, lang) if not is_order(text)] == []


@BOTH
def test_no_ordinary_sentence_is_taken_for_an_order(lang: str) -> None:
    sentences = listed("ordinary", lang)
    assert len(sentences) >= 40 and [text for text in sentences if is_order(text)] == []


@BOTH
def test_orders_that_the_patterns_were_not_written_on(lang: str) -> None:
    assert sum(map(is_order, listed("held", lang))) >= HELD[lang]


@pytest.mark.parametrize("folder", ["docs/handbook/en", "docs/handbook/zh"])
def test_a_whole_handbook_holds_no_order(folder: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in sorted(Path(folder).rglob("*.md"))]
    found = [text[a:b] for text in texts for a, b in sentences(text) if is_order(text[a:b])]
    assert texts and found == []
