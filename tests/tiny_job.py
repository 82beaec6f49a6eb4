"""A whole job, small enough to read: two manuals and a teacher who knows its answers by heart.

The scripted teacher is asked with seedbed's own prompts, so its rules take their marks from the prompt files: a prompt
that is worded anew needs no change here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from seedbed.prompts import load


class Pair(NamedTuple):
    """The sentence that a question rests on, the question and its answer."""

    sentence: str
    question: str
    answer: str


PUMP = """# KX-40 pump

## Pressure

The KX-40 pump runs at 2.5 bar by default. The pressure must not exceed 4 bar, because the seal leaks above that value. \
The valve V2 limits the pressure; it is set at the factory and sealed with lead.

## Oil

The oil of the KX-40 pump is changed every 500 hours. Use oil of grade ISO VG 46, since thinner oil foams at high speed. \
The oil level is checked through the sight glass before each start of the pump.
"""
泵 = """# KX-40 离心泵

## 压力

KX-40 离心泵的默认压力是 2.5 bar。压力不得超过 4 bar，因为超过以后密封会泄漏。阀门 V2 用来限制压力，出厂时已经调好并加了铅封。

## 润滑

KX-40 离心泵每运行 500 小时更换一次润滑油。应当使用 ISO VG 46 牌号的润滑油，因为更稀的油在高速下会起泡沫。每次启动之前通过视镜检查油位。
"""
DOCUMENTS = {"en/pump.md": PUMP, "zh/离心泵.md": 泵}

# By passage, in the order in which the teacher names them.
PAIRS = {
    "pressure": [
        Pair("The KX-40 pump runs at 2.5 bar by default.", "What is the default pressure of the KX-40 pump?",
             "By default the pump runs at 2.5 bar."),
        Pair("The pressure must not exceed 4 bar, because the seal leaks above that value.",
             "Why must the pressure of the KX-40 pump not exceed 4 bar?", "Above 4 bar the seal leaks."),
        Pair("The valve V2 limits the pressure; it is set at the factory and sealed with lead.",
             "Which valve limits the pressure in the KX-40 pump?", "Valve V2 limits the pressure."),
    ],
    "oil": [
        Pair("The oil of the KX-40 pump is changed every 500 hours.", "How often is the oil of the KX-40 pump changed?",
             "Every 500 hours the oil is changed."),
        Pair("Use oil of grade ISO VG 46, since thinner oil foams at high speed.",
             "Which grade of oil does the KX-40 pump use?", "It takes oil of grade ISO VG 46."),
        Pair("The oil level is checked through the sight glass before each start of the pump.",
             "How is the oil level of the KX-40 pump checked?", "The level is checked through the sight glass."),
    ],
    "压力": [
        Pair("KX-40 离心泵的默认压力是 2.5 bar。", "KX-40 离心泵的默认压力是多少？", "出厂默认压力是 2.5 bar。"),
        Pair("压力不得超过 4 bar，因为超过以后密封会泄漏。", "为什么 KX-40 离心泵的压力不得超过 4 bar？",
             "因为压力超过 4 bar 时密封会泄漏。"),
        Pair("阀门 V2 用来限制压力，出厂时已经调好并加了铅封。", "KX-40 离心泵用哪个阀门限制压力？", "用阀门 V2 限制压力。"),
    ],
    "润滑": [
        Pair("KX-40 离心泵每运行 500 小时更换一次润滑油。", "KX-40 离心泵多久更换一次润滑油？", "每运行 500 小时更换一次。"),
        Pair("应当使用 ISO VG 46 牌号的润滑油，因为更稀的油在高速下会起泡沫。", "KX-40 离心泵应当使用哪种牌号的润滑油？",
             "应当使用 ISO VG 46 牌号。"),
        Pair("每次启动之前通过视镜检查油位。", "启动 KX-40 离心泵之前如何检查油位？", "启动之前通过视镜检查油位。"),
    ],
}


def language_of(pair: Pair) -> str:
    return "en" if pair.question.isascii() else "zh"


def mark(sentence: str, language: str) -> str:
    """What the request about `sentence` holds and no other does: the sentence, and what the prompt has behind it."""
    return sentence + load(language, "doc_qa/pair").text.rpartition("{{sentences}}")[2].partition("{{")[0]


def rules(pairs: dict[str, list[Pair]] | None = None, **every: Any) -> list[dict[str, Any]]:
    """The scripted teacher's rules; `every` is added to each (a delay, say)."""
    pairs = PAIRS if pairs is None else pairs
    found: list[dict[str, Any]] = [
        {"match": mark(pair.sentence, language_of(pair)),
         "json": {"question": pair.question, "answer": pair.answer, "sentences": [pair.sentence]}}
        for passage in pairs.values() for pair in passage
    ]
    return [rule | every for rule in found] + [{"default": "I do not know."} | every]


def write_rules(path: Path, found: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(rule, ensure_ascii=False) + "\n" for rule in found), encoding="utf-8")
    return path


def write_documents(folder: Path) -> None:
    for name, text in DOCUMENTS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def write_job(folder: Path, found: list[dict[str, Any]] | None = None, **top: Any) -> Path:
    """Documents, replies.jsonl and job.yaml in `folder`; `top` are keys of the job over the usual ones."""
    import yaml

    folder.mkdir(parents=True, exist_ok=True)
    write_documents(folder / "docs")
    write_rules(folder / "replies.jsonl", rules() if found is None else found)
    job: dict[str, Any] = {
        "name": "pump",
        "out": "run",
        "documents": "docs",
        "teacher": {"model": "scripted:replies.jsonl"},
        "generate": [{"doc_qa": {"about": "the KX-40 pump", "about_zh": "KX-40 离心泵", "levels": {"basic": 1}}}],
        "curate": ["clean", "exact", "rouge", "split", {"mix": {"share": 0.2, "test": 4}}],
    }
    text = yaml.safe_dump({**job, **top}, allow_unicode=True, sort_keys=False)
    (folder / "job.yaml").write_text(text, encoding="utf-8")
    return folder / "job.yaml"


def contents(run: Path) -> dict[str, bytes]:
    """All that a run is for: records, document texts and exports, by their path. Not the times in manifests."""
    stages = [path for path in run.glob("[0-9][0-9]-*/**/*") if path.is_file()]
    kept = [p for p in stages if p.name not in ("manifest.json", "started") and "report" not in p.parts[-2]]
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(kept)}
