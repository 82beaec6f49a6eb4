"""Data set files as rows, one at a time: JSON, JSONL, CSV, TSV and Parquet. A bad row is one bad row.

What a row means is the business of `seedbed.formats`.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from seedbed.errors import InputError, MissingExtra
from seedbed.jsonl import BadLine

Row = dict[str, Any]
# A row with its number (from 1: the line in JSONL and CSV, the row in JSON arrays and Parquet), or why there is none.
Numbered = tuple[int, Row] | BadLine

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
# Columns that hold lists or objects, which a CSV can only carry as JSON.
_NESTED = ("messages", "conversations", "history", "prompt", "chosen", "rejected")
_BATCH = 1024  # Parquet rows decoded at a time
# Levels of lists and objects in a row. Tool calls and their schemas have up to 20; Python gives up at about 1,000, and
# what it has just read it may not be able to write.
_DEEPEST = 100
_NO_TEXT = re.compile("[\udc80-\udcff]")
_FEW_LOST = 4  # of bytes that no UTF-8 holds there is one to so many characters beyond ASCII at most
# How an object in an array begins, and what stands between two, or behind the last.
_OPENING, _BETWEEN = re.compile(r'\{\s*"[^"\\]*"'), re.compile(r"[\s,\]]*")
_TOO_DEEP = f"nested in more than {_DEEPEST} levels"


def rows(path: Path) -> Iterator[Numbered]:
    """The rows of `path`, read as its suffix says. Raises InputError where the file as a whole cannot be read."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            f"not a data set file: {suffix or 'no suffix'}",
            where=str(path),
            next_step=f"Expected one of {', '.join(SUFFIXES)}",
        )
    try:
        if suffix in (".csv", ".tsv"):
            yield from _csv(path, "\t" if suffix == ".tsv" else ",")
        elif suffix == ".parquet":
            yield from _parquet(path)
        elif suffix == ".json" and (_first_byte(path) == b"[" or not _is_lines(path)):
            yield from _array(path)
        else:
            yield from _lines(path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", where=str(path)) from error


def _lines(path: Path) -> Iterator[Numbered]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            line = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
            if not line.strip():
                continue
            try:
                yield _numbered(number, _decoded(line))
            except ValueError as error:
                yield BadLine(number, f"not JSON: {error}", line[:200].decode("utf-8", "replace").strip())


def _decoded(data: bytes | str) -> Any:
    """The value that is written in JSON. Raises ValueError, also where it is nested too deeply to work with."""
    try:
        value = msgspec.json.decode(data)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    opened = data.count(b"[") + data.count(b"{") if isinstance(data, bytes) else data.count("[") + data.count("{")
    if opened > _DEEPEST and _depth(value) > _DEEPEST:
        raise ValueError(_TOO_DEEP)
    return value


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [part for part in level if isinstance(part, dict | list)]:
        depth += 1
        level = [inner for part in level for inner in (part.values() if isinstance(part, dict) else part)]
    return depth


def _array(path: Path) -> Iterator[Numbered]:
    data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    try:
        array = msgspec.json.decode(data)
    except (ValueError, RecursionError) as error:
        if data.lstrip().startswith(b"["):
            yield from _one_by_one(data.decode("utf-8", "surrogateescape"))
            return
        raise InputError(
            f"not valid JSON: {error}",
            where=str(path),
            next_step="Mend the file, or save it as JSONL, where one bad line costs one row",
        ) from error
    for number, row in enumerate(_rows_in(array), 1):
        yield BadLine(number, _TOO_DEEP, "") if _depth(row) > _DEEPEST else _numbered(number, row)


def _one_by_one(text: str) -> Iterator[Numbered]:
    """The items of an array that as a whole is not valid JSON.

    Python's lenient decoder tells where an item ends that holds NaN, a lone surrogate or bytes that are no text. One
    that breaks off ends where the next begins as the first did, with the same key: `}, {` stands inside of rows too.
    """
    lenient = json.JSONDecoder(strict=False)
    opening = _OPENING.search(text)
    following = re.compile(r"[}\]\s,]*(?=" + re.escape(opening.group()) + ")") if opening else None
    place = text.index("[") + 1
    for number in itertools.count(1):
        place = _BETWEEN.match(text, place).end()  # type: ignore[union-attr]  # matches nothing too
        if place == len(text):
            return
        try:
            end = lenient.raw_decode(text, place)[1]
        except (ValueError, RecursionError):
            found = following.search(text, place + 1) if following else None
            end = found.end() if found else len(text)
        try:
            yield _numbered(number, _decoded(text[place:end].encode("utf-8", "surrogateescape")))
        except ValueError as error:
            yield BadLine(number, f"not JSON: {error}", _NO_TEXT.sub("\ufffd", text[place : place + 200]))
        place = end


def _rows_in(value: Any) -> list[Any]:
    """The rows of a file's one value: itself, its only list of objects (`{"version": 1, "data": […]}`), or it alone."""
    if not isinstance(value, dict):
        return value if isinstance(value, list) else [value]
    lists = [part for part in value.values() if isinstance(part, list) and part and isinstance(part[0], dict)]
    is_row = any(name in value for name in _NESTED)
    return lists[0] if len(lists) == 1 and not is_row else [value]


def _is_lines(path: Path) -> bool:
    """Whether a file holds a value a line, as JSON Lines under the name of JSON, and not one value over many lines."""
    with path.open("rb") as source:
        lines = (line.removeprefix(codecs.BOM_UTF8).strip() for line in source)
        first, second = itertools.islice(itertools.chain(filter(None, lines), (b"", b"")), 2)
    return not first or _is_object(second) or bool(_is_object(first) and second)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(_decoded(line), dict)
    except ValueError:
        return False


def _csv(path: Path, delimiter: str) -> Iterator[Numbered]:
    csv.field_size_limit(2**31 - 1)  # the default, 128 KiB, is less than one long document
    # Bytes that are no text come through as surrogates, and cost their row.
    with path.open(encoding=_encoding(path), errors="surrogateescape", newline="") as lines:
        source = _Again(lines)
        reader = csv.reader(source, delimiter=delimiter)
        header = [_NO_TEXT.sub("\ufffd", name) for name in next(reader, [])]
        while True:
            start = source.begin()
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield BadLine(start, f"not CSV: {error}", "")
                continue
            if cells is None:
                return
            wrong = _NO_TEXT.search("\n".join(cells))
            if source.ended or (source.several and len(cells) != len(header)):
                # A quote that is not closed takes in the lines up to the next one. They are read again, each by itself.
                yield BadLine(start, "a quote is opened and not closed in its row", _shown(source.row[:1], delimiter))
                source.again()
            elif len(cells) == len(header) and wrong:
                byte = ord(wrong.group()) - 0xDC00
                yield BadLine(start, f"holds the byte 0x{byte:02x}, which is no text", _shown(cells, delimiter))
            elif len(cells) == len(header):
                yield start, {name: _cell(name, cell) for name, cell in zip(header, cells, strict=True)}
            elif cells:
                why = f"{len(cells)} fields where the header has {len(header)}"
                yield BadLine(start, why, _shown(cells, delimiter))


class _Again:
    """Lines of a file, of which those behind the first one of the present row can be read again."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines, self._waiting = iter(lines), deque[str]()
        self._number, self.row = 0, list[str]()
        self.ended = False  # in the middle of a row, where it is asked before the next row begins

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._waiting.popleft() if self._waiting else next(self._lines, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self._number += 1
        self.row.append(line)
        return line

    @property
    def several(self) -> bool:
        """Whether the present row has more than one line."""
        return len(self.row) > 1

    def begin(self) -> int:
        """A new row starts; the number of its first line, from 1."""
        self.row = []
        return self._number + 1

    def again(self) -> None:
        """The lines of the present row are still to come, but for its first."""
        self._waiting.extendleft(reversed(self.row[1:]))
        self._number -= len(self.row) - 1
        self.ended = False


def _cell(name: str, cell: str) -> Any:
    if name not in _NESTED or cell[:1] not in ("[", "{"):
        return cell
    try:
        value = _decoded(cell)
    except ValueError:
        return cell
    items = value if isinstance(value, list) else [value]
    return value if all(isinstance(item, dict | list) for item in items) else cell


def _shown(cells: list[str], delimiter: str) -> str:
    return _NO_TEXT.sub("\ufffd", delimiter.join(cells)[:200])


def _encoding(path: Path) -> str:
    """UTF-8, else GB 18030: what spreadsheets save as on a Chinese system.

    A few bad bytes do not make a file GB 18030, of which hardly a character is valid UTF-8.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    lost = beyond = 0
    with path.open("rb") as source:
        for block in itertools.chain(iter(lambda: source.read(1 << 20), b""), [b""]):
            text = decoder.decode(block, final=not block)
            lost += text.count("\ufffd")
            beyond += len(text) - len(text.encode("ascii", "ignore"))
    return "utf-8-sig" if lost * _FEW_LOST <= beyond else "gb18030"


def _parquet(path: Path) -> Iterator[Numbered]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtra("pyarrow", "parquet") from error
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            numbers = itertools.count(1)
            for batch in file.iter_batches(_BATCH):
                for number, row in ((next(numbers), row) for row in _decoded_rows(batch)):
                    if isinstance(row, UnicodeDecodeError):
                        yield BadLine(number, f"holds bytes that are no text: {row}", "")
                    else:
                        yield number, without_nulls(row)
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:  # the latter of a column's name
        raise InputError(f"not a readable Parquet file: {error}", where=str(path)) from error


def _decoded_rows(batch: Any) -> list[Row | UnicodeDecodeError]:
    try:
        rows: list[Row | UnicodeDecodeError] = batch.to_pylist()
    except UnicodeDecodeError as error:
        if batch.num_rows == 1:
            return [error]
        return [row for place in range(batch.num_rows) for row in _decoded_rows(batch.slice(place, 1))]
    return rows


def without_nulls(value: Any) -> Any:
    """Columns are the same for all rows, so a null says "this row has no such key"."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def _numbered(number: int, row: Any) -> Numbered:
    if isinstance(row, dict):
        return number, row
    return BadLine(number, f"expected an object with named fields, got {type(row).__name__}", str(row)[:200])


def _first_byte(path: Path) -> bytes:
    with path.open("rb") as source:
        return source.read(4096).removeprefix(codecs.BOM_UTF8).lstrip()[:1]
