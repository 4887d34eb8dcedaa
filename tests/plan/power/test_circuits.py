"""Circuits of racks: continuous ratings, rack PDUs, busways and busbars."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt

from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.plan.power.circuits import busbar_current, busiest_busway, busiest_pdu, circuit_limit
from sovereign_ai.plan.power.loads import RackGroup, load_of_rack, rack_groups
from sovereign_ai.plan.shapes import pool_shapes
from sovereign_ai.spec import Circuit, RackBusbar, Site
from sovereign_ai.units import Amperes, Percent, Volts
from tests.plan.factories import factory, hall, pool, power, site
from tests.plan.power.chains import elements, with_chain

amperes = st.integers(1_000, 6_300_000).map(Amperes)
volts = st.integers(100_000, 1_000_000).map(Volts)
shares = st.integers(1, 10_000).map(Percent)


@given(amperes, volts, shares, shares)
def test_a_three_phase_circuit_carries_the_root_of_three_of_a_single_phase_one(
    current: Amperes, voltage: Volts, continuous: Percent, factor: Percent
) -> None:
    def limit(phases: int) -> int:
        circuit = Circuit(current=current, voltage=voltage, phases=phases, continuous=continuous)
        return circuit_limit(circuit, factor)

    exact = current.count * voltage.count / 1e6 * continuous.count / 1e4 * factor.count / 1e4
    assert abs(limit(1) - exact) <= 1
    assert abs(limit(3) - sqrt(3) * exact) <= 1 + 1e-9 * exact


def racks_of(nodes: int, feeds: str, pdus: int, row: int) -> tuple[Site, list[RackGroup]]:
    """The racks of a pool of DGX H100 in a hall of short rows."""
    place = site(power=power(feeds=dict.fromkeys(feeds, "6 MW"), rack_pdus=pdus), halls=[hall("ha", row=row)])
    described = factory(sites=[place], pools=[pool(nodes=nodes)])
    return described.sites[0], rack_groups(pool_shapes(described))


@settings(max_examples=20)
@given(st.integers(1, 200), st.sampled_from(["ABC", "ABCD"]), st.integers(3, 6), st.integers(1, 5))
def test_the_busiest_busway_is_that_of_all_racks_looked_at_one_by_one(
    nodes: int, feeds: str, pdus: int, racks: int
) -> None:
    place, groups = racks_of(nodes, feeds, pdus, row=6)
    # Every rack in its order, without any shortcut.
    row: list[RackGroup] = []
    full = [group for group in groups if group.machines == 4]
    for number in range(sum(group.count for group in full)):
        row.append(full[number % len(full)])
    row += [group for group in groups if group.machines != 4]
    worst = Fraction(0)
    for start in range(0, len(row), 6):
        for first in range(start, min(start + 6, len(row)), racks):
            run = row[first : min(first + racks, start + 6)]
            for feed in range(len(feeds)):
                worst = max(worst, sum((load_of_rack(rack, place).up[feed] for rack in run), Fraction(0)))
    assert busiest_busway(place, groups, racks).up == worst


def test_a_rack_pdu_carries_its_supplies_and_more_after_the_loss_of_a_feed() -> None:
    place, groups = racks_of(8, "ABC", 3, row=16)
    found = busiest_pdu(place, groups)
    assert (found.up, found.after) == (13_600, 20_400)


def test_two_pdus_on_a_feed_share_what_the_feed_carries() -> None:
    place, groups = racks_of(8, "ABC", 6, row=16)
    found = busiest_pdu(place, groups)
    assert (found.up, found.after) == (6_800, 10_200)


@given(st.integers(1, 1_000_000), st.integers(1, 8))
def test_sections_carry_the_current_of_the_whole_rack_together(watts: int, sections: int) -> None:
    bar = RackBusbar(voltage="50 V", current="1 kA", sections=sections, shelf="any", shelves=1)
    each = busbar_current(bar, watts)
    assert watts <= each * sections * 50 / 1000 < watts + sections * 50 / 1000


def test_breakers_and_busways_are_counted_by_rack_pdu_and_by_row() -> None:
    circuit = {"current": "250 A", "voltage": "400 V", "continuous": "80 %"}
    found = elements(with_chain({"breaker": circuit, "busway": {**circuit, "racks": 2}}))
    # Two racks of three PDUs; one run of racks with a busway for each of three feeds.
    assert (found["rack breaker"].installed, found["busway"].installed) == (6, 3)
