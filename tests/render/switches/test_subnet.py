"""The InfiniBand side: partitions and the topology file."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.plan.factory import plan
from sovereign_ai.render.switches.subnet import (
    partitions_conf,
    port_counts,
    port_number,
    split_parts,
    system_definitions,
    topology,
)
from tests.plan.factories import factory, pool
from tests.render.lab import stack


@pytest.mark.parametrize("name", ["plural", "superpod"])
def test_a_partition_holds_the_zones_ports_and_no_other(name: str) -> None:
    factory, plan = stack(name)
    plane = next(found for found in plan.fabrics if found.kind == "infiniband")
    zone = {node.name: node.zone for node in plan.nodes}
    ends = [(link.lower, link.lower_port) for link in plane.host_links if link.lower in zone]
    guids = {end: f"{number:#018x}" for number, end in enumerate(ends, 1)}
    lines = partitions_conf(factory, plan, plane, guids).splitlines()
    for part in (partition for partition in plan.partitions if partition.fabric == plane.fabric):
        rules = [line for line in lines if line.startswith(f"{part.zone}={part.number:#06x}")]
        members = [
            guid
            for rule in rules
            for guid in rule.partition(" : ")[2].rstrip(";").split(", ")
            if guid.startswith("0x")
        ]
        assert sorted(members) == sorted(guid for (host, _), guid in guids.items() if zone[host] == part.zone)


def test_no_line_of_a_large_partition_is_longer_than_opensm_reads() -> None:
    factory, plan = stack("superpod")
    plane = plan.fabrics[0]
    ends = [(link.lower, link.lower_port) for link in plane.host_links]
    guids = {end: f"{number:#018x}" for number, end in enumerate(ends, 1)}
    lines = partitions_conf(factory, plan, plane, guids).splitlines()
    assert sum(line.count("0x00000") for line in lines) == 127 * 8
    assert max(len(line) for line in lines) < 1024


def test_a_port_whose_guid_is_unknown_is_no_member_and_a_wrong_guid_is_refused() -> None:
    factory, plan = stack("superpod")
    plane = plan.fabrics[0]
    text = partitions_conf(factory, plan, plane)
    assert text.count("GUID not known yet") == 127 * 8
    with pytest.raises(ValueError, match="no port GUID"):
        partitions_conf(factory, plan, plane, {("dgx-001", "compute0"): "0x1"})


def test_the_topology_file_has_every_cable_once() -> None:
    plane = stack("superpod")[1].fabrics[0]
    text = topology(plane, "QM9700")
    assert sum("->" in line for line in text.splitlines()) == len(plane.cables)
    assert sum(line.startswith("QM9700 ") for line in text.splitlines()) == len(plane.switches)
    # ibdm 1.5.7 skips a cable whose speed it does not know, and takes no type that it has no definition of.
    assert "G->" not in text
    types = {word for line in text.splitlines() if "->" in line for word in [line.split()[2]]} | {"QM9700"}
    assert {name.removesuffix(".ibnl") for name in system_definitions(plane, "QM9700")} == types


def test_no_two_ports_of_a_switch_have_a_number_where_links_have_two_rates() -> None:
    """Ports split for machines, whole ones to spines, as in a group of JUPITER."""
    fabric = {"role": "compute", "kind": "infiniband", "rails": 4, "leaf_rails": 4, "radix": 64}
    rates = {"breakout": 2, "link": "200 Gbps", "uplink": "400 Gbps", "leaf_hosts": 16, "spines": 16}
    wanted = factory(pools=[pool(nodes=32, scalable_unit=16)], fabrics=[{"name": "f", **fabric, **rates}])
    plane = plan(wanted).fabrics[0]
    parts = split_parts(plane)
    assert parts == 2
    used = set()
    for cable in plane.cables:
        used.add((cable.upper, port_number(cable.upper_port, parts)))
    for cable in plane.switch_links:
        used.add((cable.lower, port_number(cable.lower_port, parts)))
    assert len(used) == len(plane.cables) + len(plane.switch_links)
    assert max(number for _, number in used) <= plane.radix


@pytest.mark.parametrize(
    ("fields", "tiers"),
    [
        ({"radix": 8, "spine_radix": 32, "uplinks": 4, "spines": 1}, {"leaf": 8, "spine": 32}),
        (
            {"radix": 8, "uplink_ports": 8, "uplink": "400 Gbps", "spine_radix": 16},
            {"leaf": 16, "spine": 16},
        ),
    ],
)
def test_a_switch_has_the_ports_of_its_tiers_model_and_none_is_beyond_them(
    fields: dict[str, Any], tiers: dict[str, int]
) -> None:
    fabric = {"name": "f", "role": "compute", "kind": "infiniband", "rails": 1, "link": "400 Gbps"}
    plane = plan(factory(pools=[pool(nodes=16)], fabrics=[{**fabric, **fields}])).fabrics[0]
    parts = split_parts(plane)
    counts = port_counts(plane, parts)
    for switch in plane.switches:
        assert counts[switch.name] == tiers.get(switch.tier, counts[switch.name]), switch.tier
    highest = 0
    for cable in plane.cables:
        for device, port in ((cable.lower, cable.lower_port), (cable.upper, cable.upper_port)):
            if device in counts:
                highest = max(highest, port_number(port, parts))
                assert port_number(port, parts) <= counts[device], (device, port)
    [definition] = [text for name, text in system_definitions(plane, "SW").items() if name == "SW.ibnl"]
    assert f"NODE SW {max(counts.values())} SW U1" in definition
    # So that the radix alone would not do.
    assert highest > plane.radix
