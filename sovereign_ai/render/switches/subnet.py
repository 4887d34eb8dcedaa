"""The InfiniBand side: OpenSM's partitions, and the topology that ibdiagnet compares a fabric with.

A zone is a P_Key. Which GUID a port has is known only once the machine stands, so partitions take
them as a mapping; a member whose GUID is not given yet stands in the file as a comment, and is no
member, so nobody reaches what is not known. The default partition lets everybody reach the subnet
manager (limited members do not reach each other) and is never open to all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.switches.ports import zones_of
from sovereign_ai.spec.factory import AIFactory

_GUID = re.compile(r"0x[0-9a-f]{16}")
DEFAULT = 0x7FFF


def partitions_conf(factory: AIFactory, plan: Plan, plane: FabricPlan, guids: Mapping[tuple[str, str], str] | None = None) -> str:
    """Give `partitions.conf` of one plane.

    Args:
        factory: the description.
        plan: what follows from it.
        plane: an InfiniBand plane.
        guids: (machine, port) to its port GUID, `0x` and 16 digits.

    Raises:
        ValueError: a GUID that is none.
    """
    known = guids or {}
    wrong = sorted(guid for guid in known.values() if not _GUID.fullmatch(guid))
    if wrong:
        message = f"{wrong[0]!r} is no port GUID; write 0x and 16 hexadecimal digits"
        raise ValueError(message)
    zones = zones_of(factory, plan)
    lines = [f"# {plane.name}", f"Default={DEFAULT:#06x}, defmember=limited : ALL=limited, SELF=full, ALL_SWITCHES=full;"]
    for part in (one for one in plan.partitions if one.fabric == plane.fabric and one.kind == "p_key"):
        members = [(host, port) for host, port, _, _ in plane.cables[: plane.node_leaf] if zones.get(host) == part.zone]
        there = [known[member] for member in members if member in known]
        lines += [f"# {host} {port}: GUID not known yet" for host, port in members if (host, port) not in known]
        lines.append(f"{part.zone}={part.number:#06x}, defmember=full : {', '.join(there) or 'SELF=full'};")
    return "\n".join(lines) + "\n"


def topology(plane: FabricPlan, model: str) -> str:
    """Give the topology file: each switch with its type, and each of its ports with what it meets.

    Args:
        plane: an InfiniBand plane.
        model: the switch's type, as ibdiagnet's system library names it.
    """
    ports: dict[str, list[str]] = {one.name: [] for one in plane.switches}
    for row in _rows(plane, model):
        ports[row[0]].append(row[1])
    return "".join(f"{model} {name}\n" + "".join(f"   {line}\n" for line in lines) + "\n" for name, lines in ports.items())


def _rows(plane: FabricPlan, model: str) -> Iterator[tuple[str, str]]:
    """Give (switch, line); each cable stands once, at its upper end."""
    for number, (lower, lower_port, upper, upper_port) in enumerate(plane.cables):
        other = f"HCA {lower} {lower_port}" if number < plane.node_leaf else f"{model} {lower} P{lower_port}"
        yield upper, f"P{upper_port} -4x-{plane.link // 4_000_000_000}G-> {other}"
