"""A record's family, as far as its run knows it: what it was made from, and what was made of it.

Parents are named in a record's history, by whatever stage: generators name the passage or record that they worked on,
curators that changed a record the one before the change. Files are read line by line, once for each generation, and
only the family is held in memory; the lines of others are not even decoded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from seedbed.record import Record, Step
from seedbed.run import stage_folders

_SHOWN = 60  # characters of a text
_SIBLINGS = 12  # of one generation that are drawn; a task of Self-Instruct has 8 parents, which have 8 each
_GENERATIONS = 16  # upwards and downwards; four rounds of evolution and eight curators are 12


@dataclass
class _Member:
    """A record as the last stage that has it saw it."""

    record: Record
    step: Step | None  # the one that made it
    verdict: str

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def parents(self) -> tuple[str, ...]:
        return self.step.parents if self.step else ()

    def __str__(self) -> str:
        text = " ".join((self.record.instruction or self.record.text).split())
        text = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
        made, step = "passage" if self.record.text else "record", self.step
        if step:
            made = f"{step.stage} {step.operation}" + (f", {step.note}" if step.note else "")
        return f"{self.id} {made}: {text or '(no text)'} [{self.verdict}]"


def lineage(run: Path, record: Record) -> Iterator[str]:
    """The family as an indented tree, the oldest first, the record itself marked with `>`."""
    folders = stage_folders(run)
    me = _members(folders, {record.id})[record.id]
    above = _ancestors(folders, me)
    for depth, generation in enumerate(above):
        yield from _cut([f"{'  ' * depth}{line}" for line in generation], "  " * depth)
    yield from _tree(me, _descendants(folders, me), len(above), marked=True)


def _tree(member: _Member, children: dict[str, list[_Member]], depth: int, marked: bool = False) -> Iterator[str]:
    yield f"{'  ' * depth}{'> ' if marked else ''}{member}"
    below = children.pop(member.id, [])  # taken out: a family that is a ring would be drawn for ever
    for child in below[:_SIBLINGS]:
        yield from _tree(child, children, depth + 1)
    if len(below) > _SIBLINGS:
        yield f"{'  ' * (depth + 1)}… and {len(below) - _SIBLINGS} more"


def _ancestors(folders: list[Path], me: _Member) -> list[list[str]]:
    """Generations above, the oldest first. Written seeds and the records of other runs are only names here."""
    generations: list[list[str]] = []
    wanted, seen, older = list(me.parents), {me.id}, me.record.history[:-1]
    while wanted and len(generations) < _GENERATIONS:
        found = _members(folders, set(wanted))
        generations.append([str(found[id_]) if id_ in found else f"{id_} (not in this run)" for id_ in wanted])
        seen.update(wanted)
        above = dict.fromkeys(parent for id_ in wanted if id_ in found for parent in found[id_].parents)
        if not found and older:
            # A form that no file has: changed twice within one stage. The steps before tell where it came from.
            above = dict.fromkeys(next((step.parents for step in reversed(older) if step.parents), ()))
            older = ()
        wanted = [id_ for id_ in above if id_ not in seen]
    return generations[::-1]


def _descendants(folders: list[Path], me: _Member) -> dict[str, list[_Member]]:
    """Children by their parent's id, each child once, in the order of the files."""
    children: dict[str, list[_Member]] = {}
    seen, parents = {me.id}, {me.id}
    for _ in range(_GENERATIONS):
        found = _members(folders, parents, children=True)
        new = [member for id_, member in found.items() if id_ not in seen]
        for member in new:
            children.setdefault(next(id_ for id_ in member.parents if id_ in parents), []).append(member)
        parents = {member.id for member in new}
        seen |= parents
        if not parents:
            break
    return children


def _members(folders: list[Path], ids: set[str], *, children: bool = False) -> dict[str, _Member]:
    """The records with these ids, or those made from them; each as the last stage saw it."""
    if not ids:
        return {}
    mark = re.compile("|".join(re.escape(f'"{id_}"') for id_ in sorted(ids)).encode())
    decode = msgspec.json.Decoder(Record).decode
    found: dict[str, _Member] = {}
    for folder in folders:
        for name in ("kept", "rejected"):
            path = folder / f"{name}.jsonl"
            if not path.is_file():
                continue
            with path.open("rb") as lines:
                for line in lines:
                    if mark.search(line):
                        record = decode(line)
                        step = _maker(record)
                        if (step is not None and not ids.isdisjoint(step.parents)) if children else record.id in ids:
                            found[record.id] = _Member(record, step, _verdict(record, folder))
    return found


def _maker(record: Record) -> Step | None:
    """The step that gave the record its id: the last that names parents, or the first of all."""
    named = [step for step in record.history if step.parents]
    return named[-1] if named else next(iter(record.history), None)


def _verdict(record: Record, folder: Path) -> str:
    why = record.rejection
    return f"rejected by {folder.name[3:]}: {why.reason}" if why else "kept"


def _cut(lines: list[str], pad: str) -> list[str]:
    return lines if len(lines) <= _SIBLINGS else [*lines[:_SIBLINGS], f"{pad}… and {len(lines) - _SIBLINGS} more"]
