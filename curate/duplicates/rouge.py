"""Near duplicates by wording: the ROUGE-L gate of Self-Instruct (Wang et al. 2023, section 2.2) over a whole data set.

A record stays when the highest ROUGE-L F1 of its instruction (with its input) against all that stayed before is at most
the threshold. Languages are compared apart: each CJK character is a token, so an English and a Chinese text share
next to nothing; and so are running texts and questions. Token ids and signatures are held in memory, not texts (see
`seedbed.gate`).

Records that went are kept in the pool too, for with a higher threshold they would have stayed; only in a crowd, where
there would be too many pairs, the pool is as Self-Instruct has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from curate.duplicates.compared import On
from curate.duplicates.decide import Deciding, precedence
from curate.duplicates.material import Material
from curate.duplicates.near import Near, NearOptions, near_duplicates
from curate.duplicates.pairs import CROWD, Pairs
from seedbed.context import Context
from seedbed.gate import Gate
from seedbed.record import Record

VERSION = 6
KEEPS = True


class Options(NearOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The threshold is Self-Instruct's (section 2.2); a score of exactly the threshold still passes.

    Pairs are kept from 0.6 on: against 0.7 finding them takes a quarter longer among 4,000 made questions, 44 % among
    16,000, and twice as long among 40,000 of 12.5 tokens, where `floor: 0.7` saves it.
    """

    on: On = "instruction"


def rouge(records: Iterable[Record], options: Options, context: Context) -> Iterator[Record]:
    """Every record; one whose wording is too close to a record that stays is rejected as "rouge".

    The rejection names the closest record that stays and the score. Texts without tokens pass. See `near` for what is
    spared, and for the figures.
    """
    find = partial(_find, threshold=options.threshold, max_per_fact=options.max_per_fact, context=context)
    near = Near("rouge", VERSION, "ROUGE-L", "worded like", find, {}, over=True)
    return near_duplicates(records, options, context, near)


def _find(material: Material, floor: float, threshold: float, max_per_fact: int, context: Context) -> Pairs:
    """All pairs over the floor; of a record with a crowd of them those with the records that stay, and the earliest."""
    pools: dict[tuple[str, str], Gate] = {}
    found: list[tuple[int, int, float]] = []
    crowded = 0
    deciding = Deciding(material.items, max_per_fact)
    for number, place in enumerate(precedence(material.items).tolist(), 1):
        if number % 256 == 0:
            context.progress.update(number, len(material))
        item, text = material.items[place], material.text(place)
        pool = pools.setdefault((item.group, item.language), Gate(floor))
        near = [(int(m.key), m.score) for m in pool.over(text) if not material.apart(place, int(m.key))]
        close = [pair for pair in near if pair[1] > threshold]
        stays = deciding.take(place, sorted(close, key=lambda pair: -pair[1]))
        gone = deciding.decision.gone
        if crowd := len(near) > CROWD:
            crowded += 1
            near = [pair for at, pair in enumerate(near) if at < CROWD or pair[0] not in gone]
        found += [(place, other, score) for other, score in near]
        if stays or not crowd:
            pool.add(str(place), text)
    return Pairs.of(found, floor, crowded)
