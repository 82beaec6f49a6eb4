"""The columns of exported files: what they are, alike in all rows, and how loaders are told of them.

`datasets` takes the columns of the first file for those of all, and LLaMA-Factory asks every row for each column it is
told of. So all rows of a format get the same columns, whatever split they are in.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from seedbed import jsonl

Row = dict[str, Any]
# A JSON type: the name of a scalar's, a list's items in a list, an object's fields in a dict; None: only nulls so far.
Type = str | list["Type | None"] | dict[str, "Type | None"] | None
_SCALARS = {bool: "bool", int: "int64", float: "float64", str: "string"}
_NUMBERS = ("int64", "float64")


class Columns:
    """The columns of one format, gathered row by row."""

    def __init__(self) -> None:
        self.rows = 0
        self.mixed = False
        self.types: dict[str, Type] = {}
        self._present: dict[str, int] = {}

    def look(self, row: Row) -> None:
        self.rows += 1
        for name, value in row.items():
            self._present[name] = self._present.get(name, 0) + 1
            try:
                self.types[name] = _merged(self.types.get(name), _type(value))
            except TypeError:
                self.mixed = True

    @property
    def even(self) -> bool:
        """Whether every row has every column."""
        return all(count == self.rows for count in self._present.values())

    def filled(self, row: Row) -> Row:
        """The row with all columns: text that it lacks is empty, everything else null, and so are tools: whoever reads
        them reads JSON, which an empty text is not."""
        empty = {name: "" if kind == "string" and name != "tools" else None for name, kind in self.types.items()}
        return {name: row.get(name, empty[name]) for name in self.types}

    def features(self) -> list[dict[str, Any]] | None:
        """As `datasets` wants them in a README's head; None where rows disagree on a type and it must find its way."""
        return None if self.mixed else _fields(self.types)


def even_out(paths: Iterable[Path], columns: Columns) -> None:
    """Rewrites the files so that every row has every column; does nothing where all have them."""
    if columns.even:
        return
    for path in paths:
        jsonl.write(path, (columns.filled(row) for row in jsonl.read_as(dict[str, Any], path)))


def head(configs: dict[str, tuple[dict[str, str], Columns]], **more: Any) -> str:
    """The YAML head of a README that tells `datasets` which file is which split: name -> (split -> path, columns)."""
    listed, infos = [], []
    for number, (name, (files, columns)) in enumerate(configs.items()):
        listed.append({"config_name": name, **({} if number else {"default": True}),
                       "data_files": [{"split": split, "path": path} for split, path in files.items()]})
        if (features := columns.features()) is not None:
            infos.append({"config_name": name, "features": features})
    fields = more | ({"configs": listed} if listed else {}) | ({"dataset_info": infos} if infos else {})
    return f"---\n{yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)}---\n"


def _type(value: Any) -> Type:
    if isinstance(value, dict):
        return {name: _type(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        items: Type = None
        for item in value:
            items = _merged(items, _type(item))
        return [items]
    return _SCALARS.get(type(value))


def _merged(one: Type, other: Type) -> Type:
    """The type of both; TypeError where there is none."""
    if one is None or other is None or one == other:
        return other if one is None else one
    if isinstance(one, dict) and isinstance(other, dict):
        return {name: _merged(one.get(name), other.get(name)) for name in one | other}
    if isinstance(one, list) and isinstance(other, list):
        return [_merged(one[0], other[0])]
    if one in _NUMBERS and other in _NUMBERS:
        return "float64"
    raise TypeError


def _fields(types: dict[str, Type]) -> list[dict[str, Any]]:
    return [{"name": name, **_described(type_)} for name, type_ in types.items()]


def _described(type_: Type) -> dict[str, Any]:
    if isinstance(type_, dict):
        return {"struct": _fields(type_)}
    if isinstance(type_, list):
        inner = _described(type_[0])
        # A list of plain values or of objects has its own short form; only a list of lists is nested.
        return {"list": inner.get("dtype") or inner.get("struct") or inner}
    return {"dtype": type_ or "null"}
