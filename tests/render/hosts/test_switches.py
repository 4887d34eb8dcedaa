"""Switches as hosts: each once, in units that may be out of service at once, and a twin that stays in its
folder.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.render.hosts.inventory_groups import HostInventory
from sovereign_ai.render.hosts.switches import SHARED, switches, twin_inventory
from sovereign_ai.render.switches.links import FABRIC_MTU, HOST_MTU, switch_links
from sovereign_ai.render.switches.ports import port_maps
from tests.render.lab import stack


@pytest.mark.parametrize("name", ["lab", "plural"])
def test_every_ethernet_switch_is_a_host_once(name: str) -> None:
    _, plan = stack(name)
    wanted = [one.name for plane in plan.fabrics if plane.kind != "infiniband" for one in plane.switches]
    assert [one.name for one in switches(*stack(name))] == wanted


def test_a_unit_holds_one_rail_of_leaves_or_half_of_the_spines() -> None:
    _, plan = stack("lab")
    rails = {one.name: one.rail for plane in plan.fabrics for one in plane.switches}
    for unit, part in HostInventory(switches(*stack("lab")), {}).in_units():
        names = [one.name for one in part.hosts]
        assert len({rails[name] for name in names}) == 1
        spines = [
            name
            for plane in plan.fabrics
            if unit.startswith(plane.name)
            for name in rails
            if "-spine-" in name and plane.name in name
        ]
        assert "spine" not in unit or len(names) <= max(len(spines) / 2, 1)


def test_a_host_port_is_in_its_zones_segment_and_a_fabric_port_in_none() -> None:
    factory, plan = stack("lab")
    for one in port_maps(factory, plan, plan.fabrics[0]):
        rows = {row["name"]: row for row in switch_links(one)}
        for port in one.ports:
            part = one.partition(port)
            assert rows[port.interface]["master"] == (f"br{part.number}" if part else "")
            assert rows[port.interface]["mtu"] == (HOST_MTU if port.host else FABRIC_MTU)


def test_a_routed_zone_has_a_table_and_a_vlan_on_every_fabric_port() -> None:
    factory, plan = stack("lab")
    plane = next(one for one in plan.fabrics if one.role == "in-band")
    for one in port_maps(factory, plan, plane):
        rows = list(switch_links(one))
        assert {row["name"] for row in rows if row["kind"] == "vrf"} == {"restricted", "open"}
        assert sum(row["kind"] == "vlan" for row in rows) == 2 * len(one.fabric)
        made: set[str] = set()
        for row in rows:
            assert row["master"] in made | {""}
            made.add(row["name"])


def test_a_twin_is_one_unit_and_nothing_of_it_lies_outside_its_folder() -> None:
    factory, plan = stack("lab")
    found = twin_inventory(port_maps(factory, plan, plan.fabrics[0]), "twin-lab.", Path("/run/x"))
    assert found.units == ("twin",)
    assert found.shared["switches"]["switch_persistent"] is False
    for one in found.hosts:
        assert one.variables["ansible_connection"] == "netns"
        assert one.variables["netns_name"] == f"twin-lab.{one.name}"
        assert one.variables["frr_folder"] == one.variables["frr_socket"] == f"/run/x/{one.name}"
    assert SHARED["frr_folder"] == "/etc/frr"
