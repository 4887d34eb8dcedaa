"""Power by level, survival of single failures, and cooling, against hand arithmetic and the plan."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from assess.stacks import changed, stack
from sovereign_ai.assess.energy.cooling import air_flow, coolant_flow
from sovereign_ai.assess.energy.power import pdu_share
from sovereign_ai.assess.energy.report import assess
from sovereign_ai.assess.energy.response import largest_pool
from sovereign_ai.assess.energy.survival import Failure, pdu_stops
from sovereign_ai.assess.sheet import Given


def _failure(failures: tuple[Failure, ...], what: str) -> Failure:
    return next(one for one in failures if one.what == what)


def test_a_superpods_levels_come_out_by_hand():
    found = assess(*stack("superpod"))
    value = {level: found.measure(f"site.lyon.{level}.peak").value for level in ("supply", "pdu", "rack", "it")}
    assert value == {"supply": 1_700, "pdu": 13_600, "rack": 40_800, "it": 1_295_400}
    feeds = [found.measure(f"site.lyon.feed.{feed}.peak").value or 0 for feed in "ABC"]
    assert sum(feeds) == 1_295_400
    assert found.measure("site.lyon.feed.A.after-loss").value == 647_700


def test_typical_power_is_the_measured_share_and_at_most_what_was_seen():
    typical = assess(*stack("superpod")).measure("system.dgx-h100.typical")
    assert typical.value == pytest.approx(7_752)
    assert typical.high == pytest.approx(8_400, rel=0.001)


def test_idle_power_is_asked_for_and_used_once_given():
    factory, planned = stack("superpod")
    before = assess(factory, planned)
    assert before.measure("site.lyon.it.idle").needs == ("system.dgx-h100.idle",)
    after = assess(factory, planned, {"system.dgx-h100.idle": Given(2_000)})
    assert after.measure("site.lyon.it.idle").value == 127 * 2_000
    assert (after.measure("site.lyon.swing").value or 0) == pytest.approx(127 * (7_752 - 2_000))
    assert (after.measure("site.lyon.swing").value or 0) < (before.measure("site.lyon.swing").value or 0)


def test_a_devices_power_is_counted_once_it_is_given():
    factory, planned = stack("superpod")
    before = assess(factory, planned)
    assert "101 switches and servers" in before.measure("site.lyon.other").note
    after = assess(factory, planned, {"device.qm9700.power": Given(1_500)})
    count = after.measure("site.lyon.devices.qm9700").value or 0
    assert count == 65
    assert after.measure("site.lyon.other").value == count * 1_500


def test_a_devices_power_counts_at_the_peak_and_in_every_feed():
    factory, planned = stack("superpod")
    kinds = {"device.qm9700.power": 65, "device.sn2201.power": 10, "device.sn4600c.power": 4}
    before = assess(factory, planned).measure("site.lyon.it.peak")
    assert "101 switches and servers" in before.note
    given = {name: Given(1_500) for name in assess(factory, planned).needs if name.startswith("device.")}
    assert set(kinds) <= set(given)
    found = assess(factory, planned, given)
    peak = found.measure("site.lyon.it.peak")
    assert (peak.value, peak.note) == (1_295_400 + 101 * 1_500, "")
    assert sum(found.measure(f"site.lyon.feed.{feed}.peak").value or 0 for feed in "ABC") == pytest.approx(peak.value)
    assert found.measure("site.lyon.feed.A.after-loss").value == 647_700 + 101 * 750
    assert not [one.id for one in found.measures if "power no source gives are not counted" in one.source + one.note]


def test_devices_that_overload_the_feeds_left_are_a_feed_that_is_not_survived(tmp_path: Path):
    """Lab: 163.2 kW of machines on three feeds, so 81.6 kW on either of two."""
    factory, planned = changed(
        "lab",
        "feeds: {A: 400 kW, B: 400 kW, C: 400 kW}",
        "feeds: {A: 100 kW, B: 100 kW, C: 100 kW}",
        tmp_path,
        ("it_budget: 250 kW", "it_budget: 200 kW"),
    )
    loss = _failure(assess(factory, planned).failures, "feed A")
    assert loss.survives is None
    assert "device.server.power" in loss.needs
    small = {name: Given(100) for name in loss.needs}
    assert _failure(assess(factory, planned, small).failures, "feed A").survives is True
    large = _failure(assess(factory, planned, {name: Given(2_000) for name in loss.needs}).failures, "feed A")
    assert large.survives is False
    assert "draw 72 kW" in large.why


def test_a_ramp_limit_gives_a_time_and_a_store():
    factory, planned = stack("gigafactory")
    found = assess(factory, planned, {"system.dgx-b200.idle": Given(3_000), "system.dgx-b200.typical-share": Given(0.8)})
    swing = 4_000 * (14_300 * 0.8 - 3_000)
    assert found.measure("site.north.swing").value == pytest.approx(swing)
    assert found.measure("site.north.ramp-time").value == pytest.approx(swing / 2e6)
    assert found.measure("site.north.ramp-store").value == pytest.approx(swing**2 / 4e6 / 3.6e6)


@examples(supplies=st.integers(1, 12), pdus=st.integers(1, 8), machines=st.integers(1, 8))
def test_a_pdu_carries_at_least_its_even_share(supplies: int, pdus: int, machines: int):
    assert Fraction(1, pdus) <= pdu_share(supplies, pdus, machines) <= 1


def test_six_supplies_of_which_four_are_needed_do_not_survive_one_of_two_pdus():
    assert pdu_stops(supplies=6, required=4, pdus=2, machines=4) == 4
    assert pdu_stops(supplies=6, required=4, pdus=3, machines=4) == 0
    assert pdu_stops(supplies=6, required=5, pdus=3, machines=2) == 2
    assert pdu_stops(supplies=6, required=5, pdus=6, machines=2) == 0


def test_single_failures_are_survived_stopped_or_open_and_open_says_what_it_waits_for():
    factory, planned = stack("plural")
    failures = assess(factory, planned).failures
    assert _failure(failures, "rack PDU of dgx-h100").survives is True
    unknown = _failure(failures, "rack PDU of mi300x-oam8")
    assert unknown.survives is None
    assert unknown.needs
    assert _failure(failures, "utility").needs == ("site.vie1.generator-start",)
    assert _failure(failures, "leaf of grace-vie1-p0").survives is False
    given = {"site.vie1.generator-start": Given(20), "site.vie1.cooling-units": Given(4), "site.vie1.cooling-needed": Given(3)}
    failures = assess(factory, planned, given).failures
    assert _failure(failures, "utility").survives is True
    assert _failure(failures, "cooling unit").survives is True
    failures = assess(factory, planned, given | {"site.vie1.generator-start": Given(301), "site.vie1.cooling-needed": Given(4)}).failures
    assert _failure(failures, "utility").survives is False
    assert _failure(failures, "cooling unit").survives is False


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
    cooled = {one.hall: one for one in assess(*stack("plural")).cooled}
    assert cooled["air"].holds is True
    assert cooled["wet"].holds is True
    assert "240,000 W into the coolant" in cooled["wet"].why
    lab = assess(*stack("lab")).cooled[0]
    assert lab.holds is None
    assert lab.needs == ("airflow of hall h1",)
    factory, planned = stack("plural")
    short = {one.hall: one for one in assess(factory, planned, {"hall.wet.coolant-have": Given(100.0)}).cooled}
    assert short["wet"].holds is False


@pytest.mark.parametrize(
    ("loop", "holds"),
    [
        ("flow: 346 L/min, supply: 30 degC, return: 40 degC", True),
        ("flow: 346 L/min, supply: 30 degC, return: 39 degC", False),
        ("flow: 480 L/min, rack_flow: 173 L/min, supply: 30 degC, return: 40 degC", True),
        ("flow: 480 L/min, rack_flow: 172 L/min, supply: 30 degC, return: 40 degC", False),
    ],
)
def test_coolant_as_described_is_held_against_the_hall_and_against_its_hottest_rack(loop: str, *, holds: bool, tmp_path: Path):
    """240 kW into the coolant at 10 kelvin take 345.0 L/min, and a rack's 120 kW 172.5 L/min."""
    described = "flow: 480 L/min, rack_flow: 220 L/min, supply: 30 degC, return: 40 degC"
    found = {one.hall: one for one in assess(*changed("plural", described, loop, tmp_path)).cooled}
    assert found["wet"].holds is holds


def test_the_largest_pool_fits_and_one_more_does_not():
    factory, planned = stack("superpod")
    most = largest_pool(factory, "dgx")
    assert most * 10_200 <= 1_500_000 < (most + 1) * 10_200
    half = largest_pool(factory, "dgx", {"A": 400_000, "B": 400_000, "C": 400_000})
    assert half < most
    assert largest_pool(factory, "dgx", {"A": 0.0}) == 0
    assert assess(factory, planned).measure("pool.dgx.largest").value == most


def test_what_devices_draw_leaves_less_for_machines():
    factory, planned = stack("superpod")
    found = assess(factory, planned, {"device.qm9700.power": Given(1_500)})
    most = int(found.measure("pool.dgx.largest").value or 0)
    assert most == largest_pool(factory, "dgx", other=65 * 1_500)
    assert most * 10_200 <= 1_500_000 - 65 * 1_500 < (most + 1) * 10_200


def test_a_larger_feed_never_fits_fewer_machines():
    factory, _ = stack("superpod")
    sizes = [largest_pool(factory, "dgx", dict.fromkeys("ABC", watts), budget=1e9) for watts in (1e5, 2e5, 4e5, 8e5, 1.6e6)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
