"""Cooling of halls by air, rear doors and liquid."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from sovereign_ai.assess.energy.cooling import air_flow, coolant_flow
from sovereign_ai.assess.energy.report import assess_energy
from sovereign_ai.assess.sheet import GivenValue
from tests.assess.stacks import changed, stack


def test_water_takes_1_44_litres_a_minute_and_kilowatt_at_ten_kelvin_within_the_open_compute_rule():
    assert round(coolant_flow(1_000, 10), 2) == 1.44
    assert coolant_flow(1_000, 10) < 1.5
    assert round(air_flow(40_800, 12)) == 10_149


@examples(watts=st.floats(1, 1e8), rise=st.floats(1, 40), factor=st.floats(1.01, 10))
def test_flow_rises_with_heat_and_falls_with_rise(watts: float, rise: float, factor: float):
    for flow in (air_flow, coolant_flow):
        assert flow(watts * factor, rise) == pytest.approx(flow(watts, rise) * factor)
        assert flow(watts, rise * factor) == pytest.approx(flow(watts, rise) / factor)


def test_cooling_is_judged_for_air_and_hybrid_and_open_without_a_flow():
    cooled = {one.hall: one for one in assess_energy(*stack("plural")).cooled}
    assert cooled["air"].holds is True
    assert cooled["wet"].holds is True
    assert "211,200 W into the coolant" in cooled["wet"].why
    lab = assess_energy(*stack("lab")).cooled[0]
    assert lab.holds is None
    assert lab.needs == ("airflow of hall h1",)
    factory, planned = stack("plural")
    short = {
        one.hall: one
        for one in assess_energy(factory, planned, {"hall.wet.coolant-have": GivenValue(100.0)}).cooled
    }
    assert short["wet"].holds is False


@pytest.mark.parametrize(
    ("loop", "holds"),
    [
        ("flow: 304 L/min, supply: 30 degC, return: 40 degC", True),
        ("flow: 304 L/min, supply: 30 degC, return: 39 degC", False),
        ("flow: 480 L/min, rack_flow: 152 L/min, supply: 30 degC, return: 40 degC", True),
        ("flow: 480 L/min, rack_flow: 151 L/min, supply: 30 degC, return: 40 degC", False),
    ],
)
def test_coolant_as_described_is_held_against_the_hall_and_against_its_hottest_rack(
    loop: str, *, holds: bool, tmp_path: Path
):
    """211.2 kW into the coolant at 10 kelvin take 303.6 L/min, and a rack's 105.6 kW 151.8 L/min."""
    described = "flow: 480 L/min, rack_flow: 220 L/min, supply: 30 degC, return: 40 degC"
    found = {one.hall: one for one in assess_energy(*changed("plural", described, loop, tmp_path)).cooled}
    assert found["wet"].holds is holds
