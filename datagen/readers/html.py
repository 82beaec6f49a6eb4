"""HTML pages: navigation dropped, the rest to Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from datagen.readers.clean import characters, fenced, unwrap
from datagen.readers.document import Document, Unreadable
from datagen.readers.encoding import decode
from seedbed.text import CJK

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_CHARSET = re.compile(rb"<meta[^>]+charset\s*=\s*[\"']?\s*([\w-]+)", re.I)
# Elements that are never text of the document.
_DROPPED = {
    *("script", "style", "noscript", "template", "nav", "footer", "header", "aside", "form", "button", "select"),
    *("iframe", "object", "svg", "canvas", "audio", "video", "dialog"),
}
_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
# Class names and ids by which documentation generators mark what is not text: DocBook, Sphinx, MkDocs, Docusaurus …
_FURNITURE = re.compile(
    r"(?:^|[\s_-])(?:nav(?:bar|header|footer|igation)?|breadcrumbs?|sidebar|side-bar|menu|toc|toctree(?:-wrapper)?|table-of-contents|"
    r"footer|skip-?link|headerlink|permalink|pagination|cookies?|banner|copyright|search-?box|related)(?:$|[\s_-])",
    re.I,
)
# An id names a place, and a section on menus may well be called "menu": only whole ids count.
_FURNITURE_ID = re.compile(
    r"nav|navbar|navigation|sidebar|toc|table-of-contents|breadcrumbs?|footer|cookie-?(?:banner|notice)", re.I
)
_ADMONITIONS = {"note", "warning", "tip", "caution", "important", "注意", "警告", "提示", "小心", "重要"}
_STEP_LINK = re.compile(
    r"(?:[«»<>←→]\s*)?(?:prev|previous|next|up|home|top|上一页|下一页|上一级|上一章|下一章|上一节|下一节|起始页|首页|返回)"
    r"(?:\s+(?:page|chapter|section))?(?:\s*[«»<>←→])?",
    re.I,
)
_DEEPEST = 500  # elements inside each other; real pages stay below 60
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]\n]|\[[^\[\]\n]*\]){0,1000})\]\((?!https?://)[^)\n]*\)")
_SELF_LINK = re.compile(r"\[(https?://[^\]\s]+)\]\(\1/?\)")
_CODE_SEAM = re.compile(r"(?<=[^`\s])``(?=[^`\s])")
_HEADING_LINK = re.compile(r"^(#{1,6} .*?)\[([^\]\n]*)\]\([^)\n]*\)", re.M)
_BREAK = re.compile(rf"(?<=[{CJK}\u3000-\u303f\uff00-\uffef])[ \t]*\n\s*(?=[{CJK}\u3000-\u303f\uff00-\uffef])")


def read(data: bytes) -> Document:
    """The text of a page with headings, lists, tables and code as Markdown; links within the site as their words.

    Raises Unreadable("broken" | "encoding" | "no_text" | "too_large").
    """
    import lxml.html

    declared = _CHARSET.search(data[:4096])
    source = characters(decode(data, declared.group(1).decode("ascii") if declared else ""))
    parser = lxml.html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        root = lxml.html.document_fromstring(source.encode(), parser=parser)
    except lxml.etree.ParserError as error:
        raise Unreadable("no_text", "it holds no element with text") from error
    _require_shallow(root)
    title = " ".join((root.findtext(".//title") or "").split())
    body = root.find("body")
    tree = body if body is not None else root
    _prune(tree)
    text = _to_markdown(tree)
    if not any(map(str.isalnum, text)):
        raise Unreadable(
            "no_text", "nothing is left once navigation and scripts are removed; is the page filled in by a script?"
        )
    return Document(kind="html", text=text, title=_own_title(text, title))


def _require_shallow(root: HtmlElement) -> None:
    """Raises Unreadable for nesting so deep that what walks the tree runs out of stack."""
    from lxml import etree

    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > _DEEPEST:
            raise Unreadable("too_large", f"its elements are nested more than {_DEEPEST} deep")


def _prune(tree: HtmlElement) -> None:
    """Removes what is not text of the document, and makes of admonition titles what they are: bold words."""
    heading_seen = False
    for element in list(tree.iter()):
        if not isinstance(element.tag, str) or element is tree:
            continue
        if element.tag == "header" and element.xpath(".//h1"):
            continue  # the header of an article holds its title
        if (
            element.tag in _DROPPED
            or _is_furniture(element)
            or _is_navigation(element, heading_seen)
            or _is_empty_link(element)
        ):
            element.drop_tree()
        elif element.tag in _HEADINGS:
            words = "".join(element.itertext()).strip().strip(":：").casefold()
            heading_seen = True
            if words in _ADMONITIONS:
                element.tag = "strong"
    for element in tree.xpath(".//*[not(self::pre) and not(ancestor::pre)]"):
        element.text, element.tail = _BREAK.sub("", element.text or ""), _BREAK.sub("", element.tail or "")


def _is_empty_link(element: HtmlElement) -> bool:
    """A link around a picture, of which nothing but its address would be left."""
    return element.tag == "a" and not "".join(element.itertext()).strip()


def _is_navigation(element: HtmlElement, heading_seen: bool) -> bool:
    """Whether a block holds little besides links, before the first heading or to the pages around this one."""
    if element.tag not in ("p", "ul", "ol", "dl", "div", "table"):
        return False
    links = [" ".join(link.itertext()).strip() for link in element.iter("a")]
    if not links:
        return False
    text = len("".join("".join(element.itertext()).split()))
    in_links = sum(len("".join(link.split())) for link in links)
    steps = any(_STEP_LINK.fullmatch(link) for link in links)
    mostly_links = (
        in_links > 0.25 * text if steps and text < 200 else in_links > 0.8 * text and text < 600 and not heading_seen
    )
    return mostly_links and not _has_heading(element)


def _has_heading(element: HtmlElement) -> bool:
    return any(child.tag in _HEADINGS for child in element.iter())


def _is_furniture(element: HtmlElement) -> bool:
    if (
        element.tag in ("body", "main", "article", "html", "code", "pre", "p", "td", "tr", "table")
        or element.get("role") == "main"
    ):
        return False
    if element.get("role") in ("navigation", "search", "banner", "contentinfo") or element.get("aria-hidden") == "true":
        return True
    return bool(_FURNITURE.search(element.get("class") or "") or _FURNITURE_ID.fullmatch(element.get("id") or ""))


def _to_markdown(tree: HtmlElement) -> str:
    import lxml.html
    from html_to_markdown import ConversionOptions, convert

    options = ConversionOptions(
        extract_metadata=False, autolinks=False, skip_images=True, compact_tables=True, bullets="-"
    )
    markdown = convert(lxml.html.tostring(tree, encoding="unicode"), options).content or ""
    markdown = "\n".join(line if in_code else _plain_links(line) for line, in_code in fenced(markdown.split("\n")))
    return unwrap(_HEADING_LINK.sub(r"\1\2", markdown))


def _plain_links(line: str) -> str:
    """Links within the site as their words, those to their own address as that; neighbouring pieces of code as one."""
    return _CODE_SEAM.sub("", _SELF_LINK.sub(r"\1", _LINK.sub(r"\1", line)))


def _own_title(text: str, page_title: str) -> str:
    """The page's title without the name of the site, which stands behind a bar or a dash."""
    first = re.search(r"^#{1,3} (.+)$", text, re.M)
    if first and first.group(1).strip() in page_title:
        return first.group(1).strip()
    return re.split(r"\s+[|–—·]\s+", page_title)[0]
