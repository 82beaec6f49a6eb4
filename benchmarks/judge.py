"""What a judge is worth: `python -m benchmarks.judge --url http://localhost:8000/v1 --model NAME`.

benchmarks/judge_sheet.{en,zh}.jsonl has passages with a question, a good answer, and an answer with one flaw that a
careful reader sees. The judge rates all answers by the rubric of prompts/*/judge, each as a record of its own. A judge
that is worth asking gives the flawed one less. Without --url the model is one that seedbed starts itself.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedbed import config, jsonl
from seedbed.pipeline import Pipeline
from seedbed.progress import Plain
from seedbed.record import Evidence, Record, Source, Step, chat
from seedbed.run import Manifest, manifest

HERE = Path(__file__).parent
LANGUAGES = ("en", "zh")
SIDES = ("good", "flawed")


@dataclass(frozen=True)
class Rated:
    """One row of the sheet and the scores of its two answers; empty ones where the judge could not be read."""

    language: str
    flaw: str
    good: dict[str, float]
    flawed: dict[str, float]

    @property
    def read(self) -> bool:
        return bool(self.good and self.flawed)


def records(languages: Sequence[str], rows: int) -> list[tuple[str, str, str, Record]]:
    """Language, flaw, side and record of each answer. The passage is the record's evidence."""
    found = []
    for language in languages:
        for number, line in enumerate((HERE / f"judge_sheet.{language}.jsonl").read_text("utf-8").splitlines()[:rows]):
            row = json.loads(line)
            evidence = (Evidence(row["source"], 0, len(row["source"])),)
            for side in SIDES:
                source = Source(document=f"{language}-{number}-{side}")
                history = (Step(stage="sheet", operation="row"),)
                record = chat(row["question"], row[side], language=language, source=source, evidence=evidence,
                              history=history)
                found.append((language, row["flaw"], side, record))
    return found


Scores = dict[str, dict[str, float]]


def rate(folder: Path, sheet: Sequence[Record], teacher: dict[str, Any], twice: bool) -> tuple[Scores, Manifest]:
    """Record id -> its scores, and the stage's manifest; by a job of this one stage."""
    jsonl.write(folder / "sheet.jsonl", sheet)
    raw = {"records": str(folder / "sheet.jsonl"), "teacher": teacher, "curate": [{"judge": {"twice": twice}}]}
    pipeline = Pipeline(config.build(folder / "job.yaml", raw), folder / "run", report=False)
    pipeline.execute("", Plain(sys.stderr))
    done = manifest(folder / "run" / "02-judge")
    assert done is not None
    return {r.id: r.scores for r in jsonl.read(folder / "run" / "02-judge" / "kept.jsonl")}, done


def paired(sheet: Sequence[tuple[str, str, str, Record]], scores: Scores) -> list[Rated]:
    several = list(sheet)
    pairs = zip(several[::2], several[1::2], strict=True)
    return [Rated(lang, flaw, scores[good.id], scores[bad.id]) for (lang, flaw, _, good), (_, _, _, bad) in pairs]


def auc(high: Sequence[float], low: Sequence[float]) -> float:
    """How often one of `high` is over one of `low`; ties count half."""
    return sum((a > b) + 0.5 * (a == b) for a in high for b in low) / (len(high) * len(low))


def table(found: Sequence[Rated]) -> list[str]:
    """A row for each language and all, of what was read."""
    lines = ["| | pairs read | flawed one lower | equal | higher | mean, good | mean, flawed | AUC |",
             "|---|---|---|---|---|---|---|---|"]
    for name in (*dict.fromkeys(one.language for one in found), "all"):
        own = [one for one in found if name in (one.language, "all")]
        read = [(one.good["judge"], one.flawed["judge"]) for one in own if one.read]
        if not read:
            lines.append(f"| {name} | 0 of {len(own)} | | | | | | |")
            continue
        good, bad = zip(*read, strict=True)
        lower, equal = sum(b < g for g, b in read), sum(b == g for g, b in read)
        lines.append(f"| {name} | {len(read)} of {len(own)} | {lower} | {equal} | {len(read) - lower - equal} "
                     f"| {statistics.mean(good):.2f} | {statistics.mean(bad):.2f} | {auc(good, bad):.2f} |")
    return lines


def by_flaw(found: Sequence[Rated]) -> list[str]:
    lines = ["| flaw | " + " | ".join(f"{lang}: good, flawed" for lang in LANGUAGES) + " |", "|---|---|---|"]
    for flaw in dict.fromkeys(one.flaw for one in found):
        cells = []
        for lang in LANGUAGES:
            one = next((one for one in found if (one.flaw, one.language) == (flaw, lang) and one.read), None)
            cells.append(f"{one.good['judge']:.1f}, {one.flawed['judge']:.1f}" if one else "")
        lines.append(f"| {flaw} | " + " | ".join(cells) + " |")
    return lines


def main() -> None:
    """Prints Markdown; with --write into benchmarks/judge.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="", help="an OpenAI-compatible endpoint")
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--rows", type=int, default=8, help="of each language's sheet")
    parser.add_argument("--twice", action="store_true")
    parser.add_argument("--languages", default=",".join(LANGUAGES))
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    teacher = {"model": given.model, "timeout": 600.0} | ({"url": given.url, "concurrency": 2} if given.url else {})
    sheet = records(given.languages.split(","), given.rows)
    with tempfile.TemporaryDirectory() as folder:
        scores, done = rate(Path(folder), [record for *_, record in sheet], teacher, given.twice)
    found = paired(sheet, scores)
    figures = {name: done.figures[name] for name in ("means", "told_apart", "flat", "unscored")}
    told = ", ".join(f"{name} {value}" for name, value in figures.items())
    usage = done.usage
    lines = [
        "# A judge, measured", "",
        f"`python -m benchmarks.judge --model {given.model}{' --twice' * given.twice}`: the sheets of "
        "benchmarks/judge_sheet.{en,zh}.jsonl, each answer rated with its passage.", "",
        *table(found), "", *by_flaw(found), "",
        f"{told}. {usage.calls} calls, {usage.prompt_tokens:,} prompt tokens, {usage.completion_tokens:,} of replies.",
    ]
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if given.write:
        (HERE / "judge.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
