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
