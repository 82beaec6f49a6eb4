"""Harm is found by words and by the words around them; what only sounds like it passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate.filters.safety import KINDS, Options, fault, files, safety
from curate.filters.terms import Terms
from seedbed.chat import Request
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.record import Message, Record, chat, make
from tests.curate.filters.judge import judging

TERMS = {name: Terms.read(path) for name, path in files(Options()).items()}

HARMFUL = [
    ("profanity", "How do I fix it?", "Fix that fucking pump yourself."),
    ("profanity", "怎么修？", "他妈的自己修。"),
    ("abuse", "How do I fix it?", "You're an idiot if you have to ask."),
    ("abuse", "怎么修？", "你这个废物，连这都不会。"),
    ("hate", "Who lives there?", "Nothing but faggots."),
    ("hate", "谁住在那里？", "都是些黑鬼。"),
    ("hate", "Who is to blame?", "The immigrants, who are vermin."),
    ("hate", "怪谁？", "都怪残疾人，他们是累赘。"),
    ("self_harm", "I want to kill myself.", "Then do what you must."),
    ("self_harm", "我不想活了。", "那就算了吧。"),
    ("dangerous", "How do I make a bomb at home?", "You need three things."),
    ("dangerous", "怎么制作炸弹？", "需要三样东西。"),
    ("dangerous", "Write ransomware in Python.", "import os"),
    ("dangerous", "教我怎么洗钱。", "先开几家公司。"),
]
HARMLESS = [
    ("How do I stop a process that hangs?", "Run kill -9 with its number; killall kills all of that name."),
    ("怎样杀死进程？", "用 kill -9 杀死进程，再杀掉它的子进程。"),
    ("Which drug interactions does warfarin have?", "Aspirin and other drugs raise the risk of bleeding; an overdose is dangerous."),
    ("毒性试验怎么做？", "按规程给药，观察半数致死剂量和中毒症状。"),
    ("What is an attack surface?", "All points at which an attacker may inject data or execute an exploit."),
    ("How do I reduce the attack surface of a server?", "Shut the ports that nobody uses and disable old services."),
    ("How do I make a bath bomb?", "Mix baking soda, citric acid and oil, and press it into a mould."),
    ("Who dropped the first atomic bomb?", "The United States, on Hiroshima in 1945."),
    ("What does a flame retardant do?", "It retards the spread of fire."),
    ("Explain the chink in the armour.", "A weak spot."),
    ("Is Scunthorpe far from Penistone?", "About 60 km. Take cocktails and shiitake along."),
    ("How is rat poison stored?", "Locked away from food, in its own container."),
    ("怎样毒死蟑螂？", "把毒饵放在墙角。"),
    ("How do I protect my shop from ransomware?", "Keep copies offline and apply updates."),
    ("怎样识别钓鱼网站？", "看域名和证书。"),
    ("反洗钱培训怎么做？", "每年一次，讲案例和上报流程。"),
    ("Why did women lack the vote in the 18th century?", "It was believed that women are inferior to men, a prejudice of the time."),
    ("印度支那半岛在哪里？", "在亚洲东南部。"),
    ("我操作失误怎么办？", "卧操作台旁有复位按钮，重新操作即可。"),
    ("我想死你了，妈妈的生日怎么过？", "买个蛋糕。"),
    ("I want to die of laughter. Tell a joke.", "Why did the pump stop? It was tired."),
    ("Master and slave, male and female connectors: what else?", "Abort, dump, execute, kill, orphan, zombie, daemon, suicide lane."),
    ("Classify as offensive or not: “you stupid cunt”", "Offensive."),
    ("“傻逼”是脏话吗？请分类。", "是脏话。"),
    ("How do I make a bomb at home?", "I can't help with that."),
    ("怎么制作炸弹？", "抱歉，我无法提供这样的信息。制作爆炸物是违法的。"),
    ("I want to kill myself.", "I am glad you told me. Please call a crisis line now; you are not alone."),
    ("我不想活了。", "谢谢你愿意说出来。请拨打心理援助热线，或者找信任的人倾诉。"),
]


def kind(record: Record, **options: object) -> str:
    return fault(record, Options(**options), TERMS)[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "question", "answer"), HARMFUL)
def test_harm_by_kind(name: str, question: str, answer: str) -> None:
    assert kind(chat(question, answer)) == name
    assert kind(chat(question, answer), off=(name,)) != name


@pytest.mark.parametrize(("question", "answer"), HARMLESS)
def test_what_only_sounds_like_it(question: str, answer: str) -> None:
    assert fault(chat(question, answer), Options(), TERMS) == ("", "")


def test_every_kind_has_a_list_in_both_languages() -> None:
    assert set(TERMS) == {f"{kind}.{lang}" for kind in KINDS for lang in ("en", "zh")}
    assert {name for name, _, _ in HARMFUL} == set(KINDS)


def test_the_users_words_count_on_request() -> None:
    record = chat("Why does this fucking pump leak?", "Its seal is worn.")
    assert kind(record) == "profanity"
    assert kind(record, questions=False) == ""


def test_code_quotations_texts_and_dialogues() -> None:
    assert kind(chat("Show the log.", "```\nfuck: no such file\n```")) == ""
    assert kind(make(text="What the fuck is this?")) == "profanity"
    turns = (Message("user", "Hi"), Message("assistant", "Go die."), Message("user", "Oh"), Message("assistant", "Sorry."))
    assert kind(make(messages=turns)) == "abuse"


def test_what_was_found_is_never_shown() -> None:
    context = Context(Path("safety"))
    results = list(safety([chat("怎么修？", "他妈的自己修。"), chat("Hi", "Hello.")], Options(), context))
    rejection = results[0].rejection
    assert rejection and (rejection.stage, rejection.reason) == ("safety", "profanity")
    assert rejection.detail.startswith("exchange 1 has what line ") and "他妈的" not in rejection.detail
    assert results[1].rejection is None and context.figures == {"checked": 2}


def test_lists_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "hate.en.txt").write_text("# ours\nmugwump\nsnark + hunt a - boojum\n", encoding="utf-8")
    options = Options(lists=str(tmp_path))
    terms = {name: Terms.read(path) for name, path in files(options).items()}
    assert fault(chat("Hi", "You mugwump!"), options, terms)[1] == "exchange 1 has what line 2 of hate.en.txt is about"
    assert fault(chat("Hi", "They hunt a snark."), options, terms)[0] == "hate"
    assert fault(chat("Hi", "They hunt a snark that is a boojum."), options, terms)[0] == ""
    assert fault(chat("Hi", "Nothing but faggots."), options, terms)[0] == "", "ours took its place"
    allowed = {"hate.en": Terms.read(tmp_path / "hate.en.txt", ("Mugwump Inc",))}
    assert fault(chat("Hi", "Ask Mugwump Inc."), options, allowed)[0] == ""


def test_lists_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        files(Options(lists=str(tmp_path / "none")))
    (tmp_path / "hate.en.txt").write_text("fine\n/(/\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"hate\.en\.txt:2: no regular expression"):
        Terms.read(tmp_path / "hate.en.txt")
    (tmp_path / "hate.en.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="Save it as UTF-8"):
        Terms.read(tmp_path / "hate.en.txt")


def test_the_judge_finds_what_lists_do_not_and_is_not_quoted(tmp_path: Path) -> None:
    def say(request: Request) -> str:
        bad = "antifreeze" in request.messages[-1].content
        return '{"why": "quotes the answer", "fault": "dangerous"}' if bad else '{"why": "", "fault": "none"}'

    records = [chat("The cat annoys me.", "A spoon of antifreeze."), chat("The cat annoys me.", "Play with it.")]
    with judging(tmp_path, say) as (context, _):
        results = list(safety(records, Options(judge=True), context))
    assert results[0].rejection and results[0].rejection.detail == "the judge finds it"
    assert results[1].rejection is None
    assert context.figures == {"checked": 2, "judge": {"dangerous": 1, "none": 1}}


def test_unknown_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match="off: no kind is called hat"):
        Options(off=("hat",))
