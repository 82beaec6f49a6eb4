"""The usual pass of curation over a made data set: time and memory, as the set grows and beside data-juicer.

    python -m benchmarks.curate                                  # 100,000 and 1,000,000 records; writes curate.md
    python -m benchmarks.curate --sizes 20000                    # a look
    python -m benchmarks.curate --juicer ENV/bin/python          # data-juicer too, on the smallest size
    python -m benchmarks.curate --clean                          # what `clean` changes in sound data; writes clean.md

The pass is `seedbed curate` with `clean`, `rules`, `language`, `exact`, `rouge` and `minhash` (those that this version
has), reading JSONL and writing every stage's kept and rejected lines. Records come from benchmarks/made_records.py.
Memory is the resident memory of the process and of all that it starts, added up, looked at five times a second.

data-juicer gets what it has of the same: its Unicode, HTML and white space mappers, its filters of length, special
characters and repetition, exact and MinHash duplicates (characters, runs of 5, Jaccard 0.7), on question and answer as
one text, in as many processes as there are cores. It has nothing like ROUGE-L. Its environment: `pip install
py-data-juicer aiohttp ftfy selectolax scipy`, the last four because it would install them while it runs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path

import msgspec
import yaml

from benchmarks.made_records import write
from curate.cleaning.clean import Options, clean
from seedbed.context import Context
from seedbed.errors import InputError
from seedbed.formats import read_records
from seedbed.record import Record
from seedbed.resources import resource
from seedbed.run import manifest, stage_folders
from seedbed.spread import processes
from seedbed.stages import STAGES

PASS = [name for name in ("clean", "rules", "language", "exact", "rouge", "minhash") if name in STAGES]
SIZES = (100_000, 1_000_000)
MOST_TIMES, MOST_GB = 11, 3.0
HERE = Path(__file__).parent
DATA = HERE.parent.parent / "shared" / "data"  # real data sets, where they are present
_TICK = 0.2

_RECIPE = """
project_name: pass
dataset_path: {data}
export_path: {out}
np: {np}
open_tracer: false
use_cache: false
process:
  - fix_unicode_mapper:
  - clean_html_mapper:
  - whitespace_normalization_mapper:
  - text_length_filter: {{min_len: 2, max_len: 20000}}
  - special_characters_filter: {{min_ratio: 0.0, max_ratio: 0.4}}
  - character_repetition_filter: {{rep_len: 10, min_ratio: 0.0, max_ratio: 0.5}}
  - document_deduplicator: {{lowercase: true}}
  - document_minhash_deduplicator:
      tokenization: character
      window_size: 5
      num_permutations: 128
      jaccard_threshold: 0.7
"""


class Measured(msgspec.Struct, frozen=True):
    """One pass: records in and out, seconds by the clock, gigabytes at the peak, seconds a stage."""

    records: int
    kept: int
    seconds: float
    peak: float
    stages: dict[str, float]


def watched(command: Sequence[str], folder: Path) -> tuple[float, float]:
    """Seconds and peak gigabytes of a command and all that it starts. Raises InputError when it fails."""
    began, peak = time.monotonic(), 0
    with (folder / "said.txt").open("w+") as said:
        child = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, cwd=folder, env=_environment())
        while child.poll() is None:
            peak = max(peak, sum(map(_resident, _family(child.pid))))
            time.sleep(_TICK)
        seconds = time.monotonic() - began
        said.seek(0)
        if child.returncode:
            raise InputError(f"ended with {child.returncode}: {said.read()[-800:]}", where=command[0])
    return seconds, peak / 1e9


def _environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parent)}


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                yield from _family(int(child))
    except OSError:  # it has just ended
        return


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def ours(size: int, folder: Path) -> Measured:
    """The pass over `size` records."""
    data = write(folder / "data.jsonl", size)
    (folder / "curate.yaml").write_text(yaml.safe_dump({"records": "data.jsonl", "curate": PASS, "out": "run"}))
    command = [sys.executable, "-m", "seedbed.cli", "run", "curate.yaml", "--stop-after", PASS[-1]]
    seconds, peak = watched(command, folder)
    done = [found for path in stage_folders(folder / "run") if (found := manifest(path))]
    data.unlink()
    return Measured(size, done[-1].kept, seconds, peak, {stage.stage: stage.seconds for stage in done})


def juicer(python: Path, size: int, folder: Path) -> Measured:
    """data-juicer's pass over the same records, run by the interpreter of its own environment."""
    data = write(folder / "data.jsonl", size)
    texts = folder / "texts.jsonl"
    with data.open(encoding="utf-8") as rows, texts.open("w", encoding="utf-8") as out:
        for row in map(json.loads, rows):
            out.write(json.dumps({"text": f"{row['instruction']}\n\n{row['output']}"}, ensure_ascii=False) + "\n")
    out_path = folder / "out" / "kept.jsonl"
    recipe = folder / "recipe.yaml"
    recipe.write_text(_RECIPE.format(data=texts, out=out_path, np=processes()), encoding="utf-8")
    seconds, peak = watched([str(python.parent / "dj-process"), "--config", str(recipe)], folder)
    with out_path.open("rb") as lines:
        kept = sum(1 for _ in lines)
    return Measured(size, kept, seconds, peak, {})


def _lines(found: list[Measured], theirs: Measured | None) -> Iterator[str]:
    yield from ("# A pass of curation, measured", "")
    yield f"`python -m benchmarks.curate`: {', '.join(PASS)} over made records of about 600 characters, half of them"
    machine = f"{processes()} cores, {platform.machine()}, Python {platform.python_version()}"
    yield f"Chinese, a fifth near copies. {machine}."
    yield from ("", "| records | kept | time | records/s | peak memory |", "|---|---|---|---|---|")
    for m in found:
        yield f"| {m.records:,} | {m.kept:,} | {m.seconds:,.0f} s | {m.records / m.seconds:,.0f} | {m.peak:.2f} GB |"
    names = found[0].stages
    yield from ("", "Seconds by stage:", "", f"| records | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|")
    for m in found:
        yield f"| {m.records:,} | {' | '.join(f'{seconds:,.1f}' for seconds in m.stages.values())} |"
    if len(found) > 1:
        small, large = found[0], found[-1]
        times = large.seconds / small.seconds
        met = times <= MOST_TIMES * large.records / small.records / 10 and large.peak < MOST_GB
        yield ""
        yield f"{large.records / small.records:g} times the records: {times:.1f} times the time, {large.peak:.2f} GB."
        yield f"Goal for ten times: at most {MOST_TIMES} times, under {MOST_GB:g} GB. {'Met' if met else 'NOT met'}."
    if theirs:
        same = next(m for m in found if m.records == theirs.records)
        yield ""
        took = f"{theirs.seconds:,.0f} s, {theirs.peak:.2f} GB, {theirs.kept:,} kept"
        yield f"data-juicer on {theirs.records:,}: {took}. That is"
        yield f"{theirs.seconds / same.seconds:.2f} times the time of the pass above, without ROUGE-L."


def clean_report(count: int = 500) -> Iterator[str]:
    """What `clean` does to sound records and to public data: each change but those that nobody sees."""
    yield from ("# What `clean` changes in sound data", "", "`python -m benchmarks.curate --clean`. Texts changed, and "
                "those so that one sees it: not only blanks at the ends of lines. "
                f"At most {count} records of a file.")
    sound = sorted(resource("seeds").glob("general.*.jsonl")) + sorted(resource("seeds").glob("tasks.*.jsonl"))
    public = sorted(DATA.glob("*.json*"))
    altered = {path: _changed_by_clean(path, count) for path in sound + public}
    for title, paths in (("Records that people have read", sound), ("Public data as they are", public)):
        yield from ("", f"## {title}", "", "| file | records | texts changed | seen |", "|---|---|---|---|")
        for path in paths:
            records, changed = altered[path]
            seen = sum(_visible(old) != _visible(new) for old, new in changed)
            yield f"| {path.name} | {records} | {len(changed)} | {seen} |"
        if paths is sound:
            records, changes = sum(altered[path][0] for path in sound), sum(len(altered[path][1]) for path in sound)
            yield from ("", f"Goal: nothing is changed in 500 clean records. {changes} texts of {records:,} records: "
                        f"{'Met' if records >= 500 and not changes else 'NOT met'}.")
    yield from ("", "What one sees, the signs that changed:", "", "```text")
    for path in public:
        for old, new in altered[path][1]:
            if _visible(old) != _visible(new):
                yield f"{path.name}: {_signs(old, new)}"
    yield from ("```", "")


def _signs(old: str, new: str) -> str:
    """What became of which signs."""
    steps = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return ", ".join(dict.fromkeys(f"{old[a:b]!r} -> {new[c:d]!r}" for kind, a, b, c, d in steps if kind != "equal"))


def _changed_by_clean(path: Path, count: int) -> tuple[int, list[tuple[str, str]]]:
    """How many records were looked at, and the texts before and after that differ."""
    records = list(read_records(path, bad=[]))[:count]
    after = clean(records, Options(), Context(Path()))
    return len(records), [pair for new, old in zip(after, records, strict=True) for pair in _differing(old, new)]


def _differing(old: Record, new: Record) -> list[tuple[str, str]]:
    before, after = ([*(m.content for m in r.messages), r.input, r.text] for r in (old, new))
    return [(a, b) for a, b in zip(before, after, strict=True) if a != b]


def _visible(text: str) -> str:
    """The text without blanks at the ends of its lines and invisible characters."""
    lines = text.replace("\r", "\n").replace("\u200b", "").replace("\xa0", " ").strip().split("\n")
    return "\n".join(line.rstrip() for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="comma separated (default: %(default)s)")
    parser.add_argument("--juicer", type=Path, metavar="PYTHON", help="interpreter of an environment with data-juicer")
    parser.add_argument("--clean", action="store_true", help="only what `clean` changes in real data")
    parser.add_argument("--write", action="store_true", help="write curate.md, whatever the sizes are")
    given = parser.parse_args()
    if given.clean:
        text = "\n".join(clean_report())
        (HERE / "clean.md").write_text(text, encoding="utf-8")
        print(text)  # noqa: T201
        return
    sizes = [int(size) for size in given.sizes.split(",")]
    found = []
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            found.append(ours(size, Path(folder)))
    theirs = None
    if given.juicer:
        with tempfile.TemporaryDirectory() as folder:
            theirs = juicer(given.juicer, sizes[0], Path(folder))
    report = "\n".join(_lines(found, theirs)) + "\n"
    if given.write or tuple(sizes) == SIZES:
        (HERE / "curate.md").write_text(report, encoding="utf-8")
    print(report)  # noqa: T201  a benchmark's output is what it is for


if __name__ == "__main__":
    main()
