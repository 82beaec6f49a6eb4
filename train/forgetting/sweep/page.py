"""sweep.html: domain loss against general loss, one point a value, as one file that loads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from train.forgetting.sweep.advice import Advice
from train.forgetting.sweep.ladder import shown
from train.forgetting.sweep.points import Change, Point

_WIDE, _HIGH = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 90, 20, 48
_CHINESE = {
    "Domain loss against general loss": "领域损失与通用损失",
    "The lower left is best: learned, and nothing forgotten. Lines are 95 % intervals, {over}.":
        "越靠左下越好：学会了，也没有遗忘。线段为 95 % 置信区间（{over}）。",
    "over records": "按记录", "over seeds": "按随机种子",
    "general loss": "通用损失", "domain loss": "领域损失", "base": "原模型", "bound": "上限", "change": "变化",
    "95 % interval": "95 % 置信区间", "too few records": "记录太少", "seeds": "种子数", "general share": "通用数据占比",
    "Advised.": "建议：", "No advice.": "没有建议。",
}  # fmt: skip
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1d2a23; }
svg { width: 100%; height: auto } text { font-size: 12px; fill: #5a6a61 } .axis { stroke: #c9d2cc }
.bound { stroke: #b5523b; stroke-dasharray: 4 3 } .path { fill: none; stroke: #a9bdb1 } .interval { stroke: #7d8b83 }
.point { fill: #4a7fa8 } .advised { fill: #2c7a4b } table { border-collapse: collapse; width: 100%; font-size: .875rem }
th, td { text-align: right; padding: .3rem .5rem; border-top: 1px solid #dfe5e1 } tr.advised { font-weight: 600 }
th:first-child, td:first-child { text-align: left }
@media (prefers-color-scheme: dark) {
  body { color: #e4ebe7; background: #151a17 } text { fill: #9aa8a0 } th, td { border-color: #2c3631 }
}
"""


def page(key: str, found: Sequence[Point], advice: Advice, bound: float, language: str) -> str:
    """The page in English (`en`) or Chinese (`zh`)."""

    def say(words: str) -> str:
        return _CHINESE[words] if language == "zh" else words

    over = say("over seeds" if found[0].general.over_seeds else "over records")
    lower = say("The lower left is best: learned, and nothing forgotten. Lines are 95 % intervals, {over}.")
    title = say("Domain loss against general loss")
    names = ("general share", "domain loss", "95 % interval", "general loss", "change", "95 % interval", "seeds")
    head = [key, *map(say, names)]
    rows = "".join(_row(point, point.value == advice.value, say("too few records")) for point in found)
    advised = say("Advised." if advice.value is not None else "No advice.")
    why = advice.why_zh if language == "zh" else advice.why
    return (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1><p>{escape(lower.format(over=over))}</p>"
        f"{_chart(key, found, advice, bound, say('domain loss'), say('general loss'), say('base'), say('bound'))}"
        f'<p><b>{escape(advised)}</b> {escape(why)}</p><table><thead><tr>'
        f"{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr></thead><tbody>{rows}</tbody></table></html>\n"
    )


def _row(point: Point, advised: bool, few: str) -> str:
    def interval(change: Change) -> str:
        return f"{change.interval[0]:+.3f} … {change.interval[1]:+.3f}" if change.interval else few

    cells = [
        shown(point.value), f"{point.share:.1%}", f"{point.domain.base:.3f} → {point.domain.tuned:.3f}",
        interval(point.domain), f"{point.general.base:.3f} → {point.general.tuned:.3f}", f"{point.general.share:+.1%}",
        interval(point.general), str(point.seeds),
    ]  # fmt: skip
    mark = ' class="advised"' if advised else ""
    return f"<tr{mark}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _chart(
    key: str, found: Sequence[Point], advice: Advice, bound: float, down: str, across: str, base: str, limit: str
) -> str:
    """General loss across, domain loss upwards, both over the range of the points, the base's general loss included."""
    origin = found[0].general.base
    wide = [x for point in found for x in _ends(point.general)] + [origin, origin * (1 + bound)]
    high = [y for point in found for y in _ends(point.domain)]
    (left, right), (low, top) = _span(wide), _span(high)

    def x(loss: float) -> float:
        return _LEFT + (loss - left) / (right - left) * (_WIDE - _LEFT - _RIGHT)

    def y(loss: float) -> float:
        return _TOP + (top - loss) / (top - low) * (_HIGH - _TOP - _BOTTOM)

    floor = _HIGH - _BOTTOM
    body = [f'<path class="axis" fill="none" d="M{_LEFT} {_TOP}V{floor}H{_WIDE - _RIGHT}"/>']
    body += [_text(x(loss), floor + 18, f"{loss:.2f}", "middle") for loss in _marks(left, right)]
    body += [_text(_LEFT - 8, y(loss) + 4, f"{loss:.2f}", "end") for loss in _marks(low, top)]
    body += [_text(_WIDE - _RIGHT, _HIGH - 8, across, "end"), _text(8, _TOP - 6, down, "start")]
    for name, loss, kind in ((base, origin, "axis"), (f"{limit} {bound:+.0%}", origin * (1 + bound), "bound")):
        body.append(f'<path class="{kind}" d="M{x(loss):.1f} {_TOP}V{floor}"/>')
        body.append(_text(x(loss) + 3, floor - 6, name, "start"))
    line = "L".join(f"{x(point.general.tuned):.1f} {y(point.domain.tuned):.1f}" for point in found)
    body.append(f'<path class="path" d="M{line}"/>')
    for point in found:
        at = x(point.general.tuned), y(point.domain.tuned)
        (a, b), (c, d) = _ends(point.general), _ends(point.domain)
        cross = f"M{x(a):.1f} {at[1]:.1f}H{x(b):.1f}M{at[0]:.1f} {y(c):.1f}V{y(d):.1f}"
        kind = "advised" if point.value == advice.value else "point"
        name = f"{key} {shown(point.value)}"
        body += [f'<path class="interval" d="{cross}"/>', _text(at[0] + 9, at[1] - 7, name, "start"),
                 f'<circle class="{kind}" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="5"/>']  # fmt: skip
    label = escape(f"{across}, {down}")
    return f'<svg viewBox="0 0 {_WIDE} {_HIGH}" role="img" aria-label="{label}">{"".join(body)}</svg>'


def _ends(change: Change) -> tuple[float, float]:
    """The interval of the loss after training."""
    low, high = change.interval or (change.mean, change.mean)
    return change.base + low, change.base + high


def _span(values: Sequence[float]) -> tuple[float, float]:
    room = 0.06 * (max(values) - min(values)) or 0.1
    return min(values) - room, max(values) + room


def _marks(low: float, high: float) -> list[float]:
    return [low + (high - low) * share for share in (0.1, 0.5, 0.9)]


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
