"""Pictures as inline SVG. Colours are classes of style.css, so that light and dark need one drawing.

Everything that comes from data goes through `Markup.format`, which escapes it. Shapes that stretch with the page carry
no text (`preserveAspectRatio="none"`); charts with text are drawn at the size at which they are shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from curate.report.model import Comparison
from curate.report.model_records import Cell
from curate.report.model_set import Bin, Histogram, Map
from curate.report.words import Words, number

# A strip has at most this many cells, so that each stays wide enough to be seen and 60 documents stay below 1 MB.
_CELLS = 100


def svg(width: float, height: float, body: Markup, label: str, kind: str, stretch: bool = False) -> Markup:
    return Markup('<svg class="{}" viewBox="0 0 {:.0f} {:.0f}"{} role="img" aria-label="{}">{}</svg>').format(
        kind, width, height, Markup(' preserveAspectRatio="none"') if stretch else "", label, body
    )


def flow(before: int, after: int, lost: int, added: int, largest: int, words: Words) -> Markup:
    """What happens between two bars of the funnel: what goes on, what peels off, what joins. 100 wide, stretched."""
    scale = 100 / max(largest, 1)
    stays = min(before - lost, after) if before else after
    body = Markup('<path class="stays" d="M0 0H{0:.2f}V40H0Z"/>').format(max(stays * scale, 0.4) if stays else 0.0)
    if lost:
        left, right = stays * scale, min(stays + lost, max(before, 1)) * scale
        right = max(right, left + 0.4)
        # The strip that is shaved off bends to the right and fades out before it reaches the edge.
        body += Markup(
            '<path class="lost" d="M{0:.2f} 0H{1:.2f}C{1:.2f} 20 {2:.2f} 24 100 26V40'
            'C{0:.2f} 38 {0:.2f} 16 {0:.2f} 0Z"/>'
        ).format(left, right, (right + 100) / 2)
    if added:
        left, right = stays * scale, max(after * scale, stays * scale + 0.4)
        body += Markup(
            '<path class="added" d="M{1:.2f} 40H{0:.2f}C{0:.2f} 20 {2:.2f} 12 100 8V0'
            'C{3:.2f} 4 {1:.2f} 20 {1:.2f} 40Z"/>'
        ).format(left, right, (left + 100) / 2, (right + 100) / 2)
    told = words("{lost} left out, {added} added", lost=f"{lost:,}", added=f"{added:,}")
    return svg(100, 40, body, told, "flow", stretch=True)


def ring(share: float, label: str) -> Markup:
    """A share as a ring."""
    radius, around = 26, 2 * math.pi * 26
    body = Markup('<circle class="track" cx="32" cy="32" r="{0}"/>').format(radius)
    if share > 0:
        body += Markup(
            '<circle class="filled" cx="32" cy="32" r="{0}" stroke-dasharray="{1:.1f} {2:.1f}"'
            ' transform="rotate(-90 32 32)"/>'
        ).format(radius, share * around, around)
    return svg(64, 64, body, label, "ring")


def histogram(chart: Histogram, series: Sequence[str], words: Words) -> Markup:
    """Stacked bars, one colour a series (the languages, or kept and dropped), with the median marked."""
    width, height, left, bottom = 360, 150, 4, 22
    top = 18
    tallest = max((sum(b.counts.values()) for b in chart.bins), default=1) or 1
    step = (width - 2 * left) / len(chart.bins)
    body = Markup("")
    for index, each in enumerate(chart.bins):
        body += _bar(each, left + index * step, step, (top, height - bottom), tallest, series, chart, words)
    low, high = chart.bins[0].low, chart.bins[-1].high
    x = left + min((chart.median - low) / ((high - low) or 1), 1) * (width - 2 * left)
    median = words("median {n}", n=number(round(chart.median, 2)))
    end = "end" if x > width * 0.7 else "start"
    body += Markup(
        '<path class="median" d="M{0:.1f} {1}V{2}"/>'
        '<text class="figure" x="{3:.1f}" y="11" text-anchor="{4}">{5}</text>'
    ).format(x, 4, height - bottom, x - 5 if end == "end" else x + 5, end, median)
    body += Markup('<path class="axis" d="M{0} {1}H{2}"/>').format(left, height - bottom, width - left)
    for share, value, anchor in _marks(chart):
        plus = "+" if chart.open_end and share == 1 else ""
        body += Markup('<text x="{0:.1f}" y="{1}" text-anchor="{2}">{3}{4}</text>').format(
            left + share * (width - 2 * left), height - 6, anchor, number(round(value, 2)), plus
        )
    return svg(width, height, body, f"{words.plain(chart.name)}: {median}", "histogram")


def _marks(chart: Histogram) -> list[tuple[float, float, str]]:
    """Labels of the axis: where (0 to 1), which value, how it stands there. Steps are named under their bars."""
    count = len(chart.bins)
    if chart.steps:
        every = 1 if count <= 10 else 2
        return [
            ((i + 0.5) / count, (b.low + b.high) / 2, "middle") for i, b in enumerate(chart.bins) if i % every == 0
        ]
    low, high = chart.bins[0].low, chart.bins[-1].high
    # Half a token is no length: the middle mark stands between two bars.
    middle = (count // 2) / count if chart.unit == "tokens" and count > 2 else 0.5
    ends = ((0.0, "start"), (middle, "middle"), (1.0, "end"))
    return [(share, low + share * (high - low), anchor) for share, anchor in ends]


def _bar(
    each: Bin,
    x: float,
    step: float,
    room: tuple[float, float],
    tallest: int,
    series: Sequence[str],
    chart: Histogram,
    words: Words,
) -> Markup:
    top, floor = room
    y = floor
    body = Markup("")
    for name in (*series, *sorted(each.counts.keys() - set(series))):
        if not (value := each.counts.get(name, 0)):
            continue
        height = value / tallest * (floor - top)
        y -= height
        body += Markup('<rect class="{0}" x="{1:.2f}" y="{2:.2f}" width="{3:.2f}" height="{4:.2f}"/>').format(
            tint(name, series), x + 0.75, y, max(step - 1.5, 0.5), height
        )
    whole = sum(each.counts.values())
    split = ", ".join(f"{_series(name, words)} {value:,}" for name, value in each.counts.items() if name and value)
    span = f"{number(round(each.low, 2))}–{number(round(each.high, 2))} {words(chart.unit)}"
    title = f"{span}: {whole:,}" + (f" ({split})" if split else "")
    return Markup("<g><title>{0}</title>{1}</g>").format(title, body) if whole else body


def _series(name: str, words: Words) -> str:
    known = {"kept": "kept", "dropped": "left out", "before": "before", "after": "after"}
    return words(known[name]) if name in known else words.tongue(name)


def tint(name: str, series: Sequence[str]) -> str:
    """The colour class of a language, the commonest first; what was left out has a colour of its own."""
    if name in ("dropped", "before"):
        return name
    return f"tint-{series.index(name) % 4}" if name in series else "tint-0"


def strip(cells: Sequence[Cell], most: int, words: Words) -> Markup:
    """One cell a page or heading, darker with more records; hollow where passages gave none, a line where none are.

    Longer documents are drawn with several pages a cell.
    """
    if not cells:
        return Markup("")
    grouped = _grouped(cells)
    step = 600 / len(grouped)
    gap = min(3.0, step * 0.18)
    body = Markup("")
    for index, (label, passages, records) in enumerate(grouped):
        what = words("{label}: no usable passage", label=label)
        if passages:
            gave, of = words.count(records, "record"), words.count(passages, "passage")
            what = words("{label}: {records} from {passages}", label=label, records=gave, passages=of)
        kind = "none" if not passages else "empty" if not records else f"heat-{_heat(records, most)}"
        y, tall = (9, 2) if kind == "none" else (1, 18)
        body += Markup(
            '<rect class="{0}" x="{1:.1f}" y="{2}" width="{3:.1f}" height="{4}"><title>{5}</title></rect>'
        ).format(kind, index * step + gap / 2, y, step - gap, tall, what)
    told = words("{n} of {all} with records", n=sum(1 for c in cells if c.records), all=len(cells))
    return svg(600, 20, body, told, "strip", stretch=True)


def _heat(records: int, most: int) -> int:
    """1 to 4: quarters of the most that one cell of the run gave."""
    return min(4, max(1, math.ceil(4 * records / max(most, 1))))


def _grouped(cells: Sequence[Cell]) -> list[tuple[str, int, int]]:
    size = math.ceil(len(cells) / _CELLS)
    groups = [cells[i : i + size] for i in range(0, len(cells), size)]
    return [
        (
            g[0].label if len(g) == 1 else f"{g[0].label} – {g[-1].label}",
            sum(c.passages for c in g),
            sum(c.records for c in g),
        )
        for g in groups
    ]


def dumbbell(each: Comparison, every: Sequence[Comparison], words: Words) -> Markup:
    """Loss before (hollow) and after (filled) on a scale shared by all sets, with the interval of the difference."""
    # The interval is part of the picture: without it in the scale it would lie over the labels beside.
    ends = [value for c in every for value in (c.before, c.after, c.before + (c.low or 0), c.before + (c.high or 0))]
    low, high = min(ends), max(ends)
    pad = (high - low) * 0.12 or 0.1
    low, high = max(low - pad, 0), high + pad
    width, y = 360, 17

    def x(loss: float) -> float:
        return 12 + (loss - low) / (high - low) * (width - 24)

    verdict = _verdict(each)
    body = Markup('<path class="grid" d="M0 {0}H{1}"/>').format(y, width)
    if each.low is not None and each.high is not None:
        body += Markup('<rect class="interval" x="{0:.1f}" y="{1}" width="{2:.1f}" height="10" rx="5"/>').format(
            x(each.before + each.low), y - 5, max(x(each.before + each.high) - x(each.before + each.low), 1)
        )
    body += Markup('<path class="{0}" d="M{1:.1f} {2}H{3:.1f}"/>').format(verdict, x(each.before), y, x(each.after))
    body += Markup(
        '<circle class="before" cx="{0:.1f}" cy="{2}" r="5.5"/>'
        '<circle class="after {3}" cx="{1:.1f}" cy="{2}" r="6.5"/>'
    ).format(x(each.before), x(each.after), y, verdict)
    told = words("loss {before} before, {after} after", before=f"{each.before:.2f}", after=f"{each.after:.2f}")
    return svg(width, 34, body, told, "dumbbell")


def _verdict(each: Comparison) -> str:
    """better, worse, or the same where the interval of the difference holds zero."""
    if each.low is not None and each.high is not None and each.low <= 0 <= each.high:
        return "same"
    return "better" if each.after < each.before else "worse"


def overlay(chart: Histogram, words: Words) -> Markup:
    """Before as a pale shape, after as bars within it, on one honest axis from zero."""
    width, height, left, bottom, top = 360, 130, 4, 22, 8
    tallest = max((value for b in chart.bins for value in b.counts.values()), default=1) or 1
    step, floor = (width - 2 * left) / len(chart.bins), height - bottom
    body = Markup("")
    for index, each in enumerate(chart.bins):
        x = left + index * step
        before, after = each.counts.get("before", 0), each.counts.get("after", 0)
        span = f"{number(each.low)}–{number(each.high)} {words(chart.unit)}"
        title = words("{span}: {before} before, {after} after", span=span, before=f"{before:,}", after=f"{after:,}")
        body += Markup("<g><title>{0}</title>").format(title)
        for name, value, inset in (("before", before, 0.0), ("tint-0", after, min(2.0, step * 0.2))):
            tall = value / tallest * (floor - top)
            body += Markup('<rect class="{0}" x="{1:.2f}" y="{2:.2f}" width="{3:.2f}" height="{4:.2f}"/>').format(
                name, x + inset, floor - tall, max(step - 2 * inset - 0.5, 0.5), tall
            )
        body += Markup("</g>")
    body += Markup('<path class="axis" d="M{0} {1}H{2}"/>').format(left, floor, width - left)
    for share, mark, anchor in _marks(chart):
        plus = "+" if chart.open_end and share == 1 else ""
        body += Markup('<text x="{0:.1f}" y="{1}" text-anchor="{2}">{3}{4}</text>').format(
            left + share * (width - 2 * left), height - 6, anchor, number(round(mark, 2)), plus
        )
    return svg(width, height, body, words("Lengths before and after"), "histogram")


def plot(found: Map, words: Words) -> Markup:
    """The map: a dot for a record that stayed, a ring for one that was left out. The page chooses the colours."""
    width, height = 600.0, 440.0
    body = Markup("")
    # What was left out lies below what stayed: rings would hide dots.
    for point in sorted(found.points, key=lambda each: not each.why):
        title = point.text or words("(not shown)")
        if point.why:
            title = f"{title} — {words('left out')}: {words.plain(point.why)}"
        body += Markup(
            '<circle class="{0} s{1} l{2}" cx="{3:.0f}" cy="{4:.0f}" r="{5}"><title>{6}</title></circle>'
        ).format(
            "out" if point.why else "in",
            point.source,
            point.language,
            8 + point.x * (width - 16),
            8 + (1 - point.y) * (height - 16),
            4 if len(found.points) < 600 else 3,
            title,
        )
    told = words("{n} records on a map", n=f"{len(found.points):,}")
    return svg(width, height, body, told, "plot")
