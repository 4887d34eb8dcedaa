"""Switch configuration: golden files for the lab, and what must hold of every stack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.render.switches.block import block
from sovereign_ai.render.switches.frr import frr
from sovereign_ai.render.switches.ports import SwitchPorts, port_maps
from sovereign_ai.render.switches.qos import intent
from sovereign_ai.render.switches.subnet import partitions_conf, topology
from sovereign_ai.render.switches.vendors import cumulus, sonic, sonic_name
from tests.render.lab import stack

GOLDEN = Path(__file__).parent / "golden"
SMALL = ("lab", "plural", "superpod")
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=5)


@cache
def maps(name: str) -> list[tuple[FabricPlan, tuple[SwitchPorts, ...]]]:
    factory, plan = stack(name)
    return [(plane, port_maps(factory, plan, plane)) for plane in plan.fabrics if plane.kind != "infiniband"]


def one(name: str) -> SwitchPorts:
    return next(found for _, switches in maps("lab") for found in switches if found.switch.name == name)


@pytest.mark.parametrize("switch", ["compute-fra1-p0-leaf-r0-001", "compute-fra1-p0-spine-001", "inband-fra1-p0-leaf-r0-001"])
def test_the_labs_files_are_the_golden_ones(switch: str, golden: Callable[[Path, str], None]) -> None:
    found = one(switch)
    golden(GOLDEN / f"{switch}.frr.conf", frr(found))
    golden(GOLDEN / f"{switch}.config_db.json", sonic(found))
    golden(GOLDEN / f"{switch}.nvue.yaml", cumulus(found))


@pytest.mark.parametrize("name", SMALL)
def test_every_cable_end_at_a_switch_is_one_port_with_a_name_of_its_own(name: str) -> None:
    for plane, switches in maps(name):
        assert sum(len(found.ports) for found in switches) == plane.node_leaf + 2 * (plane.leaf_spine + plane.spine_core)
        for found in switches:
            for names in ([port.interface for port in found.ports], [sonic_name(port.interface) for port in found.ports]):
                assert len(set(names)) == len(names), found.switch.name


@pytest.mark.parametrize("name", SMALL)
def test_each_cable_between_switches_is_a_session_and_no_host_has_one(name: str) -> None:
    for _, switches in maps(name):
        for found in switches:
            text = frr(found).split("\nrouter bgp ")[1]
            sessions = {line.split()[1] for line in text.splitlines() if " interface peer-group" in line}
            assert sessions == {port.interface for port in found.fabric}


@pytest.mark.parametrize("name", SMALL)
def test_no_two_switches_share_a_loopback_and_no_two_leaves_an_as(name: str) -> None:
    switches = [found.switch for _, found_all in maps(name) for found in found_all]
    assert max(Counter(switch.loopback for switch in switches).values()) == 1
    assert max(Counter(switch.asn for switch in switches if switch.tier == "leaf").values()) == 1


@pytest.mark.parametrize("name", SMALL)
def test_no_two_host_ports_of_a_rail_share_an_address(name: str) -> None:
    for plane, switches in maps(name):
        if plane.role in ("compute", "storage"):
            addresses = Counter(port.address for found in switches for port in found.ports if port.address)
            assert max(addresses.values()) == 1
            assert sum(addresses.values()) == plane.endpoints


def test_a_port_is_in_its_zones_segment_in_every_rendering() -> None:
    leaf = one("compute-fra1-p0-leaf-r0-001")
    vlans = {port.interface: leaf.partitions[port.zone].vlan for port in leaf.ports if port.host}
    members = {key.partition("|") for key in orjson.loads(sonic(leaf))["VLAN_MEMBER"]}
    assert members == {(f"Vlan{vlan}", "|", sonic_name(name)) for name, vlan in vlans.items()}
    interfaces: dict[str, Any] = yaml.safe_load(cumulus(leaf))[0]["set"]["interface"]
    assert {name: interfaces[name]["bridge"]["domain"]["br_default"]["access"] for name in vlans} == vlans
    assert set(vlans.values()) == {100, 101}


def test_pfc_is_on_for_the_lossless_class_alone_and_ecn_marks_before_it() -> None:
    tables = orjson.loads(sonic(one("compute-fra1-p0-leaf-r0-001")))
    assert {entry["pfc_enable"] for entry in tables["PORT_QOS_MAP"].values()} == {"3"}
    classes = Counter(tables["DSCP_TO_TC_MAP"]["ROCE"].values())
    assert classes == {"0": 62, "3": 1, "6": 1}
    assert tables["WRED_PROFILE"]["ROCE"]["ecn"] == "ecn_all"
    assert intent(400_000_000_000).ecn_min < intent(400_000_000_000).ecn_max == 500_000
    assert "PORT_QOS_MAP" not in orjson.loads(sonic(one("inband-fra1-p0-leaf-r0-001")))


def test_an_infiniband_switch_has_no_routing_daemon() -> None:
    factory, plan = stack("superpod")
    with pytest.raises(ValueError, match="InfiniBand switch"):
        frr(port_maps(factory, plan, plan.fabrics[0])[0])


def test_a_partition_holds_the_zones_ports_and_no_other() -> None:
    factory, plan = stack("plural")
    plane = next(found for found in plan.fabrics if found.kind == "infiniband")
    zone = {node.name: node.zone for node in plan.nodes}
    ends = [(host, port) for host, port, _, _ in plane.cables[: plane.node_leaf] if host in zone]
    guids = {end: f"{number:#018x}" for number, end in enumerate(ends, 1)}
    lines = partitions_conf(factory, plan, plane, guids).splitlines()
    for part in (found for found in plan.partitions if found.fabric == plane.fabric):
        line = next(found for found in lines if found.startswith(f"{part.zone}={part.number:#06x}"))
        members = {guid for guid in line.partition(" : ")[2].rstrip(";").split(", ") if guid.startswith("0x")}
        assert members == {guid for (host, _), guid in guids.items() if zone[host] == part.zone}


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


SCALAR = st.integers(-(2**63), 2**63) | TEXT | st.booleans()
FLAT = st.dictionaries(TEXT, SCALAR | st.lists(SCALAR, max_size=3))


@given(st.recursive(FLAT, lambda inner: st.dictionaries(TEXT, inner), max_leaves=8))
@settings(deadline=None, derandomize=True, max_examples=60)
@example(
    {
        "on": "no",
        "1": "2",
        "a b": "x: y",
        "": "null",
        "~": "1e3",
        "k": {"#": "- a"},
        "e": {},
        "l": ["on", True, 3],
        "m": [],
        "Null": "a.b/c",
    }
)
def test_yaml_reads_back_what_was_written(data: dict[str, Any]) -> None:
    assert (yaml.safe_load(block(data)) or {}) == data
