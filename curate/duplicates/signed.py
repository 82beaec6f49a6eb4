"""The signatures of one stage's records: made once, and kept beside the pairs where a standing index will need them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from curate.duplicates import arrays
from curate.duplicates.material import Material
from curate.duplicates.signatures import PERMUTATIONS, SCHEME, normal_forms, signatures
from seedbed.context import Context

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

FILE = "signatures.npz"


class Signed:
    """`keep`: hold on to them, in memory and on disk (512 bytes a record); without, they are made as they are read."""

    def __init__(self, context: Context, *, keep: bool) -> None:
        self._context, self._keep = context, keep
        self._whole: Array | None = None

    def parts(self, material: Material) -> Iterator[Array]:
        """All signatures in order, some rows at a time."""
        return iter([self.whole(material)]) if self._keep else self._made(material)

    def whole(self, material: Material) -> Array:
        """All of them: (n, 128), uint32."""
        if self._whole is None:
            self._whole = self._read(material)
        return self._whole

    def _made(self, material: Material) -> Iterator[Array]:
        done = 0
        for some in signatures(normal_forms(material.texts())):
            done += len(some)
            self._context.progress.update(done, len(material))
            yield some

    def _read(self, material: Material) -> Array:
        import numpy as np

        path, key = self._context.folder / FILE, f"{SCHEME} {material.hash}"
        found = arrays.load(path)
        if found is not None and str(found.get("key")) == key:
            return found["signatures"]
        made = np.concatenate([np.empty((0, PERMUTATIONS), np.uint32), *self._made(material)])
        arrays.save(path, key=np.array(key), signatures=made)
        return made
