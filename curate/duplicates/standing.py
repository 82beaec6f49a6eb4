"""A minhash stage and the standing index: what is asked of it, and what is put there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.duplicates.buckets import rows_of_band
from curate.duplicates.decide import Decision
from curate.duplicates.index import Entry, Index, owner
from curate.duplicates.material import Material
from curate.duplicates.near import NearOptions
from curate.duplicates.redis_index import SCHEMES, RedisIndex
from curate.duplicates.signed import Signed
from seedbed.context import Context


@dataclass(frozen=True)
class Indexed:
    """The standing index of one stage (a `near.Standing`)."""

    index: Index | RedisIndex
    signed: Signed
    own: str
    threshold: float

    @classmethod
    def of(cls, against: str, options: NearOptions, signed: Signed, context: Context) -> Indexed:
        """The index `against`, a folder or redis://HOST.

        Raises InputError for an index of another scheme, before anything is compared.
        """
        rows, remote = rows_of_band(options.lowest), against.startswith(SCHEMES)
        index = RedisIndex(against, options.on, rows) if remote else None
        chosen = index or Index(Path(against), options.on, rows)
        chosen.check()
        return cls(chosen, signed, owner(context.folder), options.threshold)

    def near(self, material: Material) -> dict[int, tuple[str, float]]:
        """Places of records that an earlier run has -> its record's id, and the estimated similarity."""
        places = [place for place, item in enumerate(material.items) if item.filled]
        chosen = self.signed.whole(material)[places]
        found = self.index.near(chosen, _entries(material, places), self.threshold, self.own)
        return {places[row]: match for row, match in found.items()}

    def add(self, material: Material, decision: Decision) -> None:
        """Puts the records that stay into the index, those with nothing to compare excepted."""
        gone = decision.gone.keys() | decision.outside.keys()
        places = [place for place, item in enumerate(material.items) if item.filled and place not in gone]
        self.index.put(self.signed.whole(material)[places], _entries(material, places), self.own)


def _entries(material: Material, places: Sequence[int]) -> list[Entry]:
    return [_entry(material, place) for place in places]


def _entry(material: Material, place: int) -> Entry:
    item = material.items[place]
    terms = tuple(sorted(material.named(place))) if item.grounded else ()
    return Entry(item.id, f"{item.group} {item.language}", terms)
