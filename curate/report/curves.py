"""The loss curves of a training, as inline SVG (see `charts`)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from curate.report.charts import svg
from curate.report.model import Training
from curate.report.words import Words, number

Point = tuple[float, float]


def curves(training: Training, width: int, height: int, words: Words) -> Markup:
    """Training loss (faint, with its running mean), validation loss and general loss over steps."""
    every = [*training.losses, *training.validation, *training.general]
    left, right, top, bottom = 40, 14, 12, 26
    last = max((step for step, _ in every), default=1) or 1
    low, high, ticks = _ticks(min(loss for _, loss in every), max(loss for _, loss in every))

    def place(point: Point) -> Point:
        x = left + point[0] / last * (width - left - right)
        return x, top + (high - point[1]) / (high - low) * (height - top - bottom)

    body = Markup("")
    for tick in ticks:
        _, y = place((0, tick))
        body += Markup(
            '<path class="grid" d="M{0} {1:.1f}H{2}"/><text x="{3}" y="{4:.1f}" text-anchor="end">{5}</text>'
        ).format(left, y, width - right, left - 7, y + 4, f"{tick:g}")
    for share in (0.0, 0.5, 1.0):
        x, _ = place((share * last, low))
        anchor = "start" if share == 0 else "end" if share == 1 else "middle"
        at = number(round(share * last))
        body += Markup('<text x="{0:.1f}" y="{1}" text-anchor="{2}">{3}</text>').format(
            x, height - 6, anchor, words("step {n}", n=at) if share == 0 else at
        )
    if training.kept is not None and 0 < training.kept <= last:
        x, _ = place((training.kept, low))
        body += Markup('<path class="kept" d="M{0:.1f} {1}V{2}"/>').format(x, top, height - bottom)
    losses = thinned(training.losses)
    body += _line([place(p) for p in losses], "raw") + _line([place(p) for p in smooth(losses)], "train")
    for kind, points in (("validation", training.validation), ("general", training.general)):
        measured = [(point, place(point)) for point in thinned(points)]
        body += _line([xy for _, xy in measured], kind)
        for (step, loss), (x, y) in measured:
            body += Markup(
                '<circle class="dot {4}" cx="{0:.1f}" cy="{1:.1f}" r="4"><title>{2}: {3:.3f}</title></circle>'
            ).format(x, y, words("step {n}", n=number(step)), loss, kind)
    return svg(width, height, body, words("Loss over training steps"), "curves")


def _line(points: Sequence[Point], kind: str) -> Markup:
    if len(points) < 2:
        return Markup("")
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return Markup('<path class="line {0}" d="M{1}"/>').format(kind, path)


def smooth(points: Sequence[Point]) -> list[Point]:
    """Each loss as the mean of its neighbourhood, a tenth of the curve wide, narrower towards both ends."""
    reach = max(len(points) // 20, 1)
    smoothed = []
    for at, (step, _) in enumerate(points):
        wide = min(reach, at, len(points) - 1 - at)
        near = points[at - wide : at + wide + 1]
        smoothed.append((step, sum(loss for _, loss in near) / len(near)))
    return smoothed


def thinned(points: Sequence[Point], most: int = 500) -> list[Point]:
    """At most 500 points, each the mean of its neighbours: more are not seen on a screen."""
    size = math.ceil(len(points) / most) or 1
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    return [(g[-1][0], sum(loss for _, loss in g) / len(g)) for g in groups]


def _ticks(low: float, high: float) -> tuple[float, float, list[float]]:
    """An axis over [low, high] with about four round marks: its ends and the marks."""
    spread = (high - low) or max(abs(high), 1) * 0.2
    rough = spread / 4
    power: float = 10 ** math.floor(math.log10(rough))
    step = next(d * power for d in (1, 2, 2.5, 5, 10) if d * power >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    last += first == last
    return first * step, last * step, [round(i * step, 10) for i in range(first, last + 1)]
