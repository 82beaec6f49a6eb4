"""EPUB books: the chapters of the spine in their order, each read as the page of HTML that it is."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from datagen.readers import html, package
from datagen.readers.document import Document, Unreadable

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")  # these lock fonts, not text
_PAGES = ("application/xhtml+xml", "text/html")


def read(data: bytes) -> Document:
    """The book's text; each chapter file of the spine is a page. Raises Unreadable("broken" | "password" | …)."""
    archive = package.opened(data)
    container = next((name for name in archive.namelist() if name.endswith(_CONTAINER)), _CONTAINER)
    root = container.removesuffix(_CONTAINER)  # empty, but for books that were packed with the folder around them
    _refuse_locked(package.part(archive, root + _ENCRYPTION))
    folder, book = _package(archive, root)
    title = " ".join("".join(book.xpath("string(//*[local-name()='metadata']/*[local-name()='title'])")).split())
    text, starts, unread = "", [], 0
    for name in _spine(folder, book):
        starts.append(len(text))
        try:
            chapter = html.read(_chapter(package.part(archive, name))).text.strip("\n")
        except Unreadable as problem:
            unread += problem.reason != "no_text"  # covers and plates hold none
            continue
        text += f"{chapter}\n\n"
    if not text:
        raise Unreadable("no_text", "no chapter holds text; is it a book of pictures?")
    notes = {"chapters_unread": str(unread)} if unread else {}
    return Document(kind="epub", text=text.rstrip("\n") + "\n", title=title, page_starts=tuple(starts), notes=notes)


def _refuse_locked(source: bytes) -> None:
    if source and any(
        method not in _FONTS for method in _tree(source).xpath("//*[local-name()='EncryptionMethod']/@Algorithm")
    ):
        raise Unreadable("password", "it is locked (DRM); get an edition without a lock")


def _package(archive: zipfile.ZipFile, root: str) -> tuple[str, Any]:
    """The folder that the book's file names start from, and its package file."""
    paths = _tree(package.part(archive, root + _CONTAINER)).xpath("//*[local-name()='rootfile']/@full-path")
    source = package.part(archive, root + str(paths[0])) if paths else b""
    if not source:
        raise Unreadable("broken", "it does not name its contents (no package file); fetch or export it again")
    return posixpath.dirname(root + str(paths[0])), _tree(source)


def _spine(folder: str, book: Any) -> Iterator[str]:
    """Names of the chapter files in reading order, without the table of contents."""
    items = {item.get("id"): item for item in book.xpath("//*[local-name()='manifest']/*[local-name()='item']")}
    for reference in book.xpath("//*[local-name()='spine']/*[local-name()='itemref']/@idref"):
        item = items.get(reference)
        if item is None or item.get("media-type") not in _PAGES or "nav" in (item.get("properties") or "").split():
            continue
        yield posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))


def _chapter(source: bytes) -> bytes:
    """A chapter as a page: footnotes stand in `aside`, which on a web page is what stands beside the text."""
    return source.replace(b"<aside", b"<div").replace(b"</aside>", b"</div>")


def _tree(source: bytes) -> Any:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True)
    try:
        root = etree.fromstring(source, parser)
    except etree.XMLSyntaxError as error:
        raise package.broken(error) from error
    if root is None:
        raise Unreadable("broken", "its list of contents is no XML; fetch or export it again")
    return root
