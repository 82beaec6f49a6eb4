"""What a training teaches, and what it costs: `python -m benchmarks.train_facts`.

Facts of invented devices (benchmarks/train_facts_made.py) are trained in several wordings and asked in other words,
turned round, two at a time, and in a situation of use, without any source, before and after. General data from
seeds/general are mixed in, others of them are measured. Everything goes through a job with `train` and `evaluate`, as
a user would write it.

    python -m benchmarks.train_facts --write                                  200 facts, mix 8 % and none
    python -m benchmarks.train_facts --facts 8 --wordings 2 --epochs 2 --questions 4 --general 3    to see that it works

Runs lie in --out and are gone on with when they were stopped.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import machine
from benchmarks import train_facts_made as made
from seedbed import config, jsonl
from seedbed.pipeline import Pipeline
from seedbed.progress import Plain
from seedbed.record import Record
from seedbed.resources import resource
from seedbed.run import manifest
from train.evaluation import intervals
from train.evaluation.intervals import Spread
from train.evaluation.scores import Answer

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Setting:
    """What is tried out. `mix` is the share of general data among the training records, `general` of
    them in each language are measured."""

    facts: int
    wordings: int
    general: int
    mix: float
    seed: int
    train: dict[str, Any]


@dataclass(frozen=True)
class Result:
    """One training: record id -> right, before and after; the figures of training and evaluation."""

    setting: Setting
    before: dict[str, bool]
    after: dict[str, bool]
    training: dict[str, Any]
    evaluation: dict[str, Any]

    @property
    def general(self) -> dict[str, Any]:
        found: dict[str, Any] = self.evaluation["sets"]["test_general"]
        return found


def general(mix: float, own: int, tests: int, seed: int) -> list[Record]:
    """General records: `tests` of each language to be measured, and of the rest as many as the mix asks for."""
    tested: list[Record] = []
    rest: list[Record] = []
    for language in ("en", "zh"):
        rows = [msgspec.json.decode(line) for line in _lines(f"general.{language}.jsonl")]
        several = [_general(row, language) for row in rows]
        random.Random(f"general {language}").shuffle(several)
        tested += [msgspec.structs.replace(one, split="test_general") for one in several[:tests]]
        rest += several[tests:]
    wanted = round(mix * own / (1 - mix))
    if wanted > len(rest):
        raise SystemExit(f"--mix {mix}: {wanted} general records are wanted, and there are {len(rest)}")
    return tested + random.Random(f"{seed} mix").sample(rest, wanted)


def _lines(name: str) -> list[str]:
    return (resource("seeds") / name).read_text(encoding="utf-8").splitlines()


def _general(row: dict[str, Any], language: str) -> Record:
    from seedbed.record import Message, make

    messages = tuple(Message(one["role"], one["content"]) for one in row["messages"])
    return make(messages=messages, split="train", language=language, task="general", labels={"origin": "general"})


def run(setting: Setting, folder: Path, questions: Sequence[Record], known: list[made.Fact]) -> Result:
    """Trains and evaluates; what is finished in `folder` is not done again."""
    own = made.training(known, setting.wordings)
    records = [*own, *questions, *general(setting.mix, len(own), setting.general, setting.seed)]
    folder.mkdir(parents=True, exist_ok=True)
    jsonl.write(folder / "records.jsonl", records)
    raw = {
        "seed": setting.seed,
        "records": str(folder / "records.jsonl"),
        "train": setting.train,
        "evaluate": {"limit": len(questions), "generate": len(questions), "max_new_tokens": 40, "samples": 0,
                     "threads": setting.train["threads"]},
    }  # fmt: skip
    pipeline = Pipeline(config.build(folder / "job.yaml", raw), folder / "run", report=False)
    steps = {step.stage.name: step.folder for step in pipeline.execute("", Plain(sys.stderr))}
    answers = list(jsonl.read_as(Answer, steps["evaluate"] / "answers.jsonl"))
    by_id = {record.id: record for record in questions}
    asked = [one for one in answers if one.id in by_id]
    figures = [manifest(steps[name]) for name in ("train", "evaluate")]
    assert figures[0] and figures[1]
    return Result(
        setting,
        {one.id: made.right(by_id[one.id], one.base) for one in asked},
        {one.id: made.right(by_id[one.id], one.tuned) for one in asked},
        figures[0].figures,
        figures[1].figures,
    )


def table(results: Sequence[Result], questions: Sequence[Record]) -> list[str]:
    """A row for each kind and language: right before and after, for each mix, over all seeds."""
    mixes = list(dict.fromkeys(one.setting.mix for one in results))
    lines = ["| asked | questions | before | " + " | ".join(f"after, mix {mix:.0%}" for mix in mixes) + " |",
             "|---|---|---|" + "---|" * len(mixes)]
    for kind in made.KINDS:
        for language in ("", "en", "zh"):
            ids = [r.id for r in questions if r.labels["kind"] == kind and language in ("", r.language)]
            cells = [_share([one.before for one in results], ids)]
            cells += [_share([one.after for one in results if one.setting.mix == mix], ids) for mix in mixes]
            lines.append(f"| {kind if not language else '· ' + language} | {len(ids)} | " + " | ".join(cells) + " |")
    return lines


def _share(several: Sequence[dict[str, bool]], ids: Sequence[str]) -> str:
    """The share of right answers with its interval over questions; those of several seeds are averaged first."""
    there = [key for key in ids if all(key in one for one in several)]
    if not there:
        return ""
    means = [sum(one[key] for one in several) / len(several) for key in there]
    if len(several) == 1 or set(means) <= {0.0, 1.0}:
        return _written(intervals.share(round(sum(means)), len(means)))
    return _written(intervals.mean(means, seed=0))


def _written(found: Spread) -> str:
    ends = "" if found.low is None or found.high is None else f" ({found.low:.2f} to {found.high:.2f})"
    return f"{found.mean:.2f}{ends}"


def costs(results: Sequence[Result], questions: Sequence[Record]) -> list[str]:
    """A row for each training: tokens, general loss, and facts learned for 1,000 trained tokens."""
    lines = ["| mix | seed | trained tokens | steps | training | general loss | change, 95 % interval "
             "| facts in other words for 1,000 tokens |", "|---|---|---|---|---|---|---|---|"]
    ids = [record.id for record in questions if record.labels["kind"] == "other words"]
    for one in results:
        found, apart = one.general, one.general["difference"]
        base, tuned = found["base"]["loss"], found["tuned"]["loss"]
        ends = [f"{100 * apart[end] / base:+.1f}" for end in ("low", "high")] if apart["low"] is not None else ["", ""]
        share = sum(one.after[key] for key in ids if key in one.after) / max(1, len(ids))
        learned = 1000 * share * one.setting.facts / one.training["tokens_trained"]
        lines.append(
            f"| {one.setting.mix:.0%} | {one.setting.seed} | {one.training['tokens_trained']:,} "
            f"| {one.training['steps']} | {one.training['seconds']:.0f} s | {base:.3f} → {tuned:.3f} "
            f"| {100 * (tuned / base - 1):+.1f} % ({ends[0]} to {ends[1]}) | {learned:.2f} |"
        )
    return lines


def main(argv: list[str] | None = None) -> None:
    """Prints Markdown; with --write into benchmarks/train_facts.md."""
    given = _arguments().parse_args(argv)
    if not 1 <= given.wordings <= made.MOST_WORDINGS:
        raise SystemExit(f"--wordings: expected 1 to {made.MOST_WORDINGS}")
    known = made.facts(given.facts, seed=1)
    questions = made.test(known, given.questions or given.facts, seed=1)
    options = {
        "student": given.student, "method": given.method, "rank": given.rank, "alpha": 2 * given.rank,
        "learning_rate": given.rate, "epochs": given.epochs, "batch": given.batch, "threads": given.threads,
        "schedule": given.schedule, "max_length": 512,
    }  # fmt: skip
    results = []
    for mix in map(float, given.mix.split(",")):
        for seed in map(int, given.seeds.split(",")):
            setting = Setting(given.facts, given.wordings, given.general, mix, seed, options)
            results.append(run(setting, given.out / f"mix-{mix:g}-seed-{seed}", questions, known))
    told = " ".join(argv if argv is not None else sys.argv[1:])
    lines = [
        "# Facts learned, and what was forgotten", "",
        f"`python -m benchmarks.train_facts{' ' * bool(told)}{told}`: {given.facts} facts of invented devices, half "
        f"English, half Chinese, each in {given.wordings} wordings, {given.epochs} epochs of {given.method}, rank "
        f"{given.rank}, learning rate {given.rate:g}, {given.student}. Asked without a source; right: every figure, "
        f"or the name where the question is turned round. {machine.described()}", "",
        *table(results, questions), "",
        f"General loss: {2 * given.general} records of seeds/general that no training saw.", "",
        *costs(results, questions),
    ]  # fmt: skip
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if given.write:
        (HERE / "train_facts.md").write_text(text, encoding="utf-8")


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", type=int, default=200)
    parser.add_argument("--wordings", type=int, default=4, help="of each fact in the training")
    parser.add_argument("--questions", type=int, default=0, help="of each kind in the test (0: one a fact)")
    parser.add_argument("--general", type=int, default=32, help="general records of each language that are measured")
    parser.add_argument("--mix", default="0.08,0", help="shares of general data, comma separated")
    parser.add_argument("--seeds", default="1", help="of the training, comma separated")
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--schedule", default="cosine")
    parser.add_argument("--method", default="qlora")
    parser.add_argument("--student", default="smollm2-135m-instruct")
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument("--out", type=Path, default=Path("runs/train_facts"))
    parser.add_argument("--write", action="store_true")
    return parser


if __name__ == "__main__":
    main()
