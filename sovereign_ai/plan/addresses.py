"""Addresses, autonomous systems, VLANs, VNIs and partitions: given out once, in a fixed order."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prefix:
    """A range with one use.

    Attributes:
        cidr: the range.
        use: `nodes`, `bmc`, `rail`, `loopback`, `link`, `pods` or `services`.
        site: its site.
        owner: fabric, cluster or pool that it belongs to.
        rail: rail number; -1 where that has no meaning.
    """

    cidr: str
    use: str
    site: str
    owner: str
    rail: int


@dataclass(frozen=True, slots=True)
class Partition:
    """A zone's own part of one fabric, since no NetworkPolicy sees that traffic.

    Attributes:
        fabric: the fabric's name.
        zone: the security zone.
        kind: `p_key`, `vrf`, `vni` or `none`.
        number: P_Key (15 bits, 1 upwards), VRF table or VNI; 0 with `none`.
        vlan: VLAN on Ethernet fabrics; 0 on InfiniBand.
    """

    fabric: str
    zone: str
    kind: str
    number: int
    vlan: int
