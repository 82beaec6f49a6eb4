"""Small office documents, made by the libraries that read them and mended by hand where these cannot write a thing."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any


def saved(document: Any) -> bytes:
    """The bytes of anything that has `save`."""
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def edited(data: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """A package with the text of one part changed; a part that is not there is made from nothing."""
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    parts[part] = change(parts.get(part, b"").decode()).encode()
    return zipped(parts)


def zipped(parts: dict[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in parts.items():
            target.writestr(name, content)
    return out.getvalue()


def body(data: bytes, xml: str) -> bytes:
    """A Word file with `xml` put at the end of its body."""
    return edited(data, "word/document.xml", lambda text: re.sub(r"(<w:sectPr.*</w:body>)", lambda m: xml + m[1], text, flags=re.S))


def with_footnote(data: bytes, words: str) -> bytes:
    """A Word file with a part of footnotes, of which number 2 says `words`."""
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    notes = (f'<w:footnotes {space}><w:footnote w:type="separator" w:id="0"><w:p/></w:footnote>'
             f'<w:footnote w:id="2"><w:p><w:r><w:t>{words}</w:t></w:r></w:p></w:footnote></w:footnotes>')
    office = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
    related = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    data = edited(data, "word/footnotes.xml", lambda _: notes)
    data = edited(data, "[Content_Types].xml", lambda text: text.replace(
        "</Types>", f'<Override PartName="/word/footnotes.xml" ContentType="{office}"/></Types>'))
    return edited(data, "word/_rels/document.xml.rels", lambda text: text.replace(
        "</Relationships>", f'<Relationship Id="rId99" Type="{related}" Target="footnotes.xml"/></Relationships>'))


def epub(chapters: dict[str, str], title: str = "", **more: str) -> bytes:
    """A book of the given chapters (file name -> body), with a table of contents that is not text of it."""
    items = "".join(f'<item id="c{n}" href="{name}" media-type="application/xhtml+xml"/>' for n, name in enumerate(chapters))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    page = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head><body>{}</body></html>'
    return zipped({
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
                                  '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
        "OEBPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
                          f'<dc:title>{title}</dc:title></metadata><manifest>{items}'
                          '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/></manifest>'
                          f'<spine><itemref idref="nav"/>{spine}</spine></package>',
        "OEBPS/nav.xhtml": page.format("<nav><ol><li><a href='1.xhtml'>Contents of the book</a></li></ol></nav>"),
        **{f"OEBPS/{name}": page.format(content) for name, content in chapters.items()},
        **more,
    })
