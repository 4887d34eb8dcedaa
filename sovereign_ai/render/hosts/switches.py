"""Switches that run Linux and FRR: real ones reached by their loopback, and those of a twin in namespaces.

A unit is what may be out of service at once: one rail's leaves, or every second spine of a plane.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.hosts.inventory import Host, Inventory
from sovereign_ai.render.switches.frr import frr
from sovereign_ai.render.switches.links import KERNEL, links
from sovereign_ai.render.switches.ports import SwitchPorts, port_maps
from sovereign_ai.spec.factory import AIFactory

SHARED = {"switch_kernel": KERNEL, "switch_persistent": True, "frr_folder": "/etc/frr", "frr_socket": "/run/frr"}
"""What every real switch shares."""


def switches(factory: AIFactory, plan: Plan) -> tuple[Host, ...]:
    """Give every Ethernet switch of the plan."""
    return tuple(host for plane in plan.fabrics if plane.kind != "infiniband" for host in _hosts(port_maps(factory, plan, plane)))


def twin_inventory(maps: Sequence[SwitchPorts], prefix: str, folder: Path, python: str = "/usr/bin/python3") -> Inventory:
    """Give the switches of a twin, whose daemons run already, in namespaces of this machine: one unit, all at once.

    Nothing is written outside `folder`: the role keeps `frr.conf` there, and kernel parameters in the namespace alone.

    Args:
        maps: the switches with their ports, as `Sample.switches` has them.
        prefix: what the namespaces' names start with; the switch's name follows.
        folder: holds one folder a switch, with its daemons' sockets.
        python: interpreter for modules.
    """
    own = {
        one.switch.name: {
            "ansible_connection": "netns",
            "ansible_python_interpreter": python,
            "netns_name": prefix + one.switch.name,
            "frr_folder": str(folder / one.switch.name),
            "frr_socket": str(folder / one.switch.name),
        }
        for one in maps
    }
    shared = {"switches": {**SHARED, "switch_persistent": False}}
    alike = tuple(Host(one.name, "twin", one.groups, {**one.variables, **own[one.name]}) for one in _hosts(maps))
    return Inventory(alike, shared)


def _hosts(maps: Iterable[SwitchPorts]) -> tuple[Host, ...]:
    """Give switches as hosts, leaves first."""
    return tuple(_host(one, number) for number, one in enumerate(maps))


def _host(one: SwitchPorts, number: int) -> Host:
    """Give one switch."""
    switch = one.switch
    part = f"r{switch.rail}" if switch.rail >= 0 else f"half{number % 2}"
    variables: dict[str, Any] = {
        "ansible_host": switch.loopback,
        "frr_conf": frr(one),
        "switch_links": list(links(one)),
    }
    unit = f"{one.plane.name}-{switch.tier}-{part}"
    return Host(switch.name, unit, ("switches", f"fabric_{one.plane.role.replace('-', '_')}", f"tier_{switch.tier}"), variables)
