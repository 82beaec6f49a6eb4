"""Remains of HTML in prose: taken out where they are remains, left wherever they may be meant.

What is taken away by mistake is lost; what is left can still be seen. So tags go from running text only: it has
sentences, a frame that pages put around prose (`p`, `br`, `div`, `span`), and no tags but those of prose. One form,
component, template, table or brace, and all of the text stays as it is. Not a parser: whole pages go through datagen's
readers.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

# Wherever they stand, these speak of markup, and then tags and entities are meant.
_MARKUP = re.compile(
    r"(?i)(?<![a-z])(?:x?html5?|xml|css|svg|[jt]sx|tags?|markup|markdown|javascript|typescript|dom|php|react|vue|angular|"
    r"svelte|android|github|gitlab|wikis?|latex|bbcode|web ?(?:pages?|sites?|forms?)|browsers?|line breaks?|entity|"
    r"entities|ampersands?|escap(?:e|ed|es|ing)|crawlers?)(?![a-z])"
    r"|标签|标记|网页|网站|页面|前端|爬虫|表单|组件|模板|浏览器|转义|实体|换行|加粗|粗体|斜体"
)
# And these where they stand in a question.
_CODE_ASKED = re.compile(
    r"(?i)(?<![a-z])(?:forms?|templates?|components?|elements?|snippets?|buttons?|layouts?|pages?|editors?|bold|italics?|"
    r"format(?:ted|ting)?|scrap(?:e|ing)|pars(?:e|er|ing)|cod(?:e|es|ing)|programs?|programming|scripts?|functions?|apis?|"
    r"json|yaml|sql|python|java|swift|kotlin|flutter|ios)(?![a-z])"
    r"|代码|编程|程序|脚本|函数|元素|按钮|布局|片段|格式|解析|编辑器|分段|空格"
)
# Code in a text itself, and tags and entities that are spoken of.
_CODE = re.compile(
    r"""
      [{}] | => | \w\(\) | <[%?] | </?(?-i:[A-Z][a-z]\w*)[\s/>]     # braces, calls, <?php, <Component>
    | [)\]"'];[ \t]*$ | ^[ \t]+</?[a-z]                            # ends and indentation of source
    | \b(?:write|use|using|insert|add|type|put|enter)\s+["“‘]?(?:<|&\#?\w+;)      # Write <br>, 输入 &amp;
    | [写用加入插添打](?:[上入加成]|一个)?\s*[“"‘「]?(?:</?[a-z]|&\#?\w+;)
    | ["'“‘「『（(](?:</?[a-z][^<>]*>|&\#?\w+;)["'”’」』）)]         # “<b>”
    """,
    re.X | re.M | re.I,
)
_SENTENCE = re.compile(r"[.!?…](?=[\"'”’)]*(?:\s|<|&|\Z))|[。！？；]")

_FRAME = frozenset("br p div span font center".split())
_OF_PROSE = _FRAME | frozenset(
    "a abbr b big blockquote em h1 h2 h3 h4 h5 h6 hr i img li ol q small strike strong sub sup u ul wbr".split()
)
_ALONE = {"br", "hr", "wbr"}
_LINE_AFTER = frozenset("blockquote br div h1 h2 h3 h4 h5 h6 hr li ol p ul".split())
_ATTRIBUTE = r"""\s+[A-Za-z_:][-\w:.]*(?:\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>=]+))?"""
_TAG = re.compile(rf"<(?P<close>/?)(?P<name>[A-Za-z][\w.:-]*)(?P<attributes>(?:{_ATTRIBUTE})*)\s*/?>")
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}[0-9]{0,2}|#\d{2,6}|#[xX][0-9A-Fa-f]{2,5});")
_RAISED = re.compile(r"<(sup|sub)>([^<>]{1,12})</\1>", re.I)
_SIGNS = {"sup": ("0123456789+-n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "^"), "sub": ("0123456789+-", "₀₁₂₃₄₅₆₇₈₉₊₋", "_")}


def asked_for(texts: Iterable[str], questions: Iterable[str]) -> bool:
    """Whether a record with these texts is about markup, or with these questions about code."""
    return any(map(_MARKUP.search, texts)) or any(map(_CODE_ASKED.search, questions))


def is_source(prose: str) -> bool:
    """Whether a text is code or speaks of tags, so that nothing in it is a remain."""
    return bool(_CODE.search(prose)) or any(tag["name"].lower() not in _OF_PROSE for tag in _TAG.finditer(prose))


def removed(prose: str) -> str:
    """`prose` without remains of HTML; applied twice it gives the same."""
    if "<" not in prose and "&" not in prose:
        return prose
    stripped = _without_tags(_RAISED.sub(_raised, prose))
    unescaped = stripped
    while (once_more := _ENTITY.sub(lambda entity: html.unescape(entity.group()), unescaped)) != unescaped:
        unescaped = once_more
    # Escaped tags were meant to be seen: then all escapes stay as they are.
    return stripped if _TAG.search(unescaped) and not _TAG.search(stripped) else unescaped


def _without_tags(prose: str) -> str:
    tags = [(tag["close"], tag["name"].lower()) for tag in _TAG.finditer(prose)]
    if not (_FRAME.intersection(name for _, name in tags) or "<!--" in prose) or not _is_running(prose):
        return prose
    opened = {name for close, name in tags if not close}
    closed = {name for close, name in tags if close}

    def replace(tag: re.Match[str]) -> str:
        name = tag["name"].lower()
        partner = name in (opened if tag["close"] else closed)
        if not (partner or "=" in tag["attributes"] or name in _ALONE):
            return tag.group()
        if name == "li" and not tag["close"]:
            return "- "
        return "\n" if name in _LINE_AFTER and (tag["close"] or name in _ALONE) else ""

    return _TAG.sub(replace, _COMMENT.sub("", prose))


def _is_running(prose: str) -> bool:
    """Whether there are sentences, or nothing at all, beside the tags."""
    seen = _TAG.sub(" ", _COMMENT.sub(" ", prose))
    return bool(_SENTENCE.search(seen)) or not re.search(r"\w", seen)


def _raised(match: re.Match[str]) -> str:
    """10<sup>3</sup> must not become 103."""
    plain, raised, mark = _SIGNS[match[1].lower()]
    if set(match[2]) <= set(plain):
        return match[2].translate(str.maketrans(plain, raised))
    return f"{mark}{match[2]}" if len(match[2]) == 1 else f"{mark}({match[2]})"
