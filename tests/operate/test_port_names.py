"""Names of one port of a front panel, system by system."""

from __future__ import annotations

import doctest

import pytest

from sovereign_ai.operate import port_names
from sovereign_ai.operate.port_names import linux_names, system_of, system_of_ports


@pytest.mark.parametrize(
    ("port", "system", "names"),
    [
        ("et-0/0/0", "", ("et-0/0/0", "swp1")),
        ("et-0/0/28:3", "junos", ("et-0/0/28:3", "swp29s3")),
        ("ge-0/0/0.0", "", ("ge-0/0/0.0", "swp1")),
        ("et-1/0/3", "junos", ("et-1/0/3",)),
        ("Ethernet1/2", "", ("Ethernet1/2", "swp2")),
        ("Ethernet1/2", "eos", ("Ethernet1/2",)),
        ("Ethernet7/1", "eos", ("Ethernet7/1", "swp7", "swp7s0")),
        ("Ethernet7", "nxos", ("Ethernet7",)),
        ("Twe1/0/7", "ios", ("Twe1/0/7", "swp7")),
        ("TenGigabitEthernet1/0/48", "", ("TenGigabitEthernet1/0/48", "swp48")),
        ("100GE1/0/3", "vrp", ("100GE1/0/3", "swp3")),
        ("100GE1/0/3", "", ("100GE1/0/3",)),
        ("Vlan1/0/2", "", ("Vlan1/0/2",)),
        ("Ten-GigabitEthernet1/0/30", "", ("Ten-GigabitEthernet1/0/30", "swp30")),
        ("Te1/1/1", "ios", ("Te1/1/1",)),
        ("Gi2/0/1", "ios", ("Gi2/0/1",)),
        ("1/1/7:2", "aos-cx", ("1/1/7:2", "swp7s1")),
        ("1/1/7", "", ("1/1/7",)),
    ],
)
def test_a_port_has_linux_name_where_that_is_sure(port: str, system: str, names: tuple[str, ...]) -> None:
    assert linux_names(port, system) == names


@pytest.mark.parametrize(
    ("about", "system"),
    [
        ("Juniper Networks, Inc. qfx5240-64od Ethernet Switch, kernel JUNOS 23.4R2", "junos"),
        ("Cisco Nexus Operating System (NX-OS) Software 10.4(3)\nTAC support", "nxos"),
        ("Cumulus Linux version 5.9.1 running on Mellanox SN5600", ""),
        ("", ""),
    ],
)
def test_a_neighbours_own_words_tell_its_system(about: str, system: str) -> None:
    assert system_of(about) == system


def test_its_examples_hold() -> None:
    assert doctest.testmod(port_names).failed == 0


@pytest.mark.parametrize(
    ("ports", "system"),
    [
        (("Ethernet1/2", "Ethernet7/1"), "eos"),
        (("Et7",), "eos"),
        (("Ethernet1/2", "Ethernet1/3"), ""),
        (("25GE1/0/1", "25GE1/0/48"), "vrp"),
        (("25GE1/0/1", "100GE1/0/1"), ""),
        ((), ""),
    ],
)
def test_the_names_of_a_switchs_ports_may_tell_its_system(ports: tuple[str, ...], system: str) -> None:
    assert system_of_ports(ports) == system
