"""Near duplicates by shared runs of characters: MinHash with locality-sensitive hashing, verified exactly.

Two records are near when the sets of their texts' 5-character runs have a Jaccard similarity of at least the threshold
(Broder 1997). Signatures say which pairs may be (see `signatures`, `buckets`); each of them is then compared exactly,
so what is dropped is a duplicate, and a few duplicates may stay: 1 % of the pairs just at the threshold, fewer above.

For whole records, where `rouge` is for questions: it does not mind the order of paragraphs and costs next to nothing
per pair, and it is too coarse for short texts, in which one word changes a quarter of all runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

import msgspec

from curate.duplicates.buckets import band_keys, candidates, low_bytes, rows_of_band
from curate.duplicates.decide import precedence
from curate.duplicates.jaccard import exact
from curate.duplicates.material import Material
from curate.duplicates.near import Near, NearOptions, near_duplicates
from curate.duplicates.pairs import Pairs
from curate.duplicates.redis_index import SCHEMES, server
from curate.duplicates.signatures import SCHEME
from curate.duplicates.signed import Signed
from curate.duplicates.standing import Indexed
from seedbed.context import Context
from seedbed.record import Record
from seedbed.text import normalise

VERSION = 3
KEEPS = True


class Options(NearOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The threshold is the default of text-dedup and of datasketch's examples for such work.

    against  what earlier runs kept: a folder (see `index`) or redis://HOST (see `redis_index`). These records are
             compared with those too, and are put there in their turn
    """

    against: str = ""

    def __post_init__(self) -> None:
        NearOptions.__post_init__(self)
        if self.against.startswith(SCHEMES) and "@" in self.against:
            raise ValueError("against: no password in a job; put it into the variable REDIS_PASSWORD")
        if self.against.startswith(SCHEMES):
            try:
                server(self.against)
            except ValueError as error:
                raise ValueError(f"against: {error}; write redis://HOST:PORT/DB?name=NAME") from None

    def placed(self, base: Path) -> Options:
        """The same with a folder in `against` below `base`."""
        if not self.against or self.against.startswith(SCHEMES):
            return self
        return msgspec.structs.replace(self, against=str(base / Path(self.against).expanduser()))


def minhash(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record; one whose text is too near that of a record that stays is rejected as "minhash".

    The rejection names the nearest record that stays and the Jaccard similarity, which is exact (estimated where the
    match is one of the index). Records with nothing to compare pass. See `near` for what is spared, and for the
    figures.
    """
    signed = Signed(context, keep=bool(options.against))
    standing = Indexed.of(options.against, options, signed, context) if options.against else None
    find = partial(_find, signed=signed)
    near = Near("minhash", VERSION, "Jaccard similarity", "nearly", find, {"scheme": SCHEME}, standing=standing)
    return near_duplicates(records, options, context, near)


def _find(material: Material, floor: float, signed: Signed) -> Pairs:
    import numpy as np

    rows = rows_of_band(floor)
    keys, low = [], []
    for some in signed.parts(material):
        keys.append(band_keys(some, rows))
        low.append(low_bytes(some))
    order = precedence(material.items)
    filled = np.fromiter((item.filled for item in material.items), bool, len(material))
    if not keys:
        return Pairs.of([], floor)
    first, second, crowded = candidates(
        np.concatenate(keys, axis=1), order[filled[order]], np.concatenate(low), floor
    )
    kinds = material.kinds()
    alike = kinds[first] == kinds[second]
    first, second = first[alike], second[alike]
    scores = exact(first, second, lambda place: normalise(material.text(place)))
    over = scores >= floor
    first, second, scores = first[over], second[over], scores[over]
    twins = np.fromiter((not material.apart(*pair) for pair in zip(first.tolist(), second.tolist(), strict=True)), bool)
    return Pairs(first[twins], second[twins], scores[twins], floor, crowded)
