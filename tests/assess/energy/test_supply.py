"""PUE from the chain, supply against load by the hour, and carbon."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from assess.stacks import changed, stack
from sovereign_ai.assess.energy.balance import Store, Supply, balance
from sovereign_ai.assess.energy.pue import compressors, cop
from sovereign_ai.assess.energy.report import Hourly, assess
from sovereign_ai.assess.sheet import Given
from sovereign_ai.errors import UsageError

YEAR = 8760
series = st.lists(st.floats(0, 1000), min_size=1, max_size=30)


def _year(mean: float, swing: float) -> list[float]:
    return [mean + swing * math.sin(2 * math.pi * hour / YEAR) for hour in range(YEAR)]


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
    wide = assess(factory, planned).measure("site.lyon.pue")
    cool = assess(factory, planned, wet_bulb={"lyon": _year(8, 8)}).measure("site.lyon.pue")
    warm = assess(factory, planned, wet_bulb={"lyon": _year(24, 4)}).measure("site.lyon.pue")
    for one in (wide, cool, warm):
        assert one.low is not None
        assert one.value is not None
        assert one.high is not None
        assert 1 < one.low < one.value < one.high < 1.6
    assert (cool.value or 0) < (warm.value or 0)
    assert (cool.high or 0) - (cool.low or 0) < (wide.high or 0) - (wide.low or 0)


def test_a_measured_pue_replaces_the_chain():
    factory, planned = stack("superpod")
    found = assess(factory, planned, {"site.lyon.pue": Given(1.2)})
    assert found.measure("site.lyon.pue").value == 1.2
    tue = found.measure("site.lyon.tue")
    assert tue.value == pytest.approx(1.2 / 0.875)


def test_evaporating_all_heat_takes_1_47_litres_a_kilowatt_hour():
    factory, planned = stack("superpod")
    found = assess(factory, planned, {"site.lyon.evaporated-share": Given(1.0)})
    assert found.measure("site.lyon.wue").value == pytest.approx(3.6 / 2.45)
    known = assess(factory, planned, {"site.lyon.water": Given(1000.0)})
    assert known.measure("site.lyon.wue").value == pytest.approx(1e6 / (known.measure("site.lyon.e-it").value or 1))


@examples(load=series, green=series, firm=st.floats(0, 1000), size=st.floats(0, 5000))
def test_energy_is_kept_whatever_the_series(load: list[float], green: list[float], firm: float, size: float):
    hours = min(len(load), len(green))
    load, green = load[:hours], green[:hours]
    supplies = (Supply("sun", "solar", green), Supply("net", "grid", [firm] * hours))
    found = balance(load, supplies, Store(size, 100.0))
    assert sum(found.used.values()) + found.shortfall == pytest.approx(sum(load), abs=1e-6)
    assert found.used["sun"] + found.curtailed + found.lost == pytest.approx(sum(green), abs=1e-6)
    assert 0 <= found.renewable_share <= 1 + 1e-9
    assert found.worst_gap <= max(load)


def test_a_store_lowers_the_shortfall_and_never_makes_energy():
    load, sun = [100.0] * 48, [0.0 if hour % 24 < 12 else 240.0 for hour in range(48)]
    bare = balance(load, (Supply("sun", "solar", sun),))
    kept = balance(load, (Supply("sun", "solar", sun),), Store(1500, 200))
    assert bare.shortfall == 2400
    assert kept.shortfall < bare.shortfall
    assert kept.used["sun"] <= sum(sun)
    assert kept.lost > 0


def test_nuclear_lowers_carbon_and_not_the_renewable_share():
    load = [100.0] * 10
    atom = balance(load, (Supply("plant", "nuclear", [100.0] * 10),))
    assert (atom.renewable_share, atom.carbon_free_share) == (0.0, 1.0)
    found = assess(*stack("gigafactory"))
    assert found.measure("site.south.ref").value == 0
    assert found.measure("site.south.carbon-free").value == 1
    assert (found.measure("site.south.cue").value or 1) < (found.measure("site.north.cue").value or 0)


def test_a_mix_of_unknown_make_up_may_be_all_or_nothing():
    factory, planned = stack("superpod")
    unknown = assess(factory, planned).measure("site.lyon.ref")
    assert (unknown.value, unknown.low, unknown.high) == (0, 0, 1)
    known = assess(factory, planned, {"contract.lyon.base.renewable-share": Given(0.3)}).measure("site.lyon.ref")
    assert (known.value, known.low) == (pytest.approx(0.3), None)


def test_emissions_are_energy_times_grams():
    found = assess(*stack("superpod"), {"site.lyon.pue": Given(1.2), "carbon.grid.FR": Given(50)})
    energy, tons = found.measure("site.lyon.e-dc").value or 0, found.measure("site.lyon.emissions").value
    assert tons == pytest.approx(energy * 50 / 1e6)
    assert found.measure("site.lyon.cue").value == pytest.approx(1.2 * 50 / 1000)


def test_hourly_series_are_held_against_each_other_and_foreign_ones_refused():
    factory, planned = stack("gigafactory")
    calm = {"north": Hourly({"wind": [0.0] * 12 + [80_000.0] * 12})}
    found = assess(factory, planned, hourly=calm).balances["north"]
    assert found.short_hours == 12
    assert found.worst_gap > 0
    with pytest.raises(UsageError, match="has no contract 'wnd'"):
        assess(factory, planned, hourly={"north": Hourly({"wnd": [0.0]})})
    with pytest.raises(UsageError, match="no site with machines is called 'nord'"):
        assess(factory, planned, wet_bulb={"nord": [1.0]})
    with pytest.raises(UsageError, match="different lengths"):
        assess(factory, planned, hourly={"north": Hourly({"wind": [0.0]}, load=[1.0, 2.0])})


@pytest.mark.parametrize("wrong", [273.15, 1e30, -1e30])
def test_a_wet_bulb_that_no_place_has_is_refused(wrong: float):
    with pytest.raises(UsageError, match=r"the wet bulb of 'fra1' holds .*, out of range: -90 to 40, in degC"):
        assess(*stack("lab"), wet_bulb={"fra1": [15.0, wrong]})


def test_contracts_of_one_name_at_two_sites_stay_two(tmp_path: Path):
    factory, planned = changed("gigafactory", "{name: nuclear, supplier", "{name: base, supplier", tmp_path)
    found = assess(factory, planned)
    means = {site: found.measure(f"contract.{site}.base.power").value for site in ("north", "south")}
    assert means == {"north": 60e6, "south": 120e6}
    alone = assess(*stack("gigafactory"))
    assert found.measure("site.north.ref").value == alone.measure("site.north.ref").value


@pytest.mark.parametrize("degrees", [95.0, 50.0, -100.0])
def test_a_wet_bulb_in_fahrenheit_is_refused(degrees: float):
    with pytest.raises(UsageError, match="not Fahrenheit"):
        assess(*stack("lab"), wet_bulb={"fra1": [15.0] * 8_759 + [degrees]})


def test_the_answer_says_how_many_hours_of_wet_bulb_a_pue_follows_from():
    told = {hours: assess(*stack("lab"), wet_bulb={"fra1": [12.0] * hours}) for hours in (24, 8_760, 8_784)}
    lines = {hours: next(line for line in found.lines() if "of wet bulb" in line) for hours, found in told.items()}
    assert lines[24] == "    over 24 hours of wet bulb; that is no year of 8,760 or 8,784, and the PUE is theirs alone"
    assert lines[8_760] == "    over 8,760 hours of wet bulb"
    assert lines[8_784] == "    over 8,784 hours of wet bulb"
    assert told[24].to_data()["wet_bulb"] == {"fra1": 24}


def test_hours_beside_a_given_pue_are_said_to_change_nothing():
    found = assess(*stack("lab"), {"site.fra1.pue": Given(1.2)}, wet_bulb={"fra1": [12.0] * 24})
    assert "    the 24 hours of wet bulb change nothing, since the PUE is given" in found.lines()
