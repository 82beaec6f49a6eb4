"""Every generator with what it reads and a teacher who knows its answers, so that one test can ask the same of all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from datagen.teacher.scripted import Rule, Script, scripted
from seedbed.chat import Loop, Request
from seedbed.context import Context
from seedbed.prompts import load
from seedbed.record import Message, Record, Source, Step, chat
from seedbed.stages import STAGES
from tests.datagen import talking
from tests.datagen.augment import test_augment as augmenting
from tests.datagen.evol_instruct import test_evol_instruct as evolving
from tests.datagen.preference import test_preference as preferring
from tests.datagen.rewrite import test_rewrite as rewriting
from tests.datagen.self_instruct import test_self_instruct as proposing
from tests.datagen.teaching import (
    ANSWERS,
    NAMES,
    QUESTIONS,
    SENTENCES,
    Asked,
    Made,
    Notes,
    asked_with,
    knowing,
    passage,
)

Says = Callable[[Request], "str | Rule"]
OTHER = {"en": "zh", "zh": "en"}


@dataclass(frozen=True)
class Generator:
    """`given` is what it reads, `knows` a teacher of a language, `calls` the most that a useless teacher costs it.

    `reads` is what of a document it is handed: passages, or records made from them, or neither.
    """

    name: str
    given: Callable[[str], list[Record]]
    knows: Callable[[str], Says]
    calls: int
    options: dict[str, Any] = field(default_factory=dict)
    reads: str = "passages"

    def __str__(self) -> str:
        return self.name


def pair_records(lang: str) -> list[Record]:
    """Records to augment: one question and answer, and a note that makes each another record, so that each kind of
    augmentation is drawn."""
    question, answer = augmenting.record(lang).messages
    given = [augmenting.record(lang, source=Source(document=f"{lang}{n}.md", document_hash="d0c", start=100, end=300))
             for n in range(4)]
    return [one.revised(one.history[0], messages=(question, Message("assistant", answer.content, {"row": n})))
            for n, one in enumerate(given)]


def preferred(lang: str) -> list[Record]:
    """Records to contrast: one that rests on a document, and one that does not, so that a judge is asked."""
    question, answer, _ = preferring.QA[lang]["wrong_figure"]
    free = chat(question, answer, language=lang, task="t", history=(Step(stage="import", operation="row"),))
    return [preferring.parent(lang), free]


def adds(lang: str) -> Says:
    """A teacher who adds a claim to an answer, and a judge who finds it."""
    wrong = preferring.ADDED[lang][1]

    def say(request: Request) -> str:
        if asked_with(request) == "preference/judge":
            first = request.messages[-1].content.partition("\nB")[0]
            return json.dumps({"better": "B" if wrong in first else "A"})
        return json.dumps({"answer": wrong}, ensure_ascii=False)

    return say


def proposed(lang: str) -> Says:
    """A teacher who goes on with a list, a task that no other is like each time."""
    return by(proposing.teacher(lang))


def by(script: Script) -> Says:
    """What a script says, to who asks it again the same as before."""
    return lambda request: script._choose(first_asked(request)).text


GENERATORS = {
    one.name: one
    for one in [
        Generator("self_instruct", lambda lang: [], proposed, 40, {"target": 3, "patience": 4}, reads="nothing"),
        Generator("evol_instruct", evolving.parents, lambda lang: by(evolving.teacher()),
                  24, {"rounds": 2, "operations": {"deepen": 1, "in_breadth": 1, "complicate_input": 1}}, reads="records"),
        Generator("doc_qa", lambda lang: [passage(lang), passage(lang, 1)],
                  lambda lang: by(knowing()), 24, {"levels": {"basic": 1}}),
        Generator("dialogue", lambda lang: [talking.passage(lang), talking.passage(lang, 1)],
                  lambda lang: by(talking.talking()), 32, {"turns": (4, 4), "waves": 2}),
        Generator("preference", preferred, adds, 8, {"kinds": {"unsupported_addition": 1}}, reads="records"),
        Generator("rewrite", lambda lang: [passage(lang), passage(lang, 1)], lambda lang: by(scripted(rewriting.knowing)), 16),
        Generator("augment", pair_records, lambda lang: by(scripted(augmenting.knowing)), 16,
                  {"share": 1.0, "kinds": {"paraphrase": 1, "polish": 1, "back_translate": 1, "synonyms": 1}}, reads="records"),
        Generator("passages", lambda lang: [passage(lang), passage(lang, 1)], lambda lang: lambda request: "", 0, {"minimum": 5}),
    ]
}
ASKING = [one for one in GENERATORS.values() if one.calls]


def first_asked(request: Request) -> Request:
    """What was asked before the teacher was asked again because of its reply."""
    notes = [load(lang, "parse/again").text.partition("{{")[0] for lang in OTHER]
    *before, last = request.messages
    for note in notes:
        if last.content.startswith(note):
            return msgspec.structs.replace(request, messages=tuple(before[:-1]))
        text = last.content.partition(f"\n\n{note}")[0]
        last = msgspec.structs.replace(last, content=text)
    return msgspec.structs.replace(request, messages=(*before, last))


def generate(
    folder: Path, one: Generator, lang: str, say: Says | None = None, given: list[Record] | None = None, **options: Any
) -> Made:
    """One generator's work in one language, over what it reads or over `given`."""
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    (folder / "documents" / f"{lang}doc.md").write_bytes(preferring.DOCUMENT[lang].encode())
    if one.name == "self_instruct":
        options = {"languages": (lang,), "seeds": (str(proposing.seeds(folder, lang)),)} | options
    stage, script, notes = STAGES[one.name], scripted(say or one.knows(lang)), Notes()
    with Loop() as loop:
        context = Context(folder, complete=Asked(script), loop=loop, progress=notes, upstream={"ingest": folder})
        chosen = msgspec.convert(one.options | options, stage.options)
        records = list(stage.function(one.given(lang) if given is None else given, chosen, context))
    return Made(records, context, script, notes.said)


def filled(schema: dict[str, Any], text: str) -> Any:
    """JSON of a request's schema in which every text is `text`."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: filled(part, text) for name, part in schema["properties"].items()}
        case "array":
            return [filled(schema["items"], text)]
        case "integer":
            return 1
    return filled(schema["anyOf"][0], text) if "anyOf" in schema else text


def translated(text: str, lang: str) -> str:
    """What the teachers of a language know, in the other one."""
    both: list[tuple[str, str]] = []
    for many in (SENTENCES, QUESTIONS, ANSWERS, NAMES, talking.FULL, talking.SAID, talking.ANSWERS, rewriting.TOLD,
                 evolving.TASKS, evolving.MORE):
        both += zip((one.rstrip(".。") for one in many[lang]), (one.rstrip(".。") for one in many[OTHER[lang]]), strict=True)
    breadth = {"en": "Which of ", "zh": "里哪个最合适？"}, {"en": " fits best?", "zh": "."}
    added = {name: preferring.ADDED[name][1] for name in OTHER}
    for one in (rewriting.ALONE, evolving.ANSWER, augmenting.PARAPHRASE, augmenting.POLISHED, augmenting.BACK, added,
                {"en": "It is done.", "zh": "已经完成。"}, *breadth):
        both.append((one[lang].strip("。"), one[OTHER[lang]].strip("。")))
    for known, told in sorted(both, key=lambda pair: -len(pair[0])):
        text = text.replace(known, told)
    return text


def said(record: Record) -> tuple[str, ...]:
    """What a record says, wherever it comes from."""
    wrong = record.rejected.content if record.rejected else ""
    return (record.text, *(message.content for message in record.messages), record.input, wrong)
