"""Whatever a record is, each format has a row for it or a reason why not, and every row is JSON."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from curate.export.factory import passes_over
from curate.export.rows import row_of
from curate.shaping.balance import Options as Balance
from curate.shaping.balance import balance
from curate.shaping.split import Options as Split
from curate.shaping.split import split
from seedbed import jsonl
from seedbed.context import Context
from seedbed.formats import FORMATS
from seedbed.record import Message, Record

WORDS = st.text(st.characters(codec=None), max_size=12) | st.sampled_from(["", " ", "泵停了。", "What now?", "\ud83d", "\x00"])  # fmt: skip
ANY: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=5,
)  # fmt: skip
EXTRA = st.dictionaries(st.sampled_from(["tool_calls", "tool_call_id", "name", "reasoning_content", "x"]), ANY, max_size=2)
MESSAGES = st.builds(Message, st.sampled_from(["system", "user", "assistant", "tool"]), WORDS, EXTRA)
RECORDS = st.builds(
    Record, id=st.sampled_from([f"{n:016x}" for n in range(4)]), messages=st.lists(MESSAGES, max_size=5).map(tuple), input=WORDS,
    rejected=st.none() | MESSAGES, text=WORDS, task=WORDS, language=st.sampled_from(["en", "zh", "", "mixed"]),
    split=st.sampled_from(["", "train", "validation", "test_seen", "test_heldout", "?"]),
    labels=st.dictionaries(st.sampled_from(["repeat", "kind"]), WORDS | st.sampled_from(["3", "99999999999"]), max_size=2),
    scores=st.dictionaries(st.just("judge"), st.floats()), extra=st.dictionaries(st.sampled_from(["tools", "x"]), ANY, max_size=2),
)  # fmt: skip
# Without shrinking, which takes minutes here: what failed is printed as it is.
quick = settings(max_examples=80, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate], suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])


@given(RECORDS)
@quick
def test_a_row_or_a_reason(tmp_path: Path, record: Record) -> None:
    for format in FORMATS:
        try:
            row = row_of(record, format)
        except ValueError as reason:
            assert str(reason)
            continue
        jsonl.write(tmp_path / "row.jsonl", [row])
        json.loads((tmp_path / "row.jsonl").read_bytes(), parse_constant=lambda name: 1 / 0)
        assert passes_over(row) in (True, False)


@given(st.lists(RECORDS, max_size=6))
@quick
def test_split_and_balance_yield_whatever_came(tmp_path: Path, records: list[Record]) -> None:
    parted = list(split(records, Split(), Context(tmp_path)))
    assert [r.id for r in parted] == [r.id for r in records]
    options = Balance(caps={"language": 1}, at_least={"shape": {"text": 2}}, prefer="judge")
    done = list(balance(parted, options, Context(tmp_path)))
    assert [r.id for r in done] == [r.id for r in records]
    assert all(record.split for record in done)
    assert {r.rejection.reason for r in done if r.rejection} <= {"cap", "twin_in_train"}
    kept = [r for r in done if r.rejection is None and r.split == "train"]
    assert all(sum(r.language == name for r in kept) <= 1 for name in ("en", "zh", "mixed"))
    assert [math.isnan(r.scores.get("judge", 0)) for r in done] == [math.isnan(r.scores.get("judge", 0)) for r in records]
