"""`python -m benchmarks.quality`: what generated records are like, in figures. Writes benchmarks/quality.md.

    doc_qa         pairs from drawn passages of two manuals, with every check on, as a user of a small teacher has it
    naive          the plainest loop over the same passages with the same teacher
    self_instruct  tasks from the built-in seeds
    evol           some of those seeds, evolved for two rounds

Each language has a run directory under --out, with its journal: a second call buys nothing again. There too lie
sheets of drawn pairs (`02-doc_qa.txt`) to be read.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.quality import tables
from benchmarks.quality.desk import SEED, Desk, Stage, desk
from benchmarks.quality.figures import Figures, count
from benchmarks.quality.naive import Options as NaiveOptions
from benchmarks.quality.naive import naive
from benchmarks.quality.sheet import sheet
from benchmarks.quality.tasks import Evolved, Tasks, evolved, from_seeds
from datagen.doc_qa.stage import Options as PairOptions
from datagen.doc_qa.stage import doc_qa
from datagen.teacher.options import TeacherOptions
from seedbed.record import Record

PARTS = ("doc_qa", "naive", "self_instruct", "evol")
_ROUNDS = 2
_RESULT = Path(__file__).parent.parent / "quality.md"
_TO_READ = 50
_PATIENCE = 900.0  # seconds for one call: a local model is slow, not stuck


@dataclass
class Result:
    """What all parts gave, in both languages."""

    pairs: list[Figures] = field(default_factory=list)
    tasks: list[Tasks] = field(default_factory=list)
    evolved: list[Evolved] = field(default_factory=list)


def measure(at: Desk, document: Path, given: argparse.Namespace, result: Result) -> None:
    """All parts in one language."""
    about = given.about_zh if at.language == "zh" else given.about
    passages = at.passages(document, given.passages) if {"doc_qa", "naive"} & set(given.parts) else []
    if "doc_qa" in given.parts:
        # One sentence, one pair: answers that join sentences are beyond a 1.5B teacher (configs/quickstart.yaml).
        options = PairOptions(about=about, levels={"basic": 1}, per_passage=3, waves=given.waves)
        result.pairs.append(_pairs(at, "02-doc_qa", doc_qa, passages, options, about, 1))
    if "naive" in given.parts:
        plain = NaiveOptions(about=about, language=at.language)
        few = min(given.naive or len(passages), len(passages))
        some = [passages[n * len(passages) // few] for n in range(few)]
        result.pairs.append(_pairs(at, "03-naive", naive, some, plain, about, 3))
    if "self_instruct" in given.parts:
        result.tasks.append(from_seeds(at, given.tasks))
    if "evol" in given.parts:
        result.evolved.append(evolved(at, given.seeds, _ROUNDS))


def _pairs(
    at: Desk, folder: str, stage: Stage, passages: list[Record], options: Any, about: str, a_reply: int
) -> Figures:
    made = at.run(folder, stage, passages, options)
    (at.folder / f"{folder}.txt").write_text(sheet(made.kept, _TO_READ), encoding="utf-8")
    return count(folder[3:], at, passages, made, about, a_reply)


def text(result: Result, given: argparse.Namespace) -> Iterator[str]:
    """The result as the lines of a Markdown file."""
    yield from ("# The quality of what is generated", "")
    command = f"`python -m benchmarks.quality --parts {','.join(given.parts)} …`"
    yield from (f"{command}, seed {given.seed}, Python {platform.python_version()}. {given.note}".rstrip(), "")
    if result.pairs:
        files = f"{given.documents_en.name} and as many of {given.documents_zh.name}"
        yield (
            f"{given.passages} passages of {files}, one out of each of {given.passages} equal stretches. "
            f"doc_qa: at most 3 pairs a passage, on single sentences, in {given.waves} rounds. naive: one "
            f"prompt, for three pairs, to {given.naive or given.passages} of the passages; all pairs are its output."
        )
        yield ""
        yield from tables.pairs(sorted(result.pairs, key=lambda f: PARTS.index(f.name)))
    if result.tasks:
        yield from tables.tasks(result.tasks)
    if result.evolved:
        yield from tables.evolutions(result.evolved)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs what is asked for, writes the result and prints it."""
    given = _arguments(arguments)
    teacher = TeacherOptions(
        model=given.model, url=given.teacher, concurrency=given.concurrency, timeout=_PATIENCE
    )
    result = Result()
    for language, document in (("en", given.documents_en), ("zh", given.documents_zh)):
        with desk(given.out / language, language, teacher, given.seed) as at:
            measure(at, document, given, result)
    written = "\n".join(text(result, given)) + "\n"
    given.result.write_text(written, encoding="utf-8")
    sys.stdout.write(written)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents-en", type=Path, required=True, metavar="FILE")
    parser.add_argument("--documents-zh", type=Path, required=True, metavar="FILE")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="run directories and journals")
    parser.add_argument("--result", type=Path, default=_RESULT, metavar="FILE", help="benchmarks/quality.md")
    parser.add_argument("--passages", type=int, default=40, help="of each document (40)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of passages and questions drawn ({SEED})")
    parser.add_argument("--naive", type=int, metavar="N", help="of them for the naive loop, with its long replies")
    parser.add_argument("--waves", type=int, default=2, help="times a passage is asked, at most (2)")
    parser.add_argument("--tasks", type=int, default=100, help="accepted tasks wanted in each language (100)")
    parser.add_argument("--seeds", type=int, default=30, help="tasks to evolve in each language (30)")
    parser.add_argument("--teacher", metavar="URL", help="an OpenAI-compatible endpoint; without it: embedded")
    parser.add_argument("--model", default="embedded", metavar="NAME")
    parser.add_argument("--concurrency", type=int, default=4)
    parser.add_argument("--about", default="Debian, a GNU/Linux operating system")
    parser.add_argument("--about-zh", default="Debian（一种 GNU/Linux 操作系统）")
    parser.add_argument("--note", default="", help="what the result shall say of documents and teacher")
    parser.add_argument("--parts", type=_parts, default=PARTS, metavar=",".join(PARTS))
    return parser.parse_args(arguments)


def _parts(named: str) -> tuple[str, ...]:
    parts = tuple(named.split(","))
    if unknown := set(parts) - set(PARTS):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    return parts


if __name__ == "__main__":
    main()
