"""Zipped documents (Office Open XML, EPUB): what they are, and a guard in front of the libraries that unpack them."""

from __future__ import annotations

import io
import zipfile
import zlib

from datagen.readers.document import Unreadable

# 256 MiB of XML is some ten times what 20 million characters of text need; what is more is a bomb or a database.
_MOST_MARKUP = 256 * 1024 * 1024
_MOST_ALL = 1024 * 1024 * 1024  # pictures and films included
_MOST_PARTS = 100_000
_MARKUP = (".xml", ".rels", ".html", ".htm", ".xhtml", ".opf", ".ncx")
_KINDS = (("word/document.xml", "docx"), ("ppt/presentation.xml", "pptx"), ("xl/workbook.xml", "xlsx"))
# The stream that Word, Excel and PowerPoint put a file with a password into, as its name stands in the old container.
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")

DAMAGED = "damaged zip archive"
# The old binary formats, and what each is to be saved as.
OLD = {".doc": ".docx", ".dot": ".docx", ".ppt": ".pptx", ".pps": ".pptx", ".xls": ".xlsx", ".xlt": ".xlsx"}


def kind(data: bytes) -> str:
    """The kind of a zipped document, or the name of something else that is packed so."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            mimetype = archive.read("mimetype")[:100] if "mimetype" in names else b""
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, RuntimeError, EOFError, OSError):
        return DAMAGED
    # Some books lie in a folder of their own inside the archive, against the rules, and are read all the same.
    if mimetype.startswith(b"application/epub") or any(name.endswith("META-INF/container.xml") for name in names):
        return "epub"
    found = next((kind for part, kind in _KINDS if part in names), "")
    return found or ("OpenDocument file" if mimetype.startswith(b"application/vnd.oasis") else "zip archive")


def old_office(data: bytes, suffix: str) -> Unreadable:
    """Why a file in the old container of Office is not read, with the next step."""
    if _ENCRYPTED in data:
        return Unreadable("password", "it is locked with a password; save it without one")
    better = OLD.get(suffix, ".docx, .pptx or .xlsx")
    target = f" (or: soffice --headless --convert-to {better[1:]} FILE)" if suffix in OLD else ""
    return Unreadable(
        "old_office", f"it is in the format of Office 2003 and before; open it and save it as {better}{target}"
    )


def opened(data: bytes) -> zipfile.ZipFile:
    """The archive, once it is known that it is whole enough to list, not locked, and of a size that can be unpacked.

    The sizes are those that the archive states; `zipfile` never gives more of a part than was stated.
    Raises Unreadable("broken" | "password" | "too_large").
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, EOFError, OSError) as error:
        raise broken(error) from error
    if any(part.flag_bits & 1 for part in parts):
        raise Unreadable("password", "its archive is locked with a password; save it without one")
    markup = sum(part.file_size for part in parts if part.filename.lower().endswith(_MARKUP))
    if markup > _MOST_MARKUP or sum(part.file_size for part in parts) > _MOST_ALL or len(parts) > _MOST_PARTS:
        raise Unreadable("too_large", f"unpacked it holds {markup >> 20:,} MB of text; split it")
    return archive


def part(archive: zipfile.ZipFile, name: str) -> bytes:
    """One part, unpacked; empty where there is none of that name. Raises Unreadable("broken")."""
    try:
        return archive.read(name)
    except KeyError:
        return b""
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise broken(error) from error


def broken(error: Exception) -> Unreadable:
    """A package that its library cannot make sense of."""
    said = " ".join(str(error).split())[:160]
    return Unreadable("broken", f"it cannot be opened ({type(error).__name__}: {said}); export or save it again")
