"""What merging and converting cost: the loss of one training as adapter, merged, and as GGUF in llama.cpp.

    python -m benchmarks.train_after [--student NAME] [--method qlora] [--facts 24] [--epochs 3] [--types f16,q8_0,…]

Trains on invented facts in English and Chinese, asks for them in other words, and measures the mean loss of the answers
(nats a token). Goals: merged into the dequantised base within 1 % of the adapter, q8_0 within 2 % of the model it was
made from. One row rounds the merged weights to nf4 once more: why that is refused. Writes train_after.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.machine import described
from seedbed.context import Context, Silent
from seedbed.record import Record, chat
from train import libraries
from train.after import check, gguf_adapter, gguf_file, merge
from train.evaluation import answers
from train.rows.template import Template
from train.students import model, trained

_ASKED = {
    "en": (
        ("Which port does device {name} use?", "Device {name} uses port {port}."),
        ("Tell me the port of {name}.", "The port of {name} is {port}."),
    ),
    "zh": (
        ("设备 {name} 使用哪个端口？", "设备 {name} 使用 {port} 端口。"),
        ("请告诉我 {name} 的端口。", "{name} 的端口是 {port}。"),
    ),
}


_HEAD = (
    "| model | loss | from the adapter | from its model in transformers | the same in llama.cpp |",
    "|---|---|---|---|---|",
)
_GOALS = ((f"merged, {merge.DEQUANTISED}", "the adapter", 0.01), ("GGUF q8_0", "its model in transformers", 0.02))


@dataclass
class Table:
    """Rows of the result, each with its distance from the adapter."""

    adapter: float = 0.0
    rows: list[str] = field(default_factory=list)
    away: dict[str, float] = field(default_factory=dict)  # what the goals are held against

    def add(self, name: str, loss: float, found: check.Checked | None = None) -> None:
        """One more row; the first distances are told once the adapter's loss is known."""
        away = loss / self.adapter - 1 if self.adapter else None
        cells = [name, f"{loss:.4f}", "" if away is None else f"{away:+.2%}", "", ""]
        if found:
            cells[3] = f"{found.difference:+.2%}"
            cells[4] = (f"{found.texts_alike} of {found.texts} texts, {found.prompts_alike} of {found.prompts} "
                        f"prompts, {found.greedy_alike} of {found.greedy} greedy answers")
        self.away[name] = found.difference if found else away or 0.0
        self.rows.append(f"| {' | '.join(cells)} |")
        print(self.rows[-1], file=sys.stderr, flush=True)

    def goals(self) -> list[str]:
        """Each goal that was measured, and whether it is met."""
        return [
            f"Goal: {name} within {most:.0%} of {of}. {'Met' if abs(self.away[name]) <= most else 'NOT met'}: "
            f"{self.away[name]:+.2%}."
            for name, of, most in _GOALS if name in self.away
        ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.train_after", description=__doc__)
    parser.add_argument("--student", default="smollm2-135m-instruct")
    parser.add_argument("--method", default="qlora", choices=["qlora", "lora"])
    parser.add_argument("--facts", type=int, default=24)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--types", default="f16,q8_0,q5_1,q4_0")
    parser.add_argument("--compared", type=int, default=24, help="answers whose loss is measured in llama.cpp")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="train-after-") as folder, libraries.prepared(given.threads):
        table = _measure(Path(folder), given)
    written = "\n".join([
        "# After the training: what merging and converting cost", "",
        f"`python -m benchmarks.train_after --student {given.student} --method {given.method} --facts {given.facts} "
        f"--epochs {given.epochs}`: loss of the answers to other wordings, in nats a token. {described()}", "",
        *_HEAD, *table.rows, "", *table.goals(), "",
    ])
    given.out.write_text(written, encoding="utf-8")
    print(written)


def _measure(folder: Path, given: argparse.Namespace) -> Table:
    from train.stage import Options, train

    learned, asked = facts(given.facts, 0), facts(given.facts, 1)
    training = folder / "01-train"
    training.mkdir()
    options = Options(student=given.student, method=given.method, epochs=given.epochs, threads=given.threads,
                      learning_rate=1e-3)  # few facts: the usual rate would hardly move the model in a minute
    train(learned, options, Context(training, seed=1))
    adapter = trained.find(training)
    noted, table = trained.noted(adapter), Table()
    base = trained.base_of(noted, adapter, Silent())
    template = Template(model.load_tokenizer(base), given.student)
    _transformers(table, training, asked, template)
    merged = _merged(table, training, base, asked, template)
    compared = asked[: given.compared]
    for type_ in given.types.split(","):
        file = folder / f"{type_}.gguf"
        gguf_file.write(merged, file, type_, {}, Silent())
        _gguf(table, f"GGUF {type_}", file, model.load(merged, "lora", template.tokenizer).eval(), template, compared)
    lora = folder / "adapter.gguf"
    gguf_adapter.write(adapter, base, lora, {}, Silent())
    gguf_file.write(base, folder / "base.gguf", "f16", {}, Silent())
    ours = model.with_adapter(model.load(base, "lora", template.tokenizer), adapter)
    _gguf(table, "GGUF f16 of the original base, adapter GGUF", folder / "base.gguf", ours, template, compared, lora)
    return table


def _transformers(table: Table, training: Path, asked: Sequence[Record], template: Template) -> None:
    ready = trained.load(training, Silent())
    with ready.side("base") as base:
        table.add(f"base as it was trained on ({ready.noted.method})", loss(base, template, asked))
    table.adapter = loss(ready.tuned, template, asked)
    table.add("adapter", table.adapter)


def _merged(
    table: Table, training: Path, base: Path, asked: Sequence[Record], template: Template
) -> Path:
    adapter = trained.find(training)
    noted = trained.noted(adapter)
    made = {}
    for into in dict.fromkeys(merge.wanted(name, noted) for name in (merge.DEQUANTISED, merge.ORIGINAL)):
        made[into] = merge.target(training, into)
        merge.merge(adapter, noted, base, into, made[into], Silent())
        tuned = model.load(made[into], "lora", template.tokenizer).eval()
        table.add(f"merged, {into}", loss(tuned, template, asked))
        table.add(f"merged, {into}, computed in 32 bits", loss(check.precise(tuned), template, asked))
    first = next(iter(made.values()))
    again = model.load(first, "qlora", template.tokenizer).eval()
    table.add("merged, rounded to nf4 again (refused)", loss(again, template, asked))
    return first


def _gguf(
    table: Table, name: str, file: Path, ours: Any, template: Template, compared: Sequence[Record],
    lora: Path | None = None,
) -> None:
    """The file beside the model it was made from; as a row, the model's own distance and the file's from it."""
    found = check.check(file, check.precise(ours), template, compared, Silent(), lora)
    table.add(name, found.loss_gguf, found)


def facts(count: int, wording: int) -> list[Record]:
    """So many invented facts, the languages in turn, in one of two wordings."""
    made = []
    for number in range(count):
        language = "zh" if number % 2 else "en"
        question, answer = _ASKED[language][wording]
        filled = {"name": f"KX-{100 + 7 * number}", "port": 4000 + 37 * number}
        made.append(chat(question.format(**filled), answer.format(**filled), split="train", language=language))
    return made


def loss(model: Any, template: Template, records: Sequence[Record]) -> float:
    """Mean loss of the answers, each token counting once."""
    rows = [template.tokens(template.rows(record.turns())[-1]) for record in records]
    return sum(answers.row_losses(model, template.tokenizer, rows, lambda _: None)) / sum(row.learned for row in rows)


if __name__ == "__main__":
    main()
