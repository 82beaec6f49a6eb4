"""One input of the fuzzer: the bytes of a data set file, read, curated and written as a run does.

`python -m tests.curate.fuzzing --seconds 600` is led by coverage where atheris is installed, and draws by lot elsewhere;
the slow test draws a few thousand inputs. Whatever is not an error of seedbed's own tree has fallen out.
"""

from __future__ import annotations

import argparse
import atexit
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from seedbed import jsonl
from seedbed.context import Context
from seedbed.errors import SeedbedError
from seedbed.formats import FORMATS, to_row
from seedbed.importing import Options, import_records
from seedbed.record import Record
from seedbed.stages import STAGES

SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".parquet")
CURATORS = ("clean", "rules", "exact", "rouge")
# What rows are made of, sound and broken, so that a random order of them comes near to being a data set.
PIECES = [piece.encode("utf-8", "surrogatepass") for piece in (
    "{", "}", "[", "]", ":", ",", "\n", "\r\n", "\r", '"', "'", " ", "\t", "\\", "\\u0000", "\\ud800", "\\n", "\ufeff", "\ud800",
    "null", "true", "NaN", "Infinity", "-0", "1e999", "12345678901234567890123", '""', "[]", "{}", "[[[[[[[[[[", "{\"a\":",
    '"instruction"', '"input"', '"output"', '"system"', '"history"', '"conversations"', '"from"', '"value"', '"human"', '"gpt"',
    '"messages"', '"role"', '"content"', '"user"', '"assistant"', '"tool_calls"', '"prompt"', '"chosen"', '"rejected"', '"text"',
    '"id"', '"0123456789abcdef"', '"source"', '"_shape"', '"tools"', "instruction,output\n", "text\n", "a,b\n", '"q","a"\n',
    '{"instruction":"q","output":"a"}\n', '{"text":"一段文字"}\n', '{"messages":[{"role":"user","content":"问"},', '[["q","a"]]',
    '{"role":"assistant","content":"答"}]}\n', '{"conversations":[{"from":"human","value":"q"},{"from":"gpt","value":"a"}]}\n',
    '{"prompt":"q","chosen":"a","rejected":"b"}\n', "泵", "，", "<p>", "```", "$", "锟斤拷", "\x00", "\x1b[0m", "é",
)] + [b"\xff\xfe", b"\xc3", b"\x80", b"\xe4\xb8", b"\xa1\xa1"]  # fmt: skip


def drawn(chance: random.Random) -> bytes:
    """A file out of the pieces, or a sound row with bytes changed."""
    data = bytearray(b"".join(chance.choices(PIECES, k=chance.randint(0, 40))))
    for _ in range(chance.choice([0, 0, 1, 4])):
        if data:
            data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


@cache
def table() -> bytes:
    """A sound Parquet file: bytes drawn by lot would never get past its marks and its footer."""
    import pyarrow
    import pyarrow.parquet

    turns = [[{"role": "user", "content": "问？"}, {"role": "assistant", "content": "答。"}], None, []]
    columns = {"messages": turns, "instruction": [None, "q", "问"], "output": [None, "a", "答"], "score": [1.5, None, 2]}
    out = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns), out, compression="none")
    return bytes(out.getvalue())


def damaged(sound: bytes, data: bytes) -> bytes:
    """The file with up to four bytes changed: of `data`, two tell where and one what."""
    changed = bytearray(sound)
    for high, low, value in zip(data[0:12:3], data[1:12:3], data[2:12:3], strict=False):
        changed[(high << 8 | low) % len(sound)] = value
    return bytes(changed)


def once(data: bytes, folder: Path) -> str:
    """Reads, curates and writes the file that `data` is: its first byte chooses the suffix, its second the format.
    Returns what refused it, or nothing. Raises what is no error of seedbed's tree."""
    suffix = SUFFIXES[data[0] % len(SUFFIXES)] if data else ".jsonl"
    known = (None, *FORMATS)
    path = folder / f"data{suffix}"
    path.write_bytes(damaged(table(), data[2:]) if suffix == ".parquet" else data[2:])
    options = Options(paths=(str(path),), format=known[data[1] % len(known)] if len(data) > 1 else None)
    try:
        records = list(import_records(iter(()), options, Context(folder)))
    except SeedbedError as error:
        return str(error)
    for record in records:
        _written(record, folder)
    kept: Iterator[Record] | list[Record] = [record for record in records if record.rejection is None]
    for name in CURATORS:
        stage, given = STAGES[name], list(kept)
        made = list(stage.function(iter(given), stage.options(), Context(folder)))
        if len(made) != len(given):
            raise AssertionError(f"{name} made {len(made)} records of {len(given)}")
        kept = [record for record in made if record.rejection is None]
    jsonl.write(folder / "kept.jsonl", kept)
    if list(jsonl.read(folder / "kept.jsonl")) != kept:
        raise AssertionError("what was written is not what is read")
    return ""


def _written(record: Record, folder: Path) -> None:
    """A row that came in a format goes out in it."""
    jsonl.write(folder / "row.jsonl", [record])
    named = record.labels.get("format", "")
    if record.rejection is None and named in FORMATS:
        jsonl.write(folder / "row.jsonl", [to_row(record, named)])


class Trial:
    """Tells each kind of fault once, by the place where it fell out, and goes on."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tried, self.seen = folder, 0, set[str]()

    def __call__(self, data: bytes) -> None:
        self.tried += 1
        try:
            once(data, self.folder)
        except Exception as error:  # noqa: BLE001  whatever it is has fallen out
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{place.filename}:{place.lineno} {type(error).__name__}"
            if where not in self.seen:
                self.seen.add(where)
                print(where, error, data, flush=True)  # noqa: T201


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    try:
        import atheris  # type: ignore[import-not-found]
    except ImportError:
        atheris = None
    with tempfile.TemporaryDirectory() as name:
        trial, chance = Trial(Path(name)), random.Random(time.time_ns())
        if atheris is None:
            began = time.monotonic()
            while time.monotonic() - began < given.seconds:
                trial(drawn(chance))
        else:
            atheris.instrument_all()
            (corpus := Path(name) / "corpus").mkdir()
            for number in range(500):
                (corpus / str(number)).write_bytes(drawn(chance))
            atexit.register(lambda: print(f"{trial.tried} inputs, {len(trial.seen)} kinds of fault", flush=True))  # noqa: T201
            atheris.Setup([sys.argv[0], f"-max_total_time={given.seconds}", "-max_len=4096", str(corpus)], trial)
            atheris.Fuzz()
        print(f"{trial.tried} inputs, {len(trial.seen)} kinds of fault")  # noqa: T201


if __name__ == "__main__":
    main()
