"""The same port of a front panel, by the names that switch systems and Linux give it.

>>> linux_names("Eth1/7/2"), linux_names("Ethernet1/1", "eos"), linux_names("et-0/0/6:1")
(('Eth1/7/2', 'swp7s1'), ('Ethernet1/1', 'swp1', 'swp1s0'), ('et-0/0/6:1', 'swp7s1'))
>>> linux_names("eth0"), system_of("Arista Networks EOS version 4.32.1F running on an Arista DCS-7060")
(('eth0',), 'eos')
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_CISCO = re.compile(r"Eth(?:ernet)?1/(\d{1,3})(?:/(\d))?")
_ARISTA = re.compile(r"Et(?:hernet)?(\d{1,3})(?:/(\d))?")
# Junos counts ports from 0, in slot 0 of a switch that is one box; a unit may follow its name.
_JUNOS = re.compile(r"(?:et|xe|ge|mge)-0/0/(\d{1,3})(?::(\d))?(?:\.\d+)?")
# EOS has the port where NX-OS has the slot, which is 1 of a switch that is one box.
_OF_EOS_ALONE = re.compile(r"Et\d{1,3}(?:/\d)?|Ethernet(?!1/)\d{1,3}/\d")
# IOS and Comware: member of a stack, card of a switch that is one box, port.
_STACKED = re.compile(
    r"(?:GigabitEthernet|Gi|TenGigabitEthernet|Ten-GigabitEthernet|Te|TwentyFiveGigE|Twenty-FiveGigE|Twe"
    r"|FortyGigabitEthernet|FortyGigE|Fo|HundredGigE|Hu|TwoHundredGigE|FourHundredGigE)1/0/(\d{1,3})"
)
# VRP counts the ports of each speed from 1.
_BY_SPEED = re.compile(r"\d{1,3}GE1/0/(\d{1,3})")
_AOS = re.compile(r"1/1/(\d{1,3})(?::(\d))?")
_SYSTEMS = (
    (re.compile(r"Arista Networks EOS"), "eos"),
    (re.compile(r"Cisco (?:Nexus|NX-OS)|\bNX-OS\b"), "nxos"),
    (re.compile(r"Juniper Networks|\bJUNOS\b", re.IGNORECASE), "junos"),
    (re.compile(r"ArubaOS-CX|AOS-CX"), "aos-cx"),
)


def system_of(description: str) -> str:
    """Return the switch system that a neighbour's own description names; empty where it names none of these.

    Args:
        description: LLDP's system description.
    """
    for pattern, system in _SYSTEMS:
        if pattern.search(description):
            return system
    return ""


def system_of_ports(ports: Iterable[str]) -> str:
    """Return the system that the names of one switch's ports tell: `eos`, or `vrp` where all have one speed.

    VRP counts the ports of each speed from 1, so with several speeds a number is that of no front panel.

    Args:
        ports: the names as they were printed.
    """
    speeds = set()
    for port in ports:
        if _OF_EOS_ALONE.fullmatch(port):
            return "eos"
        if _BY_SPEED.fullmatch(port):
            speeds.add(port.partition("GE")[0])
    return "vrp" if len(speeds) == 1 else ""


def linux_names(port: str, system: str = "") -> tuple[str, ...]:
    """Return a port's name, and Linux' name of the same port of the front panel.

    Args:
        port: the name as it was printed.
        system: `nxos`, `eos`, `junos`, `aos-cx`, or `vrp` of one speed; empty or another where that is not
            known, and a name that may be of NX-OS or of EOS is NX-OS's.
    """
    stacked = (_BY_SPEED if system == "vrp" else _STACKED).fullmatch(port)
    if stacked:
        return port, f"swp{stacked[1]}"
    if system == "aos-cx" and (cx := _AOS.fullmatch(port)):
        return port, f"swp{cx[1]}{f's{int(cx[2]) - 1}' if cx[2] else ''}"
    if match := _JUNOS.fullmatch(port):
        return port, f"swp{int(match[1]) + 1}{f's{match[2]}' if match[2] else ''}"
    cisco = _CISCO.fullmatch(port) if system != "eos" else None
    if cisco:
        part = f"s{int(cisco[2]) - 1}" if cisco[2] else ""
        return port, f"swp{cisco[1]}{part}"
    arista = _ARISTA.fullmatch(port) if system != "nxos" else None
    # The lane of a port that EOS splits says its part only together with the model, so other lanes are left.
    if arista is None or arista[2] not in (None, "1"):
        return (port,)
    whole = f"swp{arista[1]}"
    return (port, whole, f"{whole}s0") if arista[2] else (port, whole)
