"""A Batfish snapshot of an Ethernet plane: its switches as SONiC, its hosts, and every cable.

The folders are those that Batfish reads: `sonic_configs/<switch>/` with a `config_db.json` and a `frr.conf`,
`hosts/<host>.json`, and `batfish/layer1_topology.json` (its SONiC parser, host format and layer-1 topology,
read 2026-11-27). The switches' files are those that are rendered for SONiC.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from sovereign_ai.plan import Plan
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.render.switches import host_interface
from sovereign_ai.render.switches.frr_config import frr
from sovereign_ai.render.switches.ports import SwitchPorts, gateway, port_maps
from sovereign_ai.render.switches.sonic import NAMES, sonic
from sovereign_ai.spec import AIFactory


def batfish(factory: AIFactory, plan: Plan, plane: FabricPlan) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of the files of a plane's snapshot.

    Args:
        factory: the description.
        plan: what follows from it.
        plane: an Ethernet plane.
    """
    devices = port_maps(factory, plan, plane)
    hosts: dict[str, dict[str, Any]] = {}
    names: dict[tuple[str, str], str] = {}
    for device in devices:
        for port in device.ports:
            names[device.switch.name, port.name] = NAMES.port(device, port)
        folder = f"sonic_configs/{device.switch.name}"
        yield f"{folder}/config_db.json", sonic(device, "")
        yield f"{folder}/frr.conf", frr(device, NAMES)
        _add_hosts(hosts, device)
    for name, interfaces in hosts.items():
        yield f"hosts/{name}.json", _json({"hostname": name, "hostInterfaces": interfaces})
    edges = []
    for lower, lower_port, upper, upper_port in (*plane.host_links, *plane.switch_links):
        name = names.get((lower, lower_port)) or host_interface(lower_port)
        edge = {"node1": _end(lower, name), "node2": _end(upper, names[upper, upper_port])}
        edges.append(edge)
    yield "batfish/layer1_topology.json", _json({"edges": edges})


def _add_hosts(hosts: dict[str, dict[str, Any]], device: SwitchPorts) -> None:
    """Add the interfaces of a leaf's hosts that have an address; a switch's management port has none here."""
    lengths = {}
    for block, router in device.gateways.items():
        lengths[router] = block.partition("/")[2]
    for port in device.ports:
        if not port.host or not port.address:
            continue
        router = gateway(device, port.address)
        prefix = f"{port.address}/{lengths[router]}"
        interfaces = hosts.setdefault(port.peer, {})
        # Ports that are one bond share the host's address, which a host has once.
        if prefix not in (interface["prefix"] for interface in interfaces.values()):
            name = host_interface(port.peer_port)
            interfaces[name] = {"name": name, "prefix": prefix, "gateway": router}


def _end(device: str, interface: str) -> dict[str, str]:
    """Return one end of a cable."""
    return {"hostname": device, "interfaceName": interface}


def _json(data: object) -> str:
    """Return data as JSON."""
    return orjson.dumps(data, option=orjson.OPT_INDENT_2).decode() + "\n"
