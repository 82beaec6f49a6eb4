"""What every reader gives back: a document as Markdown with its pages, or the reason why there is none."""

from __future__ import annotations

from bisect import bisect_right

import msgspec

# 20 million characters are some 8,000 printed pages; what is longer is a dump or a decompression bomb.
MAX_CHARACTERS = 20_000_000
# 512 MiB, the largest file taken at all: a scanned handbook of 1,000 pages has about 300 MiB.
MAX_BYTES = 512 * 1024 * 1024


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document's text as clean Markdown.

    Headings are `#` lines and nothing else outside a code fence begins with `#`. `page_starts[i]` is the character
    offset at which page i + 1 begins; it is empty where a format has no pages. `notes` are remarks for the report,
    such as how many pages held no text.
    """

    kind: str
    text: str
    title: str = ""
    page_starts: tuple[int, ...] = ()
    notes: dict[str, str] = {}

    def page_at(self, offset: int) -> int | None:
        """The page, from 1, on which the character at `offset` stands."""
        return bisect_right(self.page_starts, offset) if self.page_starts else None


class Unreadable(Exception):
    """A document that cannot be used. `reason` is a short stable name, `detail` says what to do about it."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail
