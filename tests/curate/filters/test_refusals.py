"""Refusals are recognised in both languages, and only their share stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curate.filters.refusals import Options, refusals, refuses
from seedbed.context import Context
from seedbed.record import Message, Record, chat, make

KINDS = [
    ("I'm sorry, but I can't help with that.", "refusal"),
    ("As an AI language model, I do not have access to live data.", "refusal"),
    ("I won’t provide that.", "refusal"),
    ("I must decline.", "refusal"),
    ("抱歉，我无法回答这个问题。", "refusal"),
    ("作为一个人工智能助手，我不能提供这方面的建议。", "refusal"),
    ("恕我无法协助。", "refusal"),
    ("The documentation does not say. What it does say is this: the pump runs at 4 bar.", "not_stated"),
    ("文档没有说明这一点。与此有关的只有一句：水泵在4巴下运行。", "not_stated"),
    ("从文档里看不出来，文档只说：阀门出厂时已调好。", "not_stated"),
    ("As an AI assistant, let me share three recipes from the coast.", ""),
    ("作为人工智能助手，我来介绍三道海鲜。", ""),
    ("The server cannot listen on that port.", ""),
    ("服务器无法监听该端口。", ""),
    ("Write “I can't help with that” on the sign.", ""),
    ("抱歉让您久等，端口是 5432。", ""),
]


@pytest.mark.parametrize(("answer", "kind"), KINDS)
def test_what_declines(answer: str, kind: str) -> None:
    assert refuses(chat("Q?", answer), Options()) == kind


def test_labels_of_doc_qa_count_and_may_be_counted_otherwise() -> None:
    record = chat("多少钱？", "没有写。", labels={"answerable": "no"})
    kinds = [refuses(record, Options(not_stated=how)) for how in ("apart", "counted", "ignored")]  # type: ignore[arg-type]
    assert kinds == ["not_stated", "refusal", ""]


def test_own_phrases_and_the_last_answer() -> None:
    assert refuses(chat("Q?", "Ask the desk."), Options(phrases=("ask the desk",))) == "refusal"
    turns = (Message("user", "Q?"), Message("assistant", "I can't help with that."), Message("user", "Port?"))
    assert refuses(make(messages=(*turns, Message("assistant", "5432."))), Options()) == ""


def sample(plain: int, refusing: int, unanswered: int = 0) -> list[Record]:
    made = [chat(f"Question {n}?", f"Answer {n}.") for n in range(plain)]
    made += [chat(f"请求{n}", "抱歉，我无法回答。") for n in range(refusing)]
    return made + [chat(f"Price {n}?", "Not there.", labels={"answerable": "no"}) for n in range(unanswered)]


def run(records: list[Record], tmp_path: Path, seed: int = 0, **options: Any) -> tuple[list[Record], Context]:
    context = Context(tmp_path, seed=seed)
    return list(refusals(records, Options(**options), context)), context


def test_the_share_is_of_what_stays(tmp_path: Path) -> None:
    results, context = run(sample(95, 40), tmp_path)
    kept = [result for result in results if result.rejection is None]
    assert len(kept) == 100 and sum(record.answer.startswith("抱歉") for record in kept) == 5
    assert context.figures["refusal"] == {"found": 40, "share": 0.2963, "kept": 5}
    reasons = {(r.rejection.stage, r.rejection.reason) for r in results if r.rejection}
    assert reasons == {("refusals", "refusal_share")}
    detail = next(r.rejection.detail for r in results if r.rejection)
    assert detail == "refusals are 29.6% of the records, 5.0% may stay, and this one was not drawn"


def test_the_sample_is_the_seeds_and_not_the_orders(tmp_path: Path) -> None:
    def stays(records: list[Record], seed: int) -> set[str]:
        return {r.id for r in run(records, tmp_path, seed)[0] if r.rejection is None}

    records = sample(95, 40)
    assert stays(records, 1) == stays(records[::-1], 1)
    assert stays(records, 1) != stays(records, 2)


def test_what_the_documents_do_not_say_has_a_share_of_its_own(tmp_path: Path) -> None:
    results, context = run(sample(80, 10, 40), tmp_path)
    assert {kind: figures["kept"] for kind, figures in context.figures.items()} == {"refusal": 5, "not_stated": 15}
    assert sum(r.rejection is None for r in results) == 100
    _, counted = run(sample(80, 10, 40), tmp_path, not_stated="counted")
    assert counted.figures["refusal"]["found"] == 50
    _, free = run(sample(80, 10, 40), tmp_path, share=1, not_stated="ignored")
    assert free.figures["refusal"] == {"found": 10, "share": 0.0769, "kept": 10}


@pytest.mark.parametrize("records", [[], sample(0, 4), sample(3, 0)])
def test_small_and_lopsided_sets(records: list[Record], tmp_path: Path) -> None:
    results, _ = run(records, tmp_path)
    assert [r.id for r in results] == [r.id for r in records]
    assert all(bool(r.rejection) == r.answer.startswith("抱歉") for r in results)


def test_shares_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="share: expected a share"):
        Options(share=1.5)
    with pytest.raises(ValueError, match="opening: expected 0 or more"):
        Options(opening=-1)
