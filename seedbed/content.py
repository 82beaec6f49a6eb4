"""What a text says, apart from how it says it: its content words, its figures, and whether it denies.

Read by the checks of generators and by the filters of curation, so that both see the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from seedbed.text import CJK, half_width, tokenize

STOP = {
    "en": frozenset(
        "a an the and or but if then so as of in on at to for from by with without into than that this these "
        "those it its is are was were be been being do does did has have had can could may might must should "
        "will would not no nor only also very more most less which who whom whose what when where why how "
        "there their they them he she his her you your we our i me my one each every all any some such same "
        "other because since while after before during between up out about over under again used use uses "
        "using need needs needed make makes made get gets ensure ensures help helps allow allows".split()
    ),
    "zh": frozenset(
        "的了和与及在是有为以对将把被就也都而且或者并其之于由从到等这那个一不会能可要应该当时后前中里上下所因此如果则"
        "二三四五六七八九十两几每次"
    ),
}
NEGATED = {
    "en": re.compile(r"\b(?:not|no|never|none|cannot|without|neither|nor|n't)\b|n't\b|n’t\b", re.I),
    "zh": re.compile(r"不(?!同|仅|断)|没有|没|无(?!论)|未|勿|(?<![分区级类个特])别(?!的)|禁止|非"),
}
FIGURE = re.compile(r"\d+(?:[.,:/-]\d+)*")
_ENUMERATOR = re.compile(r"^\s*\d{1,2}[.)、](?=\s)", re.M)  # of a list: no figure
_SMALL = {
    w: str(n) for n, w in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())
}
_SMALL_ZH = dict(
    zip("零一二三四五六七八九十两", ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "2"], strict=True)
)


def support(text: str, evidence: str, lang: str) -> float:
    """Share of the content units of `text` that stand in `evidence`; 1.0 where there are none."""
    wanted = list(units(text, lang))
    have = set(units(evidence, lang))
    return sum(unit in have for unit in wanted) / len(wanted) if wanted else 1.0


def units(text: str, lang: str) -> Iterator[str]:
    """What carries meaning: in English words without stop words, cut to stems so that inflections meet; in Chinese
    pairs of neighbouring characters that are not function words, and Latin words whole. Figures are not among them."""
    if lang == "en":
        for token in tokenize(text):
            if token not in STOP["en"] and len(token) > 1 and not token[0].isdigit() and token not in _SMALL:
                yield token[:5].rstrip("es") or token
        return
    for run in re.findall(f"[{CJK}]+|[a-z0-9]+", half_width(text).lower()):
        if run[0].isascii():
            if not run[0].isdigit():
                yield run
        else:
            yield from (
                a + b for a, b in zip(run, run[1:], strict=False) if a not in STOP["zh"] and b not in STOP["zh"]
            )


def figures(text: str) -> list[str]:
    """Numbers, with number words up to twelve as digits and thousands separators taken out."""
    text = _ENUMERATOR.sub("", half_width(text))
    found = [match.rstrip(".,:-/") for match in FIGURE.findall(text)]
    found = [f.replace(",", "") if re.fullmatch(r"\d{1,3}(?:,\d{3})+", f) else f for f in found]
    found = [re.sub(r"(\.\d*?)0+$", r"\1", f).rstrip(".") if re.fullmatch(r"\d+\.\d+", f) else f for f in found]
    words = [_SMALL[w] for w in re.findall(r"[a-z]+", text.lower()) if w in _SMALL and w not in ("one", "zero")]
    chinese = [
        _SMALL_ZH[w] for w in re.findall(r"([二三四五六七八九十两])(?=[个种次条步年天分秒轮级份倍项类章台])", text)
    ]
    return found + words + chinese
