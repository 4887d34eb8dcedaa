"""PUE from the chain between the grid and the servers."""

from __future__ import annotations

import pytest

from sovereign_ai.assess.energy.pue import compressors, cop
from sovereign_ai.assess.energy.report import assess_energy
from sovereign_ai.assess.sheet import GivenValue
from tests.assess.energy.test_supply import _year
from tests.assess.stacks import stack


def test_a_hotter_wet_bulb_never_costs_less():
    found = [compressors(_year(mean, 8), 22, 10, 10, 0.5) for mean in (0, 5, 10, 15, 20, 25)]
    assert found == sorted(found)
    assert found[0] == 0.0
    assert found[-1] > 0.05


def test_a_warmer_supply_never_costs_more():
    found = [compressors(_year(14, 8), supply, 10, 10, 0.5) for supply in (18, 22, 27, 32, 45)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == 0.0


def test_a_chiller_is_carnot_times_its_share():
    assert cop(20, 30, 10, 0.5) == pytest.approx(0.5 * 293.15 / 20)
    assert cop(20, -30, 10, 0.5) == 15


def test_pue_is_a_range_without_a_wet_bulb_and_narrower_with_one():
    factory, planned = stack("superpod")
    wide = assess_energy(factory, planned).measure("site.lyon.pue")
    cool = assess_energy(factory, planned, wet_bulb={"lyon": _year(8, 8)}).measure("site.lyon.pue")
    warm = assess_energy(factory, planned, wet_bulb={"lyon": _year(24, 4)}).measure("site.lyon.pue")
    for one in (wide, cool, warm):
        assert one.low is not None
        assert one.value is not None
        assert one.high is not None
        assert 1 < one.low < one.value < one.high < 1.6
    assert (cool.value or 0) < (warm.value or 0)
    assert (cool.high or 0) - (cool.low or 0) < (wide.high or 0) - (wide.low or 0)


def test_a_measured_pue_replaces_the_chain():
    factory, planned = stack("superpod")
    found = assess_energy(factory, planned, {"site.lyon.pue": GivenValue(1.2)})
    assert found.measure("site.lyon.pue").value == 1.2
    tue = found.measure("site.lyon.tue")
    assert tue.value == pytest.approx(1.2 / 0.875)


def test_evaporating_all_heat_takes_1_47_litres_a_kilowatt_hour():
    factory, planned = stack("superpod")
    found = assess_energy(factory, planned, {"site.lyon.evaporated-share": GivenValue(1.0)})
    assert found.measure("site.lyon.wue").value == pytest.approx(3.6 / 2.45)
    known = assess_energy(factory, planned, {"site.lyon.water": GivenValue(1000.0)})
    assert known.measure("site.lyon.wue").value == pytest.approx(
        1e6 / (known.measure("site.lyon.e-it").value or 1)
    )
