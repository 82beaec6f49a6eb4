"""Which candidate is too much like one that was taken before: cosines between the vectors of their questions.

Vectors are made block by block in the order of the choice, so that nobody pays for those that have no room anyway, and
only those of what is taken stay in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from curate.scoring.choosing import Candidate, Near
from curate.waiting import WaitingRoom
from seedbed.encode import Encoder

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Likeness:
    """Texts of the waiting room compared with what was taken. `cut` is the cosine from which two are too near."""

    def __init__(self, encoder: Encoder, cut: float, waiting: WaitingRoom) -> None:
        self._encoder, self._cut, self._waiting = encoder, cut, waiting
        self._taken: list[Candidate] = []
        self._vectors: Array | None = None

    def __call__(self, block: Sequence[Candidate]) -> Callable[[int], Near | None]:
        """A function for the members of the block, to be asked in order: the nearest of those taken, if it is too near.
        Where it answers None, the member counts as taken."""
        import numpy as np

        vectors = self._encoder.encode([_text(self._waiting, one) for one in block])
        nearest = self._nearest(vectors)
        fresh: list[int] = []

        def near(place: int) -> Near | None:
            cosine, other = nearest[place]
            if fresh:
                cosines = vectors[fresh] @ vectors[place]
                best = int(np.argmax(cosines))
                if float(cosines[best]) > cosine:
                    cosine, other = float(cosines[best]), block[fresh[best]]
            if other is not None and cosine >= self._cut:
                return Near(other, round(cosine, 4))
            fresh.append(place)
            self._taken.append(block[place])
            self._keep(vectors[place : place + 1])
            return None

        return near

    def _nearest(self, vectors: Array) -> list[tuple[float, Candidate | None]]:
        """For each vector the largest cosine with what was taken in earlier blocks."""
        if self._vectors is None:
            return [(-1.0, None)] * len(vectors)
        cosines = vectors @ self._vectors[: len(self._taken)].T
        best = cosines.argmax(axis=1)
        return [(float(row[place]), self._taken[place]) for row, place in zip(cosines, best, strict=True)]

    def _keep(self, vector: Array) -> None:
        """Room for taken vectors is doubled when it is full."""
        import numpy as np

        if self._vectors is None:
            self._vectors = np.zeros((64, vector.shape[1]), np.float32)
        if len(self._taken) > len(self._vectors):
            self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
        self._vectors[len(self._taken) - 1] = vector


def _text(waiting: WaitingRoom, one: Candidate) -> str:
    record = waiting[one.number]
    return record.user_text or record.text
