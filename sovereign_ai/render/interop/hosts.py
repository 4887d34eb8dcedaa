"""Machines before they have a system: Kea's DHCP reservations, and Metal3 BareMetalHosts.

MAC addresses are known once a machine is delivered. Until one is given, its reservation goes by the
circuit (option 82: the leaf's name and port), which the plan does know; a BareMetalHost without a
MAC has no `bootMACAddress` and boots by virtual media.

Where a boot server is given, the in-band network's DHCP points UEFI machines to it, by HTTP or by TFTP as they ask, and one iPXE
script a machine boots the image of its architecture with the machine's own address. The server is named once, by the user; the plan has
none. HTTP without TLS is what UEFI can do before it trusts anybody: secure boot is what refuses a foreign image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from typing import Any

import orjson

from sovereign_ai.catalog.systems import system
from sovereign_ai.names import KEYS
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.nodes import Node
from sovereign_ai.render.switches.block import block
from sovereign_ai.render.switches.ports import interface

LEASE = 86_400
"""Seconds."""


def kea(plan: Plan, plane: FabricPlan, macs: Mapping[str, str] | None = None, boot: str = "") -> str:
    """Give `kea-dhcp4.json` for an in-band or out-of-band plane: reservations only, no free pool.

    Args:
        plan: what follows from the description.
        plane: the plane.
        macs: machine name to the MAC address of its port there.
        boot: the boot server's IPv4 address; empty where machines boot by virtual media alone.
    """
    known = macs or {}
    use = "nodes" if plane.role == "in-band" else "bmc"
    nodes = {node.name: node for node in plan.nodes}
    circuits: dict[str, str] = {}
    for host, _, leaf, port in plane.cables[: plane.node_leaf]:
        circuits.setdefault(host, f"{leaf}:{interface(port)}")
    subnets = []
    blocks = [prefix for prefix in plan.prefixes if prefix.use == use and prefix.site == plane.site]
    for number, one in enumerate(blocks, 1):
        network = IPv4Network(one.cidr)
        reservations = []
        for name, circuit in circuits.items():
            node = nodes.get(name)
            if node is None or node.pool != one.owner:
                continue
            key = {"hw-address": known[name]} if name in known else {"circuit-id": f"'{circuit}'"}
            address = node.address if use == "nodes" else node.bmc
            reservations.append({**key, "hostname": name if use == "nodes" else f"{name}-bmc", "ip-address": address})
        routers = [{"name": "routers", "data": str(network.network_address + 1)}]
        subnets.append({"id": number, "subnet": one.cidr, "option-data": routers, "reservations": reservations, "pools": []})
    top: dict[str, Any] = {
        "valid-lifetime": LEASE,
        "host-reservation-identifiers": ["hw-address", "circuit-id"],
        "subnet4": subnets,
        **({"client-classes": _classes(boot)} if boot else {}),
    }
    return orjson.dumps({"Dhcp4": top}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def _classes(server: str) -> list[dict[str, Any]]:
    """Give Kea's classes of booting clients: iPXE gets its script, UEFI gets iPXE by HTTP or TFTP, told by options 60, 77 and 93."""
    ipxe = "substring(option[77].hex,0,4) == 'iPXE'"
    tests = {
        "tftp": "not option[60].exists or substring(option[60].hex,0,9) == 'PXEClient'",
        "http": "substring(option[60].hex,0,10) == 'HTTPClient'",
    }
    codes = {("tftp", "x86_64"): "0x0007", ("tftp", "arm64"): "0x000b", ("http", "x86_64"): "0x0010", ("http", "arm64"): "0x0013"}
    found: list[dict[str, Any]] = [{"name": "ipxe", "test": ipxe, "next-server": server, "boot-file-name": f"http://{server}/boot.ipxe"}]
    for (way, arch), code in codes.items():
        file = f"http://{server}/ipxe-{arch}.efi" if way == "http" else f"ipxe-{arch}.efi"
        extra = [{"name": "vendor-class-identifier", "data": "HTTPClient"}] if way == "http" else []
        test = f"({tests[way]}) and option[93].hex == {code} and not member('ipxe')"
        found.append({"name": f"{way}-{arch}", "test": test, "next-server": server, "boot-file-name": file, "option-data": extra})
    return found


def pxe(plan: Plan, boot: str) -> Iterator[tuple[str, str]]:
    """Give (path, text) of the boot server's scripts: one that finds the machine's own by its name, and one a machine.

    Args:
        plan: what follows from the description.
        boot: the boot server's IPv4 address.
    """
    yield "boot.ipxe", f"#!ipxe\nchain http://{boot}/hosts/${{hostname}}.ipxe || sanboot --no-describe --drive 0\n"
    blocks = [(IPv4Network(one.cidr), one.owner, one.site) for one in plan.prefixes if one.use == "nodes"]
    for node in plan.nodes:
        network = next((block for block, owner, site in blocks if owner == node.pool and site == node.site), None)
        if network is None or not node.address:
            continue
        arch = "arm64" if system(node.system).cpu_arch == "arm64" else "x86_64"
        address = f"ip={node.address}::{network.network_address + 1}:{network.netmask}:{node.name}::off"
        yield (
            f"hosts/{node.name}.ipxe",
            (
                f"#!ipxe\nkernel http://{boot}/images/{arch}/vmlinuz initrd=initrd.img {address}\n"
                f"initrd --name initrd.img http://{boot}/images/{arch}/initrd.img\nboot\n"
            ),
        )


def bare_metal_hosts(plan: Plan, cluster: str, macs: Mapping[str, str] | None = None, namespace: str = "bare-metal") -> str:
    """Give one cluster's machines as Metal3 BareMetalHosts; machines without a BMC address are left out.

    Args:
        plan: what follows from the description.
        cluster: the cluster's name.
        macs: machine name to the MAC address it boots from.
        namespace: where the objects and the BMCs' Secrets are.
    """
    known = macs or {}
    documents = (_bare_metal(plan.factory, node, known.get(node.name), namespace) for node in plan.nodes_of(cluster) if node.bmc)
    return "---\n".join(block(one) for one in documents)


def _bare_metal(factory: str, node: Node, mac: str | None, namespace: str) -> dict[str, Any]:
    """Give one machine's BareMetalHost."""
    labels = {KEYS.factory: factory, KEYS.pool: node.pool, KEYS.rack: node.rack, KEYS.scalable_unit: node.scalable_unit}
    bmc = {
        "address": f"redfish-virtualmedia+https://{node.bmc}/redfish/v1/Systems/1",
        "credentialsName": f"{node.name}-bmc",
        "disableCertificateVerification": False,
    }
    boot = {} if mac is None else {"bootMACAddress": mac}
    return {
        "apiVersion": "metal3.io/v1alpha1",
        "kind": "BareMetalHost",
        "metadata": {"name": node.name, "namespace": namespace, "labels": labels},
        "spec": {"online": False, "bootMode": "UEFISecureBoot", "bmc": bmc, **boot},
    }
