"""Power: published racks, supplies, feeds and what a lost feed stops."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.catalog.system import system
from sovereign_ai.plan.factory import plan
from sovereign_ai.plan.feasibility import feasible
from sovereign_ai.plan.power.loads import rack_groups, rack_watts, supplies_left
from sovereign_ai.plan.power.sites import SitePower, site_power
from sovereign_ai.plan.shapes import pool_shapes
from sovereign_ai.spec.factory import AIFactory
from tests.plan.factories import codes, factory, hall, only_problem, pool, power, site


def power_of(wish: AIFactory) -> SitePower:
    return site_power(wish.sites[0], rack_groups(pool_shapes(wish)))


@pytest.mark.parametrize(
    ("name", "machines", "watts"),
    [
        ("dgx-h100", 4, 40_800),  # RA-11333-001: over 40 kW
        ("dgx-b200", 2, 28_600),  # B200 reference architecture: over 25 kW
        ("dgx-b200", 32, 457_600),  # a scalable unit: about 458 kW
        ("gb200-nvl72-tray", 18, 132_000),  # the upper end of what makers give a rack
    ],
)
def test_racks_draw_what_is_published(name: str, machines: int, watts: int) -> None:
    assert rack_watts(system(name), machines) == watts


def test_the_servers_of_a_gb200_unit_draw_less_than_its_published_1_2_megawatts() -> None:
    wet = site(halls=[hall("ha", "hybrid", rack_limit="160 kW")])
    wish = factory(sites=[wet], pools=[pool(system="gb200-nvl72-tray", nodes=144)])
    assert power_of(wish).it_load == 8 * 132_000 < 1_200_000


def test_on_two_feeds_three_supplies_of_a_dgx_h100_survive_and_it_is_refused() -> None:
    two = site(power=power(feeds={"A": "20 MW", "B": "20 MW"}, rack_pdus=2))
    found = only_problem(factory(sites=[two]))
    assert (found.code, found.where.field) == ("feed-loss", "sites[0].power.feeds")
    assert "has 6 supplies and requires 4" in found.message
    assert "leaves 3" in found.message
    assert found.hint == "give the site 3 feeds and write rack_pdus 3, or write 'survive: none'"


def test_on_three_feeds_with_two_pdus_the_hint_is_a_third_pdu() -> None:
    found = only_problem(factory(sites=[site(power=power(rack_pdus=2))]))
    assert (found.code, found.where.field) == ("feed-loss", "sites[0].power.rack_pdus")
    assert found.hint == "write rack_pdus 3, or write 'survive: none'"


def test_on_three_feeds_four_supplies_survive_and_every_feed_loss_is_survived() -> None:
    found = power_of(factory())
    assert found.survives == {"A": True, "B": True, "C": True}
    assert found.feeds == {"A": 27_200, "B": 27_200, "C": 27_200}
    assert found.after_loss["A"] == {"B": 40_800, "C": 40_800}


def test_five_of_six_supplies_need_six_feeds() -> None:
    found = only_problem(factory(pools=[pool(system="dgx-b200")]))
    assert found.hint.startswith("give the site 6 feeds and write rack_pdus 6")
    six = power(feeds=dict.fromkeys("ABCDEF", "4 MW"), rack_pdus=6)
    assert codes(factory(sites=[site(power=six)], pools=[pool(system="dgx-b200")])) == []


def test_who_accepts_the_loss_of_a_feed_is_warned_and_sees_what_stops() -> None:
    two = site(power=power(feeds={"A": "20 MW", "B": "20 MW"}, rack_pdus=2, survive="none"))
    found = plan(factory(sites=[two]))
    assert found.power[0].survives == {"A": False, "B": False}
    assert found.power[0].after_loss == {"A": {"B": 0}, "B": {"A": 0}}
    assert any("the loss of feed A stops 8 dgx-h100" in warning for warning in found.warnings)


def test_a_surviving_feed_that_would_be_overloaded_is_refused_with_its_derated_limit() -> None:
    weak = site(
        power=power(it_budget="60 kW", feeds={"A": "100 kW", "B": "50 kW", "C": "50 kW"}, derating="60 %")
    )
    found = feasible(factory(sites=[weak], pools=[pool(nodes=6)]))
    lost = [problem.message for problem in found if problem.code == "feed-loss"]
    assert lost == [
        "site 'a': without feed A, feeds B and C carry 30.6 kW each, and may carry 30 kW (60 % of 50 kW)",
        "site 'a': without feed B, feed C carries 30.6 kW, and may carry 30 kW (60 % of 50 kW)",
        "site 'a': without feed C, feed B carries 30.6 kW, and may carry 30 kW (60 % of 50 kW)",
    ]
    assert {problem.hint for problem in found} == {"at most 5 machines of pool 'train' fit"}


def test_a_load_beyond_the_budget_names_the_most_machines_that_fit() -> None:
    small = site(power=power(it_budget="70 kW", feeds={"A": "1 MW", "B": "1 MW", "C": "1 MW"}))
    found = only_problem(factory(sites=[small]))
    assert (found.code, found.where.field) == ("over-budget", "pools[0].nodes")
    assert "81.6 kW at full load, and the budget is 70 kW" in found.message
    assert found.hint == "at most 6 machines of pool 'train' fit"
    assert codes(factory(sites=[small], pools=[pool(nodes=6)])) == []
    assert codes(factory(sites=[small], pools=[pool(nodes=7)])) == ["over-budget"]


def test_supplies_that_no_source_gives_are_undecided_and_warned_of_but_no_error() -> None:
    found = plan(factory(pools=[pool(system="mi300x-oam8", nodes_per_rack=4)]))
    assert found.power[0].unknown == ("mi300x-oam8",)
    assert found.power[0].survives == {}
    assert any("no source gives the supplies of mi300x-oam8" in warning for warning in found.warnings)


def test_the_order_in_which_feeds_are_written_changes_nothing() -> None:
    feeds = {"A": "6 MW", "B": "7 MW", "C": "8 MW"}
    other = dict(reversed(feeds.items()))
    assert power_of(factory(sites=[site(power=power(feeds=feeds))])) == power_of(
        factory(sites=[site(power=power(feeds=other))])
    )


wishes: Any = st.fixed_dictionaries(
    {
        "nodes": st.integers(1, 60),
        "feeds": st.integers(2, 8),
        "pdus": st.integers(2, 8),
        "name": st.sampled_from(["dgx-h100", "dgx-b200", "mi300x-oam8"]),
    }
)


def described(nodes: int, feeds: int, pdus: int, name: str) -> AIFactory:
    feed = dict.fromkeys("ABCDEFGH"[:feeds], "20 MW")
    here = site(power=power(feeds=feed, rack_pdus=pdus, survive="none"))
    return factory(sites=[here], pools=[pool(system=name, nodes=nodes)])


@given(wishes)
def test_feeds_sum_to_the_load(wish: dict[str, Any]) -> None:
    found = power_of(described(**wish))
    assert sum(found.feeds.values()) == found.it_load


@given(wishes)
def test_power_grows_with_machines(wish: dict[str, Any]) -> None:
    more = power_of(described(**{**wish, "nodes": wish["nodes"] + 1}))
    assert more.it_load > power_of(described(**wish)).it_load


@given(wishes)
def test_after_a_loss_no_feed_carries_less_than_before_unless_machines_stop(wish: dict[str, Any]) -> None:
    found = power_of(described(**wish))
    for lost, feeds in found.after_loss.items():
        assert lost not in feeds
        if found.survives.get(lost):
            assert sum(feeds.values()) == found.it_load
            assert all(watts >= found.feeds[feed] - 1 for feed, watts in feeds.items())


@given(st.integers(1, 12), st.integers(1, 8), st.integers(1, 8), st.integers(0, 7), st.integers(0, 7))
def test_every_supply_hangs_on_exactly_one_feed(
    supplies: int, pdus: int, feeds: int, first: int, place: int
) -> None:
    left = supplies_left(supplies, pdus, feeds, first % feeds, place)
    assert sum(supplies - count for count in left) == supplies


def test_a_site_without_servers_draws_nothing_and_one_feed_is_allowed_if_its_loss_is() -> None:
    one = power(feeds={"A": "20 MW"}, rack_pdus=1, survive="none")
    found = plan(factory(sites=[site("a", power=one), site("b")]))
    assert [row.it_load for row in found.power] == [81_600, 0]
    assert (found.power[0].feeds, found.power[0].after_loss, found.power[0].survives) == (
        {"A": 81_600},
        {"A": {}},
        {"A": False},
    )
    assert [cluster.site for cluster in found.clusters] == ["a"]
