"""The standing index: signatures of what earlier runs kept, so that a new batch is compared with all batches before it.

    INDEX/index.json     the scheme of the signatures, and the shares in order
    INDEX/OWNER.npz      one run's share: ids, kinds and exact terms of its records, and their signatures

Each run has one share, under a name that lies in its stage's folder. It is compared with the shares before its own
only, and writes its own anew when it runs again: a run that is killed after it wrote the index, or done again with
another threshold, comes to what it would have come to without. Whoever gives a new batch the run directory of an old
one takes the old one's records out of the index.

Texts are not kept, so similarity to the index is estimated: the share of equal places in two signatures, with a
standard error of .04 at 0.7 (the square root of .7 × .3 / 128).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from filelock import FileLock

from curate.duplicates import arrays
from curate.duplicates.buckets import band_keys, near_each
from curate.duplicates.signatures import SCHEME
from seedbed import jsonl
from seedbed.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# In the stage's folder: under which name its run stands in an index.
_OWNER = "owner"


class Entry(msgspec.Struct, frozen=True):
    """What is known of an indexed record: its id, what it may be compared with, its figures and codes if it has
    evidence."""

    id: str
    kind: str
    terms: tuple[str, ...] = ()


class _Share(msgspec.Struct, frozen=True):
    owner: str
    records: int


class _Contents(msgspec.Struct, frozen=True):
    scheme: str
    on: str
    shares: tuple[_Share, ...] = ()


@dataclass(frozen=True)
class Index:
    """A folder that several runs share; `on` is what of the records is compared, `rows` those of a band."""

    folder: Path
    on: str
    rows: int

    def check(self) -> None:
        """InputError for an index of other signatures, or one that cannot be read."""
        self._contents()

    def near(
        self, signatures: Array, entries: Sequence[Entry], least: float, own: str
    ) -> dict[int, tuple[str, float]]:
        """Places of the records that are near one of the shares before `own` -> its id and the estimated similarity,
        the most similar one, of equals the earliest."""
        found: dict[int, tuple[str, float]] = {}
        keys = band_keys(signatures, self.rows)
        for share in self._before(own):
            theirs, standing = self._share(share)
            for place, other, score in near_each(keys, signatures, band_keys(standing, self.rows), standing, least):
                if not apart(entries[place], theirs[other]) and score > found.get(place, ("", 0.0))[1]:
                    found[place] = (theirs[other].id, score)
        return found

    def put(self, signatures: Array, entries: Sequence[Entry], own: str) -> None:
        """Writes the share of `own`, at its place or at the end."""
        with FileLock(self._lock()):
            arrays.save(self.folder / f"{own}.npz", entries=arrays.packed(entries), signatures=signatures)
            contents = self._contents()
            share = _Share(own, len(entries))
            known = own in {before.owner for before in contents.shares}
            shares = tuple(share if before.owner == own else before for before in contents.shares)
            contents = msgspec.structs.replace(contents, shares=shares if known else (*shares, share))
            jsonl.write_text(self.folder / "index.json", msgspec.json.format(msgspec.json.encode(contents)).decode())

    def _lock(self) -> Path:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise jsonl.cannot_write(self.folder, error) from error
        return self.folder / ".lock"

    def _contents(self) -> _Contents:
        path = self.folder / "index.json"
        try:
            contents = msgspec.json.decode(path.read_bytes(), type=_Contents)
        except FileNotFoundError:
            return _Contents(SCHEME, self.on)
        except (OSError, msgspec.DecodeError) as error:
            raise InputError(f"is no index that can be read: {error}", where=str(path)) from error
        if (contents.scheme, contents.on) != (SCHEME, self.on):
            raise InputError(
                f"holds signatures of `{contents.scheme}` on {contents.on}, not of `{SCHEME}` on {self.on}",
                where=str(path),
                next_step="Name another folder with `against`; signatures of two schemes cannot be compared",
            )
        return contents

    def _before(self, own: str) -> list[str]:
        owners = [share.owner for share in self._contents().shares]
        return owners[: owners.index(own)] if own in owners else owners

    def _share(self, owner: str) -> tuple[list[Entry], Array]:
        path = self.folder / f"{owner}.npz"
        found = arrays.load(path)
        if found is None:
            next_step = "Put the file back, or take the run out of `shares` in index.json"
            raise InputError("is named in the index and cannot be read", where=str(path), next_step=next_step)
        return msgspec.json.decode(found["entries"].tobytes(), type=list[Entry]), found["signatures"]


def owner(folder: Path) -> str:
    """The name under which the run of this stage folder stands in an index. Made up once, for two runs may have the
    same records and even, one after the other, the same path."""
    path = folder / _OWNER
    if not path.is_file():
        jsonl.write_text(path, uuid.uuid4().hex)
    return path.read_text(encoding="ascii")


def apart(one: Entry, two: Entry) -> bool:
    """Whether two records are no twins, however similar (see `Material.apart`)."""
    terms, others = set(one.terms), set(two.terms)
    return one.kind != two.kind or bool(terms - others and others - terms)
