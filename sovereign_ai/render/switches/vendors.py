"""One switch for Cumulus (`nvue.yaml`): ports, loopback, segments, routing, quality of service.

Routing is written in NVUE, which writes FRR's file itself. The wording is that of Cumulus Linux 5.15 and
later: `state: enabled` where `enable: on` was, other switches `enabled` where `on` was, and `ipv4` and `vrf`
of an interface where they were under `ip` (the user guide's tables of changed commands, read 2026-11-26). It
was not loaded into an image.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sovereign_ai.plan import Partition
from sovereign_ai.render.switches.announcements import Accepted, shared
from sovereign_ai.render.switches.block import yaml_block
from sovereign_ai.render.switches.frr_config import BFD_MILLISECONDS, BFD_MISSED
from sovereign_ai.render.switches.names import linux_vrf, uses
from sovereign_ai.render.switches.ports import Port, SwitchPorts, gateway
from sovereign_ai.render.switches.qos import MTU, cumulus_qos

_ON = {"state": "enabled"}


def cumulus(device: SwitchPorts) -> str:
    """Return `nvue.yaml`, for `nv config replace`."""
    switch = device.switch
    only_loopback = _permit({"interface": "lo"})
    prefix_lists, inbound_maps = _inbound_policies(device)
    settings: dict[str, Any] = {
        "system": {"hostname": switch.name},
        "interface": _interfaces(device),
        "router": {
            "bgp": {**_ON, "autonomous-system": switch.asn, "router-id": switch.loopback},
            "policy": {
                "prefix-list": prefix_lists,
                "route-map": {"LOOPBACK": {"rule": {"10": only_loopback}}, **inbound_maps},
            },
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


def _permit(match: dict[str, Any]) -> dict[str, Any]:
    """Return a route map's rule that permits what matches."""
    return {"action": {"permit": {}}, "match": match}


def _inbound_policies(device: SwitchPorts) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is accepted from neighbours: the prefix lists, and the route maps that ask them."""
    lists: dict[str, Any] = {}
    maps: dict[str, Any] = {}
    for table in ("", *(part.zone for part in uses(device, "vrf"))):
        for port in device.zoned_fabric if table else device.fabric:
            accepted = _accepted(device, port, table)
            if accepted.name in lists:
                continue
            lists[accepted.name] = {"rule": _prefix_rules(accepted)}
            maps[accepted.name] = {"rule": {"10": _permit({"ip-prefix-list": accepted.name, "type": "ipv4"})}}
    if uses(device, "vni"):
        # Of EVPN, routes of MAC addresses and of broadcasts alone: a prefix would draw others' traffic.
        macs, broadcasts = _permit({"evpn-route-type": "macip"}), _permit({"evpn-route-type": "imet"})
        maps["SEGMENTS"] = {"rule": {"10": macs, "20": broadcasts}}
    return lists, maps


def _prefix_rules(accepted: Accepted) -> dict[str, Any]:
    """Return the rules of a prefix list: single addresses alone, of which none in the refused ranges."""
    rules: dict[str, Any] = {}
    for action, ranges in (("deny", accepted.refused), ("permit", accepted.permitted)):
        for cidr in ranges:
            length = {} if cidr.endswith("/32") else {"min-prefix-len": 32}
            rules[str(10 * len(rules) + 10)] = {"action": action, "match": {cidr: length}}
    if not accepted.permitted:
        rules[str(10 * len(rules) + 10)] = {"action": "deny", "match": {"any": {}}}
    return rules


def _accepted(device: SwitchPorts, port: Port, table: str) -> Accepted:
    """Return what is accepted from the neighbour at a port, in a routing table."""
    return device.announcements.accepted(device.switch, port.peer, table, vrf_loopbacks=False)


def _vrfs(device: SwitchPorts) -> dict[str, Any]:
    """Return NVUE's routing tables: the default one, and one a routed zone."""
    sessions = {}
    for port in device.fabric:
        sessions[port.interface] = _accepted(device, port, "")
    underlay = _bgp(device, sessions, "connected")
    default: dict[str, Any] = {"bgp": underlay}
    routes = _host_routes(port for port in device.ports if device.partition(port) is None)
    if routes:
        default["static"] = routes
        underlay["address-family"]["ipv4-unicast"]["redistribute"]["static"] = _ON
    vrfs: dict[str, Any] = {"default": {"router": default}}
    for part in uses(device, "vrf"):
        links = {}
        for port in device.zoned_fabric:
            links[_subinterface(port, part)] = _accepted(device, port, part.zone)
        routes = _host_routes(port for port in device.ports if port.zone == part.zone)
        router = {"bgp": _bgp(device, links, "static"), "static": routes}
        vrfs[linux_vrf(part.zone)] = {"table": part.number, "router": router}
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
        for port in device.zoned_fabric:
            interfaces[_subinterface(port, part)] = {
                "type": "sub",
                "base-interface": port.interface,
                "vlan": part.vlan,
                "vrf": linux_vrf(part.zone),
            }
    return interfaces


def _port(device: SwitchPorts, port: Port) -> dict[str, Any]:
    """Return NVUE's settings of a port."""
    settings: dict[str, Any] = {
        "type": "swp",
        "description": f"{port.peer}:{port.peer_port}",
        "link": {"mtu": MTU},
    }
    if port.outside:
        settings["link"]["state"] = {"down": {}}
        return settings
    part = device.partition(port)
    if part is not None and part.kind == "vni":
        settings["bridge"] = {"domain": {"br_default": {"access": part.vlan}}}
        return settings
    if part is not None:
        settings["vrf"] = linux_vrf(part.zone)
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


def _bgp(device: SwitchPorts, sessions: Mapping[str, Accepted], redistribute: str) -> dict[str, Any]:
    """Return NVUE's BGP of one VRF.

    Args:
        device: the switch.
        sessions: the links to its neighbours, each with what is accepted there.
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
    in_group: dict[str, Any] = dict.fromkeys(families, _ON)
    if "l2vpn-evpn" in in_group:
        in_group["l2vpn-evpn"] = {**_ON, "policy": {"inbound": {"route-map": "SEGMENTS"}}}
    alike = shared(sessions)
    if alike:
        in_group["ipv4-unicast"] = {**_ON, **_inbound(alike)}
    group = {
        "remote-as": "external",
        "bfd": bfd,
        # A packet that a router has passed on has a lower TTL than the 255 that both ends send.
        "ttl-security": {**_ON, "hops": 1},
        "address-family": in_group,
    }
    return {
        **_ON,
        "address-family": families,
        "path-selection": {"multipath": {"aspath-ignore": "enabled"}},
        "peer-group": {"fabric": group},
        "neighbor": _neighbours(sessions, alike),
    }


def _neighbours(sessions: Mapping[str, Accepted], alike: Accepted | None) -> dict[str, Any]:
    """Return NVUE's session of each link, with what is accepted there unless the group says it for all."""
    neighbours: dict[str, Any] = {}
    for name, accepted in sessions.items():
        neighbours[name] = {"type": "unnumbered", "peer-group": "fabric"}
        if alike is None:
            neighbours[name]["address-family"] = {"ipv4-unicast": _inbound(accepted)}
    return neighbours


def _inbound(accepted: Accepted) -> dict[str, Any]:
    """Return NVUE's filter and limit of what is accepted."""
    return {
        "policy": {"inbound": {"route-map": accepted.name}},
        "prefix-limits": {"inbound": {"maximum": accepted.most}},
    }
