"""What the rungs come to: intervals, and the advised value with its reason."""

from __future__ import annotations

import pytest

from train.forgetting.sweep.advice import advise
from train.forgetting.sweep.page import page
from train.forgetting.sweep.points import Losses, Measured, Point, points


def rung(value: float, seed: int, domain: float, general: float, spread: float = 0.0) -> Measured:
    """Eight records a set, of base loss 4 and 2, that change by so much, the records `spread` apart."""
    sets = {"test_seen": (4.0, domain), "test_general": (2.0, general)}
    losses = {
        name: {f"r{i}": Losses(10 * base, 10 * (base + change + spread * (i - 3.5)), 10) for i in range(8)}
        for name, (base, change) in sets.items()
    }
    return Measured(fingerprint="", key="mix", value=value, seed=seed, share=value, steps=9, kept_step=9, seconds=1.0,
                    losses=losses)  # fmt: skip


def reached(*rungs: Measured) -> list[Point]:
    return points(rungs, 0)


def test_a_point_is_the_mean_over_its_seeds() -> None:
    first, second = reached(rung(0.0, 0, -3.0, 0.4), rung(0.0, 1, -2.0, 0.6), rung(0.1, 0, -2.2, 0.05))
    assert (first.value, first.seeds, second.seeds) == (0.0, 2, 1)
    assert first.domain.mean == pytest.approx(-2.5) and first.general.share == pytest.approx(0.25)
    # Student's t with one degree of freedom: 12.706 times the standard error of half the difference.
    assert first.domain.over_seeds == pytest.approx((-2.5 - 12.706 * 0.5, -2.5 + 12.706 * 0.5), abs=1e-3)
    assert second.domain.over_seeds is None and second.domain.interval == second.domain.over_records


def test_the_interval_over_records_is_as_wide_as_they_differ() -> None:
    alike, apart = reached(rung(0.0, 0, -2.0, 0.1), rung(0.1, 0, -2.0, 0.1, spread=0.2))
    assert alike.domain.over_records == pytest.approx((-2.0, -2.0))
    low, high = apart.domain.over_records or (0, 0)
    assert low < -2.2 and high > -1.8


def test_advised_is_the_largest_gain_within_the_bound() -> None:
    found = reached(rung(0.0, 0, -3.0, 0.5), rung(0.1, 0, -2.8, 0.08), rung(0.3, 0, -2.6, 0.02))
    advice = advise("mix", found, 0.05)
    assert advice.value == 0.1
    assert advice.why == (
        "mix 0.1: domain loss falls by 2.80, the most of the 2 values within the bound; general loss changes by +4.0%. "
        "mix 0 gains 0.20 more and forgets 25.0%."
    )
    assert advice.why_zh == (
        "mix 0.1：领域损失下降 2.80，在上限以内的 2 个取值中最多；通用损失变化 +4.0%。"
        "mix 0 的领域损失再低 0.20，但通用损失上升 25.0%。"
    )
    one = advise("mix", found, 0.02)
    assert one.value == 0.3 and one.why.startswith("mix 0.3, the one value within the bound: ")
    assert one.why_zh.startswith("mix 0.3 是上限以内唯一的取值：")
    assert "the most of all 3 values" in advise("mix", found, 0.5).why


def test_an_interval_beyond_the_bound_is_said() -> None:
    found = reached(rung(0.0, 0, -3.0, 0.08, spread=0.1), rung(0.1, 0, -2.8, 0.0))
    advice = advise("mix", found, 0.05)
    assert "beyond the bound: more seeds would tell" in advice.why and "超出上限" in advice.why_zh


def test_where_nothing_is_within_the_bound_the_nearest_is_named_and_what_to_do() -> None:
    advice = advise("mix", reached(rung(0.0, 0, -3.0, 0.5), rung(0.1, 0, -2.8, 0.2)), 0.05)
    assert advice.value is None
    assert "mix 0.1 comes nearest with +10.0%" in advice.why and "最接近的是 mix 0.1，变化为 +10.0%" in advice.why_zh
    assert all("`forgetting: {penalty: kl}`" in words for words in (advice.why, advice.why_zh))


def test_what_learns_nothing_is_not_advised() -> None:
    advice = advise("mix", reached(rung(0.0, 0, 0.1, 0.0), rung(0.1, 0, 0.2, 0.0)), 0.05)
    assert advice.value is None and "at best. Train longer" in advice.why and "请延长训练" in advice.why_zh


@pytest.mark.parametrize(("language", "said", "why", "not_said"), [
    ("en", "general loss", "Advised.</b> mix 0.1", "领域"), ("zh", "通用损失", "建议：</b> mix 0.1", "domain"),
])
def test_the_page_draws_every_point_and_marks_the_advised(language: str, said: str, why: str, not_said: str) -> None:
    found = reached(rung(0.0, 0, -3.0, 0.5), rung(0.1, 0, -2.8, 0.08, spread=0.1))
    made = page("mix", found, advise("mix", found, 0.05), 0.05, language)
    assert made.count("<circle") == 2 and made.count('<circle class="advised"') == 1
    assert made.count("<tr") == 3 and said in made and f'lang="{language}"' in made
    assert why in made and not_said not in made
    assert "http" not in made and "nan" not in made
