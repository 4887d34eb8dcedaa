"""Switches as hosts of an inventory: real ones reached by their loopback, and a twin's in namespaces.

A unit is what may be out of service at once: one rail's leaves, or every second spine of a plane.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sovereign_ai.plan import Plan
from sovereign_ai.render.hosts.inventory_groups import Host, HostInventory
from sovereign_ai.render.switches.frr_config import frr
from sovereign_ai.render.switches.links import KERNEL, switch_links
from sovereign_ai.render.switches.ports import SwitchPorts, port_maps
from sovereign_ai.spec import AIFactory

SHARED = {
    "switch_kernel": KERNEL,
    "switch_persistent": True,
    "frr_folder": "/etc/frr",
    "frr_socket": "/run/frr",
}
"""Variables that all real switches share."""


def switches(factory: AIFactory, plan: Plan) -> tuple[Host, ...]:
    """Return every Ethernet switch of the plan."""
    hosts: list[Host] = []
    for plane in plan.fabrics:
        if plane.kind != "infiniband":
            hosts += _hosts(port_maps(factory, plan, plane))
    return tuple(hosts)


def twin_inventory(
    maps: Sequence[SwitchPorts], prefix: str, folder: Path, python: str = "/usr/bin/python3"
) -> HostInventory:
    """Return the switches of a twin, whose daemons run already in namespaces of this server, as one unit.

    Nothing is written outside `folder`: the role keeps `frr.conf` there, and sets kernel parameters in the
    namespace alone.

    Args:
        maps: the switches with their ports, as `Sample.switches` has them.
        prefix: the start of the namespaces' names; the switch's name follows.
        folder: holds one folder a switch, with its daemons' sockets.
        python: interpreter for modules.
    """
    hosts: list[Host] = []
    for host in _hosts(maps):
        switch_folder = str(folder / host.name)
        variables = {
            **host.variables,
            "ansible_connection": "netns",
            "ansible_python_interpreter": python,
            "netns_name": prefix + host.name,
            "frr_folder": switch_folder,
            "frr_socket": switch_folder,
        }
        hosts.append(Host(host.name, "twin", host.groups, variables))
    # A namespace is gone after a reboot, so its kernel parameters are not written to /etc.
    shared = {"switches": {**SHARED, "switch_persistent": False}}
    return HostInventory(tuple(hosts), shared)


def _hosts(maps: Iterable[SwitchPorts]) -> list[Host]:
    """Return switches as hosts, in the order of the maps: leaves first."""
    hosts: list[Host] = []
    for number, device in enumerate(maps):
        host = _host(device, number)
        hosts.append(host)
    return hosts


def _host(device: SwitchPorts, number: int) -> Host:
    """Return one switch as a host; its number among its plane's switches decides which half a spine is in."""
    switch, plane = device.switch, device.plane
    part = f"r{switch.rail}" if switch.rail >= 0 else f"half{number % 2}"
    groups = ("switches", f"fabric_{plane.role.replace('-', '_')}", f"tier_{switch.tier}")
    variables: dict[str, Any] = {
        "ansible_host": switch.loopback,
        "frr_conf": frr(device),
        "switch_links": list(switch_links(device)),
    }
    return Host(switch.name, f"{plane.name}-{switch.tier}-{part}", groups, variables)
