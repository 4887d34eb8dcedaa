"""Names of interfaces and routing tables in a switch system: Linux (FRR alone, Cumulus) and SONiC.

Linux: a port is `swp7`, a zone's link `swp7.104`, a routing table has the zone's name where an interface can
have it, and FRR itself sets the addresses.

SONiC: a port is `Ethernet24`, a table `Vrf_research`, and addresses come from `config_db.json`. Host ports of
routed zones are access ports of the zone's VLAN, since SONiC relays DHCP for VLANs alone; the host routes
lead to that VLAN. Every table of a leaf has a loopback of its own: the address that relayed requests come
from, since the gateways' addresses are the same on every leaf.

    >>> from sovereign_ai.plan import Partition
    >>> SonicNames().vrf(Partition("inband", "research", "vrf", 1001, 104))
    'Vrf_research'
    >>> SonicNames().vrf(Partition("inband", "clinical-trials", "vrf", 1001, 104))
    'Vrf_728846a017c'
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Protocol

from sovereign_ai.plan import Partition
from sovereign_ai.render.switches.ports import Port, SwitchPorts

MOST_NAME = 15
"""Characters of an interface's name in Linux (IFNAMSIZ, 16, with its end)."""
LAST_VLAN = 4094
"""The highest VLAN of IEEE 802.1Q; 4095 is reserved."""
_VRF_PREFIX = "Vrf_"
"""The start of every routing table's name: SONiC's YANG models require `Vrf`."""

_TAKEN = re.compile(r"all|default|mgmt|lo|(?:eth|swp|br|vni)\d.*")
"""Names that a switch has already: its interfaces, the tables of Cumulus, and what sysctl has beside
interfaces."""


class PortNames(Protocol):
    """The names of everything that FRR configures, in a switch system."""

    loopback: str
    """The interface with the switch's own address."""
    sets_addresses: bool
    """Whether FRR sets the addresses of loopback and host ports, as it does on plain Linux."""
    vrf_loopbacks: bool
    """Whether leaves have a loopback in each zone's routing table."""

    def port(self, device: SwitchPorts, port: Port) -> str:
        """Return a port's interface."""

    def subinterface(self, device: SwitchPorts, port: Port, part: Partition) -> str:
        """Return the interface of a zone's VLAN on a cable between switches."""

    def vrf(self, part: Partition) -> str:
        """Return a zone's routing table."""

    def host_side(self, device: SwitchPorts, port: Port) -> str:
        """Return the interface that a host port's address is reached by."""

    def vrf_loopback(self, device: SwitchPorts, part: Partition) -> str:
        """Return the loopback of a zone's routing table; empty where it has none."""


class LinuxNames:
    """The names of plain Linux and of Cumulus.

    Its methods ignore the switch, which SONiC's names follow from.
    """

    loopback = "lo"
    sets_addresses = True
    vrf_loopbacks = False

    def port(self, device: SwitchPorts, port: Port) -> str:  # noqa: ARG002
        """Return `swp7`."""
        return port.interface

    def subinterface(self, device: SwitchPorts, port: Port, part: Partition) -> str:  # noqa: ARG002
        """Return `swp7.104`."""
        return f"{port.interface}.{part.vlan}"

    def vrf(self, part: Partition) -> str:
        """Return the zone's name, or a digest of it where a switch has no interface of that name."""
        return linux_vrf(part.zone)

    def host_side(self, device: SwitchPorts, port: Port) -> str:  # noqa: ARG002
        """Return the host's own port."""
        return port.interface

    def vrf_loopback(self, device: SwitchPorts, part: Partition) -> str:  # noqa: ARG002
        """Return an empty text: only relayed DHCP needs one, and SONiC alone relays here."""
        return ""


class SonicNames:
    """The names of SONiC."""

    loopback = "Loopback0"
    sets_addresses = False
    vrf_loopbacks = True

    def port(self, device: SwitchPorts, port: Port) -> str:
        """Return `Ethernet24`."""
        return device.panel_of(port).port(port.name).name

    def subinterface(self, device: SwitchPorts, port: Port, part: Partition) -> str:
        """Return `Ethernet24.104`, or `Eth504.2000` where the long form is longer than Linux allows."""
        name = f"{self.port(device, port)}.{part.vlan}"
        if len(name) <= MOST_NAME:
            return name
        return name.replace("Ethernet", "Eth")

    def vrf(self, part: Partition) -> str:
        """Return `Vrf_research`; a name that is too long becomes a digest of it."""
        name = f"{_VRF_PREFIX}{part.zone}"
        if len(name) <= MOST_NAME:
            return name
        return _VRF_PREFIX + _digest(part.zone, MOST_NAME - len(_VRF_PREFIX))

    def vlan(self, device: SwitchPorts, port: Port) -> int:
        """Return the VLAN of a host port."""
        part = device.partition(port)
        if part is None:
            return self.default_vlan(device)
        return part.vlan

    def default_vlan(self, device: SwitchPorts) -> int:
        """Return the VLAN of host ports without a partition: the last one that no zone has."""
        used = set()
        for part in device.zones:
            used.add(part.vlan)
        return next(number for number in range(LAST_VLAN, 1, -1) if number not in used)

    def host_side(self, device: SwitchPorts, port: Port) -> str:
        """Return the VLAN interface of the host's zone, `Vlan104`."""
        return f"Vlan{self.vlan(device, port)}"

    def vrf_loopback(self, device: SwitchPorts, part: Partition) -> str:
        """Return `Loopback1` for the first routed zone of a leaf."""
        if device.switch.tier != "leaf":
            return ""
        # Loopback0 is the switch's own.
        number = uses(device, "vrf").index(part) + 1
        return f"Loopback{number}"


def linux_vrf(zone: str) -> str:
    """Return the routing table of a zone: its name, or a digest where that is too long or taken.

    >>> linux_vrf("research"), linux_vrf("default"), linux_vrf("clinical-trials-of-europe")
    ('research', 'vrf-37a8eec1ce1', 'vrf-2058e2b5974')
    """
    if len(zone) <= MOST_NAME and not _TAKEN.fullmatch(zone):
        return zone
    return f"vrf-{_digest(zone, MOST_NAME - 4)}"


def _digest(text: str, length: int) -> str:
    """Return the start of a text's SHA-256: stable, and distinct for two long names that begin alike."""
    return sha256(text.encode()).hexdigest()[:length]


def uses(device: SwitchPorts, kind: str) -> tuple[Partition, ...]:
    """Return the partitions of a kind that this fabric has."""
    return tuple(part for part in device.zones if part.kind == kind)
