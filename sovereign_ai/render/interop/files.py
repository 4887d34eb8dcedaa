"""Every file of a plan's fabrics and hosts, by its path: what `fabric render` writes.

<plane>/switches/<switch>/frr.conf, ports.json, config_db.json, nvue.yaml   Ethernet
<plane>/partitions.conf, topology.topo                                      InfiniBand
<plane>/cables.csv, parts.csv, rails.json, qos.json, kea-dhcp4.json, topograph.yaml    where they apply
racks/<site>/<rack>.svg, bare-metal/<cluster>.yaml, netbox/<number>-<what>.csv         the whole plan
pxe/boot.ipxe, pxe/hosts/<machine>.ipxe                                                where a boot server is given
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.interop.cabling import cables_csv, parts_csv, rail_map
from sovereign_ai.render.interop.hosts import bare_metal_hosts, kea, pxe
from sovereign_ai.render.interop.netbox import netbox
from sovereign_ai.render.interop.racks import face, models
from sovereign_ai.render.interop.topograph import topograph
from sovereign_ai.render.switches.frr import frr
from sovereign_ai.render.switches.ports import port_maps
from sovereign_ai.render.switches.qos import intent
from sovereign_ai.render.switches.subnet import partitions_conf, topology
from sovereign_ai.render.switches.vendors import cumulus, sonic
from sovereign_ai.spec.factory import AIFactory

_SORTED = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS


@dataclass(frozen=True, slots=True)
class Known:
    """What no description tells: what only the delivered machines know, and where they boot from.

    Attributes:
        macs: machine name to the MAC address it boots from.
        guids: (machine, port) to its InfiniBand port GUID.
        boot: IPv4 address of the boot server; empty where machines boot by virtual media alone.
    """

    macs: Mapping[str, str] = field(default_factory=dict)
    guids: Mapping[tuple[str, str], str] = field(default_factory=dict)
    boot: str = ""


def files(factory: AIFactory, plan: Plan, known: Known | None = None) -> Iterator[tuple[str, str]]:
    """Give (path, text) of every file, plane by plane."""
    told = known or Known()
    for plane in plan.fabrics:
        yield f"{plane.name}/cables.csv", cables_csv(plan, plane)
        yield f"{plane.name}/parts.csv", parts_csv(plan, plane)
        if plane.kind == "infiniband":
            fabric = next(one for one in factory.fabrics if one.name == plane.fabric)
            yield f"{plane.name}/partitions.conf", partitions_conf(factory, plan, plane, told.guids)
            yield f"{plane.name}/topology.topo", topology(plane, (fabric.switch or "switch").upper())
        else:
            yield from _switches(factory, plan, plane)
        if plane.role == "compute":
            yield f"{plane.name}/rails.json", _json(rail_map(plan, plane))
            yield f"{plane.name}/topograph.yaml", topograph(plan, plane)
        if plane.role in ("in-band", "out-of-band"):
            here = plane.role == "in-band"
            yield f"{plane.name}/kea-dhcp4.json", kea(plan, plane, told.macs if here else {}, told.boot if here else "")
    for cluster in plan.clusters:
        yield f"bare-metal/{cluster.name}.yaml", bare_metal_hosts(plan, cluster.name, told.macs)
    yield from ((f"netbox/{name}", text) for name, text in netbox(factory, plan).items())
    kinds = models(factory, plan)
    yield from ((f"racks/{rack.site}/{rack.name}.svg", face(rack, kinds)) for rack in plan.racks)
    if told.boot:
        yield from ((f"pxe/{name}", text) for name, text in pxe(plan, told.boot))


def _switches(factory: AIFactory, plan: Plan, plane: FabricPlan) -> Iterator[tuple[str, str]]:
    """Give the files of an Ethernet plane's switches."""
    if plane.kind == "roce":
        yield f"{plane.name}/qos.json", _json(intent(plane.link).to_data())
    for one in port_maps(factory, plan, plane):
        folder = f"{plane.name}/switches/{one.switch.name}"
        yield f"{folder}/frr.conf", frr(one)
        yield f"{folder}/ports.json", _json(one.to_data())
        yield f"{folder}/config_db.json", sonic(one)
        yield f"{folder}/nvue.yaml", cumulus(one)


def _json(data: object) -> str:
    """Write sorted JSON."""
    return orjson.dumps(data, option=_SORTED).decode() + "\n"
