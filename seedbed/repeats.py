"""Records that stand in training more than once.

A record is repeated by a number on it (the label `repeat`), never by a second record: ids stay unique, so that no
duplicate check takes the copy for a find, no split puts it on the other side, and `seedbed show ID` means one record.
Whoever writes or learns the training set counts it as often as it says; in every other split it stands once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from seedbed.record import Record

LABEL = "repeat"
# A slip in an imported label must not fill a disk.
MOST = 100


def times(record: Record) -> int:
    """How often the record stands in training: 1 unless it says otherwise, and 1 in any split but train."""
    said = record.labels.get(LABEL, "")
    if record.split not in ("train", "") or not (said.isascii() and said.isdigit() and len(said) <= 4):
        return 1
    return min(max(int(said), 1), MOST)


def repeated(records: Iterable[Record]) -> Iterator[Record]:
    """The records, then those that stand a second time, and so on: copies are far apart, packed in order or not."""
    again: list[Record] = []
    for record in records:
        yield record
        if times(record) > 1:
            again.append(record)
    number = 2
    while again := [record for record in again if times(record) >= number]:
        yield from again
        number += 1
