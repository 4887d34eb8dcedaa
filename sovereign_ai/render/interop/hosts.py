"""Nodes without an operating system: Kea's DHCP reservations, boot scripts, and Metal3 BareMetalHosts.

MAC addresses are known once a server is delivered. Until one is given, its reservation matches the circuit
(option 82) as SONiC's relay writes it: the leaf's name, the port's alias and the zone's VLAN, which the plan
does know. A BareMetalHost without a MAC has no `bootMACAddress` and boots by virtual media.

Kea opens UDP sockets on every interface of its host: all its clients are behind relays, and none is on its
own link. Subnets of one zone are a shared network, since a leaf has one VLAN a zone and its relay names that
VLAN's first subnet.

Where a boot server is given, the in-band network's DHCP points UEFI clients to it, by HTTP or by TFTP as they
request, and one iPXE script a node boots the image of its architecture with the node's own address. The user
names the server; the plan has none. HTTP without TLS is what UEFI can do before it trusts any certificate:
secure boot is what refuses a foreign image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from typing import Any

import orjson

from sovereign_ai.catalog.system import system
from sovereign_ai.names import KEYS
from sovereign_ai.plan import Node, Plan, Prefix
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.render.switches.block import yaml_block
from sovereign_ai.render.switches.ports import port_maps
from sovereign_ai.render.switches.sonic import NAMES, circuit
from sovereign_ai.spec import AIFactory

LEASE = 86_400
"""How long an address is valid, in seconds: a day."""


def kea(
    factory: AIFactory, plan: Plan, plane: FabricPlan, macs: Mapping[str, str] | None = None, boot: str = ""
) -> str:
    """Return `kea-dhcp4.json` for an in-band or out-of-band plane: reservations only, no free pool.

    Args:
        factory: the description.
        plan: what follows from it.
        plane: the plane.
        macs: node to the MAC address of its port there.
        boot: the boot server's IPv4 address; empty where nodes boot by virtual media alone.
    """
    use = "nodes" if plane.role == "in-band" else "bmc"
    circuits = _circuits(factory, plan, plane)
    zones = {}
    for node in plan.nodes:
        zones[node.pool] = node.zone
    networks: dict[str, list[dict[str, Any]]] = {}
    prefixes = [prefix for prefix in plan.prefixes if prefix.use == use and prefix.site == plane.site]
    for number, prefix in enumerate(prefixes, 1):
        gateway = IPv4Network(prefix.cidr).network_address + 1
        subnet = {
            "id": number,
            "subnet": prefix.cidr,
            "option-data": [{"name": "routers", "data": str(gateway)}],
            "reservations": _reservations(plan, prefix, circuits, macs or {}),
            "pools": [],
        }
        zone = zones.get(prefix.owner, "")
        networks.setdefault(zone, []).append(subnet)
    shared: list[dict[str, Any]] = []
    for zone, subnets in networks.items():
        if zone:
            shared.append({"name": zone, "subnet4": subnets})
    top: dict[str, Any] = {
        "valid-lifetime": LEASE,
        "interfaces-config": {"interfaces": ["*"], "dhcp-socket-type": "udp"},
        "host-reservation-identifiers": ["hw-address", "circuit-id"],
        "shared-networks": shared,
        "subnet4": networks.get("", []),
    }
    if boot:
        top["client-classes"] = _boot_classes(boot)
    return orjson.dumps({"Dhcp4": top}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def _reservations(
    plan: Plan, prefix: Prefix, circuits: Mapping[str, str], macs: Mapping[str, str]
) -> list[dict[str, str]]:
    """Return the reservations of a prefix: its pool's nodes, or their management controllers.

    Args:
        plan: the plan.
        prefix: the prefix; its use decides between nodes and controllers.
        circuits: node to the circuit of its port, which identifies it where its MAC address is not known.
        macs: node to its MAC address.
    """
    nodes = {node.name: node for node in plan.nodes}
    reservations: list[dict[str, str]] = []
    for name, option in circuits.items():
        node = nodes.get(name)
        if node is None or node.pool != prefix.owner:
            continue
        reservation: dict[str, str] = {}
        if name in macs:
            reservation["hw-address"] = macs[name]
        else:
            # Kea reads what is in single quotes as text, and anything else as hexadecimal digits.
            reservation["circuit-id"] = f"'{option}'"
        if prefix.use == "nodes":
            reservation["hostname"] = name
            reservation["ip-address"] = node.address
        else:
            reservation["hostname"] = f"{name}-bmc"
            reservation["ip-address"] = node.bmc
        reservations.append(reservation)
    return reservations


def _circuits(factory: AIFactory, plan: Plan, plane: FabricPlan) -> dict[str, str]:
    """Return host to the circuit of its first cable on a plane."""
    circuits: dict[str, str] = {}
    for device in port_maps(factory, plan, plane):
        for port in device.ports:
            if port.host and port.peer not in circuits:
                vlan = NAMES.vlan(device, port)
                circuits[port.peer] = circuit(device.switch.name, port.interface, vlan)
    return circuits


_BOOT_TESTS = {
    "tftp": "not option[60].exists or substring(option[60].hex,0,9) == 'PXEClient'",
    "http": "substring(option[60].hex,0,10) == 'HTTPClient'",
}
"""How Kea recognises by the vendor class (option 60) which way a client boots."""
_ARCHITECTURES = (
    ("tftp", "x86_64", "0x0007"),
    ("tftp", "arm64", "0x000b"),
    ("http", "x86_64", "0x0010"),
    ("http", "arm64", "0x0013"),
)
"""Client architectures (option 93): processor architecture types of IANA, for UEFI."""


def _boot_classes(server: str) -> list[dict[str, Any]]:
    """Return Kea's classes of booting clients: iPXE gets its script, UEFI gets iPXE by HTTP or TFTP.

    Clients are recognised by options 60 (vendor class), 77 (user class) and 93 (architecture).
    """
    ipxe = {
        "name": "ipxe",
        "test": "substring(option[77].hex,0,4) == 'iPXE'",
        "next-server": server,
        "boot-file-name": f"http://{server}/boot.ipxe",
    }
    classes: list[dict[str, Any]] = [ipxe]
    for way, architecture, code in _ARCHITECTURES:
        file = f"ipxe-{architecture}.efi"
        options: list[dict[str, str]] = []
        if way == "http":
            file = f"http://{server}/{file}"
            # UEFI ignores an answer to HTTP boot that does not repeat its vendor class.
            options.append({"name": "vendor-class-identifier", "data": "HTTPClient"})
        # iPXE itself, once it runs, also asks with the architecture of UEFI: it must not get itself once
        # more.
        test = f"({_BOOT_TESTS[way]}) and option[93].hex == {code} and not member('ipxe')"
        boot_class = {
            "name": f"{way}-{architecture}",
            "test": test,
            "next-server": server,
            "boot-file-name": file,
            "option-data": options,
        }
        classes.append(boot_class)
    return classes


def pxe(plan: Plan, boot: str) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of the boot server's scripts: a common one that chains to each node's own.

    Args:
        plan: what follows from the description.
        boot: the boot server's IPv4 address.
    """
    # A node without a script of its own boots from its first disk.
    chain = f"chain http://{boot}/hosts/${{hostname}}.ipxe || sanboot --no-describe --drive 0"
    yield "boot.ipxe", f"#!ipxe\n{chain}\n"
    networks: dict[tuple[str, str], IPv4Network] = {}
    for prefix in plan.prefixes:
        if prefix.use == "nodes":
            networks.setdefault((prefix.owner, prefix.site), IPv4Network(prefix.cidr))
    for node in plan.nodes:
        network = networks.get((node.pool, node.site))
        if network is None or not node.address:
            continue
        arch = "arm64" if system(node.system).cpu_arch == "arm64" else "x86_64"
        gateway = network.network_address + 1
        # The kernel's own ip= option: address, server (none), gateway, mask, name, interface (any), no DHCP.
        address = f"ip={node.address}::{gateway}:{network.netmask}:{node.name}::off"
        images = f"http://{boot}/images/{arch}"
        lines = [
            "#!ipxe",
            f"kernel {images}/vmlinuz initrd=initrd.img {address}",
            f"initrd --name initrd.img {images}/initrd.img",
            "boot",
        ]
        yield f"hosts/{node.name}.ipxe", "\n".join(lines) + "\n"


def bare_metal_hosts(
    plan: Plan, cluster: str, macs: Mapping[str, str] | None = None, namespace: str = "bare-metal"
) -> str:
    """Return one cluster's nodes as Metal3 BareMetalHosts; nodes without a BMC address are left out.

    Args:
        plan: what follows from the description.
        cluster: the cluster's name.
        macs: node to the MAC address that it boots from.
        namespace: the namespace of the objects and of the BMCs' Secrets.
    """
    macs = macs or {}
    documents: list[str] = []
    for node in plan.nodes_of(cluster):
        if node.bmc:
            host = _bare_metal_host(plan.factory, node, macs.get(node.name), namespace)
            documents.append(yaml_block(host))
    return "---\n".join(documents)


def _bare_metal_host(factory: str, node: Node, mac: str | None, namespace: str) -> dict[str, Any]:
    """Return one node's BareMetalHost."""
    labels = {
        KEYS.factory: factory,
        KEYS.pool: node.pool,
        KEYS.rack: node.rack,
        KEYS.scalable_unit: node.scalable_unit,
    }
    bmc = {
        "address": f"redfish-virtualmedia+https://{node.bmc}/redfish/v1/Systems/1",
        "credentialsName": f"{node.name}-bmc",
        "disableCertificateVerification": False,
    }
    # Metal3 keeps the server switched off until an administrator sets `online`.
    spec: dict[str, Any] = {"online": False, "bootMode": "UEFISecureBoot", "bmc": bmc}
    if mac is not None:
        spec["bootMACAddress"] = mac
    return {
        "apiVersion": "metal3.io/v1alpha1",
        "kind": "BareMetalHost",
        "metadata": {"name": node.name, "namespace": namespace, "labels": labels},
        "spec": spec,
    }
