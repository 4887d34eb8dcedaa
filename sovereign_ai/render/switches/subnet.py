"""The InfiniBand side: OpenSM's partitions, and the topology that ibdiagnet compares a fabric with.

A zone is a P_Key. The GUID of a port is known only once its server is delivered, so partitions take GUIDs as
a mapping. A member whose GUID is not given yet is written as a comment and is no member, so no other port
reaches it. The default partition lets every port reach the subnet manager (limited members do not reach each
other) and is never open to all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.plan import Plan
from sovereign_ai.plan.fabric import FabricPlan, fat_tree_misfit
from sovereign_ai.render.switches.ports import zones_of
from sovereign_ai.spec import AIFactory

_GUID = re.compile(r"0x[0-9a-f]{16}")
DEFAULT = 0x7FFF
"""The default partition's P_Key in the InfiniBand specification, without the bit of full membership."""
ADAPTER = "ADAPTER"
"""Type of every host port in the topology file; `HCA` is a reserved word of ibdm's definitions."""
GENERATIONS = {
    10: "sdr",
    20: "ddr",
    40: "qdr",
    56: "fdr",
    100: "edr",
    200: "hdr",
    400: "ndr",
    800: "xdr",
}
"""Gbps of four lanes to the name of the rate; InfiniBand Architecture Specification, volume 2."""
_GUIDS_A_RULE = 32
"""Members of one rule, at most: 640 characters, far below the 8,192 that OpenSM reads of a line."""


def partitions_conf(
    factory: AIFactory, plan: Plan, plane: FabricPlan, guids: Mapping[tuple[str, str], str] | None = None
) -> str:
    """Return `partitions.conf` of one plane.

    Args:
        factory: the description.
        plan: what follows from it.
        plane: an InfiniBand plane.
        guids: (node, port) to its port GUID, `0x` and 16 digits.

    Raises:
        ValueError: a GUID that is none.
    """
    guids = guids or {}
    # A text that is no GUID could be read as another word of the file, such as ALL.
    wrong = sorted(guid for guid in guids.values() if not _GUID.fullmatch(guid))
    if wrong:
        message = f"{wrong[0]!r} is no port GUID; write 0x and 16 hexadecimal digits"
        raise ValueError(message)
    zones = zones_of(factory, plan)
    lines = [
        f"# {plane.name}",
        f"Default={DEFAULT:#06x}, defmember=limited : ALL=limited, SELF=full, ALL_SWITCHES=full;",
    ]
    for part in plan.partitions:
        if part.fabric != plane.fabric or part.kind != "p_key":
            continue
        members: list[str] = []
        for link in plane.host_links:
            host, port = link.lower, link.lower_port
            if zones.get(host) != part.zone:
                continue
            if (host, port) in guids:
                members.append(guids[host, port])
            else:
                lines.append(f"# {host} {port}: GUID not known yet")
        lines += _partition_rules(part.zone, part.number, members)
    return "\n".join(lines) + "\n"


def _partition_rules(zone: str, number: int, guids: Sequence[str]) -> Iterator[str]:
    """Yield a partition as rules of a few GUIDs each: OpenSM joins rules with the same P_Key.

    OpenSM 3.3.23 reads lines of at most 8,192 characters. Beyond that it drops the whole file, falls back to
    its own default, in which every port reaches every other, and exits with 0.
    """
    # A partition without members still has one rule, with the subnet manager alone.
    for start in range(0, max(len(guids), 1), _GUIDS_A_RULE):
        batch = guids[start : start + _GUIDS_A_RULE]
        members = ", ".join(batch) or "SELF=full"
        yield f"{zone}={number:#06x}, defmember=full : {members};"


def opensm_conf(plane: FabricPlan) -> str:
    """Return `opensm.conf` of one plane: what differs from the defaults of OpenSM 3.3.23, under its names.

    A plane that is no fat tree to the engine `ftree` is routed up and down from the start. With the GUIDs of
    its uppermost switches in a file `ftree` takes it as well; they are known once the switches are delivered.
    A single switch and a pair without spines have nothing above them, where OpenSM would drop both engines
    for `minhop`; two switches have no loop in which packets could wait for each other.
    """
    misfit = fat_tree_misfit(plane)
    text = ""
    engines = "updn" if misfit else "ftree,updn"
    if plane.tiers == 1:
        engines = "minhop"
    if misfit and plane.tiers > 1:
        roots = "cores" if plane.tiers == 3 else "spines"
        text += f"# {plane.name} is no fat tree to OpenSM: {misfit}.\n"
        text += f"# With the node GUIDs of its {roots} in a file, one a line, 'ftree' routes it too:\n"
        text += "# root_guid_file /etc/opensm/roots.conf\n"
        text += "# routing_engine ftree,updn\n"
    settings = {
        # Up/down where a loss leaves no fat tree: routes stay free of deadlock, though no longer spread
        # evenly.
        "routing_engine": engines,
        "partition_config_file": "/etc/opensm/partitions.conf",
        # Switches drop what a port's P_Keys do not allow, whatever the host does.
        "part_enforce": "both",
        "exit_on_fatal": "TRUE",
        "sm_priority": "14",
    }
    for name, value in settings.items():
        text += f"{name} {value}\n"
    return text


def topology(plane: FabricPlan, model: str) -> str:
    """Return the topology file: each switch with its type, and each of its ports with its peer.

    Widths and speeds are left out: ibdm 1.5.7 knows none beyond 25 Gbps a lane, and skips a cable whose speed
    it does not know.

    Args:
        plane: an InfiniBand plane.
        model: the switch's type, as its system definition names it.
    """
    ports: dict[str, list[str]] = {}
    for switch in plane.switches:
        ports[switch.name] = []
    breakout = split_parts(plane)
    # Each cable is written at its upper end alone.
    for link in plane.host_links:
        peer = f"{ADAPTER} {adapter(link.lower, link.lower_port)} P1"
        ports[link.upper].append(f"   P{port_number(link.upper_port, breakout)} -> {peer}\n")
    for link in plane.switch_links:
        peer = f"{model} {link.lower} P{port_number(link.lower_port, breakout)}"
        ports[link.upper].append(f"   P{port_number(link.upper_port, breakout)} -> {peer}\n")
    text = ""
    for name, lines in ports.items():
        text += f"{model} {name}\n{''.join(lines)}\n"
    return text


def system_definitions(plane: FabricPlan, model: str) -> dict[str, str]:
    """Return file name to system definition (IBNL) of the topology file's switch and adapter types."""
    # Leaves and spines of different models share one type, of as many ports as the larger has.
    ports = max(port_counts(plane, split_parts(plane)).values())
    pins = ""
    for number in range(1, ports + 1):
        pins += f"   {number} -> P{number}\n"
    switch = f"TOPSYSTEM {model}\n\nNODE SW {ports} {model} U1\n{pins}"
    host_port = f"TOPSYSTEM {ADAPTER}\n\nNODE CA 1 {ADAPTER} U1\n   1 -> P1\n"
    return {f"{model}.ibnl": switch, f"{ADAPTER}.ibnl": host_port}


def port_number(port: str, breakout: int) -> int:
    """Return a switch port's number in the subnet: parts of split ports are counted through.

    Among split ports a whole one has the number of its first part.

    >>> port_number("7", 1), port_number("3/2", 2), port_number("3", 2)
    (7, 6, 5)
    """
    whole, _, part = port.partition("/")
    return (int(whole) - 1) * breakout + int(part or 1)


def port_counts(plane: FabricPlan, breakout: int) -> dict[str, int]:
    """Return each switch with its number of ports in the subnet.

    Models differ by tier, and leaves may have ports for spines beside their radix: a tier has what its model
    has, and no fewer than the highest number that a cable of it uses.
    """
    above = plane.spine_radix or plane.radix
    sizes = {"leaf": plane.radix, "spine": above, "core": above}
    tiers = {switch.name: switch.tier for switch in plane.switches}
    for cable in plane.cables:
        for device, port in ((cable.lower, cable.lower_port), (cable.upper, cable.upper_port)):
            # Hosts are no switches.
            if device in tiers:
                tier = tiers[device]
                sizes[tier] = max(sizes[tier], port_number(port, breakout))
    return {name: sizes[tier] for name, tier in tiers.items()}


def adapter(host: str, port: str) -> str:
    """Return the name of a host's adapter: each of a host's ports is an adapter with one port.

    >>> adapter("dgx-001", "compute0"), adapter("dgx-001", "compute0/2")
    ('dgx-001-compute0', 'dgx-001-compute0p2')
    """
    return f"{host}-{port.replace('/', 'p')}"


def split_parts(plane: FabricPlan, breakout: int = 1) -> int:
    """Return the number of parts that the plane's switch ports are split into, the most where they differ.

    Args:
        plane: the plane.
        breakout: parts of a port to hosts as described, which cables may not use all.
    """
    parts = breakout
    for cable in plane.cables:
        parts = max(parts, int(cable.upper_port.partition("/")[2] or 1))
    for cable in plane.switch_links:
        parts = max(parts, int(cable.lower_port.partition("/")[2] or 1))
    return parts
