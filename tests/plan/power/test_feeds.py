"""Budget and feeds, with all feeds up and after the loss of each."""

from __future__ import annotations

from sovereign_ai.plan.power.feeds import fewest_left, power_problems
from sovereign_ai.plan.shapes import pool_shapes
from sovereign_ai.spec.factory import AIFactory
from tests.plan.factories import factory, pool, power, site


def problems(wish: AIFactory, other: int = 0) -> list[tuple[str, str, str]]:
    excesses = power_problems(wish, 0, wish.sites[0], pool_shapes(wish), {wish.sites[0].halls[0].name: other})
    return [(problem.code, problem.where.field, problem.hint) for problem in excesses]


def test_three_feeds_leave_a_dgx_h100_the_four_supplies_that_it_requires() -> None:
    assert fewest_left(6, pdus=3, feeds=3, machines=4) == 4
    assert fewest_left(6, pdus=2, feeds=2, machines=4) == 3
    assert problems(factory()) == []


def test_the_hint_names_the_largest_number_of_servers_that_fits() -> None:
    tight = factory(sites=[site(power=power(it_budget="50 kW"))])
    assert problems(tight) == [("over-budget", "pools[0].nodes", "at most 4 machines of pool 'train' fit")]
    fitting = factory(sites=[site(power=power(it_budget="50 kW"))], pools=[pool(nodes=4)])
    assert problems(fitting) == []


def test_switches_count_against_the_budget() -> None:
    found = problems(factory(), other=11_000_000)
    assert "over-budget" in [code for code, _, _ in found]
    # They are those of the described machines: how many would fit with fewer switches is not known here.
    assert {hint for _, _, hint in found} == {
        "its switches and storage servers alone draw 11 MW: fewer machines of pool 'train' need fewer"
    }


def test_equal_overloaded_feeds_are_named_together() -> None:
    weak = power(feeds={"A": "20 kW", "B": "20 kW", "C": "20 kW"}, it_budget="30 kW", survive="none")
    wish = factory(sites=[site(power=weak)])
    messages = [problem.message for problem in power_problems(wish, 0, wish.sites[0], pool_shapes(wish), {})]
    assert any("feeds A, B and C carry" in message for message in messages)


def test_the_hint_says_beside_how_many_spares_a_number_of_servers_fits() -> None:
    tight = factory(sites=[site(power=power(it_budget="50 kW"))], pools=[pool(nodes=2, spares=40)])
    [(_, _, hint)] = problems(tight)
    assert hint == "not even one machine of pool 'train' fits beside its 40 spares"
