"""Single failures: which of them the servers of a site survive."""

from __future__ import annotations

from pathlib import Path

from sovereign_ai.assess.energy.report import assess_energy
from sovereign_ai.assess.energy.survival import pdu_stops
from sovereign_ai.assess.sheet import GivenValue
from tests.assess.energy.test_power import _failure
from tests.assess.stacks import changed, stack
from tests.support.dark_switch import LINE, DarkSwitch


def test_devices_that_overload_the_feeds_left_are_a_feed_that_is_not_survived(
    tmp_path: Path, dark_switch: DarkSwitch
):
    """Lab: 163.2 kW of machines on three feeds, so 81.6 kW on either of two; 36 switches and servers."""
    dark_switch("ethernet", 32, 400)
    factory, planned = changed(
        "lab",
        "feeds: {A: 400 kW, B: 400 kW, C: 400 kW}",
        "feeds: {A: 120 kW, B: 120 kW, C: 120 kW}",
        tmp_path,
        ("it_budget: 250 kW", "it_budget: 210 kW"),
        ("radix: 32, link", "switch: dark, link"),
        ("name: lab\n", f"name: lab\n{LINE}\n"),
    )
    assert _failure(assess_energy(factory, planned).failures, "feed A").survives is True
    given = {"device.dark.power": GivenValue(5_000)}
    large = _failure(assess_energy(factory, planned, given).failures, "feed A")
    assert large.survives is False
    # 18 switches of 5 kW, 10 storage servers of up to 1.6 kW and 8 switches of up to 4 kW together.
    assert "draw 110 kW" in large.why


def test_six_supplies_of_which_four_are_needed_do_not_survive_one_of_two_pdus():
    assert pdu_stops(supplies=6, required=4, pdus=2, machines=4) == 4
    assert pdu_stops(supplies=6, required=4, pdus=3, machines=4) == 0
    assert pdu_stops(supplies=6, required=5, pdus=3, machines=2) == 2
    assert pdu_stops(supplies=6, required=5, pdus=6, machines=2) == 0


def test_single_failures_are_survived_stopped_or_open_and_open_says_what_it_waits_for():
    factory, planned = stack("plural")
    failures = assess_energy(factory, planned).failures
    assert _failure(failures, "rack PDU of dgx-h100").survives is True
    unknown = _failure(failures, "rack PDU of mi300x-oam8")
    assert unknown.survives is None
    assert unknown.needs
    assert _failure(failures, "utility").needs == ("site.vie1.generator-start",)
    assert _failure(failures, "leaf of grace-vie1-p0").survives is False
    given = {
        "site.vie1.generator-start": GivenValue(20),
        "site.vie1.cooling-units": GivenValue(4),
        "site.vie1.cooling-needed": GivenValue(3),
    }
    failures = assess_energy(factory, planned, given).failures
    assert _failure(failures, "utility").survives is True
    assert _failure(failures, "cooling unit").survives is True
    failures = assess_energy(
        factory,
        planned,
        given | {"site.vie1.generator-start": GivenValue(301), "site.vie1.cooling-needed": GivenValue(4)},
    ).failures
    assert _failure(failures, "utility").survives is False
    assert _failure(failures, "cooling unit").survives is False
