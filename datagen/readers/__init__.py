"""Documents of every kind to Markdown: one module a kind, chosen by suffix and by what the bytes say.

To add a kind: a module with `read(data: bytes) -> Document`, a line in `READERS`, its suffixes in `SUFFIXES`, and its
first bytes in `_MAGIC` where it has any.
"""

from __future__ import annotations

import zlib
from importlib import import_module
from pathlib import PurePath

from datagen.readers import package
from datagen.readers.document import MAX_BYTES, MAX_CHARACTERS, Document, Unreadable

# Part of every document's hash: raise it when a reader's output changes, and all documents are read again.
VERSION = 1

READERS = {
    "markdown": "datagen.readers.plain:markdown",
    "text": "datagen.readers.plain:text",
    "html": "datagen.readers.html:read",
    "pdf": "datagen.readers.pdf:read",
    "docx": "datagen.readers.docx:read",
    "pptx": "datagen.readers.pptx:read",
    "xlsx": "datagen.readers.xlsx:read",
    "epub": "datagen.readers.epub:read",
    "csv": "datagen.readers.delimited:read",
    "json": "datagen.readers.jsons:read",
}
SUFFIXES = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".mkd": "markdown",
    ".txt": "text",
    ".text": "text",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
    ".docx": "docx",
    ".docm": "docx",
    ".pptx": "pptx",
    ".pptm": "pptx",
    ".ppsx": "pptx",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".epub": "epub",
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
PACKED = ".gz"  # any of the above may be packed so, as manuals under /usr/share/doc are
_MAGIC = (
    (b"%PDF-", "pdf"),
    (b"\x89PNG", "PNG picture"),
    (b"\xff\xd8\xff", "JPEG picture"),
    (b"GIF8", "GIF picture"),
    (b"PK\x05\x06", "empty zip archive"),
    (b"\x7fELF", "program"),
    (b"MZ\x90", "program"),
    (b"Rar!", "rar archive"),
    (b"7z\xbc\xaf", "7z archive"),
    (b"BZh", "bzip2 archive"),
    (b"\xfd7zXZ", "xz archive"),
    (b"\x1f\x8b", "gzip archive"),
    (b"SQLite format", "database"),
    (b"{\\rtf", "RTF file"),
    (b"%!PS", "PostScript file"),
    (b"RIFF", "sound or picture"),
    (b"\x00asm", "program"),
)
_OLD_OFFICE = b"\xd0\xcf\x11\xe0"
_PACKAGES = ("pdf", "docx", "pptx", "xlsx", "epub")  # kinds that their first bytes prove
_STEP = 1 << 20


def kind_by_name(name: str) -> str:
    """The kind that a file's suffix promises; empty if none is known."""
    path = PurePath(name.lower())
    if path.suffix == PACKED:
        path = path.with_suffix("")
    return SUFFIXES.get(path.suffix, "")


def kind_by_content(data: bytes) -> str:
    """What the first bytes say the data is: a kind, the name of something else, or nothing for text of any sort."""
    if data.startswith(b"PK\x03\x04"):
        return package.kind(data)
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            return kind
    if b"%PDF-" in data[:1024]:
        return "pdf"  # readers of PDF allow for a preamble
    start = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    is_page = start.startswith((b"<!doctype html", b"<html")) or (start.startswith(b"<?xml") and b"<html" in start)
    return "html" if is_page else ""


def read(name: str, data: bytes) -> Document:
    """The document in `data`, read as what it is even if its suffix says otherwise; `notes["read_as"]` then tells.

    Raises Unreadable with one of: unsupported, empty_file, wrong_suffix, too_large, broken, encoding, password,
    no_text, old_office, data_set.
    """
    if not data:
        raise Unreadable("empty_file", "it has 0 bytes; export or copy it again")
    promised = kind_by_name(name)
    if data.startswith(b"\x1f\x8b") and name.lower().endswith(PACKED):
        data = _unpacked(data)
    if data.startswith(_OLD_OFFICE):
        raise package.old_office(data, PurePath(name.lower()).suffix)
    found = kind_by_content(data)
    kind = _decide(name, promised, found)
    if not data.strip():
        raise Unreadable("no_text", "it holds only white space")
    module, function = READERS[kind].split(":")
    document: Document = getattr(import_module(module), function)(data)
    if len(document.text) > MAX_CHARACTERS:
        raise Unreadable(
            "too_large", f"it holds {len(document.text):,} characters, at most {MAX_CHARACTERS:,} are taken; split it"
        )
    if not any(map(str.isalnum, document.text)):
        raise Unreadable("no_text", "it holds no letters or figures")
    return document if kind == promised else _noted(document, name, kind)


def _decide(name: str, promised: str, found: str) -> str:
    if not promised:
        if found in READERS:
            return found
        suffix = PurePath(name).suffix
        if suffix.lower() in package.OLD:
            raise Unreadable("broken", "it does not begin like a file of Office; fetch or export it again")
        supported = " ".join(sorted(SUFFIXES))
        raise Unreadable(
            "unsupported",
            f"{suffix or 'a file without suffix'} cannot be read; supported are: {supported}, each also as .gz",
        )
    if not found or found == promised or (found == "html" and promised == "markdown"):
        if promised in _PACKAGES and not found:
            raise Unreadable("broken", f"it does not begin like a {promised.upper()}; fetch or export it again")
        return promised
    if found in READERS:
        return found
    if found == package.DAMAGED and promised in _PACKAGES:
        raise Unreadable("broken", "it is cut off or damaged; fetch or export it again")
    raise Unreadable(
        "wrong_suffix", f"it is named {PurePath(name).suffix} and is in truth a {found}; rename or convert it"
    )


def _noted(document: Document, name: str, kind: str) -> Document:
    note = f"{kind}, though named {PurePath(name).suffix or 'without suffix'}"
    return Document(
        kind=document.kind,
        text=document.text,
        title=document.title,
        page_starts=document.page_starts,
        notes=document.notes | {"read_as": note},
    )


def _unpacked(data: bytes) -> bytes:
    """gzip data unpacked, step by step, so that a bomb is found out long before it fills the memory."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    out = bytearray()
    try:
        rest = data
        while rest and not unpacker.eof:
            out += unpacker.decompress(rest, _STEP)
            rest = unpacker.unconsumed_tail
            # Text is at most four bytes a character.
            if len(out) > min(4 * MAX_CHARACTERS, MAX_BYTES):
                raise Unreadable(
                    "too_large", f"unpacked it is larger than {4 * MAX_CHARACTERS // 1_000_000} MB; split it"
                )
    except zlib.error as error:
        raise Unreadable("broken", "it cannot be unpacked; fetch or pack it again") from error
    if not unpacker.eof:
        raise Unreadable("broken", "its end is missing: the archive was cut off; fetch it again")
    return bytes(out)
