"""Texts as vectors, in one place: is this the same in other words, is this about the same thing?

An encoder is a function with a name and its own cuts. Cosines of two encoders cannot be compared (two random Chinese
texts are at .87 with multilingual-e5 and at .18 with the default), so every cut is measured per encoder.

The trap: NO encoder sees a changed figure or a "not". "Every 2,000 hours" lies nearer to "every 5,000 hours" than to
its own paraphrase, in both languages, for every encoder measured (benchmarks/encode.md). A cosine over `same` says that
two texts are about the same statement, never that they agree: compare figures and negations as well.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seedbed.errors import InputError, MissingExtra

if TYPE_CHECKING:
    import numpy as np

    from seedbed.context import Progress

    Array = np.ndarray[Any, Any]

Purpose = Literal["twin", "same", "near"]
DEFAULT = "use-multilingual-v3"
_BATCH = 1024  # texts handed to an encoder at once: bounds the memory of what it makes on the way


@dataclass(frozen=True)
class Cut:
    """A cosine from which two texts count as `twin`, `same` or `near`, and where that number comes from."""

    cosine: float
    origin: str


# benchmarks/encode.md, 64 rows, both languages. The shares over the cut are of paraphrases and of other facts (`twin`,
# `same`), or of other facts about the same thing and of random pairs (`near`).
USE_CUTS: Mapping[Purpose, Cut] = {
    "twin": Cut(0.78, "98 % of other facts lie under it: en 22 % against 3 %, zh 12 % against 0 %"),
    "same": Cut(0.53, "best balanced accuracy: en 94 % against 19 %, zh 88 % against 22 %"),
    "near": Cut(0.42, "99 % of random pairs lie under it: en 38 % against 0.2 %, zh 44 % against 1.0 %"),
}
LEXICAL_CUTS: Mapping[Purpose, Cut] = {
    "twin": Cut(0.66, "98 % of other facts lie under it: en 9 % against 0 %, zh 3 % against 3 %"),
    "same": Cut(0.27, "best balanced accuracy: en 66 % against 34 %, zh 59 % against 28 %"),
    "near": Cut(0.22, "99 % of random pairs lie under it: en 53 % against 0.8 %, zh 44 % against 0.9 %"),
}


@dataclass(frozen=True)
class Encoder:
    """A named function from texts to vectors. The name of a built-in one changes whenever its vectors do."""

    name: str
    width: int
    cuts: Mapping[Purpose, Cut]
    embed: Callable[[Sequence[str]], Array]

    def encode(self, texts: Sequence[str]) -> Array:
        """Vectors of shape (len(texts), width), float32, of length 1; of length 0 for a text with nothing in it.

        The cosine of two rows is their dot product. The same call gives the same bytes; in other company a text's
        vector may differ by rounding (1e-6), because matrix products of other sizes are added up in another order.
        """
        import numpy as np

        vectors = np.zeros((len(texts), self.width), np.float32)
        filled = [number for number, text in enumerate(texts) if text.strip()]
        for start in range(0, len(filled), _BATCH):
            rows = filled[start : start + _BATCH]
            made = np.asarray(self.embed([texts[row] for row in rows]), np.float32)
            lengths = np.linalg.norm(made, axis=1, keepdims=True)
            vectors[rows] = np.divide(made, lengths, out=np.zeros_like(made), where=lengths > 0)
        return vectors

    def cosine(self, first: str, second: str) -> float:
        """The cosine of two texts; 0 if one of them is empty."""
        one, other = self.encode([first, second])
        return float(one @ other)

    def threshold(self, purpose: Purpose) -> float:
        """The cosine from which two texts count as `same` (one statement, question or answer in two wordings), `twin`
        (the same, so surely that one of them may go) or `near` (about the same thing).

        Raises InputError for an encoder whose cuts nobody has measured.
        """
        if purpose in self.cuts:
            return self.cuts[purpose].cosine
        raise InputError(
            f"nobody has measured from which cosine two texts are `{purpose}`",
            where=f"encoder {self.name}",
            next_step=f"Measure it: python -m benchmarks.encode {self.name}; then give the cosine in the job",
        )


def load(name: str = "default", progress: Progress | None = None) -> Encoder:
    """The encoder called `name`.

    `default` (or `use-multilingual-v3`): English, Chinese and 14 more languages; fetched once, offline from then on.
    `lexical`: shared characters and words only; needs no model at all. Anything else is a model that
    `sentence-transformers` can load: a folder, or a name on the hub. Raises InputError when it cannot be had, and
    MissingExtra when its library is not installed.
    """
    if name == "lexical":
        from seedbed import encode_lexical

        return Encoder("lexical-1", encode_lexical.WIDTH, LEXICAL_CUTS, encode_lexical.embed)
    if name in ("default", DEFAULT):
        from seedbed import encode_use, models

        model = models.find(DEFAULT)
        embed = encode_use.read(models.path(DEFAULT) or models.pull(DEFAULT, progress))
        return Encoder(f"{DEFAULT}@{model.sha256[:12]}", encode_use.WIDTH, USE_CUTS, embed)
    if near := difflib.get_close_matches(name, ("default", DEFAULT, "lexical"), n=1, cutoff=0.75):
        raise InputError(f"no encoder is called {name}", next_step=f"Did you mean {near[0]}?")
    return _sentence_transformer(name)


def _sentence_transformer(name: str) -> Encoder:
    """A model of the user's own, on whatever device torch finds."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise MissingExtra("sentence-transformers", "embed") from error
    try:
        model = SentenceTransformer(str(Path(name).expanduser()) if Path(name).expanduser().is_dir() else name)
    except (OSError, ValueError) as error:
        raise InputError(
            f"cannot be loaded as an encoder: {str(error).splitlines()[0].rstrip('.')}",
            where=name,
            next_step="Known: default, lexical, or the folder or hub name of a sentence-transformers model",
        ) from error

    def embed(texts: Sequence[str]) -> Array:
        made: Array = model.encode(list(texts), convert_to_numpy=True, show_progress_bar=False)
        return made

    return Encoder(name, int(model.get_embedding_dimension()), {}, embed)
