"""Who takes an exported folder as it is: `python -m benchmarks.loads` writes benchmarks/loads.md.

Each tool is installed into an environment of its own (below --envs, kept for the next time; the first time fetches
about 3 GB) and its own loader reads what `export` wrote: `datasets.load_dataset`; LLaMA-Factory's `get_dataset`, which
reads dataset_info.json, converts, and tokenises with one of its templates; TRL's SFTTrainer and DPOTrainer, which
prepare the data when they are made. Each compares what it loaded with what was written, value by value.

The data are seedbed's general records in both languages with dialogues, calls of tools, preference pairs, texts,
repeats and rows that LLaMA-Factory passes over; where ../shared/data lies beside the checkout, its calls of tools and
its pairs too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from curate.export.export import Options, export
from curate.shaping.split import Options as Split
from curate.shaping.split import split
from seedbed.context import Context
from seedbed.formats import read_records
from seedbed.record import Message, Record, make

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SHARED = ROOT.parent / "shared" / "data"
FORMATS = ("alpaca", "sharegpt", "messages", "preference", "text", "record")

# What is installed, in order: requirements, and whether without what they depend on. LLaMA-Factory pins versions of
# what its page needs and its loader does not (gradio, torchaudio, torchdata …); these are the ones that its loader
# imports, at the newest versions that it allows.
_TOOLS: dict[str, list[tuple[list[str], bool]]] = {
    "datasets": [(["datasets==5.2.0"], False)],
    "llamafactory": [
        (["torch==2.13.0", "transformers==5.6.0", "datasets==4.0.0", "accelerate==1.11.0", "peft==0.18.1",
          "trl==0.24.0", "omegaconf", "pillow", "einops", "av==16.0.0"], False),
        (["llamafactory==0.9.5"], True),
    ],
    "trl": [(["torch==2.13.0", "trl==1.16.0", "transformers==5.23.0", "datasets==5.2.0", "peft==0.21.2"], False)],
}  # fmt: skip


def general() -> Iterator[Record]:
    for language in ("en", "zh"):
        yield from read_records(ROOT / "seeds" / f"general.{language}.jsonl")


def dialogues(records: list[Record]) -> Iterator[Record]:
    """Two conversations in one, under a system prompt."""
    for one, two in zip(records[::2], records[1::2], strict=False):
        system = "你是一名助手。" if one.language == "zh" else "You are an assistant."
        yield make(messages=(Message("system", system), *one.messages, *two.messages), language=one.language)


def tool_calls() -> Iterator[Record]:
    """Calls with fields of their own each: what columns of objects would mix up."""
    for language, asked, said in (("zh", "停一号泵。", "泵已停。"), ("en", "Stop pump 1.", "The pump has stopped.")):
        for name, arguments in (("stop", {"pump": "P1"}), ("set_pressure", {"bar": 2.5, "阀门": ["V1", "V2"]})):
            fields = {key: {"type": "string"} for key in arguments}
            tools = [{"type": "function", "function": {"name": name, "parameters": {"properties": fields}}}]
            call = {"type": "function", "function": {"name": name, "arguments": arguments}}
            turns = (Message("user", f"{asked} ({name})"), Message("assistant", "", {"tool_calls": [call]}),
                     Message("tool", '{"ok": true}'), Message("assistant", said))
            yield make(messages=turns, language=language, extra={"tools": tools})


def records(shared: Path) -> list[Record]:
    """All of it, split."""
    plain = list(general())
    wrong = {"en": "I could not say.", "zh": "这个不好说。"}
    talks = list(dialogues(plain[:60] + plain[-60:]))
    pairs = [
        msgspec.structs.replace(r, id=f"{n:016x}", rejected=Message("assistant", wrong.get(r.language, "?")))
        for n, r in enumerate([*plain[:40], *plain[-40:], *talks[:20]])
    ]
    texts = [make(text=r.answer, language=r.language) for r in plain[20:60] + plain[-60:-20]]
    again = [msgspec.structs.replace(r, labels={"repeat": "3"}) for r in plain[:10]]
    asked_twice = (Message("user", "在吗？"), Message("user", "泵停了。"), Message("assistant", "先看电源。"))
    twice = make(messages=asked_twice, language="zh")
    found = [*again, *plain[10:], *talks, *pairs, *texts, *tool_calls(), twice]
    for name in ("glaive_toolcall_zh_demo.json", "dpo_zh_demo.json"):
        if (shared / name).is_file():
            found += read_records(shared / name)
    with tempfile.TemporaryDirectory() as folder:
        return list(split(found, Split(), Context(Path(folder))))


def write(found: list[Record], folder: Path) -> dict[str, Any]:
    """The exports that are loaded: JSON lines of every format, and the other containers. Returns the figures."""
    context = Context(folder / "jsonl")
    list(export(found, Options(formats=FORMATS, licence="Apache-2.0"), context))
    list(export(found, Options(formats=FORMATS[:5], container="json"), Context(folder / "json")))
    list(export(found, Options(formats=FORMATS[:5], container="parquet"), Context(folder / "parquet")))
    list(export(found, Options(formats=("alpaca",), container="csv"), Context(folder / "csv")))
    # Without dialogues and tools there are simpler forms: pairs of texts, messages that LLaMA-Factory is told of.
    plain = [record for record in found if len(record.messages) == 2]
    list(export(plain, Options(formats=("messages", "preference")), Context(folder / "plain")))
    return context.figures


def environment(tool: str, envs: Path) -> Path:
    """The Python of the tool's environment, made where it is not there."""
    folder = envs / tool
    python = folder / "bin" / "python"
    wanted = json.dumps(_TOOLS[tool])
    marker = folder / "installed"
    if not marker.is_file() or marker.read_text(encoding="utf-8") != wanted:
        print(f"installing {tool} into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        for requirements, alone in _TOOLS[tool]:
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, *(["--no-deps"] if alone else []), *requirements], check=True)
        marker.write_text(wanted, encoding="utf-8")
    return python


def ask(tool: str, python: Path, folder: Path) -> list[list[Any]]:
    """What the tool says of the folder: its version and what it does, then `what, rows written, rows loaded, word`."""
    offline = {
        "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(folder / "cache"), "CUDA_VISIBLE_DEVICES": "",
        "TRANSFORMERS_VERBOSITY": "error", "TQDM_DISABLE": "1",
        "DISABLE_VERSION_CHECK": "1",  # LLaMA-Factory's, of what it depends on
    }
    command = [str(python), "-m", f"benchmarks.loads.with_{tool}", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | offline, text=True, capture_output=True)
    answers = [line.removeprefix("SAID ") for line in done.stdout.splitlines() if line.startswith("SAID ")]
    if done.returncode or not answers:
        raise SystemExit(f"{tool} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return [json.loads(answer) for answer in answers]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--envs", type=Path, default=Path(tempfile.gettempdir()) / "seedbed-loads", metavar="DIR")
    parser.add_argument("--tools", nargs="*", default=list(_TOOLS), choices=list(_TOOLS))
    parser.add_argument("--shared", type=Path, default=SHARED, metavar="DIR", help="where the demo data lie")
    parser.add_argument("--print", action="store_true", help="write nothing, only print")
    given = parser.parse_args()
    lines = [
        "# Who takes an exported folder as it is", "",
        f"`python -m benchmarks.loads`, {datetime.now(UTC):%Y-%m-%d}, {platform.system()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}. What is compared: {(HERE.parent / 'loads').name}/with_*.py.", "",
    ]
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        found = records(given.shared)
        figures = write(found, Path(scratch))
        lines += [f"{len(found)} records; LLaMA-Factory is expected to pass over {figures['passed_over']}.", ""]
        for tool in given.tools:
            (version, about), *rows = ask(tool, environment(tool, given.envs), Path(scratch))
            lines += [f"## {version}", "", about, "", "| what | rows written | rows loaded | |", "|---|---|---|---|"]
            lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
            lines.append("")
            failed += sum(row[1] != row[2] or not str(row[3]).startswith("equal") for row in rows)
    lines.append(f"{failed} differences." if failed else "No difference.")
    print("\n".join(lines))
    if not given.print:
        (HERE.parent / "loads.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
