"""The same switch for SONiC (`config_db.json`) and Cumulus (`nvue.yaml`): ports, loopback, segments, quality of service.

On SONiC routing stays in `frr.conf` (`docker_routing_config_mode: split`), so both say the same. On
Cumulus routing is said in NVUE, which writes FRR's file itself. Neither has been loaded into a
vendor's image here; the structure follows their published schemas.
"""

from __future__ import annotations

from typing import Any

import orjson

from sovereign_ai.render.switches.block import block
from sovereign_ai.render.switches.frr import BFD_MILLISECONDS, BFD_MISSED, uses
from sovereign_ai.render.switches.ports import SwitchPorts
from sovereign_ai.render.switches.qos import MTU, cumulus_qos, sonic_qos

LANES = 8
"""Lanes of a port; SONiC numbers its interfaces by the first of them."""


def sonic_name(interface: str) -> str:
    """Give SONiC's name of a port: `swp1` is `Ethernet0`, `swp3s1` is `Ethernet20` (four lanes a half)."""
    port, _, part = interface.removeprefix("swp").partition("s")
    return f"Ethernet{(int(port) - 1) * LANES + int(part or 0) * (LANES // 2)}"


def sonic(one: SwitchPorts) -> str:
    """Give `config_db.json`."""
    switch = one.switch
    names = {port.interface: sonic_name(port.interface) for port in one.ports}
    speed = str(one.plane.link // 1_000_000)
    found: dict[str, Any] = {
        "DEVICE_METADATA": {
            "localhost": {
                "hostname": switch.name,
                "bgp_asn": str(switch.asn),
                "type": {"leaf": "LeafRouter", "spine": "SpineRouter", "core": "SpineRouter"}[switch.tier],
                "docker_routing_config_mode": "split",
            }
        },
        "LOOPBACK_INTERFACE": {"Loopback0": {}, f"Loopback0|{switch.loopback}/32": {}},
        "PORT": {
            names[port.interface]: {
                "admin_status": "up",
                "alias": port.interface,
                "description": f"{port.peer}:{port.peer_port}",
                "mtu": str(MTU),
                "speed": speed,
            }
            for port in one.ports
        },
        "INTERFACE": {names[port.interface]: {"ipv6_use_link_local_only": "enable"} for port in one.fabric},
    }
    segments = uses(one, "vni")
    if segments and switch.tier == "leaf":
        found |= {
            "VLAN": {f"Vlan{part.vlan}": {"vlanid": str(part.vlan), "description": part.zone} for part in segments},
            "VLAN_MEMBER": {
                f"Vlan{part.vlan}|{names[port.interface]}": {"tagging_mode": "untagged"}
                for port in one.ports
                if (part := one.partition(port)) is not None
            },
            "VXLAN_TUNNEL": {"vtep": {"src_ip": switch.loopback}},
            "VXLAN_EVPN_NVO": {"nvo": {"source_vtep": "vtep"}},
            "VXLAN_TUNNEL_MAP": {
                f"vtep|map_{part.number}_Vlan{part.vlan}": {"vlan": f"Vlan{part.vlan}", "vni": str(part.number)} for part in segments
            },
        }
    found |= {"VRF": {f"Vrf_{part.zone}": {} for part in uses(one, "vrf")}} if uses(one, "vrf") else {}
    if one.plane.kind == "roce":
        found |= sonic_qos(one, names)
    return orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def cumulus(one: SwitchPorts) -> str:
    """Give `nvue.yaml`, for `nv config replace`."""
    switch = one.switch
    interfaces: dict[str, Any] = {"lo": {"type": "loopback", "ip": {"address": {f"{switch.loopback}/32": {}}}}}
    for port in one.ports:
        part = one.partition(port)
        entry: dict[str, Any] = {"type": "swp", "description": f"{port.peer}:{port.peer_port}", "link": {"mtu": MTU}}
        if part is not None and part.kind == "vni":
            entry["bridge"] = {"domain": {"br_default": {"access": part.vlan}}}
        elif part is not None:
            entry["ip"] = {"vrf": part.zone}
        interfaces[port.interface] = entry
    for part in uses(one, "vrf"):
        for port in one.fabric:
            entry = {"type": "sub", "base-interface": port.interface, "vlan": part.vlan, "ip": {"vrf": part.zone}}
            interfaces[f"{port.interface}.{part.vlan}"] = entry
    found: dict[str, Any] = {
        "system": {"hostname": switch.name},
        "interface": interfaces,
        "router": {"bgp": {"enable": "on", "autonomous-system": switch.asn, "router-id": switch.loopback}},
        "vrf": {"default": {"router": {"bgp": _bgp(one, [port.interface for port in one.fabric], "connected")}}},
    }
    for part in uses(one, "vrf"):
        names = [f"{port.interface}.{part.vlan}" for port in one.fabric]
        routes = {
            f"{port.address}/32": {"via": {port.interface: {"type": "interface"}}}
            for port in one.ports
            if port.address and port.zone == part.zone
        }
        found["vrf"][part.zone] = {"table": part.number, "router": {"bgp": _bgp(one, names, "static"), "static": routes}}
    if uses(one, "vni"):
        found["evpn"] = {"enable": "on"}
        if switch.tier == "leaf":
            found["nve"] = {"vxlan": {"enable": "on", "source": {"address": switch.loopback}}}
            vlans: dict[str, Any] = {str(part.vlan): {"vni": {str(part.number): {}}} for part in uses(one, "vni")}
            found["bridge"] = {"domain": {"br_default": {"vlan": vlans}}}
    if one.plane.kind == "roce":
        found["qos"] = cumulus_qos(one)
    return "- set:\n" + block(found, indent=4)


def _bgp(one: SwitchPorts, names: list[str], redistribute: str) -> dict[str, Any]:
    """Give NVUE's BGP of one VRF."""
    family: dict[str, Any] = {"ipv4-unicast": {"enable": "on", "redistribute": {redistribute: {"enable": "on"}}}}
    if uses(one, "vni") and redistribute == "connected":
        family["l2vpn-evpn"] = {"enable": "on"}
    bfd = {"enable": "on", "detect-multiplier": BFD_MISSED, "min-rx-interval": BFD_MILLISECONDS, "min-tx-interval": BFD_MILLISECONDS}
    return {
        "enable": "on",
        "address-family": family,
        "path-selection": {"multipath": {"aspath-ignore": "on"}},
        "peer-group": {"fabric": {"remote-as": "external", "bfd": bfd, "address-family": {name: {"enable": "on"} for name in family}}},
        "neighbor": {name: {"type": "unnumbered", "peer-group": "fabric"} for name in names},
    }
