"""Commands under the sentence that says what they are for."""

from __future__ import annotations

import pytest

from datagen.material.passages import passage_of
from seedbed.record import Source, make

TEXT = {
    "en": "# Printing\n\nYou can print a manual page nicely with the following command.\n\n"
    "```\n$ man -Tps some_manpage | lpr\n```\n\nThe printer queue is emptied every night.",
    "zh": "# 打印\n\n你可以用下面的命令把手册页漂亮地打印出来。\n\n```\n$ man -Tps some_manpage | lpr\n```\n\n打印队列每天夜里清空。",
}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_command_and_the_sentence_above_it_are_one_point(lang: str) -> None:
    place = Source(document="m.md", start=100, end=100 + len(TEXT[lang]))
    passage = passage_of(make(text=TEXT[lang], source=place), lang)
    (point,) = [point for point in passage.key_points() if point.form == "command"]
    assert (point.kinds, point.joins) == (("how_to",), False)
    assert passage.stated(point.numbers[1]) == "`man -Tps some_manpage | lpr`"
    lead, command = passage.quotes(point.numbers)
    assert lead.quote == TEXT[lang].split("\n")[2]
    assert TEXT[lang][command.start - 100 : command.end - 100] == command.quote == "$ man -Tps some_manpage | lpr"


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("Show the host's address with this command:\n\n```\n$ host a.example\na.example has address 192.0.2.7\n```",
         "`host a.example`"),
        ("Put these lines into the settings of the gateway:\n\n```\nkeep = 90\nlevel = 3\n```", "`keep = 90` `level = 3`"),
    ],
)
def test_what_a_shell_answers_is_no_command_and_several_lines_are_several(text: str, stated: str) -> None:
    passage = passage_of(make(text=text), "en")
    (point,) = [point for point in passage.key_points() if point.form == "command"]
    assert passage.stated(point.numbers[1]) == stated


@pytest.mark.parametrize(
    ("lang", "text", "points"),
    [
        ("en", "You can shut the Debian system down from the console.\n\n```\n# shutdown -h now\n```", 1),
        ("zh", "在单用户模式下，可以从命令行关闭系统。\n\n```\n# poweroff -i -f\n```", 1),
        ("en", "The threshold of the Debian kernel can be set at any time.\n\n```\n$ sudo dmesg -n3\n```", 1),
        ("en", "You can shut the Debian system down at any time.\n\n```\nThe system goes down.\n```", 0),  # no prompt
        ("zh", "在单用户模式下，可以从控制台关闭系统。\n\n```\n系统即将关闭。\n```", 0),
        ("en", "This stored password can be read by other programs.\n\n```\n$ secret-tool lookup LUKS a\n```", 0),  # leans
        ("zh", "这个存储的密码可以交给别的 LUKS 程序。\n\n```\n$ secret-tool lookup LUKS a\n```", 0),
        ("en", "The Debian system writes its log every minute.\n\n```\n$ tail -f /var/log/syslog\n```", 0),  # no "can"
    ],
)
def test_what_can_be_done_is_told_by_a_block_at_a_prompt(lang: str, text: str, points: int) -> None:
    found = [point for point in passage_of(make(text=text), lang).key_points() if point.form == "command"]
    assert len(found) == points


@pytest.mark.parametrize(
    ("lang", "lead", "forms"),
    [
        ("en", "You can stop the pumps from the console at once.", ["command"]),
        ("zh", "在单用户模式下，可以从控制台停止水泵。", ["command"]),
        ("en", "You can stop the pumps with the command of kx(8).", ["command", "pair"]),
        ("zh", "在单用户模式下，可以用 kx(8) 停止水泵。", ["command", "pair"]),
    ],
)
def test_the_sentence_above_is_a_point_of_its_own_where_it_names_something(
    lang: str, lead: str, forms: list[str]
) -> None:
    source = Source(document="a.md", headings=("Stop the pumps 停止水泵",))
    passage = passage_of(make(text=f"{lead}\n\n```\n# kx --stop\n```", source=source), lang)
    assert sorted(point.form for point in passage.key_points()) == forms


@pytest.mark.parametrize(("lang", "lead"), [
    ("en", "You can give a user (e.g. penguin) all rights with the following command."),
    ("zh", "可以用下面的命令给用户（例如 penguin）全部权限。"),
])
def test_an_example_above_a_command_is_shown_for_the_command_may_hold_it(lang: str, lead: str) -> None:
    passage = passage_of(make(text=f"{lead}\n\n```\n# adduser penguin sudo\n```"), lang)
    assert passage.stated(0) == lead


@pytest.mark.parametrize(
    "text",
    [
        "For example:\n\n```\nls\n```",
        "See the following command in chapter 7.3 of the guide.\n\n```\nls\n```",
        "Run the program as follows.\n\n```\na\nb\nc\nd\n```",  # a file, not a command
        "```\nls\n```",
    ],
)
def test_what_says_nothing_alone_is_no_point(text: str) -> None:
    assert [point for point in passage_of(make(text=text), "en").key_points() if point.form == "command"] == []


@pytest.mark.parametrize(
    ("lang", "lead"),
    [("en", "The file can be edited with vim as shown below."), ("zh", "文件能通过如下所示的用 vim 轻易地编辑。")],
)
def test_below_is_the_block_and_no_other_place(lang: str, lead: str) -> None:
    found = passage_of(make(text=f"{lead}\n\n```\n$ vim u-file.txt\n```"), lang).key_points()
    assert "command" in [point.form for point in found]


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", "The KX-40 pump runs at 4 bar by day."), ("zh", "KX-40 离心泵的压力上限为 4 bar。")],
)
def test_what_a_program_prints_is_no_sentence_to_ask_about(lang: str, said: str) -> None:
    printed = f"$ pump on\n$ pump status\nReady.\n{said}\n$ pump log\n0\n$ pump off"
    assert list(passage_of(make(text=said), lang).key_points())
    assert not list(passage_of(make(text=f"Ready.\n\n```\n{printed}\n```"), lang).key_points())
