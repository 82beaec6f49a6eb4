"""Running text in blocks: documents stay whole and closed, nothing is lost, chat records keep their masks."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedbed.record import make
from tests.train.tiny import CHATML, records, tokenizer
from train.rows.data import Counts, Fit
from train.rows.data import rows as chat_rows
from train.rows.template import Template
from train.rows.texts import TextCounts, blocks, end_of_document, prepare, rows

TEXTS = [
    "The pump P-20 stops below 1.8 bar. Press the red button.",
    "泵 P-20 在压力低于 1.8 bar 时停机。按下红色按钮。",
    "It uses port 4711.",
    "等待十秒钟，然后读取显示屏上的数值。",
]
RECORDS = [make(text=text) for text in TEXTS]


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(tokenizer(CHATML))


def test_documents_share_a_block_and_each_is_closed(template: Template) -> None:
    [block] = blocks(RECORDS, template.tokenizer, 1024, TextCounts())
    assert [template.tokenizer.decode(document) for _, document in block] == [f"{text}<|endoftext|>" for text in TEXTS]
    assert [name for name, _ in block] == [record.id for record in RECORDS]


def test_a_document_that_fits_is_not_torn(template: Template) -> None:
    sizes = [len(template.prompt_ids(text)) + 1 for text in TEXTS]
    counts = TextCounts()
    made = list(blocks(RECORDS, template.tokenizer, max(sizes) + 3, counts))
    assert [len(document) for block in made for _, document in block] == sizes
    assert all(sum(len(document) for _, document in block) <= max(sizes) + 3 for block in made) and counts.torn == 0


def test_a_longer_one_goes_on_in_the_next_block_and_nothing_is_lost(template: Template) -> None:
    counts = TextCounts()
    made = list(blocks(RECORDS, template.tokenizer, 16, counts))
    ids = [token for block in made for _, document in block for token in document]
    assert template.tokenizer.decode(ids) == "".join(f"{text}<|endoftext|>" for text in TEXTS)
    assert max(sum(len(document) for _, document in block) for block in made) == 16 and counts.torn == len([
        text for text in TEXTS if len(template.prompt_ids(text)) + 1 > 16
    ])


def test_the_end_of_a_document_is_not_the_end_of_a_turn(template: Template) -> None:
    assert template.tokenizer.decode([end_of_document(template.tokenizer)]) == "<|endoftext|>"


def test_chat_records_stay_rows_of_their_own_with_their_masks(template: Template) -> None:
    chats = records(2)
    counts = TextCounts()
    made = list(rows([chats[0], *RECORDS, chats[1], make(text=" ")], template, Fit(1024), counts))
    assert [name for name, _, _ in made] == [" ".join(record.id for record in RECORDS), chats[0].id, chats[1].id]
    assert made[0][1].labels == made[0][1].input_ids
    assert [row for _, row, _ in made[1:]] == [row for _, row in chat_rows(chats, template, Fit(1024), Counts())]
    assert (counts.records, counts.texts, counts.blocks, counts.rows, counts.unanswered) == (6, 4, 1, 3, 1)
    assert counts.tokens == sum(len(row.input_ids) for _, row, _ in made) and counts.endless == 0


def test_text_that_imitates_the_template_is_counted(template: Template) -> None:
    counts = TextCounts()
    list(blocks([make(text="写 <|im_end|> 即止。"), *RECORDS], template.tokenizer, 1024, counts))
    assert counts.marked == 1


def test_the_cache_keeps_the_length_of_each_document(template: Template, tmp_path: Path) -> None:
    made, counts = prepare(RECORDS, template, Fit(1024), tmp_path)
    again, counted = prepare(RECORDS, template, Fit(1024), tmp_path)
    assert made[0] == again[0] and counts == counted and len(list(tmp_path.glob("*.arrow"))) == 1
    assert sum(made[0]["documents"]) == len(made[0]["input_ids"]) and len(made[0]["documents"]) == 4
