"""Machines before they have a system: Kea's DHCP reservations, and Metal3 BareMetalHosts.

MAC addresses are known once a machine is delivered. Until one is given, its reservation goes by the
circuit (option 82: the leaf's name and port), which the plan does know; a BareMetalHost without a
MAC has no `bootMACAddress` and boots by virtual media.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Any

import orjson
import yaml

from sovereign_ai.names import KEYS
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.switches.ports import interface

LEASE = 86_400
"""Seconds."""


def kea(plan: Plan, plane: FabricPlan, macs: Mapping[str, str] | None = None) -> str:
    """Give `kea-dhcp4.json` for an in-band or out-of-band plane: reservations only, no free pool.

    Args:
        plan: what follows from the description.
        plane: the plane.
        macs: machine name to the MAC address of its port there.
    """
    known = macs or {}
    use = "nodes" if plane.role == "in-band" else "bmc"
    nodes = {node.name: node for node in plan.nodes}
    circuits: dict[str, str] = {}
    for host, _, leaf, port in plane.cables[: plane.node_leaf]:
        circuits.setdefault(host, f"{leaf}:{interface(port)}")
    subnets = []
    blocks = [one for one in plan.prefixes if one.use == use and one.site == plane.site]
    for number, block in enumerate(blocks, 1):
        network = IPv4Network(block.cidr)
        reservations = []
        for name, circuit in circuits.items():
            node = nodes.get(name)
            if node is None or node.pool != block.owner:
                continue
            key = {"hw-address": known[name]} if name in known else {"circuit-id": f"'{circuit}'"}
            address = node.address if use == "nodes" else node.bmc
            reservations.append({**key, "hostname": name if use == "nodes" else f"{name}-bmc", "ip-address": address})
        routers = [{"name": "routers", "data": str(network.network_address + 1)}]
        subnets.append({"id": number, "subnet": block.cidr, "option-data": routers, "reservations": reservations, "pools": []})
    top: dict[str, Any] = {
        "valid-lifetime": LEASE,
        "host-reservation-identifiers": ["hw-address", "circuit-id"],
        "subnet4": subnets,
    }
    return orjson.dumps({"Dhcp4": top}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def bare_metal_hosts(plan: Plan, cluster: str, macs: Mapping[str, str] | None = None, namespace: str = "bare-metal") -> str:
    """Give one cluster's machines as Metal3 BareMetalHosts; machines without a BMC address are left out.

    Args:
        plan: what follows from the description.
        cluster: the cluster's name.
        macs: machine name to the MAC address it boots from.
        namespace: where the objects and the BMCs' Secrets are.
    """
    known = macs or {}
    return yaml.safe_dump_all(
        [
            {
                "apiVersion": "metal3.io/v1alpha1",
                "kind": "BareMetalHost",
                "metadata": {
                    "name": node.name,
                    "namespace": namespace,
                    "labels": {
                        KEYS.factory: plan.factory,
                        KEYS.pool: node.pool,
                        KEYS.rack: node.rack,
                        KEYS.scalable_unit: node.scalable_unit,
                    },
                },
                "spec": {
                    "online": False,
                    "bootMode": "UEFISecureBoot",
                    "bmc": {
                        "address": f"redfish-virtualmedia+https://{node.bmc}/redfish/v1/Systems/1",
                        "credentialsName": f"{node.name}-bmc",
                        "disableCertificateVerification": False,
                    },
                    **({"bootMACAddress": known[node.name]} if node.name in known else {}),
                },
            }
            for node in plan.nodes_of(cluster)
            if node.bmc
        ],
        sort_keys=True,
        width=140,
    )
