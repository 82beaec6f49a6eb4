"""Similar pairs on disk: found once, decided on as often as thresholds and policies change.

The file lies in the stage's folder, which keeps it over a change of options (`Stage.keeps`). It says what it was made
from (a hash of the records' texts and of every option but threshold and policy), and is used only where that is equal.
Arrays in numpy's own format, whose bytes depend on nothing but the content.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from curate.duplicates import arrays

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

FILE = "pairs.npz"
# In a crowd (a template filled in thousands of times) pairs grow with its square. From this many partners on, a record
# brings no more of them: 128 is far above the size of clusters that are not made by a machine.
CROWD = 128


@dataclass(frozen=True)
class Pairs:
    """Places of two similar records (`first` < `second`, each pair once) and how similar they are, from `floor` on.

    `crowded`: how many records have more similar ones than are listed here. Such pairs are right for the decision that
    they were found for, and for no other.
    """

    first: Array
    second: Array
    score: Array
    floor: float
    crowded: int = 0

    def __len__(self) -> int:
        return len(self.first)

    @classmethod
    def of(cls, found: Sequence[tuple[int, int, float]], floor: float, crowded: int = 0) -> Pairs:
        """Pairs from tuples of two places and a score."""
        import numpy as np

        places = np.array([pair[:2] for pair in found], np.int32).reshape(-1, 2)
        places.sort(axis=1)
        score = np.array([pair[2] for pair in found], np.float64)
        return cls(places[:, 0], places[:, 1], score, floor, crowded)


class _About(msgspec.Struct, frozen=True):
    key: str
    floor: float
    crowded: int
    decided: str


def save(folder: Path, pairs: Pairs, ids: Sequence[str], key: str, decided: str) -> None:
    """Writes the pairs, ordered by place, whole or not at all. `decided` names threshold and policy of this time."""
    import numpy as np

    order = np.lexsort((pairs.second, pairs.first))
    arrays.save(
        folder / FILE,
        first=pairs.first[order].astype(np.int32),
        second=pairs.second[order].astype(np.int32),
        score=pairs.score[order],
        ids=arrays.packed(ids),
        about=arrays.packed(_About(key, pairs.floor, pairs.crowded, decided)),
    )


def load(folder: Path, key: str, decided: str) -> Pairs | None:
    """The pairs that were kept for `key`, or None: none were, they are of something else, or a crowd's that were cut
    for another decision. A file that cannot be read counts as not there: they are found again."""
    found = arrays.load(folder / FILE)
    if found is None or found.keys() < {"first", "second", "score", "about"}:
        return None
    about = msgspec.json.decode(found["about"].tobytes(), type=_About)
    if about.key != key or (about.crowded and about.decided != decided):
        return None
    return Pairs(found["first"], found["second"], found["score"], about.floor, about.crowded)
