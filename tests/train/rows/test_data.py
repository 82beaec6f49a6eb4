"""Length control, what is counted, the cache, and the order of batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedbed.record import Message, Record, chat, make
from tests.train.rows.test_template import MISTRAL
from tests.train.tiny import CHATML, records, tokenizer
from train.rows.batches import LengthGrouped, plan
from train.rows.data import Counts, Fit, lengths, prepare, rows
from train.rows.length import shortened
from train.rows.template import Template

EN = "The pump stops below 1.8 bar. Press the red button. Wait ten seconds. Read the value."
ZH = "泵在压力低于 1.8 bar 时停机。按下红色按钮。等待十秒钟。读取数值。"


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(tokenizer(CHATML))


def size(template: Template, record: Record) -> int:
    return len(template.prompt_ids(template.rows(record.turns())[0].text))


@pytest.mark.parametrize(("question", "answer", "kept"), [
    ("What then?", EN, "The pump stops below 1.8 bar. Press the red button."),
    ("怎么办？", ZH, "泵在压力低于 1.8 bar 时停机。按下红色按钮。"),
])  # fmt: skip
def test_a_long_answer_ends_at_the_last_sentence_that_fits(
    template: Template, question: str, answer: str, kept: str
) -> None:
    limit = size(template, chat(question, kept))
    for slack in (0, 1):
        shorter = shortened(chat(question, answer).turns(), template, limit + slack)
        assert shorter == chat(question, kept).turns()
    counts = Counts()
    found = list(rows([chat(question, answer)], template, Fit(limit), counts))
    assert [len(row.input_ids) for _, row in found] == [limit]
    assert (counts.cut, counts.dropped, counts.endless) == (1, 0, 0)  # it still closes with the end token


def test_a_long_answer_is_left_out_on_request(template: Template) -> None:
    counts = Counts()
    long = size(template, chat("怎么办？", ZH))
    assert list(rows([chat("怎么办？", ZH)], template, Fit(long - 1, "drop"), counts)) == []
    assert (counts.records, counts.rows, counts.dropped, counts.cut) == (1, 0, 1, 0)


def test_an_instruction_is_never_cut(template: Template) -> None:
    counts = Counts()
    record = chat("Read this. " * 30, "Done. 好。")
    assert list(rows([record], template, Fit(40), counts)) == []
    assert counts.dropped == 1


def test_no_cut_falls_inside_a_block_of_code(template: Template) -> None:
    answer = "Run this.\n\n```\nfirst --now\n\nsecond --now\n\nthird --now\n```\n\nThen wait for the end of it."
    whole = size(template, chat("How?", answer))
    shorter = shortened(chat("How?", answer).turns(), template, whole - 20)
    assert shorter is not None and shorter[-1]["content"] == "Run this."


def test_a_long_dialogue_loses_its_last_exchanges(template: Template) -> None:
    said = [
        Message("user", "端口？"),
        Message("assistant", "4711。"),
        Message("user", "Why? " * 20),
        Message("assistant", EN),
    ]
    limit = size(template, chat("端口？", "4711。"))
    assert shortened(make(messages=tuple(said)).turns(), template, limit + 5) == chat("端口？", "4711。").turns()


def test_what_is_left_out_or_odd_is_counted() -> None:
    template = Template(tokenizer(MISTRAL, "</s>"))
    twice = make(messages=(Message("user", "one"), Message("user", "二"), Message("assistant", "three")))
    marked = chat("What does [INST] mean? 是什么？", "A mark.")
    open_end = make(messages=(Message("user", "one"),))
    counts = Counts()
    found = list(rows([twice, marked, open_end, chat("a", "b")], template, Fit(512), counts))
    assert [record.id for record, _ in found] == [marked.id, chat("a", "b").id]
    assert (counts.records, counts.refused, counts.marked, counts.unanswered) == (3, 1, 1, 1)
    assert "roles must alternate" in counts.why


def test_a_template_without_end_token_is_noticed() -> None:
    plain = (
        "{% for m in messages %}{{ m.role }}:\n{{ m.content }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant:\n{% endif %}"
    )
    counts = Counts()
    list(rows(records(4), Template(tokenizer(plain)), Fit(512), counts))
    assert counts.endless == 4


def test_rows_are_tokenised_once_and_cached_by_content(template: Template, tmp_path: Path) -> None:
    first, counts = prepare(records(5), template, Fit(512), tmp_path)
    made = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again, counts_again = prepare(records(5), template, Fit(512), tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == made
    assert first["input_ids"] == again["input_ids"] and counts == counts_again
    assert first["record"] == [record.id for record in records(5)]
    assert lengths(first) == [len(ids) for ids in first["input_ids"]]
    prepare(records(6), template, Fit(512), tmp_path)
    prepare(records(5), template, Fit(64), tmp_path)
    assert len(list(tmp_path.glob("*.arrow"))) == 3


def test_a_cache_that_was_not_finished_is_made_again(template: Template, tmp_path: Path) -> None:
    prepare(records(3), template, Fit(512), tmp_path)
    counts_file = next(tmp_path.glob("*.json"))
    counts_file.unlink()
    rows_, counts = prepare(records(3), template, Fit(512), tmp_path)
    assert counts.rows == len(rows_) == 3


def test_each_epoch_has_every_row_once_in_an_order_of_its_own() -> None:
    sizes = [(7 * i) % 50 + 10 for i in range(30)]
    sampler = LengthGrouped(sizes, batch=4, seed=3)
    orders = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        orders.append(list(sampler))
    assert all(sorted(order) == list(range(30)) for order in orders)
    assert orders[0] != orders[1] != orders[2]
    assert orders[1] == [i for batch in LengthGrouped(sizes, 4, 3).batches(1) for i in batch]
    assert orders[0] != [i for batch in LengthGrouped(sizes, 4, 4).batches(0) for i in batch]


def test_like_lengths_share_a_batch_and_the_longest_come_first() -> None:
    sizes = [10, 500] * 16 + [11, 12]
    batches = LengthGrouped(sizes, 4, 0).batches(0)
    assert [sizes[i] for i in batches[0]] == [500] * 4
    assert all(len({sizes[i] >= 500 for i in batch}) == 1 for batch in batches)
    assert [len(batch) for batch in batches] == [4] * 8 + [2]


def test_a_plan_counts_steps_tokens_and_padding() -> None:
    counted = plan(LengthGrouped([10, 20, 30], batch=2, seed=0), epochs=2, accumulation=1)
    assert counted.steps == 4 and counted.steps_an_epoch == 2
    assert sum(counted.step_tokens) == 120
    assert counted.padding_share == pytest.approx(1 - 60 / 70)  # 30+20 padded to 60, 10 alone
    assert plan(LengthGrouped([10, 20, 30], 2, 0), 1, 2).step_tokens == [60]
    assert plan(LengthGrouped([], 2, 0), 3, 1).steps == 0
