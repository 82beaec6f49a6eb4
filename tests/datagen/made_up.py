"""Small made-up PDF files, written byte by byte, so that the tests need no PDF writer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

FONTS = {
    "body": b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    "bold": b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
    "code": b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding >>",
    # A Chinese font that is named and not embedded: pdfium knows its character map.
    "song": b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H /DescendantFonts "
    b"[<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light "
    b"/CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> "
    b"/FontDescriptor << /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [0 -200 1000 900] "
    b"/ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 90 >> >>] >>",
}
_PAD = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


class Text(NamedTuple):
    """A line at (x, y) points from the lower left corner."""

    x: float
    y: float
    text: str
    font: str = "body"
    size: float = 10


def page(*lines: str, font: str = "body", top: float = 740, x: float = 72, leading: float = 12) -> list[Text]:
    """Lines one below the other."""
    return [Text(x, top - leading * number, line, font) for number, line in enumerate(lines)]


def pdf(
    pages: list[list[Text]], bookmarks: Sequence[tuple[int, str, int]] = (), title: str = "", password: str = ""
) -> bytes:
    """A PDF of these pages. Bookmarks are (level from 0, title, page from 0)."""
    objects: list[bytes] = [b"", b""]  # catalogue and page tree are filled in below
    fonts = {}
    for name, font in FONTS.items():
        objects.append(font)
        fonts[name] = len(objects)
    resources = b" ".join(b"/%s %d 0 R" % (name.encode(), number) for name, number in fonts.items())
    numbers = []
    for lines in pages:
        stream = b"\n".join(map(_drawn, lines))
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << %s >> >> >>"
            % (len(objects), resources)
        )
        numbers.append(len(objects))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (len(numbers), b" ".join(b"%d 0 R" % n for n in numbers))
    outline = b""
    if bookmarks:
        outline = b" /Outlines %d 0 R" % (len(objects) + 1)
        objects += _outline(bookmarks, numbers, len(objects) + 1)
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R%s >>" % outline
    trailer = b""
    if title:
        objects.append(b"<< /Title %s >>" % _utf16(title))
        trailer += b" /Info %d 0 R" % len(objects)
    if password:
        objects, encryption = _encrypted(objects, password)
        trailer += encryption
    return _file(objects, trailer)


def _drawn(line: Text) -> bytes:
    shown = (
        b"<%s>" % line.text.encode("utf-16-be").hex().encode() if line.font == "song" else b"(%s)" % _escaped(line.text)
    )
    return b"BT /%s %g Tf %g %g Td %s Tj ET" % (line.font.encode(), line.size, line.x, line.y, shown)


def _escaped(text: str) -> bytes:
    return text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _utf16(text: str) -> bytes:
    return b"<FEFF%s>" % text.encode("utf-16-be").hex().encode()


def _outline(bookmarks: Sequence[tuple[int, str, int]], pages: list[int], first: int) -> list[bytes]:
    """Outline objects; `first` is the number of the root."""
    parents = [-1] * len(bookmarks)
    for index, (level, _, _) in enumerate(bookmarks):
        parents[index] = next((i for i in range(index - 1, -1, -1) if bookmarks[i][0] < level), -1)
    children: dict[int, list[int]] = {}
    for index, parent in enumerate(parents):
        children.setdefault(parent, []).append(index)
    written = [
        b"<< /Type /Outlines /First %d 0 R /Last %d 0 R >>"
        % (first + 1 + children[-1][0], first + 1 + children[-1][-1])
    ]
    for index, (_, title, page_number) in enumerate(bookmarks):
        siblings = children[parents[index]]
        place = siblings.index(index)
        links = b" /Parent %d 0 R" % (first + 1 + parents[index])
        links += b" /Prev %d 0 R" % (first + 1 + siblings[place - 1]) if place else b""
        links += b" /Next %d 0 R" % (first + 1 + siblings[place + 1]) if place + 1 < len(siblings) else b""
        if own := children.get(index):
            links += b" /First %d 0 R /Last %d 0 R" % (first + 1 + own[0], first + 1 + own[-1])
        written.append(b"<< /Title %s /Dest [%d 0 R /Fit]%s >>" % (_utf16(title), pages[page_number], links))
    return written


def _file(objects: list[bytes], trailer: bytes) -> bytes:
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    return bytes(out)


def _encrypted(objects: list[bytes], password: str) -> tuple[list[bytes], bytes]:
    """Streams encrypted with a user password: the standard handler, revision 2 (PDF 1.4, 3.5.2)."""
    identity, rights = b"0123456789abcdef", -44
    padded = (password.encode() + _PAD)[:32]
    owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
    key = hashlib.md5(padded + owner + rights.to_bytes(4, "little", signed=True) + identity).digest()[:5]
    locked = []
    for number, body in enumerate(objects, 1):
        head, stream, rest = body.partition(b"stream\n")
        if stream:
            content = rest.removesuffix(b"\nendstream")
            own = hashlib.md5(key + number.to_bytes(3, "little") + b"\0\0").digest()[:10]
            body = head + stream + _rc4(own, content) + b"\nendstream"
        locked.append(body)
    entry = b" /Encrypt << /Filter /Standard /V 1 /R 2 /P %d /O <%s> /U <%s> >> /ID [<%s> <%s>]" % (
        rights,
        owner.hex().encode(),
        _rc4(key, _PAD).hex().encode(),
        identity.hex().encode(),
        identity.hex().encode(),
    )
    return locked, entry


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)
