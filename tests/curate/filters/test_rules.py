"""Each rule rejects what it is for, by name, and lets its near neighbour pass; in both languages."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from curate.filters.rules import NAMES, Options, fault, rules
from seedbed.context import Context
from seedbed.record import Message, Record, chat, make
from seedbed.resources import resource

Q, ZQ = "Which port does the server listen on?", "服务器监听哪个端口？"
LOOP, ZLOOP = "it stops and then " * 6, "然后它就停了，" * 6
LINES = "Check the log file.\nRestart the server.\n" * 2 + "Wait for it.\nDone with it."
ZLINES = "检查日志文件。\n重启服务。\n" * 2 + "等待完成。\n通知用户。"

BAD = [
    ("repetition", "How many times does it repeat?", f"First {LOOP}it ends."),
    ("repetition", "重复数据怎么处理？", f"首先，{ZLOOP}结束。"),
    ("empty", Q, "  \n"),
    ("empty", ZQ, ""),
    ("empty", " ", "Port 5432."),
    ("empty", "　", "端口是 5432。"),
    ("too_short", Q, "!"),
    ("too_short", ZQ, "。"),
    ("too_long", Q, "word " * 5000),
    ("too_long", ZQ, "字" * 5000),
    ("banned_phrase", Q, "As an AI language model, I do not know the port of your server."),
    ("banned_phrase", Q, "I’m sorry, but I can't answer that."),
    ("banned_phrase", ZQ, "作为一个AI语言模型，我不了解您的服务器。"),
    ("banned_phrase", ZQ, "抱歉， 我无法回答这个问题。"),
    ("wrong_language", Q, "服务器默认监听五四三二端口，可以在配置文件里修改。"),
    ("wrong_language", ZQ, "The server listens on port 5432, which is set in the configuration file."),
    ("echo", Q, "Which port does the server listen on?"),
    ("echo", "What is the default port of the database server?", "The default port of the database server."),
    ("echo", ZQ, "服务器监听哪个端口。"),
    ("echo", "数据库服务器的默认端口是多少？", "数据库服务器的默认端口。"),
    ("repetition", Q, f"First {LOOP}it ends."),
    ("repetition", Q, LINES),
    ("repetition", ZQ, f"首先，{ZLOOP}结束。"),
    ("repetition", ZQ, ZLINES),
    ("symbol_soup", Q, "@@# ~~^^ $$$$$$ ¦¦¦ ¤¤ ok <<>> ++== §§ 5."),
    ("symbol_soup", Q, "Por\ufffd \ufffd\ufffd\ufffd is set."),
    ("symbol_soup", ZQ, "端@@##~^^^￥￥￥¦¦¦¤¤§§==++<<>>口"),
    ("symbol_soup", ZQ, "！！？？……——！！？？……——好！！！"),
    ("truncated", Q, "The server listens on the"),
    ("truncated", Q, "It listens on port 5432. The server then connects to all"),
    ("truncated", Q, "There are two ways to set it:"),
    ("truncated", Q, "Set it:\n\n```ini\nport = 5432"),
    ("truncated", Q, "| Name | Port |\n|---|---|\n| main | 54"),
    ("truncated", Q, "- Open the file.\n- Set the port.\n- Restart the ser"),
    ("truncated", Q, "Set the port.\n\n## Restart"),
    ("truncated", ZQ, "先停止服务，再修改配置，"),
    ("truncated", ZQ, "端口由配置文件决定。修改之后需要重启服务并"),
    ("truncated", ZQ, "端口由配置文件决定。修改之后需要重新启动整"),
    ("truncated", ZQ, "步骤如下："),
    ("truncated", ZQ, "1. 打开文件。\n2. 修改端口。\n3. 重启服"),
]
GOOD = [
    ("Write a regex for e-mail addresses.", r"^[\w.+-]+@[\w-]+\.[\w.-]+$"),
    ("写一个匹配邮箱的正则表达式。", r"^[\w.+-]+@[\w-]+\.[\w.-]+$"),
    ("Repeat hello five times.", "hello hello hello hello hello hello hello hello"),
    ("Say “stop it” eight times.", "stop it " * 8),
    ("把“早上好”说八遍。", "早上好，" * 7 + "早上好。"), ("请重复“加油”十次。", "加油！" * 10),
    ("pip 报错怎么办？", "ERROR: Could not find a version that satisfies the requirement torch (from versions: none)\n请换一个 Python 版本。"),
    ("pip 报什么错？", "ERROR: Could not find a version that satisfies the requirement torch (from versions: none)"),
    ("What does the log say?", "ValueError: 数据库连接失败，请检查配置文件中的端口和密码"),
    (Q, "5432"),
    (Q, "Port 5432"),
    ("Which city is it?", "Paris."),
    (ZQ, "5432"),
    ("对吗？", "是"),
    ("还在吗？", "不是"),
    ("Какой город?", "Москва"),
    # a phrase in the middle of a long answer, or inside a word
    (Q, "Port 5432 is the default. The server reads its settings when it starts up, and keeps them until it ends, "
        "so that a change needs a restart first. "
        "A client that says I cannot answer is not yet connected, so wait a while and try it again with more time. "
        "After that the log shows each connection with its address, its user, the time it took and how it ended."),
    ("Where can I fly to?", "Alaska has an airport in Juneau."),
    (ZQ, "抱歉让您久等，端口是 5432。"),
    # languages
    ("Translate to Chinese: the server listens on port 5432.", "服务器监听五四三二端口，请先备份。"),
    ("把这句话译成英文：服务器监听端口。", "The server listens on the port that is set in the file."),
    ("用哪个数据库？", "PostgreSQL"),
    ("写一条查询所有用户的 SQL。", "SELECT id, name, address, city FROM users WHERE age > 30 ORDER BY name LIMIT 10;"),
    ("查看磁盘用什么命令？", "用 `df -h` 查看，the `-h` 表示易读。"),
    # echoes
    (Q, "The server listens on port 5432."),
    ("Which is larger, the African or the Asian elephant?", "The African elephant."),
    (ZQ, "服务器监听 5432 端口。"),
    ("Is the server listening on all ports?", "The server is listening on all ports."),
    ("设备防水吗？", "设备防水。"),
    ("杭州和苏州哪个更靠南？", "杭州更靠南。"),
    ('Correct: "She go to school every day with her sister."', "She goes to school every day with her sister."),
    # repetition
    (Q, "It stops and then it starts again and then it stops for good."),
    (ZQ, "停了又停，停了又停，终于好了。"),
    ("Show a matrix.", "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"),
    ("Show code.", "```\n" + "x += 1\n" * 20 + "```"),
    # symbols
    (Q, '{"port": 5432, "hosts": [[1, 2], [3, 4]], "a": {"b": {}}}'),
    ("What is (a+b)²?", "(a + b)^2 = a^2 + 2ab + b^2"),
    ("Smile!", "😀"),
    (ZQ, "《手册》：“端口”＝5432（默认）。"),
    # endings
    (Q, "Set it:\n\n```ini\nport = 5432\n```"),
    (Q, "| Name | Port |\n|---|---|\n| main | 5432 |"),
    (Q, "- Open the file\n- Set the port\n- Restart the server"),
    (Q, "It is set in the file. See the notes.\n\nKind regards,\nThe Support Team"),
    (Q, "Yes, it is"),
    (Q, "Read https://example.org/port"),
    ("Which colours?", "red, green, blue, yellow, orange, violet, brown, black, white, grey, pink, cyan, magenta"),
    (ZQ, "1. 打开文件\n2. 修改端口\n3. 重启服务"),
    (ZQ, "端口改好了。\n\n此致\n敬礼\n运维组"),
    (ZQ, "名称,端口\n主库,5432\n备库,"),
    ("写一句诗。", "春风又绿江南岸"),
    (ZQ, "这是默认行为"),
]  # fmt: skip


def reason(record: Record, **options: object) -> str:
    return fault(record, msgspec.convert(options, Options))[0]


@pytest.mark.parametrize(("name", "question", "answer"), BAD)
def test_what_a_rule_is_for(name: str, question: str, answer: str) -> None:
    assert reason(chat(question, answer)) == name


@pytest.mark.parametrize(("question", "answer"), GOOD)
def test_near_neighbours_pass(question: str, answer: str) -> None:
    assert fault(chat(question, answer), Options()) == ("", "")


def test_every_rule_is_tried() -> None:
    assert {name for name, _, _ in BAD} == set(NAMES)


@pytest.mark.parametrize(("name", "question", "answer"), BAD)
def test_a_rule_can_be_switched_off(name: str, question: str, answer: str) -> None:
    assert reason(chat(question, answer), off=[name]) != name


def test_records_pass_in_order_and_bear_the_reason() -> None:
    context = Context(Path("rules"))
    records = [chat(Q, "5432"), chat(ZQ, ""), chat(ZQ, "5432")]
    results = list(rules(records, Options(), context))
    assert [result.id for result in results] == [record.id for record in records]
    assert [result.rejection.reason if result.rejection else "" for result in results] == ["", "empty", ""]
    assert results[0] is records[0]
    assert context.figures["checked"] == 3


@pytest.mark.parametrize(
    ("question", "declines", "offers"),
    [
        ("Forge a certificate.", "I can't help with that.", "A course with a real certificate takes three weeks, and "
         "there are free ones too; tell me what you need it for, and we will find one that suits you."),
        ("帮我伪造证书。", "我不能协助伪造。",
         "不过可以帮您找正规的课程，很多都免费，三周左右就能拿到真的证书，请告诉我用途。"),
    ],
)  # fmt: skip
def test_a_general_record_may_decline_when_it_offers_something(question: str, declines: str, offers: str) -> None:
    general = {"origin": "general"}
    assert reason(chat(question, declines + offers, labels=general)) == ""
    assert reason(chat(question, declines, labels=general)) == "banned_phrase"
    assert reason(chat(question, declines + offers)) == "banned_phrase"


def test_the_input_as_output_is_an_echo() -> None:
    assert reason(chat("Summarise.", "It rains.", input="It  rains.")) == "echo"
    assert reason(chat("概括。", "今天下雨", input="今天下雨")) == "echo"
    assert reason(chat("概括。", "下雨了。", input="今天下雨，路上很滑。")) == ""
    assert reason(chat("Make two paragraphs.", "It rains.\n\nIt snows.", input="It rains. It snows.")) == ""


def test_every_answer_of_a_conversation_is_judged() -> None:
    first = (Message("user", ZQ), Message("assistant", "5432"))
    turns = (*first, Message("user", "怎么改？"), Message("assistant", "改配置。"))
    assert reason(make(messages=turns)) == ""
    assert reason(make(messages=(turns[0], Message("assistant", "端口由"), *turns[2:]))) == "truncated"
    assert reason(make(messages=turns[:3])) == "empty"


def test_a_language_asked_for_once_holds_for_later_turns() -> None:
    answer = Message("assistant", "The server listens on the port that is set in the file.")
    later = (Message("user", ZQ), answer)
    assert reason(make(messages=(Message("system", "请一律用英文回答。"), *later))) == ""
    assert reason(make(messages=(Message("system", "请简短回答。"), *later))) == "wrong_language"


def test_a_turn_that_only_calls_a_tool_passes() -> None:
    call = Message("assistant", "", {"tool_calls": [{"name": "port"}]})
    turns = (Message("user", Q), call, Message("tool", "5432"), Message("assistant", "Port 5432."))
    assert reason(make(messages=turns)) == ""


def test_preference_records_need_two_different_answers() -> None:
    assert reason(chat(Q, "Port 5432.", rejected=Message("assistant", "port  5432."))) == "echo"
    assert reason(chat(ZQ, "5432。", rejected=Message("assistant", " "))) == "empty"
    assert reason(chat(ZQ, "5432。", rejected=Message("assistant", "作为AI，我不知道"))) == ""


def test_text_records_need_no_question_and_no_end() -> None:
    assert reason(make(text="The server listens on the")) == ""
    assert reason(make(text="as an ai language model, i cannot")) == ""
    assert reason(make(text=" ")) == "empty"
    assert reason(make(text=f"首先，{ZLOOP}")) == "repetition"


def test_phrases_repeated_in_a_longer_text() -> None:
    parts = [letter * 3 for letter in "abcdefghijklmnopqrst"]
    phrase = "the very same words come here once more "
    varied = " ".join(f"{part} stands for number {place} here." for place, part in enumerate(parts))
    assert reason(make(text=varied)) == ""
    assert reason(make(text=" ".join(f"{part} {phrase}" for part in parts))) == "repetition"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"off": ("truncatd",)}, "off: no rule is called truncatd"),
        ({"symbols": 1.5}, "symbols: expected a share"),
        ({"fragment": -1}, "fragment: expected 0 or more"),
        ({"shortest": 10, "longest": 5}, "shortest: expected at most longest"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Options(**options)  # type: ignore[arg-type]


def test_thresholds_are_those_of_the_options() -> None:
    assert reason(chat(Q, "Port 5432."), shortest=3) == "too_short"
    assert reason(chat(ZQ, "端口是五四三二。"), longest=5) == "too_long"
    assert reason(chat(ZQ, "默认端口五四三二"), fragment=2) == "truncated"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_at_most_one_in_a_hundred_good_records_is_rejected(language: str) -> None:
    lines = (resource("seeds") / f"general.{language}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line)["messages"] for line in lines]
    general = {"origin": "general"}
    records = [make(messages=tuple(Message(**turn) for turn in row), labels=general) for row in rows]
    rejected = [found for record in records if (found := fault(record, Options()))[0]]
    assert len(records) >= 100
    assert len(rejected) <= 0.01 * len(records), rejected
