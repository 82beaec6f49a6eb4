"""Remains of HTML in prose: taken out where they are remains, left where they are meant.

A tag is a remain only when it is a known one and either has a partner, or attributes, or stands alone by nature (`br`).
So `<stdio.h>`, `<file name>`, `x < y` and `Map<K, V>` stay. Not a parser: whole pages go through datagen's readers.
"""

from __future__ import annotations

import html
import re

# A text that speaks of mark-up means its tags.
ABOUT = re.compile(
    r"(?i)(?<![a-z])(?:x?html5?|xml|css|svg|jsx|tags?|markup|javascript|dom)(?![a-z])|标签|标记|网页|前端|爬虫"
)

_KNOWN = frozenset(
    "a abbr article aside b big blockquote body br button caption center cite code dd del div dl dt em figcaption "
    "figure font footer form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label li link main mark "
    "meta nav ol p pre q s section small span strike strong sub sup table tbody td tfoot th thead title tr tt u ul "
    "video wbr".split()
)
_ALONE = {"br", "hr", "wbr"}
_LINE_AFTER = frozenset(
    "blockquote br caption dd div dl dt figure h1 h2 h3 h4 h5 h6 hr li ol p pre section table tr ul".split()
)
_ATTRIBUTE = r"""\s+[A-Za-z_:][-\w:.]*(?:\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=]+))?"""
_TAG = re.compile(rf"<(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9]*)(?P<attributes>(?:{_ATTRIBUTE})*)\s*/?>")
_DROPPED = re.compile(r"<!--.*?-->|<(script|style)\b[^<>]*>.*?</\1\s*>", re.S | re.I)
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}[0-9]{0,2}|#\d{2,6}|#[xX][0-9A-Fa-f]{2,5});")
_RAISED = re.compile(r"<(sup|sub)>([^<>]{1,12})</\1>", re.I)
_SIGNS = {"sup": ("0123456789+-n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "^"), "sub": ("0123456789+-", "₀₁₂₃₄₅₆₇₈₉₊₋", "_")}


def removed(prose: str) -> str:
    """`prose` without remains of HTML; applied twice it gives the same."""
    if "<" not in prose and "&" not in prose:
        return prose
    stripped = _without_tags(_RAISED.sub(_raised, _DROPPED.sub("", prose)))
    unescaped = stripped
    while (once_more := _ENTITY.sub(lambda entity: html.unescape(entity.group()), unescaped)) != unescaped:
        unescaped = once_more
    # Escaped tags were meant to be seen: then all escapes stay as they are.
    return unescaped if _without_tags(unescaped) == unescaped else stripped


def _without_tags(prose: str) -> str:
    tags = [(tag["close"], tag["name"].lower()) for tag in _TAG.finditer(prose)]
    opened = {name for close, name in tags if not close}
    closed = {name for close, name in tags if close}

    def replace(tag: re.Match[str]) -> str:
        name = tag["name"].lower()
        partner = name in (opened if tag["close"] else closed)
        if name not in _KNOWN or not (partner or "=" in tag["attributes"] or name in _ALONE):
            return tag.group()
        if name in ("td", "th") and tag["close"]:
            return " "
        if name == "li" and not tag["close"]:
            return "- "
        return "\n" if name in _LINE_AFTER and (tag["close"] or name in _ALONE) else ""

    return _TAG.sub(replace, prose)


def _raised(match: re.Match[str]) -> str:
    """10<sup>3</sup> must not become 103."""
    plain, raised, mark = _SIGNS[match[1].lower()]
    if set(match[2]) <= set(plain):
        return match[2].translate(str.maketrans(plain, raised))
    return f"{mark}{match[2]}" if len(match[2]) == 1 else f"{mark}({match[2]})"
