"""What `benchmarks.memory` gives the generators that work on records, and how its teacher answers them.

Records about the passages of `doc_qa`'s run come as `doc_qa` gives them: by lot, so that the next one is about another
document. They lie in a file, as in a run; what is measured is what a generator holds of them.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from seedbed.chat import Request
from seedbed.record import Evidence, Record, Source, chat

# What the teacher adds to a right answer, and to a task.
_ADDED = {"en": ", with a frost guard", "zh": "，须装防冻罩"}
_DEEPER = {
    "en": (", and name one exception with its reason", ", in at most ninety words for a new apprentice"),
    "zh": ("，并说明一个例外及其理由", "，写给新来的学徒，不超过九十个字"),
}
_ASKED = {"en": re.compile(r"Right answer: (.*)\Z"), "zh": re.compile(r"正确回答：(.*)\Z")}
_TASK = {"en": re.compile(r"Original task: (.*)\Z"), "zh": re.compile(r"原任务：(.*)\Z")}
_ANSWER = {"en": "It lets the water out and keeps the steam in.", "zh": "它排出凝结水，留住蒸汽。"}


def pairs(told: Iterator[tuple[Record, list[tuple[str, str, str]]]], folder: Path) -> Iterator[Record]:
    """A record for each (sentence, question, answer) of each passage; their documents are written below `folder`."""
    documents, file = folder / "ingest" / "documents", folder / "pairs.jsonl"
    documents.mkdir(parents=True)
    sizes, places = Counter[str](), []
    with file.open("wb") as out:
        for passage, known in told:
            assert passage.source
            name = passage.source.document
            with (documents / f"{name}.md").open("a", encoding="utf-8") as document:
                document.write(f"{passage.text}\n\n")
            start, sizes[name] = sizes[name], sizes[name] + len(passage.text) + 2
            source = Source(document=name, document_hash=name, start=start, end=start + len(passage.text))
            for sentence, question, answer in known:
                at = start + passage.text.index(sentence)
                evidence = (Evidence(sentence, at, at + len(sentence)),)
                about: dict[str, Any] = {"source": source, "evidence": evidence, "language": passage.language}
                made = chat(question, answer, task="doc_qa", **about)
                places.append(out.tell())
                out.write(msgspec.json.encode(made) + b"\n")
    random.Random(7).shuffle(places)
    with file.open("rb") as given:
        for place in places:
            given.seek(place)
            yield msgspec.json.decode(given.readline(), type=Record)


def tasks(names: Iterator[tuple[str, str]]) -> Iterator[Record]:
    """A task about each (language, name)."""
    for number, (lang, name) in enumerate(names, 1):
        task = {"en": f"Explain how the {name} pump is started after a cold night.",
                "zh": f"说明在寒冷的夜晚之后怎样启动{name}泵。"}[lang]
        yield chat(task, _ANSWER[lang], language=lang, task="t", source=Source(document="tasks.jsonl", line=number))


def added(request: Request) -> str:
    """The right answer, with a claim more."""
    lang, asked = _found(_ASKED, request)
    return _json(answer=asked.rstrip(".。") + _ADDED[lang] + {"en": ".", "zh": "。"}[lang])


def evolved(request: Request) -> str:
    """A task made harder, a judge's verdict, or an answer."""
    if request.schema is None:
        return _ANSWER["en" if request.messages[-1].content.isascii() else "zh"]
    if "verdict" in request.schema["properties"]:
        return _json(besides="a condition", verdict="different")
    lang, task = _found(_TASK, request)
    first, second = _DEEPER[lang]
    return _json(instruction=task.rstrip(".。") + (second if first in task else first) + {"en": ".", "zh": "。"}[lang])


def _found(patterns: dict[str, re.Pattern[str]], request: Request) -> tuple[str, str]:
    said = request.messages[-1].content
    return next((lang, match[1]) for lang, pattern in patterns.items() if (match := pattern.search(said)))


def _json(**reply: str) -> str:
    return msgspec.json.encode(reply).decode()
