"""`python -m benchmarks.memory`: what a generator holds in memory while it makes 50,000 records. Writes memory.md.

Measured is `doc_qa`, or `--generator preference` or `evol_instruct`, which work on records (memory_records.py): each
run writes its own part of memory.md. `--records N` measures another size.

The teacher is a script that knows a pair for each sentence; journal, budget, limits and the files of the stage are
those of a run. Passages have about 300 tokens, as ingest cuts them; three of their sentences carry something to ask
about. Each size runs in a process of its own, because a peak never goes back.
"""

from __future__ import annotations

import argparse
import platform
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import memory_records
from datagen.doc_qa.stage import Options, doc_qa
from datagen.evol_instruct.stage import Options as Evolving
from datagen.evol_instruct.stage import evol_instruct
from datagen.preference.stage import Options as Pairing
from datagen.preference.stage import preference
from datagen.teacher.budget import Budget
from datagen.teacher.client import Teacher
from datagen.teacher.journal import Journal
from datagen.teacher.lending import Metered
from datagen.teacher.options import Pace, TeacherOptions
from datagen.teacher.pool import Lane, Pool
from seedbed.chat import Loop, Reply, Request
from seedbed.context import Context
from seedbed.record import Record, Source, make
from seedbed.run import Manifest, separate

GOAL_MB = 600
PER_PASSAGE = 3
ROUNDS = 2
RECORDS = 50_000

# Sentence, question and answer about a thing {0} and its figure {1}.
_KNOWN = {
    "en": (
        ("The {0} pump holds {1} bar.", "Which pressure does the {0} pump hold?", "It holds {1} bar."),
        ("The {0} seal lasts {1} days.", "How many days does the {0} seal last?", "It lasts {1} days."),
        ("The {0} valve takes {1} litres.", "What does the {0} valve take, in litres?", "It takes {1} litres."),
    ),
    "zh": (
        ("{0}泵的压力是 {1} bar，每天检查。", "{0}泵的压力是多少？", "压力是 {1} bar。"),
        ("{0}密封能用 {1} 天，然后更换。", "{0}密封能用几天？", "能用 {1} 天。"),
        ("{0}阀门装得下 {1} 升，出厂时是空的。", "{0}阀门装得下多少升？", "装得下 {1} 升。"),
    ),
}
# What else stands in a passage: it leans on what was said before, so nothing is asked about it.
_REST = {
    "en": "This was checked by somebody on the day before, as it always is. ",
    "zh": "这一点前一天已经有人按照老规矩检查过了，其他的也都一样。",
}
_REPEATS = {"en": 7, "zh": 3}  # of it after each sentence: 300 tokens in all
_PATTERNS = [
    (re.compile(r"\] " + re.escape(said).replace(r"\{0\}", "(.+)").replace(r"\{1\}", r"(\d+)")), asks, answers)
    for known in _KNOWN.values()
    for said, asks, answers in known
]


class Measured(msgspec.Struct, frozen=True):
    """One size: records accepted and drafted, seconds, and megabytes before the first call and at the peak."""

    accepted: int
    drafts: int
    seconds: float
    before: float
    peak: float


class Knowing:
    """A transport that answers by a function, and keeps nothing of what it was asked."""

    name = "knowing"

    def __init__(self, answer: Callable[[Request], str]) -> None:
        self.answer = answer
        self.before = 0.0  # megabytes when the first request came

    async def send(self, request: Request) -> Reply:
        self.before = self.before or _resident()
        text = self.answer(request)
        # The probabilities of a reply's tokens travel with it: they are the largest part of what is in flight.
        tokens = tuple((text[n : n + 3], -0.01) for n in range(0, len(text), 3))
        return Reply(text=text, prompt_tokens=700, completion_tokens=len(tokens), tokens=tokens)

    async def aclose(self) -> None:
        pass


def pair(request: Request) -> str:
    """The pair of the sentence that a request shows."""
    shown = request.messages[-1].content
    found, asks, answers = next((m, q, a) for p, q, a in _PATTERNS if (m := p.search(shown)))
    known = {name: text.format(*found.groups()) for name, text in (("question", asks), ("answer", answers))}
    return msgspec.json.encode({**known, "sentences": []}).decode()


def things(count: int) -> Iterator[tuple[str, str, int]]:
    """Language, coined name and figure of so many things; next to no two names are alike, and every second one is
    Chinese."""
    chance = random.Random(7)
    syllables = [onset + vowel for onset in "bdfgklmnprstvz" for vowel in "aeiou"]
    hanzi = [chr(code) for code in range(0x4E00, 0x4E00 + 3_500)]
    for number in range(count):
        lang = "zh" if number % 2 else "en"
        words = ("".join(chance.choices(syllables, k=4)).capitalize() for _ in range(5))
        yield lang, "".join(chance.sample(hanzi, 8)) if lang == "zh" else " ".join(words), number % 900 + 11


def passages(count: int) -> Iterator[Record]:
    """Passages about things, so that next to no question is the twin of another."""
    for number, (lang, name, figure) in enumerate(things(count)):
        told = (said.format(name, figure) for said, _, _ in _KNOWN[lang])
        text = "".join(f"{said}{' ' if lang == 'en' else ''}{_REST[lang] * _REPEATS[lang]}" for said in told)
        source = Source(document=f"{number // 500}.{lang}.md", document_hash="0" * 16, start=0, end=len(text))
        yield make(text=text, language=lang, source=source)


@dataclass(frozen=True)
class Case:
    """A generator, its options, what it is given for so many records (files go below the folder), and its teacher."""

    stage: Callable[..., Iterator[Record]]
    options: Any
    given: Callable[[int, Path], Iterator[Record]]
    answer: Callable[[Request], str]
    told: str


def _known(count: int) -> Iterator[tuple[Record, list[tuple[str, str, str]]]]:
    """Passages with sentence, question and answer of each thing that they tell."""
    for passage, (lang, name, figure) in zip(passages(count), things(count), strict=True):
        yield passage, [
            (said.format(name, figure), asks.format(name), answers.format(name, figure))
            for said, asks, answers in _KNOWN[lang]
        ]


CASES = {
    "doc_qa": Case(
        doc_qa,
        Options(per_passage=PER_PASSAGE, levels={"basic": 1}),
        lambda records, folder: passages(-(-records // PER_PASSAGE)),
        pair,
        f"{PER_PASSAGE} pairs a passage of about 300 tokens",
    ),
    "preference": Case(
        preference,
        Pairing(kinds={"wrong_figure": 1, "unsupported_addition": 1}),
        lambda records, folder: memory_records.pairs(_known(-(-records // PER_PASSAGE)), folder),
        memory_records.added,
        "a pair for each record of doc_qa, from documents of 250 passages",
    ),
    "evol_instruct": Case(
        evol_instruct,
        Evolving(rounds=ROUNDS, operations={"deepen": 1}),
        lambda records, folder: memory_records.tasks((lang, name) for lang, name, _ in things(-(-records // ROUNDS))),
        memory_records.evolved,
        f"{ROUNDS} rounds over tasks of one sentence, judged and answered",
    ),
}


def measure(records: int, generator: str = "doc_qa") -> Measured:
    """`records` accepted records, made in this process."""
    case = CASES[generator]
    knowing, began = Knowing(case.answer), time.monotonic()
    with tempfile.TemporaryDirectory() as name, Loop() as loop, Journal(Path(name) / "journal.sqlite") as journal:
        options, budget = TeacherOptions(model="knowing", url="http://unused"), Budget()
        done = Manifest(stage=generator, fingerprint="")
        teacher = loop.run(_teacher(knowing, journal, budget, options))
        meter = Metered(teacher, done.usage)
        context = Context(Path(name), 7, {"ingest": Path(name) / "ingest"}, done.figures, complete=meter, loop=loop,
                          width=2 * options.width)
        separate(case.stage(case.given(records, Path(name)), case.options, context), Path(name), done)
        loop.run(teacher.aclose())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(done.kept, done.kept + done.rejected, time.monotonic() - began, knowing.before, peak)


async def _teacher(knowing: Knowing, journal: Journal, budget: Budget, options: TeacherOptions) -> Teacher:
    pool = Pool([Lane(knowing, options)], "knowing", options, Pace(), lambda line: None)
    return Teacher([pool], journal, budget)


def _resident() -> float:
    """Megabytes that this process has in memory now (Linux)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize() / 2**20


def _apart(records: int, generator: str) -> Measured:
    command = [sys.executable, "-m", "benchmarks.memory", "--generator", generator, "--only", str(records)]
    return msgspec.json.decode(subprocess.run(command, check=True, capture_output=True).stdout, type=Measured)


def main() -> None:
    """Measures a tenth and the whole, and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generator", choices=CASES, default="doc_qa")
    parser.add_argument("--records", type=int, default=RECORDS, help="how many records are made")
    parser.add_argument("--only", type=int, help="one size, in this process, as JSON")
    given = parser.parse_args()
    if given.only:
        sys.stdout.write(msgspec.json.encode(measure(given.only, given.generator)).decode())
        return
    sizes = (given.records // 10, given.records)
    small, large = (_apart(size, given.generator) for size in sizes)
    written = "\n".join(_lines(given.generator, given.records, small, large)) + "\n"
    path = Path(__file__).with_suffix(".md")
    path.write_text(with_part(path.read_text(encoding="utf-8"), given.generator, written), encoding="utf-8")
    sys.stdout.write(written)


def with_part(report: str, generator: str, written: str) -> str:
    """The report with another part for this generator."""
    parts = {name: text for name, text in re.findall(r"^(?=# Memory of (\w+)$)(.*?)(?=^# |\Z)", report, re.M | re.S)}
    parts[generator] = written
    return "\n".join(parts[name].rstrip() + "\n" for name in CASES if name in parts)


def _lines(generator: str, records: int, small: Measured, large: Measured) -> Iterator[str]:
    more = large.accepted - small.accepted
    waiting, working = large.before - small.before, (large.peak - large.before) - (small.peak - small.before)
    asked = f" --generator {generator} --records {records}" if (generator, records) != ("doc_qa", RECORDS) else ""
    yield from (f"# Memory of {generator}", "")
    yield f"`python -m benchmarks.memory{asked}`: a scripted teacher,"
    yield f"{CASES[generator].told}, half of them Chinese; resident memory of the"
    yield f"whole process. Python {platform.python_version()}."
    yield from ("", "| accepted | drafted | before the first call | peak | time |", "|---|---|---|---|---|")
    for m in (small, large):
        yield f"| {m.accepted:,} | {m.drafts:,} | {m.before:.0f} MB | {m.peak:.0f} MB | {m.seconds:.0f} s |"
    yield ""
    yield f"For each further record: {1024 * waiting / more:.2f} KB of what waits to be asked about, and"
    yield f"{1024 * working / more:.2f} KB for having made it: the key of its call, and its words where later ones are"
    yield "compared with them."
    yield f"Goal: under {GOAL_MB} MB at {RECORDS:,}. {'Met' if large.peak < GOAL_MB else 'NOT met'}."


if __name__ == "__main__":
    main()
