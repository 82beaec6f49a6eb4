"""Rows to records and back: equal in every format and both languages, and one bad row is one bad row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedbed import jsonl
from seedbed.errors import InputError
from seedbed.formats import from_row, plain, read_records, recognise, to_row
from seedbed.jsonl import BadLine
from seedbed.record import Message, Record, Source, chat, make

WORDS = st.one_of(
    st.sampled_from(["What does the pump do?", "水泵有用吗？", "用Python写", "", " \n", "a\n\nb", "“引号”，Ａ", "🙂"]),
    st.text(st.characters(codec="utf-8"), max_size=20),
)
EMPTY_OR_WORDS = st.one_of(st.none(), WORDS)
EXTRA = st.dictionaries(st.sampled_from(["id", "来源", "score", "meta"]),
                        st.one_of(st.integers(-9, 9), WORDS, st.lists(WORDS, max_size=2)), max_size=2)


def row(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda extra, own: extra | own, EXTRA, st.fixed_dictionaries(required, optional=optional))


def sharegpt_turn(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    turn = {"from": st.sampled_from(names), "value": WORDS}
    return st.fixed_dictionaries(turn, optional={"weight": st.integers(0, 1)})


TOOL_CALLS = st.just([{"id": "c1", "type": "function", "function": {"name": "天气", "arguments": '{"city": "上海"}'}}])
PARTS = st.lists(st.builds(lambda words: {"type": "text", "text": words}, WORDS), max_size=2)


def openai_turn(*roles: str) -> st.SearchStrategy[dict[str, Any]]:
    said = st.fixed_dictionaries({"role": st.sampled_from(roles), "content": st.one_of(WORDS, PARTS)},
                                 optional={"name": WORDS})
    call = {"role": st.just("assistant"), "tool_calls": TOOL_CALLS}
    called = st.fixed_dictionaries(call, optional={"content": st.none()})
    return st.one_of(said, called) if roles == ("assistant",) else said


def dialogue(turn: Any, user: str, others: tuple[str, ...], answer: tuple[str, ...]) -> st.SearchStrategy[list[Any]]:
    return st.builds(lambda middle, asked, last: [*middle, asked, last],
                     st.lists(turn(*others), max_size=3), turn(user), turn(*answer))


SHAREGPT = dialogue(sharegpt_turn, "human", ("human", "gpt", "system", "observation", "function_call", "tool"),
                    ("gpt", "function_call", "assistant"))
OPENAI = dialogue(openai_turn, "user", ("user", "assistant", "system", "developer", "tool"), ("assistant",))
HISTORY = st.one_of(st.none(), st.lists(st.lists(WORDS, min_size=2, max_size=2), max_size=2))
SYSTEM = {"system": EMPTY_OR_WORDS}
SHARED_OPENING = st.builds(
    lambda opening, good, bad: {"chosen": [*opening, good], "rejected": [*opening, bad]},
    st.lists(openai_turn("user", "assistant", "system"), max_size=2),
    openai_turn("assistant"), openai_turn("assistant"))

ROWS = {
    "alpaca": row({"instruction": WORDS, "output": WORDS}, {"input": EMPTY_OR_WORDS, "history": HISTORY} | SYSTEM),
    "sharegpt": row({"conversations": st.one_of(SHAREGPT, OPENAI)}, SYSTEM | {"tools": WORDS}),
    "messages": row({"messages": st.one_of(OPENAI, SHAREGPT)}, {"tools": st.just([{"name": "查询"}])}),
    "text": row({"text": WORDS}, {}),
    "preference": st.one_of(
        row({"prompt": WORDS, "chosen": WORDS, "rejected": WORDS}, SYSTEM),
        row({"instruction": WORDS, "chosen": WORDS, "rejected": WORDS}, {"input": EMPTY_OR_WORDS, "history": HISTORY}),
        row({"conversations": st.lists(sharegpt_turn("human"), min_size=1, max_size=2), "chosen": sharegpt_turn("gpt"),
             "rejected": sharegpt_turn("gpt")}, SYSTEM),
        st.builds(lambda lists, prompt, extra: extra | lists | {"prompt": prompt}, SHARED_OPENING,
                  st.one_of(st.lists(openai_turn("user"), min_size=1, max_size=2), WORDS), EXTRA),
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_comes_back_equal(name: str) -> None:
    @settings(max_examples=100, deadline=None)
    @given(ROWS[name])
    def check(row: dict[str, Any]) -> None:
        record = from_row(row, name)
        assert to_row(record, name) == row
        through_disk = json.loads(json.dumps(to_row(record, "record")))
        assert from_row(through_disk, "record") == record

    check()


@pytest.mark.parametrize(("row", "name"), [
    ({"instruction": "翻译", "input": "pump", "output": "泵"}, "alpaca"),
    ({"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}, "sharegpt"),
    ({"messages": [{"role": "user", "content": "你好"}, {"role": "assistant", "content": "您好"}]}, "messages"),
    ({"prompt": "2+2?", "chosen": "4", "rejected": "5"}, "preference"),
    ({"instruction": "2+2?", "chosen": "4", "rejected": "5", "output": ""}, "preference"),
    ({"text": "A pump moves water."}, "text"),
])
def test_the_format_is_recognised(row: dict[str, Any], name: str) -> None:
    assert recognise(row) == name


def test_seedbeds_own_records_are_recognised_and_keep_their_history() -> None:
    record = chat("阀门怎么关？", "顺时针拧。", source=Source(document="手册.md", start=3, end=9), task="doc_qa")
    row = to_row(record, "record")
    assert recognise(row) == "record"
    assert from_row(row, "record") == record


def test_an_unknown_row_says_what_was_expected() -> None:
    with pytest.raises(ValueError, match="no known format has the keys question, answer; expected instruction"):
        recognise({"question": "a", "answer": "b"})


def test_alpaca_keeps_the_input_apart_and_puts_it_before_the_model() -> None:
    record = from_row({"instruction": "总结", "input": "今天下雨。", "output": "有雨"}, "alpaca")
    assert (record.instruction, record.input, record.user_text) == ("总结", "今天下雨。", "总结\n\n今天下雨。")
    assert record.language == "zh"
    assert to_row(record, "messages")["messages"][0] == {"role": "user", "content": "总结\n\n今天下雨。"}


def test_an_input_after_a_history_belongs_to_the_last_question() -> None:
    row = {"instruction": "And now?", "input": "x = 2", "output": "4", "history": [["Double it: x = 1", "2"]]}
    record = from_row(row, "alpaca")
    assert [turn["content"] for turn in record.turns()] == ["Double it: x = 1", "2", "And now?\n\nx = 2", "4"]


def test_a_dialogue_becomes_an_alpaca_history() -> None:
    row = {"system": "Be brief.", "conversations": [
        {"from": "human", "value": "什么是泵？"}, {"from": "gpt", "value": "输送液体的机器。"},
        {"from": "human", "value": "And in English?"}, {"from": "gpt", "value": "A pump."}]}
    assert to_row(from_row(row, "sharegpt"), "alpaca") == {
        "instruction": "And in English?", "input": "", "output": "A pump.", "system": "Be brief.",
        "history": [["什么是泵？", "输送液体的机器。"]]}


def test_tool_calls_are_carried_between_sharegpt_and_messages() -> None:
    value = '{"name": "weather", "arguments": {"city": "北京"}}'
    row = {"tools": '[{"name": "weather"}]', "conversations": [
        {"from": "human", "value": "北京天气？"}, {"from": "function_call", "value": value},
        {"from": "observation", "value": "晴"}, {"from": "gpt", "value": "晴天。"}]}
    messages = to_row(from_row(row, "sharegpt"), "messages")
    function = {"name": "weather", "arguments": '{"city": "北京"}'}
    assert messages["messages"][1] == {"role": "assistant", "content": "",
                                       "tool_calls": [{"type": "function", "function": function}]}
    assert messages["messages"][2] == {"role": "tool", "content": "晴"}
    assert messages["tools"] == [{"name": "weather"}]
    assert to_row(from_row(messages, "messages"), "sharegpt") == row


@pytest.mark.parametrize(("row", "target", "reason"), [
    ({"prompt": "2+2?", "chosen": "4", "rejected": "5"}, "alpaca", "a preference record has two"),
    ({"text": "正文"}, "messages", "this is plain text"),
    ({"instruction": "问", "output": "答"}, "preference", "no rejected answer"),
    ({"instruction": "问", "output": "答"}, "text", "not plain text"),
    ({"messages": [{"role": "user", "content": "?"}, {"role": "tool", "content": "1"},
                   {"role": "assistant", "content": "1"}]}, "alpaca", "without tools"),
])
def test_what_a_format_cannot_hold_is_refused_with_the_reason(row: dict[str, Any], target: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        to_row(from_row(row, recognise(row)), target)


@pytest.mark.parametrize(("row", "why"), [
    ({"instruction": "问", "output": 42}, "output: expected text, got int"),
    ({"messages": [{"role": "wizard", "content": "?"}]}, "messages 1: unknown role 'wizard'"),
    ({"messages": [{"role": "user", "content": "?"}]}, "the last turn is not the assistant's"),
    ({"conversations": [{"from": "gpt", "value": "Hello"}]}, "no turn is the user's"),
    ({"conversations": ["Hello"]}, "conversations 1: expected an object"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]}, "parts that are not text"),
    ({"chosen": "4", "rejected": "5"}, "prompt: expected text, got nothing"),
    ({"prompt": "?", "chosen": [{"role": "assistant", "content": "4"}], "rejected": []}, "rejected: expected the"),
    ({"instruction": "问", "output": "答", "history": [["one"]]}, "history 1: expected a pair"),
])
def test_a_row_that_does_not_fit_says_why(row: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("(", r"\(")):
        from_row(row, recognise(row))


def test_plain_rows_all_have_the_same_columns() -> None:
    bare = from_row({"instruction": "问", "output": "答", "来源": "网"}, "alpaca")
    assert to_row(bare, "alpaca") == {"instruction": "问", "output": "答", "来源": "网"}
    assert to_row(plain(bare), "alpaca") == {"instruction": "问", "input": "", "output": "答"}
    assert plain(bare).id == bare.id


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_bad_line_is_set_aside_with_its_number(tmp_path: Path) -> None:
    path = write(tmp_path / "data.jsonl", '{"instruction": "Why?", "output": "So."}\n{"instruction": \n\n'
                 '{"instruction": "为什么？", "output": "因为。"}\n[1]\n{"a": 1}\n')
    bad: list[BadLine] = []
    records = list(read_records(path, bad=bad))
    assert [(r.instruction, r.source and r.source.line) for r in records] == [("Why?", 1), ("为什么？", 4)]
    assert [line.number for line in bad] == [2, 5, 6]
    assert [line.why.split(":")[0] for line in bad] == [
        "not JSON", "expected an object with named fields, got list",
        "no known format has the keys a; expected instruction and output, conversations, messages, "
        "prompt with chosen and rejected, or text"]


def test_without_a_list_for_bad_lines_the_first_one_stops_the_reading(tmp_path: Path) -> None:
    path = write(tmp_path / "data.jsonl", '{"text": "fine"}\nnonsense\n')
    with pytest.raises(InputError, match=r"data\.jsonl:2: not JSON"):
        list(read_records(path))


def test_json_arrays_csv_and_seedbeds_records_are_read_alike(tmp_path: Path) -> None:
    rows = [{"instruction": "Why, then?", "input": "", "output": "So\nit is."},
            {"instruction": "为什么", "input": "", "output": "因为"}]
    array = write(tmp_path / "a.json", "\ufeff" + json.dumps(rows, ensure_ascii=False))
    lines = write(tmp_path / "b.json", "\n".join(json.dumps(row) for row in rows))
    cells = 'instruction,input,output\n"Why, then?",,"So\nit is."\n为什么,,因为\n'
    table = write(tmp_path / "c.csv", cells.encode("gb18030"))
    for path in (array, lines, table):
        assert [to_row(record, "alpaca") for record in read_records(path)] == rows
    own = tmp_path / "kept.jsonl"
    jsonl.write(own, read_records(array))
    assert list(read_records(own)) == list(read_records(array))
    assert [record.source and record.source.line for record in read_records(table)] == [2, 4]


def test_a_quote_that_is_not_closed_costs_its_own_row_only(tmp_path: Path) -> None:
    rows = 'a,"never closed\nHow?,So\n"第三行,坏\n为什么？,"因为 ""x""。\n两行"\nlast,"open to the end\nWhere?,There\n'
    path = write(tmp_path / "q.csv", "instruction,output\n" + rows)
    bad: list[BadLine] = []
    read = list(read_records(path, bad=bad))
    assert [record.answer for record in read] == ["So", '因为 "x"。\n两行', "There"]
    assert [line.number for line in bad] == [2, 4, 7]
    assert {line.why for line in bad} == {"a quote is opened and not closed in its row"}


def test_a_quote_that_the_files_last_row_leaves_open_is_no_answer(tmp_path: Path) -> None:
    path = write(tmp_path / "q.csv", 'instruction,output\n问,答\nlast,"open')
    bad: list[BadLine] = []
    assert [record.answer for record in read_records(path, bad=bad)] == ["答"]
    assert [line.number for line in bad] == [3]


def test_csv_rows_with_missing_fields_are_bad_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", "instruction,output\n问,答\n只有问\n")
    bad: list[BadLine] = []
    assert len(list(read_records(path, bad=bad))) == 1
    assert bad == [BadLine(3, "1 fields where the header has 2", "只有问")]


def test_parquet_with_nested_columns(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    import pyarrow

    said = [{"role": "user", "content": "几点？", "name": None}, {"role": "assistant", "content": "三点", "name": "钟"}]
    parquet.write_table(pyarrow.Table.from_pylist([{"messages": said, "lang": None}]), tmp_path / "e.parquet")
    [record] = read_records(tmp_path / "e.parquet")
    assert record.answer == "三点"
    assert record.messages[0].extra == {} and record.messages[1].extra == {"name": "钟"}
    words = pyarrow.array([b"\xe9\x97\xae", b"\xff"]).cast(pyarrow.binary()).view(pyarrow.string())
    parquet.write_table(pyarrow.table({"instruction": words, "output": ["答", "坏"]}), tmp_path / "g.parquet")
    bad: list[BadLine] = []
    assert [record.answer for record in read_records(tmp_path / "g.parquet", bad=bad)] == ["答"]
    assert [(line.number, line.why.split(":")[0]) for line in bad] == [(2, "holds bytes that are no text")]
    with pytest.raises(InputError, match="not a readable Parquet file"):
        list(read_records(write(tmp_path / "f.parquet", "not parquet")))


@pytest.mark.parametrize(("name", "content", "why"), [
    ("empty.jsonl", "", "holds no rows"),
    ("bad.json", '{"data": [{"a": 1},', "not valid JSON"),
    ("notes.docx", "x", "not a data set file: .docx"),
    ("all_bad.jsonl", '{"q": 1}\n', "no row could be read; the first"),
])
def test_a_file_that_gives_nothing_is_an_error(tmp_path: Path, name: str, content: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        list(read_records(write(tmp_path / name, content), bad=[]))


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        list(read_records(Path("nowhere.jsonl")))


def test_records_from_two_lines_with_the_same_words_are_two_records(tmp_path: Path) -> None:
    path = write(tmp_path / "twins.jsonl", '{"text": "same"}\n{"text": "same"}\n')
    first, second = read_records(path)
    assert isinstance(first, Record) and first.id != second.id


def test_steps_of_a_reasoned_answer_are_kept_apart_in_messages_and_written_out_elsewhere() -> None:
    answer = Message("assistant", "答案是 4。", {"reasoning_content": "二加二得四。"})
    record = make(messages=(Message("user", "二加二得几？"), answer))
    spoken = "<think>\n二加二得四。\n</think>\n\n答案是 4。"
    assert to_row(record, "messages")["messages"][1] == {
        "role": "assistant", "content": "答案是 4。", "reasoning_content": "二加二得四。"
    }
    assert to_row(record, "alpaca")["output"] == spoken
    assert to_row(record, "sharegpt")["conversations"][1] == {"from": "gpt", "value": spoken}
    assert record.turns()[1]["content"] == spoken
    assert all(to_row(plain(record), name) == to_row(record, name) for name in ("messages", "alpaca", "sharegpt"))
    pair = make(messages=record.messages, rejected=Message("assistant", "答案是 5。", answer.extra))
    assert to_row(plain(pair), "preference") == {
        "prompt": "二加二得几？", "chosen": spoken, "rejected": spoken.replace("答案是 4", "答案是 5")
    }
