"""One switch for Cumulus (`nvue.yaml`): ports, loopback, segments, routing, quality of service.

Routing is written in NVUE, which writes FRR's file itself. The wording is that of Cumulus Linux 5.15 and
later: `state: enabled` where `enable: on` was, other switches `enabled` where `on` was, and `ipv4` and `vrf`
of an interface where they were under `ip` (the user guide's tables of changed commands, read 2026-11-26). It
was not loaded into an image.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sovereign_ai.plan.addresses import Partition
from sovereign_ai.render.switches.block import yaml_block
from sovereign_ai.render.switches.frr import BFD_MILLISECONDS, BFD_MISSED
from sovereign_ai.render.switches.names import uses
from sovereign_ai.render.switches.ports import Port, SwitchPorts, gateway
from sovereign_ai.render.switches.qos import MTU, cumulus_qos

_ON = {"state": "enabled"}


def cumulus(device: SwitchPorts) -> str:
    """Return `nvue.yaml`, for `nv config replace`."""
    switch = device.switch
    only_loopback = {"action": {"permit": {}}, "match": {"interface": "lo"}}
    settings: dict[str, Any] = {
        "system": {"hostname": switch.name},
        "interface": _interfaces(device),
        "router": {
            "bgp": {**_ON, "autonomous-system": switch.asn, "router-id": switch.loopback},
            "policy": {"route-map": {"LOOPBACK": {"rule": {"10": only_loopback}}}},
        },
        "vrf": _vrfs(device),
    }
    segments = uses(device, "vni")
    if segments:
        # Spines only pass EVPN routes on; they have no tunnel and no bridge.
        settings["evpn"] = _ON
        if switch.tier == "leaf":
            settings["nve"] = {"vxlan": {**_ON, "source": {"address": switch.loopback}}}
            vlans: dict[str, Any] = {}
            for part in segments:
                vlans[str(part.vlan)] = {"vni": {str(part.number): {}}}
            settings["bridge"] = {"domain": {"br_default": {"vlan": vlans}}}
    if device.plane.kind == "roce":
        settings["qos"] = cumulus_qos(device)
    return "- set:\n" + yaml_block(settings, indent=4)


def _vrfs(device: SwitchPorts) -> dict[str, Any]:
    """Return NVUE's routing tables: the default one, and one a routed zone."""
    underlay = _bgp(device, [port.interface for port in device.fabric], "connected")
    default: dict[str, Any] = {"bgp": underlay}
    routes = _host_routes(port for port in device.ports if device.partition(port) is None)
    if routes:
        default["static"] = routes
        underlay["address-family"]["ipv4-unicast"]["redistribute"]["static"] = _ON
    vrfs: dict[str, Any] = {"default": {"router": default}}
    for part in uses(device, "vrf"):
        links = []
        for port in device.fabric:
            link = _subinterface(port, part)
            links.append(link)
        routes = _host_routes(port for port in device.ports if port.zone == part.zone)
        router = {"bgp": _bgp(device, links, "static"), "static": routes}
        vrfs[part.zone] = {"table": part.number, "router": router}
    return vrfs


def _subinterface(port: Port, part: Partition) -> str:
    """Return the interface of a zone's VLAN on a cable between switches."""
    return f"{port.interface}.{part.vlan}"


def _interfaces(device: SwitchPorts) -> dict[str, Any]:
    """Return NVUE's interfaces: loopback, ports, and the routed zones' links between switches."""
    loopback: dict[str, Any] = {f"{device.switch.loopback}/32": {}}
    interfaces: dict[str, Any] = {"lo": {"type": "loopback", "ipv4": {"address": loopback}}}
    for port in device.ports:
        interfaces[port.interface] = _port(device, port)
    for part in uses(device, "vrf"):
        for port in device.fabric:
            interfaces[_subinterface(port, part)] = {
                "type": "sub",
                "base-interface": port.interface,
                "vlan": part.vlan,
                "vrf": part.zone,
            }
    return interfaces


def _port(device: SwitchPorts, port: Port) -> dict[str, Any]:
    """Return NVUE's settings of a port."""
    settings: dict[str, Any] = {
        "type": "swp",
        "description": f"{port.peer}:{port.peer_port}",
        "link": {"mtu": MTU},
    }
    part = device.partition(port)
    if part is not None and part.kind == "vni":
        settings["bridge"] = {"domain": {"br_default": {"access": part.vlan}}}
        return settings
    if part is not None:
        settings["vrf"] = part.zone
    address = gateway(device, port.address) if port.address else ""
    if address and (part is None or part.kind == "vrf"):
        settings["ipv4"] = {"address": {f"{address}/32": {}}}
    return settings


def _host_routes(ports: Iterable[Port]) -> dict[str, Any]:
    """Return NVUE's host routes: the address behind each port that has one."""
    routes: dict[str, Any] = {}
    for port in ports:
        if port.address:
            routes[f"{port.address}/32"] = {"via": {port.interface: {"type": "interface"}}}
    return routes


def _bgp(device: SwitchPorts, interfaces: Iterable[str], redistribute: str) -> dict[str, Any]:
    """Return NVUE's BGP of one VRF.

    Args:
        device: the switch.
        interfaces: the links to its neighbours.
        redistribute: the routes that it announces: `connected` in the underlay, `static` in a zone's VRF.
    """
    is_underlay = redistribute == "connected"
    # Gateways are connected too, and the same on every leaf: only the loopback may be announced.
    announced = {**_ON, "route-map": "LOOPBACK"} if is_underlay else _ON
    families: dict[str, Any] = {"ipv4-unicast": {**_ON, "redistribute": {redistribute: announced}}}
    if uses(device, "vni") and is_underlay:
        families["l2vpn-evpn"] = _ON
    bfd = {
        **_ON,
        "detect-multiplier": BFD_MISSED,
        "min-rx-interval": BFD_MILLISECONDS,
        "min-tx-interval": BFD_MILLISECONDS,
    }
    group = {
        "remote-as": "external",
        "bfd": bfd,
        "address-family": dict.fromkeys(families, _ON),
    }
    neighbour = {"type": "unnumbered", "peer-group": "fabric"}
    return {
        **_ON,
        "address-family": families,
        "path-selection": {"multipath": {"aspath-ignore": "enabled"}},
        "peer-group": {"fabric": group},
        "neighbor": dict.fromkeys(interfaces, neighbour),
    }
