"""Prices of the parts of a factory."""

from __future__ import annotations

from sovereign_ai.assess.cost.report import assess_cost
from sovereign_ai.assess.sheet import GivenValue
from tests.assess.cost.test_report import WHOLE
from tests.assess.stacks import stack


def test_a_price_changes_only_what_hangs_on_it():
    factory, planned = stack("superpod")
    before = {one.id: one for one in assess_cost(factory, planned, WHOLE).measures}
    after = {
        one.id: one
        for one in assess_cost(factory, planned, WHOLE | {"price.qm9700": GivenValue(50_000.0)}).measures
    }
    moved = {name for name in before if before[name] != after[name]}
    assert {
        "price.qm9700",
        "capex.switches",
        "year.switches",
        "year.total",
        "gpu-hour",
        "break-even",
        "job.dgx.exaflop",
    } <= moved
    assert not {
        name
        for name in moved
        if name.startswith(("capex.machines", "capex.building", "year.energy", "year.upkeep", "rent."))
    }


def test_a_building_is_for_the_devices_with_a_figure_too():
    factory, planned = stack("lab")
    before, after = (
        assess_cost(factory, planned, given)
        for given in ({}, {"device.server-24-nvme.power": GivenValue(1_000)})
    )
    watts = before.measure("count.fra1.watts")
    assert (watts.low or 0) > 163_200
    count = after.measure("site.fra1.devices.server-24-nvme").value or 0
    assert count > 0
    assert after.measure("count.fra1.watts").value == (watts.value or 0) - count * 600
