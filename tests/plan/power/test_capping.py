"""Caps of rows, halls, feeds and sites: nothing draws more than its cap, and machines get even shares."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.plan.feasibility import feasible
from sovereign_ai.plan.plan_summary import summary
from sovereign_ai.spec.factory import AIFactory
from tests.plan.factories import factory, hall, management, only_problem, pool, power, site

FEEDS = {"A": "6 MW", "B": "6 MW", "C": "6 MW"}


def capped(**more: Any) -> Plan:
    """The plan of eight DGX H100 in two racks, 81.6 kW, under a site's caps."""
    halls = more.pop("halls", [hall("ha")])
    return plan(factory(sites=[site(halls=halls, power=power(**more))]))


def test_a_site_cap_limits_machines_to_even_shares_of_it() -> None:
    (row,) = capped(cap={"site": "70 kW"}).power
    assert (row.it_load, dict(row.limits)) == (70_000, {"train": 8_750})
    assert dict(row.caps) == {"train": "the site draws at most 70 kW"}


def test_a_feed_cap_holds_after_the_loss_of_another_feed() -> None:
    feeds = {**FEEDS, "A": {"capacity": "6 MW", "cap": "30 kW"}}
    (row,) = capped(feeds=feeds).power
    # 40.8 kW without another feed would be 10.2 kW for each machine.
    assert dict(row.limits) == {"train": 7_500}
    assert max(loads.get("A", 0) for loads in row.after_loss.values()) == 30_000
    accepted = plan(factory(sites=[site(power=power(feeds=feeds, survive="none"))])).power[0]
    assert (accepted.limits, accepted.feeds["A"]) == ({}, 27_200)
    # Only what all feeds up carry is limited where the loss of a feed is accepted.
    tight = {**FEEDS, "A": {"capacity": "6 MW", "cap": "20 kW"}}
    held = plan(factory(sites=[site(power=power(feeds=tight, survive="none"))])).power[0]
    assert held.feeds["A"] == 20_000


def test_a_row_cap_binds_the_fullest_row_and_a_hall_cap_all_rows() -> None:
    (row,) = capped(halls=[hall("ha", row=1, row_cap="36 kW")]).power
    assert dict(row.limits) == {"train": 9_000}
    (whole,) = capped(halls=[hall("ha", row=1, row_cap="36 kW", cap="64 kW")]).power
    assert (dict(whole.limits), whole.it_load) == ({"train": 8_000}, 64_000)


def test_the_lowest_of_several_caps_decides() -> None:
    (row,) = capped(cap={"rack": "32 kW", "site": "80 kW"}).power
    assert (dict(row.limits), row.caps) == ({"train": 8_000}, {})


def test_switches_take_their_part_of_a_cap_first() -> None:
    sites = [site(power=power(cap={"site": "70 kW"}))]
    free = plan(factory(fabrics=management()))
    (row,) = plan(factory(sites=sites, fabrics=management())).power
    switches = free.power[0].it_load - 81_600
    assert switches > 0
    assert dict(row.limits) == {"train": (70_000 - switches) // 8}


def test_pools_under_one_cap_slow_in_the_same_proportion() -> None:
    pools = [pool(), pool("serve", system="dgx-h200", nodes=4, purpose="inference")]
    (row,) = plan(factory(sites=[site(power=power(cap={"site": "60 kW"}))], pools=pools)).power
    assert row.limits["train"] == row.limits["serve"] == 5_000


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"cap": {"site": "2 kW"}}, "power.cap.site"),
        ({"feeds": {**FEEDS, "B": {"capacity": "6 MW", "cap": "1 kW"}}}, "power.feeds.B.cap"),
        ({"halls": [hall("ha", cap="1 kW")]}, "halls[0].cap"),
        ({"halls": [hall("ha", row_cap="1 kW")]}, "halls[0].row_cap"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_cap_below_what_machines_draw_idle_is_refused_at_its_field(
    more: dict[str, Any], field: str
) -> None:
    halls = more.get("halls", [hall("ha")])
    rest = {key: value for key, value in more.items() if key != "halls"}
    problem = only_problem(factory(sites=[site(halls=halls, power=power(**rest))]))
    assert (problem.code, problem.where.field) == ("cap-too-low", f"sites[0].{field}")


def test_the_summary_shows_each_capped_pool_with_its_limit_and_cap() -> None:
    planned = capped(cap={"site": "70 kW"})
    (row,) = summary(planned)["caps"]
    shown = (row["pool"], row["machines"], row["limit_watts"], row["rated_watts"], row["cap"])
    assert shown == ("train", 8, 8_750, 10_200, "the site draws at most 70 kW")
    assert "caps" not in summary(capped())


def test_the_hint_for_too_many_machines_counts_on_the_caps() -> None:
    # Each cap leaves a machine less as there are more of them, so a capped site never exceeds its budget.
    sites = [site(power=power(cap={"site": "70 kW"}, it_budget="70 kW"))]
    assert feasible(factory(sites=sites, pools=[pool(nodes=20)])) == []
    (problem,) = feasible(factory(sites=[site(power=power(it_budget="70 kW"))], pools=[pool(nodes=20)]))
    assert "at most 6 machines" in problem.hint


def _caps() -> st.SearchStrategy[str | None]:
    """A cap, or none."""
    return st.one_of(st.none(), st.integers(60, 400).map(lambda kilowatts: f"{kilowatts} kW"))


@st.composite
def _capped_factories(draw: st.DrawFn) -> AIFactory:
    """One site of two halls with two pools of different machines, under random caps of every kind."""
    feeds: dict[str, Any] = {}
    for name in ("A", "B", "C"):
        cap = draw(_caps())
        feeds[name] = {"capacity": "6 MW", **({"cap": cap} if cap else {})}
    halls = []
    for name in ("north", "south"):
        caps = {"cap": draw(_caps()), "row_cap": draw(_caps())}
        more = {key: value for key, value in caps.items() if value}
        halls.append(hall(name, "hybrid", row=draw(st.integers(1, 4)), rack_limit="160 kW", **more))
    site_cap = draw(_caps())
    rack_cap = draw(st.sampled_from([None, "30 kW", "120 kW"]))
    caps = {key: value for key, value in {"site": site_cap, "rack": rack_cap}.items() if value}
    more = {"cap": caps} if caps else {}
    own = site(halls=halls, power=power(feeds=feeds, **more))
    pools = [
        pool(nodes=draw(st.integers(1, 20)), hall="north"),
        pool("serve", system="gb200-nvl72-tray", nodes=18 * draw(st.integers(1, 2)), hall="south"),
    ]
    return factory(sites=[own], pools=pools, fabrics=management())


def _draw_by(planned: Plan, hall_name: str, kind: str | None) -> dict[int, int]:
    """Row of a hall to the watts of its racks, of one kind or of all."""
    rows: dict[int, int] = {}
    for rack in planned.racks:
        if rack.hall == hall_name and kind in (None, rack.kind):
            rows[rack.row] = rows.get(rack.row, 0) + rack.power
    return rows


@settings(max_examples=60)
@given(_capped_factories())
def test_nothing_draws_more_than_its_cap(described: AIFactory) -> None:
    if feasible(described):
        return
    planned = plan(described)
    (own,), (row,) = described.sites, planned.power
    if own.power.cap is not None and own.power.cap.site is not None:
        assert row.it_load <= own.power.cap.site.count
    for name, feed in own.power.feeds.items():
        if feed.cap is not None:
            assert row.feeds[name] <= feed.cap.count
            for lost, loads in row.after_loss.items():
                assert lost == name or loads[name] <= feed.cap.count
    for room in own.halls:
        if room.cap is not None:
            assert sum(_draw_by(planned, room.name, None).values()) <= room.cap.count
        if room.row_cap is not None:
            assert max(_draw_by(planned, room.name, "compute").values()) <= room.row_cap.count
    if own.power.cap is not None and own.power.cap.rack is not None:
        compute = [rack.power for rack in planned.racks if rack.kind == "compute"]
        assert max(compute) <= own.power.cap.rack.count
