"""`seedbed chat RUN`: talk with the student in the terminal, and with its base beside it when that is wanted."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TextIO

from seedbed.errors import SeedbedError
from train.rows.template import Turns
from train.serving.speaker import Manner, Speaker

_HELP = "/tuned  /base  /both: who answers   /new: forget what was said   /quit: leave"


def chat(speaker: Speaker, manner: Manner, both: bool = False, lines: Iterable[str] | None = None,
         out: TextIO | None = None) -> None:
    """Reads questions line by line until /quit or the end of the input. Each side remembers its own answers."""
    out = out or sys.stdout
    speaking = speaker.sides if both else speaker.sides[:1]
    said: dict[str, Turns] = {side: [] for side in speaker.sides}
    print(f"{speaker.name}: {' and '.join(speaking)}. {_HELP}", file=out)
    for line in lines if lines is not None else _typed(out):
        asked = line.strip()
        if asked == "/quit":
            return
        if asked == "/new":
            said = {side: [] for side in speaker.sides}
        elif asked == "/both":
            speaking = speaker.sides
        elif asked.removeprefix("/") in speaker.sides and asked.startswith("/"):
            speaking = (asked[1:],)
        elif asked.startswith("/"):
            print(_HELP, file=out)
        elif asked:
            for side in speaking:
                _answer(speaker, side, said[side], asked, manner, out, len(speaking) > 1)


def _answer(speaker: Speaker, side: str, turns: Turns, asked: str, manner: Manner, out: TextIO, named: bool) -> None:
    turns.append({"role": "user", "content": asked})
    if named:
        print(f"[{side}] ", end="", file=out)
    try:
        text = ""
        for piece in speaker.say(turns, side, manner).pieces:
            text += piece
            print(piece, end="", flush=True, file=out)
        print(file=out)
    except SeedbedError as error:  # the conversation has grown too long, say: it can go on after /new
        turns.pop()
        print(f"({error})", file=out)
        return
    turns.append({"role": "assistant", "content": text.strip()})


def _typed(out: TextIO) -> Iterable[str]:
    """Lines as they are typed, after a prompt; until the end of the input."""
    while True:
        print("> ", end="", flush=True, file=out)
        line = sys.stdin.readline()
        if not line:
            print(file=out)
            return
        yield line
