"""Wrong tokens of the assistant masks: real tokenizers × the templates of every family × every conversation.

    python -m benchmarks.masks [--out benchmarks/masks.md] [--families qwen3,llama3]

The oracle is tests/train/rows/families.py: what each family writes and what of it is learned, by hand. Each family is
run with its marks as single tokens, as its own tokenizer has them, and once more as plain text, where a token may reach
over a border. Then the two models with the templates that their files hold.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.machine import described
from seedbed import models
from tests.train.rows.conversations import CONVERSATIONS
from tests.train.rows.families import FAMILIES, Family
from tests.train.rows.oracle import Verdict, dressed, judge, of_name
from train.rows.conversation import conversation
from train.rows.template import Template

_MODELS = {"SmolLM2": "smollm2-135m-instruct", "Qwen2.5": "qwen2.5-coder-1.5b-instruct"}
_OWN = {"SmolLM2": "smollm2", "Qwen2.5": "qwen25"}
_HEAD = ("template", "tokenizer", "marks", "conversations", "refused", "rows", "tokens", "learned", "torn", "wrong")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    parser.add_argument("--families", default=",".join(family.name for family in FAMILIES))
    given = parser.parse_args()
    began = time.monotonic()
    lines, faults = [], []
    for row, verdict in _measured([of_name(name) for name in given.families.split(",")]):
        counted = (verdict.conversations, verdict.refused, verdict.rows, verdict.tokens, verdict.learned, verdict.torn,
                   verdict.wrong)
        lines.append("| " + " | ".join([*row, *(f"{number:,}" for number in counted)]) + " |")
        faults += [f"{row[0]}, {row[1]}: {fault}" for fault in verdict.faults]
        print(lines[-1], flush=True)
    given.out.write_text(_page(lines, faults, time.monotonic() - began), encoding="utf-8")
    for fault in faults:
        print(fault)
    sys.exit(bool(faults))


def _measured(families: list[Family]) -> Iterator[tuple[tuple[str, str, str], Verdict]]:
    for called, name in _MODELS.items():
        tokenizer = _tokenizer(name)
        for family in families:
            for marks in (True, False):
                yield (family.name, called, "tokens" if marks else "text"), _verdict(
                    dressed(tokenizer, family, marks=marks), family, tools=True
                )
        yield ("its own", called, "tokens"), _verdict(Template(tokenizer, name), of_name(_OWN[called]), tools=False)


def _verdict(template: Template, family: Family, tools: bool) -> Verdict:
    """`tools`: whether conversations that offer tools are among them; a real template announces them in its own words,
    which the oracle does not know."""
    verdict = Verdict()
    for name, record in CONVERSATIONS.items():
        if tools or not conversation(record).tools:
            judge(template, family, name, record, verdict)
    return verdict


def _tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer

    path = models.pull(name)
    return AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name, local_files_only=True)


def _page(lines: list[str], faults: list[str], seconds: float) -> str:
    head = ["| " + " | ".join(_HEAD) + " |", "|---|---|---|" + "---:|" * (len(_HEAD) - 3)]
    said = (
        "Tokens whose label differs from what the family's format, written out by hand, says (`wrong`), over "
        f"{len(CONVERSATIONS)} conversations: several turns, system, tools, blanks, repetition, text that imitates the "
        "marks, English and Chinese.\n`refused`: conversations that the template does not take or would lose a part "
        "of, told with the reason. `torn`: tokens that reach over the end of an answer, which happens only where marks "
        "are plain text; they are not learned."
    )
    told = ["", "Faults:", "", *(f"- {fault}" for fault in faults)] if faults else []
    foot = f"`python -m benchmarks.masks`, {seconds:.0f} s. {described()}"
    return "\n".join(["# Masks", "", said, "", *head, *lines, *told, "", foot, ""])


if __name__ == "__main__":
    main()
