"""The part of Go's text/template that Modelfiles here are written in, so that a template is shown to be right by
rendering it and not by looking at it.

Understood: {{ range .Messages }}, {{ range $i, $m := .Messages }}, {{ if X }}, {{ else if X }}, {{ else }}, {{ end }},
values (.Role, $m.Content, $.System, "text"), eq, ne, le, and, not; {{- and -}} trim white space as in Go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_ACTION = re.compile(r"\{\{(-?)\s*(.*?)\s*(-?)\}\}", re.DOTALL)
_WORD = re.compile(r'"[^"]*"|[^\s()]+')


@dataclass
class Node:
    """A piece of text, a value, or a block with its branches: (condition, what it holds)."""

    kind: str
    said: str = ""
    branches: list[tuple[str, list[Node]]] = field(default_factory=list)


def render(template: str, messages: list[dict[str, str]]) -> str:
    """What Ollama would send: `.Messages` are all turns, `.System` the text of the system's."""
    system = "\n\n".join(turn["content"] for turn in messages if turn["role"] == "system")
    turns = [{"Role": turn["role"], "Content": turn["content"]} for turn in messages]
    top: dict[str, Any] = {"Messages": turns, "System": system}
    return "".join(_written(_parsed(_pieces(template)), top, {"$": top}))


def _pieces(template: str) -> Iterator[tuple[str, str]]:
    """(text or action, what it says), white space trimmed as the dashes ask."""
    place, trim = 0, False
    for found in _ACTION.finditer(template):
        text = template[place : found.start()]
        text = text.lstrip() if trim else text
        yield "text", text.rstrip() if found[1] else text
        yield "action", found[2]
        place, trim = found.end(), bool(found[3])
    yield "text", template[place:].lstrip() if trim else template[place:]


def _parsed(pieces: Iterator[tuple[str, str]]) -> list[Node]:
    """The nodes up to the `end` that belongs here."""
    root: list[Node] = []
    into = root
    stack: list[tuple[list[Node], Node]] = []
    for kind, said in pieces:
        word, _, rest = said.partition(" ")
        if kind == "text":
            into.append(Node("text", said))
        elif word in ("range", "if"):
            block = Node(word, branches=[(rest, [])])
            into.append(block)
            stack.append((into, block))
            into = block.branches[0][1]
        elif word == "else":
            stack[-1][1].branches.append((rest.removeprefix("if").strip(), []))
            into = stack[-1][1].branches[-1][1]
        elif word == "end":
            into, _ = stack.pop()
        else:
            into.append(Node("value", said))
    if stack:
        raise ValueError("a block is not ended")
    return root


def _written(nodes: list[Node], dot: Any, names: dict[str, Any]) -> Iterator[str]:
    for node in nodes:
        if node.kind == "text":
            yield node.said
        elif node.kind == "value":
            yield str(_value(node.said, dot, names))
        elif node.kind == "if":
            held = next((held for said, held in node.branches if not said or _value(said, dot, names)), [])
            yield from _written(held, dot, names)
        else:
            said, held = node.branches[0]
            variables, _, source = said.rpartition(":=")
            for number, item in enumerate(_value(source.strip(), dot, names)):
                named = [name.strip() for name in variables.split(",")] if variables else []
                yield from _written(held, item, names | dict(zip(named, (number, item), strict=False)))


def _value(said: str, dot: Any, names: dict[str, Any]) -> Any:
    """A value, or a function and its arguments; a part in brackets is a value of its own."""
    while inner := re.search(r"\(([^()]*)\)", said):
        key = f"$({len(names)})"
        names = names | {key: _value(inner[1], dot, names)}
        said = said[: inner.start()] + key.replace("(", "<").replace(")", ">") + said[inner.end() :]
    names = {name.replace("(", "<").replace(")", ">"): value for name, value in names.items()}
    word, *rest = _WORD.findall(said)
    given = [_one(one, dot, names) for one in rest]
    match word:
        case "eq":
            return given[0] == given[1]
        case "ne":
            return given[0] != given[1]
        case "le":
            return given[0] <= given[1]
        case "and":
            return next((one for one in given if not one), given[-1])
        case "not":
            return not given[0]
    return _one(word, dot, names)


def _one(said: str, dot: Any, names: dict[str, Any]) -> Any:
    if said.startswith('"'):
        return said[1:-1].replace("\\n", "\n")
    if said.isdigit():
        return int(said)
    name, _, key = said.partition(".")
    found = names[name] if name else dot
    return found[key] if key else found
