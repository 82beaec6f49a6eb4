"""How much general data against forgetting: the ladder of `seedbed train --sweep`, on narrow examples made here.

    python -m benchmarks.ladder [--mix 0,0.05,0.1,0.3] [--seeds 3] [--examples 96] [--student NAME] [--key mix]

The narrow set: ports of invented devices, one answer form, half English and half Chinese; validation and test ask for
the same devices in other words. General data, for mixing and for measuring, is seedbed's own (seeds/general.*.jsonl).
bf16 LoRA, rank 16, learning rate 1e-3, 3 epochs. Writes benchmarks/ladder.md; the rungs stay under --out, so that it
goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Any

from benchmarks.machine import described
from seedbed import jsonl
from seedbed.cli import main as seedbed
from seedbed.record import Record, chat

_NAMES = ("Kestrel", "Lapwing", "Merlin", "Plover", "Siskin", "Bunting", "Dunlin", "Osprey")
_ASKED = {
    "en": ("Which port does the {} use?", "On what port can I reach the {}?", "The {} is silent. What is its port?"),
    "zh": ("{} 使用哪个端口？", "通过哪个端口可以访问 {}？", "{} 没有响应，它的端口是多少？"),
}
_SAID = {
    "en": "The {} listens on port {}; its admin page needs the service key.",
    "zh": "{} 监听 {} 端口，管理页面需要服务密钥。",
}


def narrow(examples: int, tests: int) -> list[Record]:
    """So many facts in one wording for training; of `tests` devices other wordings for the tests, half to validate."""
    ports = random.Random(0).sample(range(1024, 65536), examples)
    made = []
    for i, port in enumerate(ports):
        language, name = ("en", "zh")[i % 2], f"{_NAMES[i % len(_NAMES)]} {100 + i}"
        sides = ("train", "test_seen", "validation")
        wordings = 3 if i < tests // 2 else 2 if i < tests else 1
        for split, asked in list(zip(sides, _ASKED[language], strict=True))[:wordings]:
            said = _SAID[language].format(name, port)
            made.append(chat(asked.format(name), said, split=split, language=language))
    return made


def table(found: dict[str, Any]) -> list[str]:
    """The points of sweep.json as a table in Markdown."""
    lines = [f"| {found['key']} | general share | domain loss | 95 % | general loss | 95 % | general, relative |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for point in found["points"]:
        cells = [str(point["value"]), f"{point['share']:.1%}"]
        for name in ("domain", "general"):
            one = point[name]
            low, high = one["over_seeds"] or one["over_records"] or (one["change"], one["change"])
            cells += [f"{one['base']:.3f} → {one['tuned']:.3f}", f"{low:+.3f} … {high:+.3f}"]
        lines.append(f"| {' | '.join([*cells, format(point['general']['share'], '+.1%')])} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--key", default="mix", help="the option that is swept")
    parser.add_argument("--mix", default="0,0.05,0.1,0.3", help="its values")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--examples", type=int, default=96)
    parser.add_argument("--tests", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--student", default="smollm2-135m-instruct")
    parser.add_argument("--options", default="{}", help="more options of the training, as JSON")
    parser.add_argument("--out", type=Path, default=Path("runs/ladder"))
    parser.add_argument("--write", type=Path, default=Path("benchmarks/ladder.md"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    data, job = given.out / "narrow.jsonl", given.out / "job.yaml"
    jsonl.write(data, narrow(given.examples, given.tests))
    train = {"student": given.student, "method": "lora", "rank": 16, "learning_rate": 1e-3, "epochs": given.epochs}
    jsonl.write_text(job, json.dumps({"train": train | {"patience": 0} | json.loads(given.options)}))
    sweep = ["--sweep", f"{given.key}={given.mix}", "--seeds", str(given.seeds)]
    if code := seedbed(["train", str(data), "--config", str(job), "--out", str(given.out), *sweep]):
        raise SystemExit(code)
    found = json.loads((given.out / "sweep.json").read_text(encoding="utf-8"))
    over = f"{given.seeds} seeds" if given.seeds > 1 else "records"
    lines = [
        "# The ladder: general data against forgetting", "",
        f"`python -m benchmarks.ladder --key {given.key} --mix {given.mix} --seeds {given.seeds} --examples "
        f"{given.examples} --epochs {given.epochs}`. {described()} Student {given.student}; intervals over {over}.", "",
        *table(found), "", found["advice"]["why"], "",
    ]  # fmt: skip
    jsonl.write_text(given.write, "\n".join(lines))


if __name__ == "__main__":
    main()
