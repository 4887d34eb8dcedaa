"""Port maps: every cable end once, and every address of a rail once."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.render.switches.test_switches import SMALL, maps


@pytest.mark.parametrize("name", SMALL)
def test_every_cable_end_at_a_switch_is_one_port_with_a_name_of_its_own(name: str) -> None:
    for plane, switches in maps(name):
        assert sum(len(found.ports) for found in switches) == len(plane.host_links) + 2 * (
            plane.leaf_spine + plane.spine_core
        )
        for found in switches:
            names = [port.interface for port in found.ports]
            assert len(set(names)) == len(names), found.switch.name


@pytest.mark.parametrize("name", SMALL)
def test_no_two_host_ports_of_a_rail_share_an_address(name: str) -> None:
    for plane, switches in maps(name):
        if plane.role in ("compute", "storage"):
            addresses = Counter(port.address for found in switches for port in found.ports if port.address)
            assert max(addresses.values()) == 1
            assert sum(addresses.values()) == plane.endpoints
