"""Racks: what stands where, and what a hall does not take."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.catalog.figures import Grade
from sovereign_ai.catalog.switch import switch
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.plan.racks import SupportBatch, support_racks, switch_kind, switch_power
from sovereign_ai.spec import load
from sovereign_ai.units import BitsPerSecond

from .factories import codes, factory, feasible, hall, management, only_problem, planned, pool, site


def test_the_h100_bill_of_materials_has_38_racks_with_96_and_12_pdus() -> None:
    """RA-11333-001 V11, table 7; half-filled racks and racks of its own for a tier are our assumption."""
    racks = planned("superpod").racks
    assert len(racks) == 38
    assert Counter(rack.kind for rack in racks) == {"compute": 32, "network": 4, "storage": 2}
    assert sum(len(rack.pdus) for rack in racks if rack.kind == "compute") == 96
    assert sum(len(rack.pdus) for rack in racks if rack.kind != "compute") == 12
    assert {rack.power for rack in racks if rack.kind == "compute"} == {40_800, 30_600}


def test_a_rack_over_the_halls_limit_is_refused_with_the_nearest_number_that_fits() -> None:
    found = only_problem(factory(sites=[site(halls=[hall("ha", rack_limit="35 kW")])]))
    assert (found.code, found.where.field) == ("rack-over-limit", "pools[0].nodes_per_rack")
    assert "a rack of 4 dgx-h100 draws 40.8 kW, and hall 'ha' allows 35 kW" in found.message
    assert found.hint == "write nodes_per_rack 3, or choose another hall"


def test_two_pools_that_a_rack_does_not_carry_are_two_problems() -> None:
    halls = [hall("ha", rack_limit="5 kW")]
    both = factory(sites=[site(halls=halls)], pools=[pool(nodes=2), pool(name="serve", nodes=2)])
    messages = [problem.message for problem in feasible(both) if problem.code == "rack-over-limit"]
    assert len({*messages}) == len(messages) == 2


def test_a_machine_that_no_rack_of_the_hall_takes_is_refused_at_the_hall() -> None:
    found = only_problem(factory(sites=[site(halls=[hall("ha", rack_limit="8 kW")])]))
    assert (found.code, found.where.field) == ("rack-over-limit", "sites[0].halls[0].rack_limit")


def test_a_rack_higher_than_48_units_is_refused() -> None:
    found = only_problem(
        factory(sites=[site(halls=[hall("ha", rack_limit="200 kW")])], pools=[pool(nodes_per_rack=7)])
    )
    assert (found.code, found.hint) == ("rack-over-height", "write nodes_per_rack 6, or choose another hall")


def test_machines_heavier_than_the_floor_carries_are_refused() -> None:
    found = only_problem(factory(sites=[site(halls=[hall("ha", floor_load="600 kg/m2")])]))
    assert (found.code, found.hint) == ("rack-over-weight", "write nodes_per_rack 3, or choose another hall")
    assert "weigh 524 kg, and the floor carries 432 kg" in found.message


def test_an_nvlink_rack_is_never_divided() -> None:
    wet = site(halls=[hall("ha", "hybrid", rack_limit="100 kW")])
    found = only_problem(factory(sites=[wet], pools=[pool(system="gb200-nvl72-tray", nodes=36)]))
    assert (found.code, found.where.field) == ("rack-over-limit", "sites[0].halls[0].rack_limit")
    nine = factory(
        sites=[site(halls=[hall("ha", "hybrid", rack_limit="160 kW")])],
        pools=[pool(system="gb200-nvl72-tray", nodes_per_rack=9)],
    )
    assert codes(nine) == ["split-domain"]


def test_a_hall_with_too_few_places_counts_switches_and_storage_too() -> None:
    small = site(halls=[hall("ha", racks=2)])
    assert codes(factory(sites=[small])) == []
    found = only_problem(factory(sites=[small], fabrics=management()))
    assert (found.code, found.hint) == ("hall-full", "write at least 3, or move a pool")


def test_machines_a_rack_that_no_source_gives_follow_from_power_and_height() -> None:
    found = plan(factory(pools=[pool(system="mi300x-oam8", nodes=9)]))
    assert [len(rack.devices) for rack in found.racks] == [4, 4, 1]
    assert any(
        "no source gives the machines a rack of mi300x-oam8; 4 are planned" in warning
        for warning in found.warnings
    )


def test_a_model_whose_row_has_no_watts_draws_what_its_ports_draw(dark_lab: Path) -> None:
    factory = load(dark_lab)
    derived = plan(factory)
    power = {rack.kind: 0 for rack in derived.racks}
    for rack in derived.racks:
        power[rack.kind] += rack.power
    [inband] = [fabric for fabric in factory.fabrics if fabric.name == "inband"]
    dark = switch_power(inband, "leaf")
    assert (dark.low, dark.high, dark.grade) == (466, 850, Grade.ESTIMATE)
    # 18 switches of 32 ports of 400G, 4 of 48 ports of 1G, and four of 64 ports of 100G without watts.
    assert power["network"] == 18 * 1_125 + 4 * 150 + 4 * 850
    assert any("switches of inband: power rests on an estimate" in text for text in derived.warnings)


def test_uplink_ports_of_another_rate_count_in_the_range_of_a_model_without_watts() -> None:
    rates = BitsPerSecond.parse("400 Gbps"), BitsPerSecond.parse("800 Gbps")
    bare = replace(switch("sn5600"), figures=MappingProxyType({}), rate=rates[0])
    both = replace(bare, uplink_ports=4, uplink_rate=rates[1])
    alike = replace(bare, uplink_ports=4, uplink_rate=rates[0])
    assert bare.ports_by_rate == {rates[0]: 64}
    assert both.ports_by_rate == {rates[0]: 64, rates[1]: 4}
    assert alike.ports_by_rate == {rates[0]: 68}
    assert bare.worst_power < both.worst_power


def test_a_switch_without_a_model_draws_what_ports_of_its_rate_draw() -> None:
    fabric = {"name": "c", "role": "compute", "kind": "roce", "rails": 8, "radix": 32, "link": "400 Gbps"}
    [wide] = factory(fabrics=[fabric]).fabrics
    # qfx5220-32cd and z9432f-on, without a figure of their makers: 135 W at the least, 1,125 W at the most.
    power = switch_power(wide, "leaf")
    assert power is not None
    assert (power.low, power.high, power.grade) == (135, 1_125, Grade.ESTIMATE)
    assert switch_kind(wide, "leaf") == switch_kind(wide, "spine") == "switch-32x400g"
    [split] = factory(fabrics=[fabric | {"breakout": 2}]).fabrics
    # Ports of 800 Gbps that are split in two draw what ports of 800 Gbps draw.
    assert switch_kind(split, "leaf") == "switch-32x800g"
    assert switch_power(split, "leaf").high > 1_100
    more = {"uplink": "800 Gbps", "uplink_ports": 4, "spine_radix": 64, "planes": 2}
    [layered] = factory(fabrics=[fabric | more]).fabrics
    assert switch_kind(layered, "leaf") == "switch-32x200g-4x400g"
    assert switch_kind(layered, "spine") == "switch-64x400g"
    spine = switch_power(layered, "spine")
    assert spine is not None
    assert spine.high == 2_250


def racks_are_sound(found: Plan) -> None:
    names = [rack.name for rack in found.racks]
    assert len(names) == len(set(names))
    devices = [device for rack in found.racks for device in rack.devices]
    assert len(devices) == len(set(devices))
    assert all(rack.rack_units <= 48 for rack in found.racks)
    place = {(node.rack, node.place): node.name for node in found.nodes}
    assert all(
        place[rack.name, index] == device
        for rack in found.racks
        if rack.kind == "compute"
        for index, device in enumerate(rack.devices)
    )
    rack_of = {device: rack.name for rack in found.racks for device in rack.devices}
    assert all(rack_of[one.name] == one.rack for plane in found.fabrics for one in plane.switches)
    assert sum(rack.power for rack in found.racks) == sum(one.it_load for one in found.power)


def test_every_device_of_every_stack_is_in_one_place() -> None:
    for name in ("lab", "superpod", "plural", "gigafactory"):
        racks_are_sound(planned(name))


@settings(max_examples=30)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=3), st.integers(1, 4))
def test_every_device_of_any_factory_is_in_one_place(sizes: list[int], per_rack: int) -> None:
    pools = [
        pool(f"p{index}", nodes=nodes, nodes_per_rack=per_rack, spares="auto")
        for index, nodes in enumerate(sizes)
    ]
    racks_are_sound(plan(factory(pools=pools, fabrics=management())))


@given(
    st.lists(st.tuples(st.integers(1, 80), st.integers(1, 4), st.integers(0, 50_000)), min_size=1, max_size=4)
)
def test_counting_support_racks_is_filling_them(batches: list[tuple[int, int, int]]) -> None:
    room = factory().sites[0].halls[0]
    racks, used, drawn = 0, 24, 0
    for count, units, watts in batches:
        for _ in range(count):
            if used + units > 24 or (watts and drawn + watts > room.rack_limit.count):
                racks, used, drawn = racks + 1, 0, 0
            used += units
            drawn += watts
    counted = [SupportBatch(room, "network", "", count, units, watts) for count, units, watts in batches]
    assert support_racks(counted) == {room.name: racks}


def test_a_rack_of_switches_draws_at_most_what_its_hall_allows() -> None:
    gigafactory = planned("gigafactory")
    limit = 32_000
    network = [rack for rack in gigafactory.racks if rack.kind == "network"]
    assert max(rack.power for rack in network) <= limit
    # Half a rack of 24 switches would draw 41 kW.
    assert max(len(rack.devices) for rack in network if "compute" in rack.devices[0]) < 24
