"""A passage for dialogues, and teachers who talk about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from datagen.dialogue.stage import Options, dialogue
from datagen.teacher.scripted import Script, scripted
from seedbed.chat import Loop, Request
from seedbed.context import Context
from seedbed.record import Record, Source, make
from tests.datagen.teaching import Asked, Made, Notes, Says, pair, point, spoken

SENTENCES = {
    "en": ["The KX-40 pump runs at 2.5 bar by default.", "The KX-40 pump needs new oil every 500 hours of work.",
           "The KX-40 pump stops above 90 degrees, because its soft seal leaks there.",
           "The shaft of the KX-40 pump weighs 14 kilograms."],
    "zh": ["KX-40 离心泵的默认压力是 2.5 bar。", "KX-40 离心泵每运行 500 小时更换一次润滑油。",
           "KX-40 离心泵在温度超过 90 度时停机，因为软密封会泄漏。", "KX-40 离心泵的主轴重 14 公斤。"],
}
FULL = {
    "en": ["What is the default pressure of the KX-40 pump?", "How often does the KX-40 pump need new oil?",
           "Why does the KX-40 pump stop above 90 degrees?", "How much does the shaft of the KX-40 pump weigh?"],
    "zh": ["KX-40 离心泵的默认压力是多少？", "KX-40 离心泵多久更换一次润滑油？",
           "为什么 KX-40 离心泵在温度超过 90 度时停机？", "KX-40 离心泵的主轴重多少公斤？"],
}
SAID = {
    "en": ["What is its default pressure?", "And how often does it need new oil?", "Why does it stop above 90 degrees?",
           "And how much does its shaft weigh?"],
    "zh": ["它的默认压力是多少？", "那它多久更换一次润滑油？", "为什么温度超过 90 度时它会停机？", "它的主轴重多少公斤？"],
}
ANSWERS = {
    "en": ["By default it runs at 2.5 bar.", "It needs new oil after 500 hours.", "Its soft seal leaks there.",
           "The shaft weighs 14 kilograms."],
    "zh": ["默认压力是 2.5 bar。", "每运行 500 小时更换一次。", "因为软密封会泄漏。", "主轴重 14 公斤。"],
}


def passage(lang: str, number: int = 0, start: int = 100, more: str = "") -> Record:
    """A passage of a document of its own; `more` stands behind its first sentence."""
    first, *rest = SENTENCES[lang]
    text = (" " if lang == "en" else "").join([first, *([more] if more else []), *rest])
    source = Source(document=f"{lang}{number}.md", document_hash="d0c", headings=("KX-40",), start=start,
                    end=start + len(text))
    return make(text=text, language=lang, source=source)


def follows(request: Request) -> str:
    """The full question that a request wants as a follow-up; empty for another request."""
    last = request.messages[-1].content.splitlines()[-1]
    return next((last.removeprefix(mark) for mark in ("Next: ", "下一问：") if last.startswith(mark)), "")


def talking(odd: Says | None = None) -> Script:
    """A teacher who knows pair and follow-up for each sentence, unless `odd` says otherwise."""

    def say(request: Request) -> Any:
        if odd and (strange := odd(request)) is not None:
            return strange
        lang = spoken(request)
        if full := follows(request):
            return json.dumps({"question": SAID[lang][FULL[lang].index(full)]}, ensure_ascii=False)
        n = SENTENCES[lang].index(point(request))
        return pair(FULL[lang][n], ANSWERS[lang][n], int(shown(request)))

    return scripted(say)


def shown(request: Request) -> str:
    """The number of the sentence that a request for a pair shows."""
    return request.messages[-1].content.partition("]")[0].lstrip("[")


def turn(lang: str, n: int, **changes: Any) -> dict[str, Any]:
    """A turn of a dialogue that comes at once; sentences from 1."""
    known = {"question": SAID[lang][n], "full": FULL[lang][n], "answer": ANSWERS[lang][n], "sentences": [n + 1]}
    return known | changes


def talk(folder: Path, passages: list[Record], script: Script | None = None, seed: int = 0, **options: Any) -> Made:
    """One stage's work; four turns are wanted unless asked for otherwise."""
    teacher = Asked(script or talking())
    notes = Notes()
    with Loop() as loop:
        context = Context(folder, seed=seed, complete=teacher, loop=loop, progress=notes)
        records = list(dialogue(passages, Options(**({"turns": (4, 4), "waves": 1} | options)), context))
    return Made(records, context, teacher.script, notes.said)
