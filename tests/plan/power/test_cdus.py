"""Coolant distribution units: their number by hand, loop by loop."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.plan.plan_summary import summary
from sovereign_ai.plan.power.chain_elements import ChainElement
from tests.plan.factories import factory, hall, pool, site

TRAYS = pool(system="gb200-nvl72-tray", nodes=18 * 16)
"""Sixteen racks of 132 kW at the upper end: 2,112 kW."""


def cooled(kind: str = "hybrid", cooling: dict[str, Any] | None = None, **cdus: Any) -> Plan:
    described = {"unit": "cdu-1-3mw", **cdus}
    room = hall("ha", kind, rack_limit="160 kW", cooling={"cdus": described, **(cooling or {})})
    return plan(factory(sites=[site(halls=[room])], pools=[TRAYS]))


def units(planned: Plan) -> ChainElement:
    [element] = planned.power[0].chain
    return element


def test_heat_over_the_lower_end_of_the_rating_and_one_more() -> None:
    found = units(cooled())
    heat = sum(rack.power for rack in plan(factory(sites=[site(halls=[_plain()])], pools=[TRAYS])).racks)
    # 900 L/min at a rise of 12 K carry 751 kW, which is less than the 1,000 kW of the rating.
    assert (found.element, found.rating) == ("CDU ha", 900 * 998 * 4182 * 12 // 60_000)
    assert found.load == heat
    bare = -(-heat // found.rating)
    assert (found.needed, found.installed) == (bare + 1, bare + 1)
    assert found.after_loss == -(-heat // bare)
    assert found.left == bare * found.rating - heat


def _plain() -> dict[str, Any]:
    return hall("ha", "hybrid", rack_limit="160 kW", cooling={"cdu_capacity": "10 MW"})


def test_a_wider_rise_leaves_the_rating_to_decide() -> None:
    loop = {"coolant": {"flow": "9000 L/min", "supply": "25 degC", "return": "45 degC"}}
    assert units(cooled(cooling=loop)).rating == 1_000_000


def test_each_loop_has_a_spare_of_its_own() -> None:
    loop = {"coolant": {"flow": "9000 L/min", "supply": "25 degC", "return": "45 degC"}}
    one, two = units(cooled(cooling=loop)), units(cooled(cooling=loop, loops=2))
    assert (one.needed, two.needed) == (4, 6)
    assert two.load == one.load
    assert units(cooled(cooling=loop, loops=2, redundancy="2N")).needed == 8


def test_the_plan_shows_them_with_rule_and_source() -> None:
    [row] = summary(cooled())["chain"]
    assert row["element"] == "a CDU ha"
    assert "in each loop" in row["why"]["needed"]
    assert "estimate" in row["why"]["rating"]


def test_a_hall_without_distribution_units_keeps_its_plan() -> None:
    described = factory(sites=[site(halls=[_plain()])], pools=[TRAYS])
    assert plan(described).power[0].chain == ()
    assert b"cdus" not in described.canonical()


@pytest.mark.parametrize("kind", ["hybrid", "rear-door"])
def test_cold_plates_and_rear_doors_count_their_machines(kind: str) -> None:
    system = pool(nodes=16) if kind == "rear-door" else TRAYS
    cooling = {"cdus": {"unit": "cdu-1-3mw"}}
    room = hall("ha", kind, rack_limit="160 kW", cooling=cooling)
    planned = plan(factory(sites=[site(halls=[room])], pools=[system]))
    assert units(planned).load == sum(rack.power for rack in planned.racks if rack.kind == "compute")
