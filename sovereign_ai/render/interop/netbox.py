"""NetBox bulk-import files: one CSV an object type, to be imported in the order of their numbers.

Columns and choices are those of NetBox 4.7.3's own import forms (its package on PyPI, read 2026-11-24). A cable's ends are
interfaces, which are in a file of their own, since NetBox imports a device's interfaces apart where its type has no templates.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import cache

from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.shapes import RACK_UNITS
from sovereign_ai.render.interop.cabling import length, places, racks_of
from sovereign_ai.render.interop.racks import models, stands
from sovereign_ai.render.interop.table import table
from sovereign_ai.render.switches.ports import host_addresses, host_interface, interface
from sovereign_ai.spec.factory import AIFactory

_INFINIBAND = {800: "infiniband-xdr-4x", 400: "infiniband-ndr-4x", 200: "infiniband-hdr-4x", 100: "infiniband-edr-4x"}
"""Gbps to NetBox's word: four lanes; its words without lanes are of one."""
_SPEEDS = {800: "800gbase-x-osfp", 400: "400gbase-x-qsfpdd", 200: "200gbase-x-qsfp56", 100: "100gbase-x-qsfp28", 1: "1000base-t"}


def netbox(factory: AIFactory, plan: Plan) -> dict[str, str]:
    """Give file name to text."""
    known = models(factory, plan)
    kinds = sorted({(one.maker, one.name, 1 if one.units is None else one.units) for one in known.values()})
    roles = _roles(plan)
    devices = [
        (
            one.device,
            roles[one.device],
            known[one.device].maker,
            one.model,
            rack.site,
            rack.name,
            one.unit or "",
            "front" if one.unit else "",
        )
        for rack in plan.racks
        for one in stands(rack, known)
    ]
    devices += [
        (name, roles[name], known[name].maker, known[name].name, rack.site, rack.name, "", "")
        for rack in plan.racks
        for name in rack.pdu_names
    ]
    placed = {row[0] for row in devices}
    ends = list(_ends(plan, placed))
    metres = _metres(plan)
    interfaces = {(device, name, kind) for row in ends for device, name, kind in ((row[0], row[1], row[4]), (row[2], row[3], row[4]))}
    return {
        "1-manufacturers.csv": table(["name", "slug"], ((maker, maker) for maker in sorted({kind[0] for kind in kinds}))),
        "2-device-roles.csv": table(["name", "slug", "color"], ((role, role, "9e9e9e") for role in sorted({one[1] for one in devices}))),
        "3-device-types.csv": table(
            ["manufacturer", "model", "slug", "u_height"], ((maker, model, model, height) for maker, model, height in kinds)
        ),
        "4-sites.csv": table(["name", "slug", "status"], ((site.name, site.name, "planned") for site in factory.sites)),
        "5-racks.csv": table(
            ["site", "name", "status", "u_height"], ((rack.site, rack.name, "planned", RACK_UNITS) for rack in plan.racks)
        ),
        "6-devices.csv": table(
            ["name", "role", "manufacturer", "device_type", "site", "rack", "position", "face", "status"],
            ((*one, "planned") for one in devices),
        ),
        "7-interfaces.csv": table(["device", "name", "type"], sorted(interfaces)),
        "8-cables.csv": table(
            [
                "side_a_device",
                "side_a_type",
                "side_a_name",
                "side_b_device",
                "side_b_type",
                "side_b_name",
                "status",
                "label",
                "length",
                "length_unit",
            ],
            (
                (row[0], "dcim.interface", row[1], row[2], "dcim.interface", row[3], "planned", row[5], metres(row[0], row[2]), "m")
                for row in ends
            ),
        ),
        "9-prefixes.csv": table(
            ["prefix", "status", "description"], ((one.cidr, "active", f"{one.use} {one.owner}") for one in plan.prefixes)
        ),
        "10-ip-addresses.csv": table(["address", "status", "device", "interface"], _addresses(plan, placed)),
    }


def _roles(plan: Plan) -> dict[str, str]:
    """Give device to role."""
    roles = {node.name: "gpu-node" for node in plan.nodes}
    roles.update({one.name: one.tier for plane in plan.fabrics for one in plane.switches})
    roles.update(dict.fromkeys((name for rack in plan.racks for name in rack.pdu_names), "pdu"))
    roles.update({server: "storage-server" for tier in plan.storage for server in tier.servers})
    return roles


def _metres(plan: Plan) -> Callable[[str, str], str]:
    """Give the function that estimates the length of a cable between two devices that stand in racks."""
    racks, where = racks_of(plan), places(plan)

    @cache
    def between(here: str, there: str) -> str:
        return f"{length(where[here], where[there], same=here == there) / 100:g}"

    return lambda one, other: between(racks[one].name, racks[other].name)


def _ends(plan: Plan, known: Collection[str]) -> Iterator[tuple[str, str, str, str, str, str]]:
    """Give each cable as (device, interface, device, interface, type, label)."""
    for plane in plan.fabrics:
        kind = (_INFINIBAND if plane.kind == "infiniband" else _SPEEDS).get(plane.link // 10**9, "other")
        for number, (lower, low, upper, high) in enumerate(plane.cables):
            below = host_interface(low) if number < plane.node_leaf else interface(low)
            if lower in known:
                yield lower, below, upper, interface(high), kind, f"{plane.name}-{number + 1:06d}"


def _addresses(plan: Plan, known: Collection[str]) -> Iterator[tuple[str, ...]]:
    """Give every address of a host's port; an address that two ports share stands at the first."""
    for plane in plan.fabrics:
        seen: set[str] = set()
        for (host, port), address in host_addresses(plan, plane).items():
            if address not in seen and host in known:
                seen.add(address)
                yield f"{address}/32", "active", host, host_interface(port)
