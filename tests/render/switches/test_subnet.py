"""The InfiniBand side: partitions and the topology file."""

from __future__ import annotations

import pytest

from sovereign_ai.render.switches.subnet import partitions_conf, system_definitions, topology
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
