from __future__ import annotations

import asyncio

import pytest

from datagen.teacher.budget import Budget, Limits, Prices, Spent
from seedbed.errors import LimitReached

FREE = Prices()


def test_prices_are_for_a_million_tokens() -> None:
    assert Prices(2.0, 8.0).of(500_000, 250_000) == pytest.approx(3.0)


def test_says_which_limit_what_was_spent_and_how_to_go_on() -> None:
    async def spend() -> None:
        budget = Budget(Limits(tokens=1_000))
        budget.spent = Spent(calls=3, tokens=900)
        await budget.reserve(FREE.cost(50, 51))

    with pytest.raises(LimitReached) as stop:
        asyncio.run(spend())
    assert str(stop.value).startswith("limits.tokens: 900 of 1,000 tokens spent")
    assert "raise limits.tokens in the job and run the same command again" in str(stop.value)
    assert stop.value.exit_code == 3


def test_a_call_waits_for_what_is_under_way_to_turn_out_cheaper() -> None:
    async def scene() -> Spent:
        budget = Budget(Limits(tokens=1_000))
        most = FREE.cost(0, 800)
        await budget.reserve(most)
        second = asyncio.create_task(budget.reserve(most))
        await asyncio.sleep(0)
        assert not second.done()
        await budget.settle(most, FREE.cost(0, 100))
        await second
        await budget.settle(most, FREE.cost(0, 200))
        return budget.spent

    assert asyncio.run(scene()) == Spent(calls=2, tokens=300)


def test_money_is_counted_to_the_limit_and_not_beyond() -> None:
    async def scene() -> int:
        budget, bought = Budget(Limits(money=0.01)), 0
        try:
            while True:
                most = Prices(1.0, 2.0).cost(500, 250)  # a thousandth each
                await budget.reserve(most)
                await budget.settle(most, most)
                bought += 1
        except LimitReached as stop:
            assert "0.01 of 0.01 USD" in str(stop)
        return bought

    assert asyncio.run(scene()) == 10
