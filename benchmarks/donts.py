"""How well the five don'ts do: `python -m benchmarks.donts [--misses]` writes benchmarks/donts.md.

30 labelled examples for each rule and language, half of them tempting ones without the fault, lie in
tests/curate/filters/donts. They were written before the rules, and a third of them was held out while the rules were
tuned. Then twelve more for each were written (`second`), and the rules were tuned again; and last eight more
(`afterwards`), after which only two false alarms were mended: those tell most, because rules and examples have one
author.
`--misses` names what the rules get wrong among all but the held out and the last.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import NamedTuple

from benchmarks.machine import described
from curate.filters.donts.stage import RULES
from curate.filters.exchange import exchanges
from seedbed.record import Record, chat

HERE = Path(__file__).parent
LATER = ("second", "afterwards")
EXAMPLES = HERE.parent / "tests" / "curate" / "filters" / "donts"


class Example(NamedTuple):
    """A record, whether it has the fault that its file is about, and whether it was held out."""

    record: Record
    fault: bool
    held_out: bool


class Score(NamedTuple):
    """Right and wrong alarms, and faults that were not seen."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        """1 where there was no alarm."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Of the faults, the share that was seen."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0


def examples(rule: str, language: str) -> list[Example]:
    """The labelled examples of one rule and language."""
    rows = map(json.loads, (EXAMPLES / f"{rule}.{language}.jsonl").read_text(encoding="utf-8").splitlines())
    return [
        Example(chat(row["instruction"], row["output"], input=row.get("input", "")), row["fault"], row["held_out"])
        for row in rows
    ]


def later(name: str, rule: str, language: str) -> list[Example]:
    """Examples that were written when there were rules: `second` or `afterwards`."""
    lines = (EXAMPLES / f"{name}.{language}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["rule"] == rule]
    return [
        Example(chat(row["instruction"], row["output"], input=row.get("input", "")), row["fault"], True) for row in rows
    ]


def alarm(rule: str, record: Record) -> str:
    """What the rule says of the record; empty where it lets it pass."""
    return next(filter(None, (RULES[rule](exchange) for exchange in exchanges(record))), "")


def score(rule: str, found: list[Example]) -> Score:
    """The rule's decisions on these examples against their labels."""
    said = [(bool(alarm(rule, example.record)), example.fault) for example in found]
    return Score(said.count((True, True)), said.count((True, False)), said.count((False, True)))


def others(language: str) -> tuple[int, int]:
    """Examples without a fault, of all rules, and how many of them any rule rejects."""
    sound = [e for rule in RULES for e in examples(rule, language) if not e.fault]
    return len(sound), sum(any(alarm(rule, e.record) for rule in RULES) for e in sound)


def table() -> list[str]:
    """Markdown rows: precision and recall of every rule, on what it was tuned on, held out, and written afterwards."""
    head = "| rule | language | tuned on: precision | recall | held out: | | second: | | afterwards: | |"
    lines = [head, "|---" * 10 + "|"]
    for rule in RULES:
        for language in ("en", "zh"):
            found = examples(rule, language)
            parts = [score(rule, [e for e in found if e.held_out == held]) for held in (False, True)]
            parts += [score(rule, later(name, rule, language)) for name in LATER]
            cells = " | ".join(f"{part.precision:.2f} | {part.recall:.2f}" for part in parts)
            lines.append(f"| {rule} | {language} | {cells} |")
    return lines


def misses() -> list[str]:
    """What the rules get wrong among the examples that they were tuned on."""
    return [
        f"{rule} {language} {'missed' if e.fault else 'WRONG'}: {e.record.user_text!r} => {e.record.answer!r} "
        f"{alarm(rule, e.record)}"
        for rule in RULES
        for language in ("en", "zh")
        for e in [*(e for e in examples(rule, language) if not e.held_out), *later("second", rule, language)]
        if bool(alarm(rule, e.record)) != e.fault
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--misses", action="store_true", help="print what is wrong instead; writes nothing")
    if parser.parse_args().misses:
        print("\n".join(misses()))  # noqa: T201 - a benchmark's output is what it is for
        return
    lines = [
        "# The five don'ts, measured",
        "",
        "`python -m benchmarks.donts`: 30 labelled examples for each rule and language, 15 with the fault and 15 "
        "tempting ones without; 10 of the 30 were held out while the rules were tuned. 12 more (`second`) were written "
        "then, and the rules tuned again; after the last 8 (`afterwards`) only false alarms were mended. Those tell "
        "most, for rules and examples have one author. Patterns only, no judge.",
        "",
        *table(),
        "",
    ]
    for language in ("en", "zh"):
        total, wrong = others(language)
        lines.append(f"All rules over the {total} examples without a fault, {language}: {wrong} rejected.  ")
    lines += ["", described()]
    report = "\n".join(lines) + "\n"
    (HERE / "donts.md").write_text(report, encoding="utf-8")
    print(report)  # noqa: T201


if __name__ == "__main__":
    main()
