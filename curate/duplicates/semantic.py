"""Near duplicates in other words: vectors of an encoder, compared by cosine (SemDeDup, Abbas et al. 2023,
arXiv:2303.09540, without its clusters: every pair is looked at).

    records ─ question and answer ─▶ vectors (on disk) ─▶ pairs (neighbours) ─▶ those that do not contradict ─▶ decide

A question and an answer are compared each with its like, and the less similar of the two counts: as one text, a long
answer drowns the question, and two questions about one thing look like one. Languages are compared apart, because the
multilingual default puts translations at .49 to .87 (32 of benchmarks/encode_pairs), and they are no repetition.

The trap: no encoder sees a changed figure or a "not" (seedbed/encode.py). Near pairs that name other figures or codes,
or of which one denies, are told apart by their words.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import msgspec

from curate.duplicates.compared import On, text
from curate.duplicates.decide import Deciding, precedence
from curate.duplicates.material import Material
from curate.duplicates.near import Near, NearOptions, near_duplicates
from curate.duplicates.neighbours import EXACT, Found, earlier
from curate.duplicates.pairs import CROWD, Pairs
from curate.duplicates.vectors import encoded
from seedbed import encode
from seedbed.content import NEGATED, figures
from seedbed.context import Context
from seedbed.encode import Encoder
from seedbed.errors import InputError
from seedbed.record import Record
from seedbed.text import exact_terms, length

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

VERSION = 3
KEEPS = True
# Pairs are kept from this much below the threshold on, so that a lower one can be tried: of 1,900 rows of Alpaca in two
# languages 21 pairs are at .70 or above by question and answer, 3 at .78, and 250 between .50 and .55.
_MARGIN = 0.1
# Characters of a text that are encoded: of a longer one its beginning, middle and end. A field of 10 MB would need more
# memory than there is for what the default encoder makes on the way, and a vector is an average long before that.
_ENCODED = 4000
# Tokens up to which "not" is about the whole text; a longer one denies something somewhere.
_SHORT = 60
_REMEMBERED = 65_536  # records whose answers' figures are at hand, about 500 bytes each
_FIGURE = re.compile(r"[\d.,:/-]+[a-z]{0,3}")
Terms = frozenset[str]


class Options(NearOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which encoder, and from which cosine on two records say the same.

    encoder    default, lexical, or a folder or hub name that `sentence-transformers` can load
    threshold  0 for the encoder's own; one of yours has none, and needs this
    floor      0.1 below the threshold where it is not given
    exact      up to so many records of a language every pair is compared; above, faiss finds most of them
    """

    encoder: str = "default"
    threshold: float = 0.0
    exact: int = EXACT

    def __post_init__(self) -> None:
        # Without a threshold here, `with_cuts` compares the floor with the encoder's.
        NearOptions.__post_init__(self if self.threshold else msgspec.structs.replace(self, threshold=1.0))
        if self.exact < 0:
            raise ValueError(f"exact: expected a number of records, got {self.exact}")


def semantic(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record; one that says the same as a record that stays is rejected as "semantic".

    The rejection names the most similar record that stays and the cosine. Vectors stay in the stage's folder, so that
    neither a kill nor another threshold encodes again. Records with nothing to compare pass. See `near` for what is
    spared, and for the figures. Raises InputError or MissingExtra when the encoder cannot be had.
    """
    encoder = encode.load(options.encoder, context.progress)
    options = with_cuts(options, encoder)
    find = partial(_find, encoder=encoder, options=options, context=context)
    settings = {"encoder": encoder.name, "exact": options.exact}
    near = Near("semantic", VERSION, "cosine", "close in meaning to", find, settings)
    yield from near_duplicates(records, options, context, near)
    context.figures |= {"encoder": encoder.name, "origin": _origin(options, encoder)}


def with_cuts(options: Options, encoder: Encoder) -> Options:
    """The options with a threshold and a floor. Raises InputError for an encoder whose cut nobody has measured."""
    threshold = options.threshold or encoder.threshold("twin")
    floor = max(threshold - _MARGIN, 0.01) if options.floor is None else options.floor
    if floor > threshold:
        raise InputError(
            f"floor {floor:g} is above the threshold of {encoder.name}, {threshold:g}",
            where="semantic",
            next_step="Give a lower floor, or a threshold",
        )
    return msgspec.structs.replace(options, threshold=threshold, floor=round(floor, 4))


def _origin(options: Options, encoder: Encoder) -> str:
    cut = encoder.cuts.get("twin")
    return cut.origin if cut and cut.cosine == options.threshold else "given in the job"


def _find(material: Material, floor: float, encoder: Encoder, options: Options, context: Context) -> Pairs:
    """All pairs from the floor on; of a record with a crowd of them those with the records that stay, and the earliest.

    A record of a crowd that goes is compared with no later one: a hundred thousand fillings of one template would
    otherwise be five billion pairs.
    """
    import numpy as np

    sides = 2 if options.on == "both" else 1
    texts = (_sides(record, options.on) for record in material.records())
    vectors = encoded(context.folder, encoder, texts, len(material), sides, context.progress)
    told = lru_cache(_REMEMBERED)(lambda place: _answer_terms(material.record(place), options.on))
    laters, befores, scores = array("i"), array("i"), array("d")  # a pair as a tuple would take ten times as much
    crowded = done = 0
    for places in _compared(material, vectors, options.on):
        deciding = Deciding(material.items, options.max_per_fact)
        left_out = np.zeros(len(places), bool)
        for number, near in _each(earlier(vectors, places, floor, left_out, sides=sides, exact=options.exact), places):
            done += 1
            if done % 1024 == 0:
                context.progress.update(done, len(material), "compared")
            place = int(places[number])
            near = [(other, score) for other, score in near if not _contradict(told(place), told(other))]
            close = [pair for pair in near if pair[1] >= options.threshold]
            stays = deciding.take(place, sorted(close, key=lambda pair: -pair[1]))
            if len(near) > CROWD:
                crowded += 1
                left_out[number] = not stays
                near = [pair for at, pair in enumerate(near) if at < CROWD or pair[0] not in deciding.decision.gone]
            laters.extend([place] * len(near))
            befores.extend(other for other, _ in near)
            scores.extend(score for _, score in near)
    one, other = np.array(laters, np.int32), np.array(befores, np.int32)
    return Pairs(np.minimum(one, other), np.maximum(one, other), np.array(scores), floor, crowded)


def _sides(record: Record, on: On) -> tuple[str, ...]:
    """What is encoded: the question, the answer, or one beside the other. Running text stands for the question."""
    if on == "both":
        return _clipped(text(record, "instruction")), _clipped(text(record, "answer")) if record.messages else ""
    return (_clipped(text(record, on)),)


def _clipped(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()  # a lone surrogate, which no tokenizer takes
    if len(text) <= _ENCODED:
        return text
    third, middle = _ENCODED // 3, len(text) // 2
    return f"{text[:third]}\n{text[middle - third // 2 : middle + third // 2]}\n{text[-third:]}"


def _compared(material: Material, vectors: Array, on: On) -> list[Array]:
    """Places, in order of precedence, of records that may be twins: of one group and language, and with questions that
    name the same figures and codes and deny both or neither."""
    import numpy as np

    asked = [_asked(record, on) for record in material.records()]
    together: dict[tuple[str, str, Terms], list[int]] = defaultdict(list)
    for place in precedence(material.items).tolist():
        item = material.items[place]
        if vectors[place].any():
            together[item.group, item.language, asked[place]].append(place)
    return [np.array(places) for places in together.values() if len(places) > 1]


def _asked(record: Record, on: On) -> Terms:
    """What a question must have in common with another to be the same."""
    if on == "answer" or not record.messages:
        return frozenset()
    question = _clipped(text(record, "instruction"))
    denies = length(question) <= _SHORT and any(pattern.search(question) for pattern in NEGATED.values())
    return _terms(question) | ({"not"} if denies else set())


def _answer_terms(record: Record, on: On) -> Terms:
    return frozenset() if on == "instruction" and record.messages else _terms(_clipped(text(record, "answer")))


def _terms(text: str) -> Terms:
    """Figures, number words among them, and codes. A figure with its unit (`25cm`) is a figure."""
    codes = (term for term in exact_terms(text) if not _FIGURE.fullmatch(term))
    return frozenset(codes).union(figures(text))


def _contradict(one: Terms, other: Terms) -> bool:
    """Whether each names something that the other does not. An answer may well say more than another."""
    return bool(one - other and other - one)


def _each(blocks: Iterable[Found], places: Array) -> Iterator[tuple[int, list[tuple[int, float]]]]:
    """Each number with the earlier places that are near, none left out."""
    at = 0
    for found in blocks:
        later, before, scores = (column.tolist() for column in (found[0], places[found[1]], found[2]))
        start = 0
        while start < len(later):
            number = later[start]
            stop = bisect_right(later, number, start)
            yield from ((passed, []) for passed in range(at, number))
            yield number, list(zip(before[start:stop], scores[start:stop], strict=True))
            at, start = number + 1, stop
    yield from ((passed, []) for passed in range(at, len(places)))
