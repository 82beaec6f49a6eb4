"""The multilingual Universal Sentence Encoder in numpy (Yang et al. 2020, arXiv:1907.04307; the CNN of 2 to 5 tokens).

    pieces ─ table ─┬───────────────────────────────┐
                    ├─ 2 tokens: project, norm, 2 × (window, ReLU, add) ─┤
                    ├─ 3 tokens: the same           ├─ norm ─ project ─ sum / √n ─ residual layers ─ tanh ─ length 1
                    └─ 5 tokens: the same           ┘

All texts of a batch lie one after the other in one matrix; a window's places outside its own text point at a row of
zeros. The table stays in bytes (65 MB) and only the rows at hand become floats. The file is the tokenizer followed by
the weights, as `models.CATALOGUE` joins them. Each window's projection is normalised by itself: all three together, as
one sees it done, lies further from the original network.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedbed.errors import MissingExtra

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

WIDTH = 512
TOKENIZER_BYTES = 2_527_207  # the first piece of the joined file
_TABLES = 17  # piece p is row p // 17 of table p % 17, each table with its own scale
# (tokens a window spans, tokens of it on the left)
_WINDOWS = ((2, 0), (3, 1), (5, 2))
_CHANNELS = 256
_TOKENS = 512  # in one matrix: about a second-level cache; faster than 128 or 4,096


def read(file: Path) -> Callable[[Sequence[str]], Array]:
    """The function from texts to vectors that `file` holds. Raises MissingExtra without `sentencepiece`."""
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError as error:
        raise MissingExtra("sentencepiece", "encoder") from error
    import numpy as np

    data = file.read_bytes()
    tokenizer = SentencePieceProcessor(model_proto=data[:TOKENIZER_BYTES])
    with np.load(io.BytesIO(data[TOKENIZER_BYTES:]), allow_pickle=False) as arrays:
        network = _Network.of({key: arrays[key] for key in arrays.files})

    def embed(texts: Sequence[str]) -> Array:
        tokens = tokenizer.encode(list(texts), out_type=int, add_bos=True, add_eos=True)
        return np.concatenate([network.vectors(group) for group in _groups(tokens)])

    return embed


def _groups(tokens: list[list[int]]) -> list[list[list[int]]]:
    """Neighbouring texts of about `_TOKENS` together, so that one matrix stays in the cache."""
    groups: list[list[list[int]]] = [[]]
    room = _TOKENS
    for text in tokens:
        if groups[-1] and len(text) > room:
            groups.append([])
            room = _TOKENS
        groups[-1].append(text)
        room -= len(text)
    return groups


@dataclass(frozen=True)
class _Network:
    weights: dict[str, Array]
    table: Array

    @classmethod
    def of(cls, weights: dict[str, Array]) -> _Network:
        import numpy as np

        tables = [weights.pop(f"q{number + 1}") for number in range(_TABLES)]
        return cls(weights, np.stack(tables, axis=1).reshape(-1, WIDTH))

    def vectors(self, texts: list[list[int]]) -> Array:
        """One row a text."""
        import numpy as np

        lengths = np.array([len(text) for text in texts])
        pieces = np.concatenate([np.asarray(text) for text in texts])
        starts = np.cumsum(lengths) - lengths
        features = self._features(pieces, np.repeat(np.arange(len(texts)), lengths))
        summed = np.add.reduceat(features, starts, axis=0) @ self.weights["cnn_W"]
        root = np.sqrt(lengths.astype(np.float32))[:, None]
        return self._residual(summed / root + root * self.weights["cnn_b"])

    def _features(self, pieces: Array, owner: Array) -> Array:
        """Each token's own vector and what its three windows say, normalised."""
        import numpy as np

        w, table = self.weights, pieces % _TABLES
        own = self.table[pieces] * w["scale"][table, None] + w["lo"][table, None]
        said = [own]
        for span, left in _WINDOWS:
            places = _places(owner, span, left)
            x = self._norm(own @ w[f"proj{span}"] + w[f"proj_b{span}"], f"{span}")
            h = x + _relu(_gather(x, places) @ w[f"w1_{span}"] + w[f"b1_{span}"])
            said.append(h + _relu(_gather(h, places) @ w[f"w2_{span}"] + w[f"b2_{span}"]))
        return self._norm(np.concatenate(said, axis=1), "")

    def _norm(self, x: Array, which: str) -> Array:
        import numpy as np

        centred = x - x.mean(axis=1, keepdims=True)
        spread = np.sqrt((centred * centred).mean(axis=1, keepdims=True) + np.float32(self.weights["eps"]))
        normed: Array = centred / spread * self.weights[f"ln_g{which}"] + self.weights[f"ln_b{which}"]
        return normed

    def _residual(self, x: Array) -> Array:
        import numpy as np

        w = self.weights
        middle = _relu(x @ w["p1"] + _relu(x @ w["d0"]) @ w["d1"])
        last: Array = np.tanh(middle @ w["p3"] + _relu(middle @ w["d2"]) @ w["d3"])
        return last


def _places(owner: Array, span: int, left: int) -> Array:
    """For every token the rows its window covers; the row after the last, of zeros, for places outside its text."""
    import numpy as np

    rows = np.arange(len(owner))[:, None] + np.arange(-left, span - left)
    inside = (rows >= 0) & (rows < len(owner))
    inside &= owner[np.where(inside, rows, 0)] == owner[:, None]
    return np.where(inside, rows, len(owner))


def _gather(x: Array, places: Array) -> Array:
    import numpy as np

    padded = np.concatenate([x, np.zeros((1, _CHANNELS), x.dtype)])
    return padded[places].reshape(len(places), -1)


def _relu(x: Array) -> Array:
    import numpy as np

    positive: Array = np.maximum(x, 0)
    return positive
