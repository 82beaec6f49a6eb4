"""What DPO teaches a small model, and what it costs: `python -m benchmarks.train_dpo` writes benchmarks/train_dpo.md.

Pairs are made here, half English, half Chinese, on devices that nobody has. The question tells a figure and the one
that replaced it; of half of the pairs the rejected answer gives the old one, of the other half the right one as a
sentence, where a form of fields is wanted. Held-out pairs are on other devices. General loss is that of seeds/general.

An adapter is trained on the chosen answers first, as Rafailov et al. 2023 do; from it DPO goes on with each weight of
the term for the chosen answer. `--pairs`, `--epochs`, `--rate`, `--weights`, `--general`, `--student` set the sizes.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.machine import described
from seedbed.context import Context
from seedbed.pairs import is_pair
from seedbed.record import Message, Record, chat, make
from seedbed.resources import resource
from train.evaluation.stage import Options as Evaluation
from train.evaluation.stage import evaluate
from train.options import Options
from train.stage import train

HERE = Path(__file__).parent
HELD_OUT = 0.4  # share of the pairs
LIMIT = 64  # records of each set whose loss is measured
KINDS = ("figure", "format")
_THINGS = (
    ("shut-off pressure", "停机压力", "{n}.{m} bar", "{n}.{m} bar"),
    ("port", "端口", "{n}7{m}1", "{n}7{m}1"),
    ("oil quantity", "润滑油用量", "{n}{m} ml", "{n}{m} 毫升"),
    ("check interval", "检查周期", "{n}{m} days", "{n}{m} 天"),
)
_ASKED = {
    "en": "Note on {d}: {thing} {old}, from version 2 on {new}. What is the {thing} of {d} in version 2?",
    "zh": "{d} 说明：{thing} {old}，自第 2 版起为 {new}。第 2 版中 {d} 的{thing}是多少？",
}
_WANTED = "{d} | {thing} | {new}"
_UNWANTED = {"en": "The {thing} of {d} in version 2 is {new}.", "zh": "第 2 版中 {d} 的{thing}是 {new}。"}


def made_pairs(count: int, seed: int = 0) -> list[Record]:
    """Pairs of both kinds and languages. The last ones are held out, half to watch and half to test."""
    chance = random.Random(seed)
    found = []
    for i in range(count):
        language, kind = ("en", "zh")[i % 2], KINDS[i // 2 % 2]
        english, chinese, *forms = chance.choice(_THINGS)
        n, m, o, p = chance.sample(range(1, 10), 4)
        old, new = forms[i % 2].format(n=n, m=m), forms[i % 2].format(n=o, m=p)
        said = {"d": f"{chance.choice('KLMNPRTV')}{chance.choice('XYZ')}-{i + 10}", "old": old, "new": new,
                "thing": english if language == "en" else chinese}
        right = _WANTED.format(**said)
        wrong = _WANTED.format(**said | {"new": old}) if kind == "figure" else _UNWANTED[language].format(**said)
        held = i >= count * (1 - HELD_OUT)
        split = ("validation", "test_heldout")[i // 4 % 2] if held else "train"
        found.append(make(messages=chat(_ASKED[language].format(**said), right).messages, split=split,
                          rejected=Message("assistant", wrong), language=language, labels={"negative": kind}))
    return found


def general(count: int) -> list[Record]:
    """Records of seeds/general, as many of each language, to see what is forgotten."""
    found = []
    for language in ("en", "zh"):
        lines = (resource("seeds") / f"general.{language}.jsonl").read_text(encoding="utf-8").splitlines()
        for line in random.Random(0).sample(lines, min(count // 2, len(lines))):
            turns = json.loads(line)["messages"]
            messages = tuple(Message(turn["role"], turn["content"]) for turn in turns)
            found.append(make(messages=messages, split="test_general", language=language))
    return found


@dataclass(frozen=True)
class Result:
    """One training: its name, DPO's figures if it was DPO, the evaluation's, and seconds of CPU."""

    name: str
    preferences: dict[str, Any]
    evaluation: dict[str, Any]
    seconds: float


def trained(name: str, records: list[Record], folder: Path, **options: Any) -> Result:
    """Trains and evaluates; the folder is what `from` can name."""
    context, measured = Context(folder / "train"), Context(folder / "evaluate", upstream={"train": folder / "train"})
    for one in (context, measured):
        one.folder.mkdir(parents=True)
    began = time.process_time()
    train(records, msgspec.convert(options, Options), context)
    seconds = time.process_time() - began
    evaluate(records, Evaluation(generate=0, limit=LIMIT), measured)
    print(f"{name}: {seconds:.0f} s of CPU, measured in {time.process_time() - began - seconds:.0f}", flush=True)
    return Result(name, context.figures.get("preferences", {}), measured.figures, seconds)


def measure(given: argparse.Namespace) -> list[Result]:
    """The training on the chosen answers, then DPO from it with each weight."""
    records = [*made_pairs(given.pairs), *general(given.general)]
    common = {"student": given.student, "method": given.method, "epochs": given.epochs, "max_length": 512,
              "validation_limit": 64, "patience": 0}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = [trained("sft", records, folder / "sft", **common)]
        for weight in given.weights:
            results.append(trained(
                f"sft, then dpo, sft_weight {weight:g}", records, folder / f"dpo-{weight:g}", objective="dpo",
                learning_rate=given.rate, sft_weight=weight, **common, **{"from": str(folder / "sft" / "train")}
            ))
    return results


def written(given: argparse.Namespace, results: list[Result]) -> str:
    """The report."""
    held = sum(is_pair(record) and record.split == "test_heldout" for record in made_pairs(given.pairs))
    rate = f"{given.rate:g}" if given.rate else "the default"
    lines = [
        "# DPO, measured", "",
        f"`python -m benchmarks.train_dpo --pairs {given.pairs} --epochs {given.epochs} --rate {given.rate:g} "
        f"--weights {' '.join(f'{weight:g}' for weight in given.weights)} --general {given.general}`: {given.student}, "
        f"{given.method}, learning rate of DPO {rate}. {held} held-out pairs on other devices, {given.general} general "
        "records. Log-probabilities are means a token, base to trained; a pair is right when the chosen answer gained "
        "more than the rejected one, and preferred when it is the likelier as it is.", "",
        "| | right | preferred | chosen | rejected | general loss | s of CPU |", "|---|---|---|---|---|---|---|",
    ]
    for result in results:
        found, loss = result.evaluation["preferences"], result.evaluation["sets"]["test_general"]
        lines.append(
            f"| {result.name} | {found['reward_accuracy']:.0%} | {_apart(found['preferred'], '.0%')} "
            f"| {_apart(found['chosen'], '.3f')} | {_apart(found['rejected'], '.3f')} "
            f"| {loss['base']['loss']:.3f} → {loss['tuned']['loss']:.3f} | {result.seconds:.0f} |"
        )
    lines += ["", "Against the adapter that DPO went on from (its reference), on the validation pairs:", "",
              "| | right | margin, nats | chosen | rejected | collapsed |", "|---|---|---|---|---|---|"]
    for result in results[1:]:
        found = result.preferences["validation"]
        lines.append(f"| {result.name} | {found['reward_accuracy']:.0%} | {found['margin']:.2f} "
                     f"| {_apart(found['chosen'], '.3f')} | {_apart(found['rejected'], '.3f')} "
                     f"| {'yes' if found['collapsed'] else 'no'} |")
    return "\n".join([*lines, "", described(), ""])


def _apart(sides: dict[str, float], form: str) -> str:
    return f"{sides['base']:{form}} → {sides['tuned']:{form}}"


def main() -> None:
    """Measures and writes the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--student", default="smollm2-135m-instruct")
    parser.add_argument("--method", default="lora", choices=("lora", "qlora"))
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.0, help="of DPO; 0: the default of the method")
    parser.add_argument("--weights", type=float, nargs="+", default=[0.0, 0.2])
    parser.add_argument("--general", type=int, default=32)
    parser.add_argument("--out", type=Path, default=HERE / "train_dpo.md")
    given = parser.parse_args()
    report = written(given, measure(given))
    given.out.write_text(report, encoding="utf-8")
    print(report)


if __name__ == "__main__":
    main()
