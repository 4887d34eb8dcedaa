"""Power by level, survival of single failures, and cooling, against hand arithmetic and the plan."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from sovereign_ai.assess.energy.power import add_system, pdu_share
from sovereign_ai.assess.energy.report import assess_energy
from sovereign_ai.assess.energy.survival import Failure
from sovereign_ai.assess.sheet import GivenValue, Sheet
from sovereign_ai.catalog.system import system
from sovereign_ai.plan.factory import plan
from tests.assess.stacks import changed, stack
from tests.support.dark_switch import LINE, DarkSwitch
from tests.support.later_pool import lab_before_its_second_pool

_DEVICES = 65 * 1_720 + 10 * 150 + 8 * 850 + 18 * 1_600
"""Watts of the superpod's switches and storage servers, at the upper ends of their figures."""
_LEAST = 65 * 747 + 10 * 98 + 8 * 466 + 18 * 520
"""The same at the lower ends."""


def _failure(failures: tuple[Failure, ...], what: str) -> Failure:
    return next(one for one in failures if one.what == what)


def test_a_superpods_levels_come_out_by_hand():
    found = assess_energy(*stack("superpod"))
    value = {
        level: found.measure(f"site.lyon.{level}.peak").value for level in ("supply", "pdu", "rack", "it")
    }
    assert value == {"supply": 1_700, "pdu": 13_600, "rack": 40_800, "it": 1_295_400 + _DEVICES}
    feeds = [found.measure(f"site.lyon.feed.{feed}.peak").value or 0 for feed in "ABC"]
    assert sum(feeds) == 1_295_400 + _DEVICES
    assert found.measure("site.lyon.feed.A.after-loss").value == (1_295_400 + _DEVICES) / 2


def test_typical_power_is_the_measured_share_and_at_most_what_was_seen():
    typical = assess_energy(*stack("superpod")).measure("system.dgx-h100.typical")
    assert typical.value == pytest.approx(7_752)
    assert typical.high == pytest.approx(8_400, rel=0.001)


def test_idle_power_is_a_range_until_it_is_given():
    factory, planned = stack("superpod")
    before = assess_energy(factory, planned)
    idle = before.measure("site.lyon.it.idle")
    assert (idle.needs, idle.value) == ((), 127 * 2_040 + _DEVICES)
    assert (idle.low or 0) < 127 * 1_300 + _DEVICES < 127 * 3_300 + _DEVICES < (idle.high or 0)
    after = assess_energy(factory, planned, {"system.dgx-h100.idle": GivenValue(2_000)})
    assert after.measure("site.lyon.it.idle").value == 127 * 2_000 + _DEVICES
    assert (after.measure("site.lyon.swing").value or 0) == pytest.approx(127 * (7_752 - 2_000))
    # Known exactly, it leaves the swing the range of typical power alone.
    wide, narrow = before.measure("site.lyon.swing"), after.measure("site.lyon.swing")
    assert (wide.low or 0) < (narrow.low or 0) < (narrow.high or 0) < (wide.high or 0)


def test_idle_power_in_kilowatts_is_counted_in_watts():
    sheet = Sheet({})
    add_system(sheet, system("xe9680-h200"))
    assert sheet.value("system.xe9680-h200.idle") > 1_000


def test_switches_and_storage_servers_carry_their_range_to_every_total():
    found = assess_energy(*stack("superpod"))
    total = found.measure("site.lyon.it.peak")
    assert (total.low, total.high) == (1_295_400 + _LEAST, 1_295_400 + _DEVICES)
    typical = found.measure("site.lyon.it.typical")
    assert typical.low == pytest.approx(127 * 10_200 * 0.7 + _LEAST)
    assert typical.high == pytest.approx(127 * 10_200 * 0.8235 + _DEVICES)
    for feed in "ABC":
        load = found.measure(f"site.lyon.feed.{feed}.peak")
        assert (load.high or 0) - (load.low or 0) == pytest.approx((_DEVICES - _LEAST) / 3)


def test_a_users_figure_of_a_device_replaces_ours():
    factory, planned = stack("superpod")
    after = assess_energy(factory, planned, {"device.qm9700.power": GivenValue(1_500)})
    assert after.measure("site.lyon.devices.qm9700").value == 65
    assert after.measure("site.lyon.other").value == _DEVICES - 65 * 220
    assert after.measure("site.lyon.it.peak").value == 1_295_400 + _DEVICES - 65 * 220


def test_a_switch_without_watts_has_the_range_of_its_ports_until_its_power_is_given(
    tmp_path: Path, dark_switch: DarkSwitch
):
    dark_switch("infiniband", 64, 400)
    switch = ("rails: 2, switch: qm9700, link", "rails: 2, switch: dark, link")
    factory, planned = changed("superpod", *switch, tmp_path, ("name: superpod", f"name: superpod\n{LINE}"))
    before = assess_energy(factory, planned).measure("site.lyon.it.peak")
    # A qm9700 has as many ports of the same rate, and is not the one that draws most a port.
    assert before.note == ""
    assert (before.high or 0) > 1_295_400 + _DEVICES
    assert 1_295_400 < (before.low or 0) < 1_295_400 + _LEAST
    found = assess_energy(factory, planned, {"device.dark.power": GivenValue(1_500)})
    peak = found.measure("site.lyon.it.peak")
    assert peak.value == 1_295_400 + _DEVICES - 17 * 220
    assert sum(found.measure(f"site.lyon.feed.{feed}.peak").value or 0 for feed in "ABC") == pytest.approx(
        peak.value
    )
    assert found.measure("site.lyon.feed.A.after-loss").value == pytest.approx((peak.value or 0) / 2)


def test_a_ramp_limit_gives_a_time_and_a_store():
    factory, planned = stack("gigafactory")
    found = assess_energy(
        factory,
        planned,
        {"system.dgx-b200.idle": GivenValue(3_000), "system.dgx-b200.typical-share": GivenValue(0.8)},
    )
    swing = 4_000 * (14_300 * 0.8 - 3_000)
    assert found.measure("site.north.swing").value == pytest.approx(swing)
    assert found.measure("site.north.ramp-time").value == pytest.approx(swing / 2e6)
    assert found.measure("site.north.ramp-store").value == pytest.approx(swing**2 / 4e6 / 3.6e6)


@examples(supplies=st.integers(1, 12), pdus=st.integers(1, 8), machines=st.integers(1, 8))
def test_a_pdu_carries_at_least_its_even_share(supplies: int, pdus: int, machines: int):
    assert Fraction(1, pdus) <= pdu_share(supplies, pdus, machines) <= 1


def test_a_pool_that_comes_later_carries_no_load_and_is_the_most_of_no_level():
    factory, planned = lab_before_its_second_pool()
    found = assess_energy(factory, planned)
    whole = assess_energy(factory.in_phase("complete"), plan(factory.in_phase("complete")))
    for level in ("supply", "pdu", "rack"):
        assert found.measure(f"site.fra1.{level}.peak") == whole.measure(f"site.fra1.{level}.peak")
    it_now, it_later = found.measure("site.fra1.it.peak").value, whole.measure("site.fra1.it.peak").value
    assert it_now is not None
    assert it_later is not None
    assert it_now < it_later
