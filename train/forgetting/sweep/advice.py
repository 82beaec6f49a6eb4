"""Which value of a sweep is advised, and why, in English and in Chinese: the terminal is told in English, sweep.html
speaks the language of its records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from train.forgetting.sweep.ladder import shown
from train.forgetting.sweep.points import Point

BOUND = 0.05  # of the base's general loss, where the job names none

_NONE_WITHIN = (
    "No value keeps general loss within {bound:.0%} of the base's; {key} {value} comes nearest with {share:+.1%}. Mix "
    "in more general data, set `forgetting: {{penalty: kl}}`, or lower learning_rate.",
    "没有一个取值能把通用损失的上升控制在原模型的 {bound:.0%} 以内；最接近的是 {key} {value}，变化为 {share:+.1%}。"
    "可以多混入通用数据，设置 `forgetting: {{penalty: kl}}`，或调低 learning_rate。",
)
_NOTHING_LEARNED = (
    "No value within the bound of {bound:.0%} learns anything: domain loss changes by {gain:+.2f} at best. Train "
    "longer, or raise learning_rate.",
    "在 {bound:.0%} 的上限以内，没有一个取值学到了东西：领域损失最好的变化也只是 {gain:+.2f}。请延长训练，"
    "或调高 learning_rate。",
)
_THE_ONE = (
    "{key} {value}, the one value within the bound: domain loss falls by {gain:.2f}; general loss changes by "
    "{share:+.1%}.",
    "{key} {value} 是上限以内唯一的取值：领域损失下降 {gain:.2f}，通用损失变化 {share:+.1%}。",
)
_OF_ALL = (
    "{key} {value}: domain loss falls by {gain:.2f}, the most of all {count} values; general loss changes by "
    "{share:+.1%}.",
    "{key} {value}：领域损失下降 {gain:.2f}，在全部 {count} 个取值中最多；通用损失变化 {share:+.1%}。",
)
_OF_SOME = (
    "{key} {value}: domain loss falls by {gain:.2f}, the most of the {count} values within the bound; general loss "
    "changes by {share:+.1%}.",
    "{key} {value}：领域损失下降 {gain:.2f}，在上限以内的 {count} 个取值中最多；通用损失变化 {share:+.1%}。",
)
_FURTHER = (
    "{key} {value} gains {gain:.2f} more and forgets {share:.1%}.",
    "{key} {value} 的领域损失再低 {gain:.2f}，但通用损失上升 {share:.1%}。",
)
_BEYOND = (
    "Its 95 % interval reaches {share:+.1%}, beyond the bound: more seeds would tell.",
    "它的 95 % 置信区间达到 {share:+.1%}，超出上限：增加随机种子数才能判断。",
)


class Advice(msgspec.Struct, frozen=True):
    """The advised value, or None; and why, in both languages."""

    value: float | int | str | None
    why: str
    why_zh: str


def advise(key: str, found: Sequence[Point], bound: float) -> Advice:
    """The value with the largest domain gain among those whose general loss stays within the bound."""
    within = [point for point in found if point.general.share <= bound]
    if not within:
        near = min(found, key=lambda point: point.general.share)
        return _said(None, [(_NONE_WITHIN, _of(key, near) | {"bound": bound})])
    best = min(within, key=lambda point: point.domain.mean)
    if best.domain.mean >= 0:
        return _said(None, [(_NOTHING_LEARNED, {"bound": bound, "gain": best.domain.mean})])
    which = _THE_ONE if len(within) == 1 else _OF_ALL if len(within) == len(found) else _OF_SOME
    why = [(which, _of(key, best) | {"gain": -best.domain.mean, "count": len(within)})]
    further = min(found, key=lambda point: point.domain.mean)
    if further is not best:
        why.append((_FURTHER, _of(key, further) | {"gain": best.domain.mean - further.domain.mean}))
    end = best.general.interval
    if end and end[1] > bound * best.general.base:
        why.append((_BEYOND, {"share": end[1] / best.general.base}))
    return _said(best.value, why)


def _of(key: str, point: Point) -> dict[str, Any]:
    return {"key": key, "value": shown(point.value), "share": point.general.share}


def _said(value: float | int | str | None, why: Sequence[tuple[tuple[str, str], dict[str, Any]]]) -> Advice:
    english, chinese = ([words[side].format(**figures) for words, figures in why] for side in (0, 1))
    return Advice(value, " ".join(english), "".join(chinese))
