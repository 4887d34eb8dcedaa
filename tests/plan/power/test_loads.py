"""Exact loads of racks and sites on their feeds."""

from __future__ import annotations

from fractions import Fraction

from sovereign_ai.plan.power.loads import feed_limit, rack_groups, site_load, supplies_left
from sovereign_ai.plan.shapes import pool_shapes
from tests.plan.factories import factory, pool, power, site


def test_supplies_are_spread_over_the_feeds_in_turn() -> None:
    assert supplies_left(6, pdus=2, feeds=2) == (3, 3)
    assert supplies_left(5, pdus=2, feeds=2) == (2, 3)
    assert supplies_left(5, pdus=2, feeds=2, first=1) == (3, 2)


def test_each_rack_starts_at_the_next_feed() -> None:
    groups = rack_groups(pool_shapes(factory(pools=[pool(nodes=20)])))
    assert sum(group.count * group.machines for group in groups) == 20
    assert [group.first for group in groups] == [0, 1, 2]


def test_feeds_carry_all_of_the_load_before_and_after_a_loss() -> None:
    wish = factory()
    load = site_load(wish.sites[0], rack_groups(pool_shapes(wish)), other=900)
    assert sum(load.load.up) == load.watts
    assert [sum(after) for after in load.load.after] == [load.watts] * 3
    assert [after[lost] for lost, after in enumerate(load.load.after)] == [0, 0, 0]


def test_two_feeds_stop_servers_that_require_four_of_six_supplies() -> None:
    two = power(feeds={"A": "6 MW", "B": "6 MW"}, rack_pdus=2, survive="none")
    wish = factory(sites=[site(power=two)])
    load = site_load(wish.sites[0], rack_groups(pool_shapes(wish)))
    assert load.stopped == ({"dgx-h100": 8}, {"dgx-h100": 8})


def test_the_derating_reduces_the_limit_of_a_feed() -> None:
    wish = factory(sites=[site(power=power(derating="80 %", it_budget="9 MW"))])
    assert feed_limit(wish.sites[0], "A") == Fraction(4_800_000)
