"""Passages, teachers who know them, and a run of doc_qa over them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from datagen.doc_qa.stage import Options, doc_qa
from datagen.teacher.journal import canonical, key_of
from datagen.teacher.scripted import Rule, Script, scripted
from seedbed.chat import Loop, Reply, Request
from seedbed.context import Context, Silent
from seedbed.record import Record, Source, make
from seedbed.resources import resource

SENTENCES = {
    "en": ["The KX-40 pump runs at 2.5 bar by default.", "Above 4 bar the seal leaks, because its soft rubber tears.",
           "The oil is changed every 500 hours of work."],
    "zh": ["KX-40 离心泵的默认压力是 2.5 bar。", "压力超过 4 bar 时密封会泄漏，因为软橡胶会撕裂。", "润滑油每运行 500 小时更换一次。"],
}
QUESTIONS = {
    "en": ["What is the default pressure of the KX-40 pump?", "Why does the seal leak above 4 bar?",
           "After how many hours is the oil changed?"],
    "zh": ["KX-40 离心泵的默认压力是多少？", "为什么压力超过 4 bar 时密封会泄漏？", "运行多少小时更换一次润滑油？"],
}
ANSWERS = {
    "en": ["By default it runs at 2.5 bar.", "Its soft rubber tears.", "It is changed after 500 hours."],
    "zh": ["默认压力是 2.5 bar。", "因为软橡胶会撕裂。", "每运行 500 小时更换一次。"],
}
BOTH = pytest.mark.parametrize("lang", ["en", "zh"])


def passage(lang: str, number: int = 0, start: int = 100) -> Record:
    """A passage of a document of its own; equal ones are told apart by their document."""
    text = (" " if lang == "en" else "").join(SENTENCES[lang])
    source = Source(document=f"{lang}{number}.md", document_hash="d0c", headings=("KX-40 离心泵 pump",), start=start,
                    end=start + len(text))
    return make(text=text, language=lang, source=source)


def spoken(request: Request) -> str:
    return "en" if all(mark not in request.messages[0].content for mark in "的，。") else "zh"


def asked_with(request: Request) -> str:
    """The prompt file, without its language, that a request was made from."""
    opening = request.messages[0].content
    return next((name for name, form in _openings() if form.fullmatch(opening)), "")


@lru_cache
def _openings() -> list[tuple[str, re.Pattern[str]]]:
    """Each prompt file that is a conversation, and how its first part looks when it is filled in."""
    found = []
    for file in sorted(resource("prompts").rglob("*.md")):
        text = file.read_text(encoding="utf-8")
        parts = enumerate(re.split(r"(\{\{.*?\}\})", text.split("\n---\n")[0].strip()))
        form = "".join(".*" if n % 2 else re.escape(part) for n, part in parts)
        if "---" in text:
            found.append((f"{file.parent.name}/{file.stem}", re.compile(form, re.S)))
    return found


Says = Callable[[Request], "str | Rule | None"]


def pair(question: str, answer: str, *sentences: int | str) -> str:
    """A teacher's reply."""
    return json.dumps({"question": question, "answer": answer, "sentences": sentences}, ensure_ascii=False)


def point(request: Request) -> str:
    """The last sentence that the request shows: what it asks about."""
    texts = [message.content for message in request.messages if message.role == "user"]
    shown = [line for text in texts for line in text.splitlines() if line.startswith("[")]
    return shown[-1].partition("] ")[2]


def knowing(odd: Says | None = None) -> Script:
    """A teacher who knows a question and its answer for each of the sentences, unless `odd` says otherwise."""

    def say(request: Request) -> str | Rule:
        if odd and (strange := odd(request)) is not None:
            return strange
        lang = spoken(request)
        n = SENTENCES[lang].index(point(request))
        return pair(QUESTIONS[lang][n], ANSWERS[lang][n], n + 1)

    return scripted(say)


class Made:
    """What a stage gave."""

    def __init__(self, records: list[Record], context: Context, script: Script, said: list[str]) -> None:
        self.records, self.figures, self.script, self.said = records, context.figures, script, said
        self.kept = [record for record in records if record.rejection is None]
        self.rejected = [record for record in records if record.rejection is not None]

    @property
    def reasons(self) -> list[str]:
        return [record.rejection.reason for record in self.rejected if record.rejection]


class Notes(Silent):
    """Keeps what a stage has to say."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, line: str) -> None:
        self.said.append(line)


class Asked:
    """The shortest way to a script: no journal, no limits, no retries. Equal requests get equal keys, as from a journal."""

    model = "scripted"

    def __init__(self, script: Script) -> None:
        self.script = script

    async def __call__(self, request: Request) -> Reply:
        reply = await self.script.send(request)
        return msgspec.structs.replace(reply, key=key_of(canonical(self.model, request)))


def run(
    folder: Path,
    passages: list[Record],
    script: Script | None = None,
    seed: int = 0,
    teacher: Asked | None = None,
    **options: Any,
) -> Made:
    """One stage's work. Of the levels only `basic`, so that every draft is about one sentence, unless asked for."""
    teacher = teacher or Asked(script or knowing())
    options = {"levels": {"basic": 1}} | options
    notes = Notes()
    with Loop() as loop:
        context = Context(folder, seed=seed, complete=teacher, loop=loop, progress=notes)
        records = list(doc_qa(passages, Options(**options), context))
    return Made(records, context, teacher.script, notes.said)


WORDS = ("Alfa Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliett Kilo Lima Mike November Oscar Papa Quebec Romeo "
         "Sierra Tango Uniform Victor Whiskey Yankee Zulu Alder Birch Cedar Elm Fir Hazel Larch Maple Oak Pine Rowan Spruce "
         "Tamarisk Willow Yew").split()
# The first characters of the Thousand Character Classic, none of which comes twice.
字 = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳云腾致雨露结为霜金生丽水玉出昆冈剑号巨阙珠称夜光果珍李柰"
NAMES = {"en": [" ".join(WORDS[4 * n : 4 * n + 4]) for n in range(10)], "zh": [字[6 * n : 6 * n + 6] for n in range(10)]}


def numbered(lang: str, count: int) -> list[Record]:
    """Passages about things whose names have nothing in common, so that no question is the twin of another."""
    shape = {"en": "The {0} pump holds {1} bar. The {0} seal lasts {2} days. The {0} valve takes {3} litres.",
             "zh": "{0}泵的压力是 {1} bar，每天检查。{0}密封能用 {2} 天，然后更换。{0}阀门装得下 {3} 升，出厂时是空的。"}[lang]
    return [
        make(text=shape.format(name, n + 11, n + 31, n + 51), language=lang,
             source=Source(document=f"{name}.md", start=0, end=1))
        for n, name in enumerate(NAMES[lang][:count])
    ]


def inventive(lang: str, wrong: Callable[[str, int], bool] = lambda name, nth: False) -> Script:
    """A teacher for `numbered`, who knows a pair for each sentence; answers that `wrong` (name, number from 0) names fail."""
    asks = {"en": ["Which pressure does the {0} pump hold?", "How many days does the {0} seal last?",
                   "What does the {0} valve take, in litres?"],
            "zh": ["{0}泵的压力是多少？", "{0}密封能用几天？", "{0}阀门装得下多少升？"]}[lang]
    says = {"en": ["It holds {0} bar.", "It lasts {0} days.", "It takes {0} litres."],
            "zh": ["压力是 {0} bar。", "能用 {0} 天。", "装得下 {0} 升。"]}[lang]
    marks = {"en": ["pump", "seal", "valve"], "zh": ["泵", "密封", "阀门"]}[lang]

    def say(request: Request) -> str:
        asked = point(request)
        n, name = next((n, name) for n, name in enumerate(NAMES[lang]) if name in asked)
        i = next(i for i, mark in enumerate(marks) if mark in asked)
        answer = says[i].format("999" if wrong(name, i) else n + (11, 31, 51)[i])
        return pair(asks[i].format(name), answer, i + 1)

    return scripted(say)
