"""Commands and settings that stand in a block of their own, under the sentence that says what they are for.

    You can print a manual page nicely with the following command.

    ```
    $ man -Tps some_manpage | lpr
    ```

In manuals these two together are the commonest "how to", and neither says anything alone.
"""

from __future__ import annotations

import re
from typing import NamedTuple

Span = tuple[int, int]

_BLOCK = re.compile(r"^```[^\n]*\n(?P<code>[^`]+?)\n```[ \t]*$", re.M)
_PROMPT = re.compile(r"^(?:[\w.@:~-]+ ?)?[$#>%] +")  # of a shell
_MOST_LINES, _LONGEST = 3, 200  # more is a file, or a program
# What says that the block under it does what it speaks of.
_LEADS = re.compile(
    r"\bfollow(?:ing|s)\b|\bbelow\b|\bcommands?\b|\b(?:run|type|enter|execute|add|put|set|use)\b"
    r"|如下|以下|下面|下列|命令|运行|执行|输入|加上|这样|使用|设置",
    re.I,
)
# What says that something can be done; how, says the block, where it is what somebody types at a shell's prompt.
_CAN = re.compile(
    r"\b(?:you|we) (?:\w+ )?(?:can|may|could|should|need to|must)\b|\b(?:can|may|could|should|must) (?:\w+ )?be\b"
    r"|可以|能够|能(?![力量])|可(?:通过|用|使用)|应该|应当|需要",
    re.I,
)
# Above a block this points at the block, and at no other place.
SHOWN = re.compile(r"如下(?:文)?所[述示]的?|\bas (?:described|explained|shown|mentioned|listed) below\b", re.I)
_EMPTY = {"en": 24, "zh": 10}  # characters; a shorter lead ("For example:") says nothing


class Block(NamedTuple):
    """A block of code in a text: its fences included, and what stands between them."""

    whole: Span
    code: Span


def blocks(text: str) -> list[Block]:
    """The short blocks of a text, in order."""
    found = (Block(match.span(), match.span("code")) for match in _BLOCK.finditer(text))
    return [block for block in found if 0 < len(lines(text[slice(*block.code)])) <= _MOST_LINES]


def lines(code: str) -> list[str]:
    """What somebody would type: where a shell prompts, the lines behind its prompts; none at all where the block is too
    long."""
    filled = [line.strip() for line in code.splitlines() if line.strip()]
    typed = [_PROMPT.sub("", line) for line in filled if _PROMPT.match(line)] or filled
    return typed if len(code) <= _LONGEST else []


def prompted(code: str) -> bool:
    """Whether the block begins at a shell's prompt."""
    return bool(_PROMPT.match(code.lstrip()))


def leads(sentence: str, language: str, shell: bool = False) -> bool:
    """Whether a sentence says what the block under it is for: it speaks of what follows, or says, above a block of a
    `shell`, that something can be done. The lines of a table that a PDF file has lost do not end like one."""
    whole = len(sentence) >= _EMPTY[language] and sentence.endswith((".", "。", ":", "："))
    leading = _LEADS.search(sentence) or sentence.endswith((":", "：")) or (shell and _CAN.search(sentence))
    return whole and bool(leading)
