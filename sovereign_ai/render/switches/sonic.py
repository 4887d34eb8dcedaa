"""One switch for SONiC: `config_db.json`, and the names that its `frr.conf` shares with it.

SONiC's own YANG models check every table against what others define: a port has lanes, an interface is a
port, a VRF, VLAN or profile that a table names exists, a VLAN's member is no routed port.
`tests/render/switches/sonic_yang.json` has these rules as data, and tests check every file against them.

* Routing stays in FRR (`docker_routing_config_mode: split-unified`: one `frr.conf` that SONiC does not write
  over).
* Host ports of segments and of routed zones are untagged members of the zone's VLAN. A routed zone's VLAN
  interface has the gateway's address and answers ARP for hosts on other leaves.
* Between switches each routed zone has a VLAN subinterface with an IPv6 link-local address on every cable.
* With a DHCP server named, every leaf of a management fabric relays to it. Requests come from the leaf's own
  loopback in the zone's table and name the zone's subnet (link selection, RFC 3527), since all leaves share
  the gateway's address. The server needs an address that each zone reaches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from sovereign_ai.plan import Partition
from sovereign_ai.render.switches.names import SonicNames, uses
from sovereign_ai.render.switches.ports import Port, SwitchPorts, gateway
from sovereign_ai.render.switches.qos import MTU, sonic_qos

NAMES = SonicNames()
_TYPES = {"leaf": "LeafRouter", "border": "LeafRouter", "spine": "SpineRouter", "core": "SpineRouter"}
_CODED = 100 * 10**9
"""Bits a second from which links carry Reed-Solomon error correction (IEEE 802.3 clauses 91, 119 and 161)."""
_NEGOTIATED = 10**9
"""Bits a second up to which links are 1000BASE-T, which IEEE 802.3 clause 40 makes negotiate."""
_RELAYED = ("in-band", "out-of-band")
"""Roles of the fabrics whose hosts boot by DHCP."""

Tables = dict[str, Any]
"""Tables by name, or rows of one by key."""


def sonic(device: SwitchPorts, relay: str = "") -> str:
    """Return `config_db.json`.

    Args:
        device: the switch.
        relay: IPv4 address of the DHCP server that leaves of management fabrics relay to; empty where none
            does.
    """
    names = {}
    for port in device.ports:
        names[port.interface] = NAMES.port(device, port)
    ports = {}
    for port in device.ports:
        ports[names[port.interface]] = _port(device, port)
    vrfs: Tables = {}
    for part in uses(device, "vrf"):
        vrfs[NAMES.vrf(part)] = {}
    # Without a link-local address there is no unnumbered BGP session.
    links = {}
    for port in device.fabric:
        links[names[port.interface]] = {"ipv6_use_link_local_only": "enable"}
    tables: Tables = {
        "DEVICE_METADATA": {"localhost": _metadata(device, relay)},
        "PORT": ports,
        "BREAKOUT_CFG": _breakouts(device),
        "LOOPBACK_INTERFACE": _loopbacks(device),
        "INTERFACE": links,
        "VLAN_SUB_INTERFACE": _subinterfaces(device),
        "VRF": vrfs,
        **_vlans(device),
        **_overlay(device),
    }
    if relay and device.plane.role in _RELAYED:
        tables["DHCPV4_RELAY"] = _relays(device, relay)
    if device.plane.kind == "roce":
        tables |= sonic_qos(device, names)
    # SONiC's YANG models have no empty tables.
    filled = {name: rows for name, rows in tables.items() if rows}
    return orjson.dumps(filled, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def _metadata(device: SwitchPorts, relay: str) -> dict[str, str]:
    """Return the facts of the switch itself; platform and SKU only where the model is known."""
    metadata = {
        "hostname": device.switch.name,
        "bgp_asn": str(device.switch.asn),
        "type": _TYPES[device.switch.tier],
        "docker_routing_config_mode": "split-unified",
    }
    if device.panel.platform:
        metadata["platform"] = device.panel.platform
    if device.panel.sku:
        metadata["hwsku"] = device.panel.sku
    if relay and device.plane.role in _RELAYED:
        # SONiC's older relay has no link selection; this chooses the one that has.
        metadata["has_sonic_dhcpv4_relay"] = "True"
    return metadata


def _port(device: SwitchPorts, port: Port) -> dict[str, str]:
    """Return a port's settings; the alias is the name that DHCP relays and LLDP send."""
    panel_port = device.panel_of(port).port(port.name)
    link = device.rate_of(port)
    settings = {
        # In no zone: nothing may come in from outside before somebody has decided what may.
        "admin_status": "down" if port.outside else "up",
        "alias": port.interface,
        "description": f"{port.peer}:{port.peer_port}",
        "fec": "rs" if link >= _CODED else "none",
        "index": str(panel_port.index),
        "lanes": ",".join(str(lane) for lane in panel_port.lanes),
        "mtu": str(MTU),
        # In Mbps.
        "speed": str(link // 1_000_000),
    }
    if panel_port.subport:
        settings["subport"] = str(panel_port.subport)
    if link <= _NEGOTIATED:
        settings["autoneg"] = "on"
    return settings


def _breakouts(device: SwitchPorts) -> Tables:
    """Return how ports are split, by the whole port.

    It is empty where ports are whole, or SONiC has no name for the breakout.
    """
    rows: Tables = {}
    for port in device.ports:
        panel = device.panel_of(port)
        if panel.breakout > 1 and panel.mode:
            rows[panel.parent(port.name)] = {"brkout_mode": panel.mode}
    return rows


def _loopbacks(device: SwitchPorts) -> Tables:
    """Return the switch's own address, in the default table and in each zone's table of a leaf."""
    address = f"{device.switch.loopback}/32"
    rows: Tables = {NAMES.loopback: {}, f"{NAMES.loopback}|{address}": {}}
    for part in uses(device, "vrf"):
        loopback = NAMES.vrf_loopback(device, part)
        if loopback:
            rows[loopback] = {"vrf_name": NAMES.vrf(part)}
            rows[f"{loopback}|{address}"] = {}
    return rows


def _subinterfaces(device: SwitchPorts) -> Tables:
    """Return the routed zones' links between switches."""
    rows: Tables = {}
    for part in uses(device, "vrf"):
        row = {
            "admin_status": "up",
            "ipv6_use_link_local_only": "enable",
            "vlan": str(part.vlan),
            "vrf_name": NAMES.vrf(part),
        }
        for port in device.zoned_fabric:
            rows[NAMES.subinterface(device, port, part)] = row
    return rows


def _vlan_members(device: SwitchPorts) -> Iterator[tuple[Port, Partition | None]]:
    """Yield the host ports that are members of a VLAN, each with its zone's partition.

    These are the ports of a zone's segment or routing table, and those without a partition that have an
    address.
    """
    for port in device.ports:
        part = device.partition(port)
        if port.host and (part is not None or port.address):
            yield port, part


def _vlans(device: SwitchPorts) -> Tables:
    """Return VLANs, their members, and the gateways of routed ones."""
    members: Tables = {}
    vlans: Tables = {}
    gateways: Tables = {}
    # Every leaf has the VLANs of all segments, since any of them may hold a host of the zone.
    if device.switch.tier == "leaf":
        for segment in uses(device, "vni"):
            vlans[f"Vlan{segment.vlan}"] = {"vlanid": str(segment.vlan), "description": segment.zone}
    for port, part in _vlan_members(device):
        number = NAMES.vlan(device, port)
        name = f"Vlan{number}"
        vlans[name] = {"vlanid": str(number)}
        if part is not None:
            vlans[name]["description"] = part.zone
        members[f"{name}|{NAMES.port(device, port)}"] = {"tagging_mode": "untagged"}
        if part is not None and part.kind != "vrf":
            continue
        gateways[name] = {"proxy_arp": "enabled"}
        if part is not None:
            gateways[name]["vrf_name"] = NAMES.vrf(part)
        address = gateway(device, port.address) if port.address else ""
        if address:
            gateways[f"{name}|{address}/32"] = {}
    return {"VLAN": vlans, "VLAN_MEMBER": members, "VLAN_INTERFACE": gateways}


def _overlay(device: SwitchPorts) -> Tables:
    """Return the VXLAN tunnel of a leaf whose zones are segments."""
    segments = uses(device, "vni")
    if not segments or device.switch.tier != "leaf":
        return {}
    maps: Tables = {}
    for part in segments:
        vlan = f"Vlan{part.vlan}"
        maps[f"vtep|map_{part.number}_{vlan}"] = {"vlan": vlan, "vni": str(part.number)}
    return {
        "VXLAN_TUNNEL": {"vtep": {"src_ip": device.switch.loopback}},
        "VXLAN_EVPN_NVO": {"nvo": {"source_vtep": "vtep"}},
        "VXLAN_TUNNEL_MAP": maps,
    }


def _relays(device: SwitchPorts, server: str) -> Tables:
    """Return the relay of every VLAN with a gateway."""
    relays: Tables = {}
    for port, part in _vlan_members(device):
        if not port.address or (part is not None and part.kind != "vrf"):
            continue
        source = NAMES.loopback if part is None else NAMES.vrf_loopback(device, part)
        relays[f"Vlan{NAMES.vlan(device, port)}"] = {
            "dhcpv4_servers": [server],
            "source_interface": source,
            "link_selection": "enable",
            "server_id_override": "enable",
            "agent_relay_mode": "discard",
        }
    return relays


def circuit(leaf: str, interface: str, vlan: int) -> str:
    """Return the circuit (option 82) that SONiC's relay inserts: host name, the port's alias and the VLAN.

    >>> circuit("inband-fra1-p0-leaf-r0-001", "swp2", 104)
    'inband-fra1-p0-leaf-r0-001:swp2:Vlan104'
    """
    return f"{leaf}:{interface}:Vlan{vlan}"
