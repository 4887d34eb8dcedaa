"""PUE from the chain, supply against load by the hour, and carbon."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import strategies as st

from sovereign_ai.assess.energy.balance import Supply, balance
from sovereign_ai.assess.energy.report import Hourly, assess_energy
from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.assess.sources import figures
from sovereign_ai.catalog.figures import rows
from sovereign_ai.errors import UsageError
from tests.assess.stacks import changed, stack

YEAR = 8760
series = st.lists(st.floats(0, 1000), min_size=1, max_size=30)


def _year(mean: float, swing: float) -> list[float]:
    return [mean + swing * math.sin(2 * math.pi * hour / YEAR) for hour in range(YEAR)]


def test_nuclear_lowers_carbon_and_not_the_renewable_share():
    load = [100.0] * 10
    atom = balance(load, (Supply("plant", "nuclear", [100.0] * 10),))
    assert (atom.renewable_share, atom.carbon_free_share) == (0.0, 1.0)
    found = assess_energy(*stack("gigafactory"))
    assert found.measure("site.south.ref").value == 0
    assert found.measure("site.south.carbon-free").value == 1
    assert (found.measure("site.south.cue").value or 1) < (found.measure("site.north.cue").value or 0)


def test_a_mix_of_unknown_make_up_may_be_all_or_nothing():
    factory, planned = stack("superpod")
    unknown = assess_energy(factory, planned).measure("site.lyon.ref")
    assert (unknown.value, unknown.low, unknown.high) == (0, 0, 1)
    known = assess_energy(factory, planned, {"contract.lyon.base.renewable-share": GivenValue(0.3)}).measure(
        "site.lyon.ref"
    )
    assert (known.value, known.low) == (pytest.approx(0.3), None)


def test_emissions_are_energy_times_grams():
    found = assess_energy(
        *stack("superpod"), {"site.lyon.pue": GivenValue(1.2), "carbon.grid.FR": GivenValue(50)}
    )
    energy, tons = found.measure("site.lyon.e-dc").value or 0, found.measure("site.lyon.emissions").value
    assert tons == pytest.approx(energy * 50 / 1e6)
    assert found.measure("site.lyon.cue").value == pytest.approx(1.2 * 50 / 1000)


def test_hourly_series_are_held_against_each_other_and_foreign_ones_refused():
    factory, planned = stack("gigafactory")
    calm = {"north": Hourly({"wind": [0.0] * 12 + [80_000.0] * 12})}
    found = assess_energy(factory, planned, hourly=calm).balances["north"]
    assert found.short_hours == 12
    assert found.worst_gap > 0
    with pytest.raises(UsageError, match="has no contract 'wnd'"):
        assess_energy(factory, planned, hourly={"north": Hourly({"wnd": [0.0]})})
    with pytest.raises(UsageError, match="no site with machines is called 'nord'"):
        assess_energy(factory, planned, wet_bulb={"nord": [1.0]})
    with pytest.raises(UsageError, match="different lengths"):
        assess_energy(factory, planned, hourly={"north": Hourly({"wind": [0.0]}, load=[1.0, 2.0])})


@pytest.mark.parametrize("wrong", [273.15, 1e30, -1e30])
def test_a_wet_bulb_that_no_place_has_is_refused(wrong: float):
    with pytest.raises(
        UsageError, match=r"the wet bulb of 'fra1' holds .*, out of range: -90 to 40, in degC"
    ):
        assess_energy(*stack("lab"), wet_bulb={"fra1": [15.0, wrong]})


def test_contracts_of_one_name_at_two_sites_stay_two(tmp_path: Path):
    factory, planned = changed("gigafactory", "{name: nuclear, supplier", "{name: base, supplier", tmp_path)
    found = assess_energy(factory, planned)
    means = {site: found.measure(f"contract.{site}.base.power").value for site in ("north", "south")}
    assert means == {"north": 60e6, "south": 120e6}
    alone = assess_energy(*stack("gigafactory"))
    assert found.measure("site.north.ref").value == alone.measure("site.north.ref").value


@pytest.mark.parametrize("degrees", [95.0, 50.0, -100.0])
def test_a_wet_bulb_in_fahrenheit_is_refused(degrees: float):
    with pytest.raises(UsageError, match="not Fahrenheit"):
        assess_energy(*stack("lab"), wet_bulb={"fra1": [15.0] * 8_759 + [degrees]})


def test_the_answer_says_how_many_hours_of_wet_bulb_a_pue_follows_from():
    told = {
        hours: assess_energy(*stack("lab"), wet_bulb={"fra1": [12.0] * hours}) for hours in (24, 8_760, 8_784)
    }
    lines = {
        hours: next(line for line in found.lines() if "of wet bulb" in line) for hours, found in told.items()
    }
    assert (
        lines[24]
        == "    over 24 hours of wet bulb; that is no year of 8,760 or 8,784, and the PUE is theirs alone"
    )
    assert lines[8_760] == "    over 8,760 hours of wet bulb"
    assert lines[8_784] == "    over 8,784 hours of wet bulb"
    assert told[24].to_data()["wet_bulb"] == {"fra1": 24}


def test_hours_beside_a_given_pue_are_said_to_change_nothing():
    found = assess_energy(*stack("lab"), {"site.fra1.pue": GivenValue(1.2)}, wet_bulb={"fra1": [12.0] * 24})
    assert "    the 24 hours of wet bulb change nothing, since the PUE is given" in found.lines()


def test_every_member_of_a_circle_has_a_factor_of_its_grid_but_liechtenstein():
    """Liechtenstein's is in no table that was found: the network it is in is Switzerland's."""
    known = figures("emissions")
    members = {member for row in rows("circles.json") for member in row.raw["members"]}
    assert {member for member in members if f"grid.{member}" not in known} == {"LI"}
