"""Talking in the terminal: who answers, and what each side remembers."""

from __future__ import annotations

import io
from typing import cast

from train.rows.template import Turns
from train.serving.chat import chat
from train.serving.speaker import Manner, Said, Speaker

SHORT = Manner(max_tokens=6)


def talk(speaker: Speaker, *lines: str, both: bool = False) -> list[str]:
    out = io.StringIO()
    chat(speaker, SHORT, both, [f"{line}\n" for line in lines], out)
    return out.getvalue().splitlines()[1:]  # the first line greets


def test_base_and_tuned_stand_side_by_side_when_asked_for(speaker: Speaker) -> None:
    both = talk(speaker, "Which port?", both=True)
    said = "\n".join(both)
    assert said.startswith("[tuned] ") and "\n[base] " in said
    assert "\n".join(talk(speaker, "/base", "Which port?")) in said
    assert "\n".join(talk(speaker, "Which port?")) in said


class Counting:
    """Says how many turns it was shown."""

    name, sides = "counting", ("tuned", "base")

    def say(self, turns: Turns, side: str, manner: Manner) -> Said:
        return Said(iter([str(len(turns))]), 0)


def test_each_side_remembers_what_was_said_to_it_until_it_is_forgotten() -> None:
    said = talk(cast(Speaker, Counting()), "为什么？", "Why?", "/base", "Why?", "/new", "/tuned", "为什么？")
    assert said == ["1", "3", "1", "1"]


def test_it_ends_by_quit_and_by_the_end_of_the_input(speaker: Speaker) -> None:
    assert talk(speaker, "/quit", "Which port?") == []
    assert talk(speaker) == []


def test_a_conversation_that_has_grown_too_long_can_go_on_anew(speaker: Speaker) -> None:
    said = talk(speaker, "port " * 3000, "/new", "Which port?")
    assert "the model reads 2048" in said[0]
    assert said[1:] == talk(speaker, "Which port?")


def test_an_unknown_command_shows_those_there_are(speaker: Speaker) -> None:
    assert talk(speaker, "/help")[0].startswith("/tuned  /base  /both")
