"""The links of a Linux switch: a master before its members, and room for VXLAN between switches."""

from __future__ import annotations

import pytest

from sovereign_ai.render.switches.links import FABRIC_MTU, HOST_MTU, switch_links
from tests.render.switches.test_switches import SMALL, maps


@pytest.mark.parametrize("name", SMALL)
def test_a_link_is_made_after_its_master_and_a_vlan_after_its_port(name: str) -> None:
    for _, devices in maps(name):
        for device in devices:
            made: set[str] = set()
            for link in switch_links(device):
                assert link["master"] in made | {""}
                assert link.get("link", "") in made | {""}
                made.add(link["name"])


def test_a_hosts_packet_fits_between_switches_with_its_vxlan_header() -> None:
    assert HOST_MTU + 50 <= FABRIC_MTU


@pytest.mark.parametrize("name", SMALL)
def test_no_two_links_of_a_switch_share_a_name(name: str) -> None:
    for _, devices in maps(name):
        for device in devices:
            names = [link["name"] for link in switch_links(device)]
            assert len(set(names)) == len(names)
