"""Quantities that are written in many ways come out as one."""

from __future__ import annotations

import pytest

from seedbed.quantities import quantities, values


def stated(text: str) -> set[tuple[str, str]]:
    return {(found.value, found.kind) for found in quantities(text)}


@pytest.mark.parametrize(
    ("texts", "value", "kind"),
    [
        (["1,200 m", "1.2 km", "1200 metres", "一千二百米", "1.2千米"], "1200", "length"),
        (["90 minutes", "1.5 hours", "1.5小时", "九十分钟"], "5400", "time"),
        (["50 %", "50%", "fifty percent", "百分之五十"], "50", "share"),
        (["12万", "120,000", "十二万", "120 thousand"], "120000", ""),
        (["4 bar", "400 kPa", "0.4 MPa"], "400000", "pressure"),
        (["100 °C", "212 °F", "100摄氏度"], "100", "temperature"),
        (["twenty-five", "25", "二十五个", "２５"], "25", ""),
        (["v1.8.3", "1.8.3"], "1.8.3", "version"),
        (["二〇二四年", "2024年", "in 2024"], "2024", ""),
    ],
)
def test_ways_of_writing_one_quantity(texts: list[str], value: str, kind: str) -> None:
    assert [stated(text) for text in texts] == [{(value, kind)}] * len(texts)


def test_dates_are_the_same_in_all_forms() -> None:
    forms = ["5 March 2019", "March 5, 2019", "2019-03-05", "2019年3月5日"]
    assert {frozenset(stated(form)) for form in forms} == {frozenset({("2019", ""), ("3", ""), ("5", "")})}


@pytest.mark.parametrize("text", ["一些 一样 万一 十分重要", "one of them", "someone tends to", "1. Open\n2. Close", "第一"])
def test_what_only_looks_like_a_number(text: str) -> None:
    assert quantities(text) == []


def test_a_time_of_day_is_no_decimal() -> None:
    assert [found.value for found in quantities("六点四十二分，三点五")] == ["6", "42", "3.5"]


def test_values_are_found_with_and_without_their_unit() -> None:
    assert values("1.5小时") == {"5400", "1.5"}


@pytest.mark.parametrize("text", ["1" * 5000, "一" * 5000, "1." * 5000, "百分之" * 500, "百千" * 300])
def test_senseless_numbers_do_no_harm(text: str) -> None:
    assert all(len(found.value) < 100 or found.kind == "version" for found in quantities(text))
