"""SONiC's files: what its YANG models demand, lanes of every model, and the same names in both files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import orjson
import pytest

from sovereign_ai.render.switches.frr_config import frr
from sovereign_ai.render.switches.ports import SwitchPorts, port_maps
from sovereign_ai.render.switches.sonic import NAMES, sonic
from tests.render.lab import stack
from tests.render.switches.sonic_yang import faults, rules

STACKS = ["lab", "superpod", "plural", pytest.param("gigafactory", marks=pytest.mark.loads)]
SERVER = "10.0.0.5"


@cache
def maps(name: str) -> list[SwitchPorts]:
    factory, plan = stack(name)
    planes = [plane for plane in plan.fabrics if plane.kind != "infiniband"]
    return [one for plane in planes for one in port_maps(factory, plan, plane)]


def tables(name: str) -> Iterator[tuple[SwitchPorts, dict[str, dict[str, Any]]]]:
    for one in maps(name):
        yield one, orjson.loads(sonic(one, SERVER))


@pytest.mark.parametrize("name", STACKS)
def test_every_file_meets_the_demands_of_sonics_yang_models(name: str) -> None:
    for one, data in tables(name):
        assert list(faults(data)) == [], one.switch.name


@pytest.mark.parametrize("name", STACKS)
def test_every_interface_and_table_of_frr_exists_in_sonics_database(name: str) -> None:
    for one, data in tables(name):
        text = frr(one, NAMES)
        known = set().union(
            *(data.get(table, ()) for table in ("PORT", "VLAN", "VLAN_SUB_INTERFACE", "LOOPBACK_INTERFACE"))
        )
        named = set(
            re.findall(r"^interface (\S+)|neighbor (\S+) interface|match interface (\S+)", text, re.MULTILINE)
        )
        routed = re.findall(r"ip route \S+ (\S+)", text)
        assert {name for group in named for name in group if name} | set(routed) <= known
        assert set(re.findall(r"^vrf (\S+)|^router bgp \d+ vrf (\S+)", text, re.MULTILINE)) <= {
            pair for vrf in data.get("VRF", ()) for pair in ((vrf, ""), ("", vrf))
        }
        assert len(re.findall("interface peer-group", text)) == len(one.fabric) * (
            1 + len(data.get("VRF", ()))
        )


@pytest.mark.parametrize("name", STACKS)
def test_no_two_ports_of_a_switch_share_a_name_or_a_lane(name: str) -> None:
    for one, data in tables(name):
        lanes = [lane for row in data["PORT"].values() for lane in row["lanes"].split(",")]
        assert len(data["PORT"]) == len(one.ports)
        assert len(lanes) == len(set(lanes))


def damaged() -> Iterator[tuple[str, Any]]:
    """Yield what breaks a file, each by one demand of the models."""

    def change(table: str, key: str, field: str, value: Any) -> Any:
        def apply(data: dict[str, Any]) -> None:
            row = data[table].setdefault(key, {})
            if value is None:
                row.pop(field)
            else:
                row[field] = value

        return apply

    yield "lanes is mandatory", change("PORT", "Ethernet0", "lanes", None)
    yield "speed", change("PORT", "Ethernet0", "speed", "2000000")
    yield "mtu", change("PORT", "Ethernet0", "mtu", "9300")
    yield "not text", change("PORT", "Ethernet0", "mtu", 9216)
    yield "no such field", change("PORT", "Ethernet0", "lane", "1")
    yield "in none of PORT", change("INTERFACE", "Ethernet1", "ipv6_use_link_local_only", "enable")
    yield "in none of VRF", change("VLAN_INTERFACE", "Vlan104", "vrf_name", "Vrf_other")
    yield "a routed port", change("INTERFACE", "Ethernet0", "ipv6_use_link_local_only", "enable")
    yield "does not match", change("VRF", "restricted", "fallback", "true")
    yield "characters long", change("VRF", "Vrf_much_too_long_for_linux", "fallback", "true")
    yield "no port Ethernet999", change("VLAN_SUB_INTERFACE", "Eth999.104", "vlan", "104")
    yield "needs a vlan", change("VLAN_SUB_INTERFACE", "Eth192.104", "admin_status", "up")
    yield "vlanid", change("VLAN", "Vlan104", "vlanid", "105")
    yield "untagged in 2", change("VLAN_MEMBER", "Vlan105|Ethernet0", "tagging_mode", "untagged")
    yield "needs a source_interface", change("DHCPV4_RELAY", "Vlan104", "source_interface", None)
    yield "no list", change("DHCPV4_RELAY", "Vlan104", "dhcpv4_servers", [])
    yield "docker_routing", change("DEVICE_METADATA", "localhost", "docker_routing_config_mode", "frr")


@pytest.mark.parametrize(("expected", "damage"), list(damaged()))
def test_a_damaged_file_is_refused(expected: str, damage: Any) -> None:
    one = next(found for found in maps("lab") if found.switch.name == "inband-fra1-p0-leaf-r0-001")
    data = orjson.loads(sonic(one, SERVER))
    assert list(faults(data)) == []
    damage(data)
    assert any(expected in fault for fault in faults(data))


def test_the_tables_that_are_written_are_the_tables_that_are_judged() -> None:
    written = {table for name in ("lab", "superpod", "plural") for _, data in tables(name) for table in data}
    assert written == set(rules())


def test_leaves_relay_dhcp_from_an_address_of_their_own_in_the_zones_table() -> None:
    leaf = next(found for found in maps("lab") if found.switch.name == "inband-fra1-p0-leaf-r0-001")
    data = orjson.loads(sonic(leaf, SERVER))
    for vlan, row in data["DHCPV4_RELAY"].items():
        source = row["source_interface"]
        assert data["LOOPBACK_INTERFACE"][source]["vrf_name"] == data["VLAN_INTERFACE"][vlan]["vrf_name"]
        assert f"{source}|{leaf.switch.loopback}/32" in data["LOOPBACK_INTERFACE"]
        assert row["dhcpv4_servers"] == [SERVER]
    assert "DHCPV4_RELAY" not in orjson.loads(sonic(leaf))
