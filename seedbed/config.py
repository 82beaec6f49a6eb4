"""A job file: YAML in, typed options out.

Mistakes are told with file, line and key, and with the key that was probably meant. Which stages exist, and which
options each of them takes, is not known here: `convert` is handed the options class.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

import msgspec
import yaml

from seedbed.errors import JobError

T = TypeVar("T")
KeyPath = tuple[str | int, ...]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The most a run may buy, over all its resumptions; None for no limit. Money is in the currency of the prices."""

    calls: int | None = None
    tokens: int | None = None
    money: float | None = None

    def __post_init__(self) -> None:
        for name in ("calls", "tokens", "money"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name}: expected 0 or more, not {value}")


class JobFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The top level of a job file. Paths are relative to the file; CHANGING `out` starts a new run.

    `processes` is how many the stages that look at each record by itself may use; 0 for as many as there are cores. It
    changes no byte of the outcome.
    """

    name: str = ""
    seed: int = 0
    out: str = ""
    prompts: str = ""
    processes: int = 0
    documents: str | list[str] | dict[str, Any] = {}
    records: str | list[str] | dict[str, Any] = {}
    teacher: dict[str, Any] = {}
    limits: Limits = Limits()
    generate: list[str | dict[str, Any]] = []
    curate: list[str | dict[str, Any]] = []
    train: dict[str, Any] | None = None
    evaluate: dict[str, Any] | None = None
    report: dict[str, Any] = {}

    def __post_init__(self) -> None:
        if self.processes < 0:
            raise ValueError(f"processes: expected 0 (as many as there are cores) or more, not {self.processes}")


@dataclass(frozen=True)
class StageEntry:
    """One stage as the job names it: raw options, and where in the file they stand."""

    name: str
    options: dict[str, Any]
    group: str
    key: KeyPath


@dataclass(frozen=True)
class Job:
    """A job file read, with its stages in the order in which they run."""

    path: Path
    top: JobFile
    raw: dict[str, Any]
    lines: dict[KeyPath, int] = field(default_factory=dict)

    @property
    def base(self) -> Path:
        """The folder that relative paths in the job start from."""
        return self.path.parent

    @property
    def out(self) -> Path:
        """The run directory: `out`, or runs/<name> beside the job file."""
        return (self.base / (self.top.out or f"runs/{self.top.name or self.path.stem}")).resolve()

    def where(self, key: KeyPath) -> str:
        """`file:line: key` for an error; the line of the nearest enclosing key that has one."""
        name = ".".join(str(part) for part in key if not isinstance(part, int))
        for size in range(len(key), -1, -1):
            if key[:size] in self.lines:
                return f"{self.path}:{self.lines[key[:size]]}: {name}".rstrip(": ")
        return f"{self.path}: {name}".rstrip(": ")

    def stages(self) -> list[StageEntry]:
        """All stages that the job asks for: source, generators, curators, then train, evaluate and report."""
        entries = [self._source()] if self.top.documents or self.top.records else []
        for group in ("generate", "curate"):
            entries += [self._listed(group, i, item) for i, item in enumerate(getattr(self.top, group))]
        for name in ("train", "evaluate"):
            if (options := getattr(self.top, name)) is not None:
                entries.append(StageEntry(name, options, "task", (name,)))
        return [*entries, StageEntry("report", self.top.report, "task", ("report",))]

    def no_source(self) -> JobError:
        """What is wrong with a job that names nothing to read, or two things."""
        said = ", not both" if self.top.documents else "; it names none"
        return JobError(
            f"a job reads either `documents` or `records`{said}",
            where=self.where(("records",)) if self.top.documents else str(self.path),
            next_step="Name a folder of documents, or pass --documents DIR",
        )

    def _source(self) -> StageEntry:
        if self.top.documents and self.top.records:
            raise self.no_source()
        key, stage = ("documents", "ingest") if self.top.documents else ("records", "import")
        value: Any = getattr(self.top, key)
        value = {"paths": [value]} if isinstance(value, str) else {"paths": value} if isinstance(value, list) else value
        return StageEntry(stage, value, "source", (key,))

    def _listed(self, group: str, index: int, item: str | dict[str, Any]) -> StageEntry:
        key: KeyPath = (group, index)
        if isinstance(item, str):
            return StageEntry(item, {}, group, key)
        if len(item) != 1:
            raise JobError(
                f"each entry is one stage, this one has {len(item)} keys: {', '.join(map(str, item))}",
                where=self.where(key),
                next_step=f"Write `- {next(iter(item), 'stage')}: {{option: value}}`, options indented below the name",
            )
        name, options = next(iter(item.items()))
        if options is not None and not isinstance(options, dict):
            raise JobError(f"options are key: value pairs, not {options!r}", where=self.where((*key, name)))
        return StageEntry(str(name), options or {}, group, (*key, name))


def load(path: Path, overrides: dict[str, Any] | None = None) -> Job:
    """The job at `path`, with `overrides` (from the command line) put over its top-level keys.

    Raises JobError for a file that is missing, is not YAML, or has keys that nobody knows.
    """
    try:
        text = path.read_text(encoding="utf-8")
        node = yaml.compose(text, Loader=_Loader)
        raw = yaml.load(text, Loader=_Loader)
        lines: dict[KeyPath, int] = {}
        _mark(node, (), lines, path)
    except OSError as error:
        raise JobError(
            f"cannot be read: {error.strerror}",
            where=str(path),
            next_step="`seedbed init DIR` writes a job to start from",
        ) from error
    except UnicodeDecodeError as error:
        raise JobError("is not UTF-8 text", where=str(path), next_step="Save it as UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", "") or " ".join(str(error).split())
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise JobError(f"is not valid YAML: {problem}", where=where) from error
    except RecursionError as error:
        raise JobError("is not valid YAML: nested too deeply", where=str(path)) from error
    if not isinstance(raw, dict):
        raise JobError(
            "a job is a list of `key: value` lines",
            where=str(path),
            next_step="`seedbed init DIR` writes a job to start from",
        )
    # A bare `train:` asks for it with every option as it is by default, as a bare `- clean:` does.
    raw |= {name: {} for name in ("train", "evaluate") if name in raw and raw[name] is None}
    return build(path.resolve(), raw, lines, overrides)


def build(
    path: Path, raw: dict[str, Any], lines: dict[KeyPath, int] | None = None, overrides: dict[str, Any] | None = None
) -> Job:
    """A job from a mapping already in memory; `path` gives relative paths their start and errors their name."""
    raw = {key: value for key, value in raw.items() if value is not None} | (overrides or {})
    shell = Job(path, JobFile(), raw, lines or {})
    return Job(path, convert(raw, JobFile, shell, ()), raw, lines or {})


def convert(raw: Any, type_: type[T], job: Job, key: KeyPath) -> T:
    """`raw` as `type_`, or a JobError that names file, line and key and suggests the right one."""
    try:
        return msgspec.convert(raw, type_)
    except msgspec.ValidationError as error:
        raise _explain(error, type_, job, key) from error


def _explain(error: msgspec.ValidationError, type_: type, job: Job, key: KeyPath) -> JobError:
    text, _, place = str(error).partition(" - at `$")
    at = (*key, *_parts(place.rstrip("`")))
    named, _, why = text.partition(": ")  # a refusal of __post_init__ names its key
    if why and named in _fields(type_, len(at) - len(key), at[len(key) :]):
        return JobError(why, where=job.where((*at, named)))
    if unknown := re.search(r"unknown field `(.*)`", text):
        name = unknown.group(1)
        known = _fields(type_, len(at) - len(key), at[len(key) :])
        if lacks := getattr(type_, "LACKS", {}).get(name):  # an option of its neighbours that it cannot have
            return JobError(f"no `{name}` here: {lacks}", where=job.where((*at, name)), next_step="Leave it out")
        return JobError(f"unknown key `{name}`", where=job.where((*at, name)), next_step=suggest(name, known))
    return JobError(text[:1].lower() + text[1:], where=job.where(at))


def suggest(name: str, known: Iterable[str]) -> str:
    """`Did you mean …?` for the nearest of `known`, and the whole list."""
    known = sorted(known)
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return (f"Did you mean `{nearest[0]}`? " if nearest else "") + f"Known: {', '.join(known)}"


def _fields(type_: type, depth: int, path: KeyPath) -> list[str]:
    for part in path[:depth]:
        if isinstance(part, int):
            continue
        fields = {f.encode_name: f.type for f in msgspec.structs.fields(type_)}
        inner = _struct_in(fields.get(part))
        if inner is None:
            break
        type_ = inner
    return [f.encode_name for f in msgspec.structs.fields(type_)]


def _struct_in(type_: Any) -> type[msgspec.Struct] | None:
    """The struct that a key takes, be it one or a list of them."""
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        return type_
    return next((inner for part in get_args(type_) if (inner := _struct_in(part))), None)


def _parts(place: str) -> KeyPath:
    found = re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", place)
    return tuple(name or (int(index) if index.isdigit() else 0) for name, index in found)


class _Loader(yaml.SafeLoader):
    """The scalars of YAML 1.2, which are what people mean: `on` is a word, 1e-4 a number; PyYAML has it otherwise."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Keys are names, whatever they look like."""
        for name, _ in node.value:
            if isinstance(name, yaml.ScalarNode) and name.tag != "tag:yaml.org,2002:merge":
                name.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


for _tag, _form, _starts in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*)", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_form})$"), _starts)


def _mark(node: yaml.Node | None, key: KeyPath, lines: dict[KeyPath, int], path: Path) -> None:
    """Remembers the line (from 1) on which each key of the file stands. Raises JobError for one that stands twice."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            inner = (*key, str(name.value))
            if inner in lines:
                raise JobError(
                    f"`{name.value}` stands here for the second time; the first is in line {lines[inner]}",
                    where=f"{path}:{name.start_mark.line + 1}",
                    next_step="Join the two, or take one out",
                )
            lines[inner] = name.start_mark.line + 1
            _mark(value, inner, lines, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[(*key, index)] = value.start_mark.line + 1
            _mark(value, (*key, index), lines, path)
