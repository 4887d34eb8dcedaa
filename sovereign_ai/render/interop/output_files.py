"""Every file of a plan's fabrics and hosts, by its path: what `fabric render` writes.

<plane>/switches/<switch>/frr.conf, ports.json, nvue.yaml              Ethernet
<plane>/<plane>.clab.yml                                              containerlab, Ethernet
<plane>/switches/<switch>/config_db.json, sonic-frr.conf                    SONiC
<plane>/snapshot/sonic_configs/, hosts/, batfish/              Batfish, Ethernet, where it is asked for
<plane>/partitions.conf, opensm.conf, topology.topo, ibnl/<type>.ibnl       InfiniBand
<plane>/cables.csv, parts.csv, rails.json, qos.json, kea-dhcp4.json, topograph.yaml    where they apply
slurm/<cluster>/nodes.conf, gres.conf, topology.conf, topology.yaml, slinky-values.yaml    Slurm
monitoring/<site>/prometheus.yaml, rules.yaml, rules_test.json, targets/<job>.json, dashboards/<row>.json
infragraph/infrastructure.json, annotations.json                      InfraGraph, the whole plan
racks/<site>/<rack>.svg, bare-metal/<cluster>.yaml, netbox/<number>-<what>.csv         the whole plan
aicr/<cluster>/<pool>-criteria.yaml, <pool>-snapshot.json                   AICR, NVIDIA's pools
cluster-api/<cluster>.yaml                                                  Cluster API with Metal3
pxe/boot.ipxe, pxe/hosts/<node>.ipxe                                                   with a boot server
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

import orjson

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.render.interop.aicr import aicr
from sovereign_ai.render.interop.batfish import batfish
from sovereign_ai.render.interop.cabling import cables_csv, parts_csv, rail_map
from sovereign_ai.render.interop.cluster_api import cluster_api
from sovereign_ai.render.interop.containerlab import containerlab
from sovereign_ai.render.interop.hosts import bare_metal_hosts, kea, pxe
from sovereign_ai.render.interop.infragraph import infrastructure, node_annotations
from sovereign_ai.render.interop.netbox import netbox
from sovereign_ai.render.interop.netbox_exports import without_known
from sovereign_ai.render.interop.racks import models, rack_front_svg
from sovereign_ai.render.interop.slinky import slinky_values
from sovereign_ai.render.interop.slurm import gres_conf, nodes_conf
from sovereign_ai.render.interop.slurm_topology import cluster_tree, topology_conf, topology_yaml
from sovereign_ai.render.interop.topograph import topograph
from sovereign_ai.render.monitoring import (
    prometheus_yaml,
    rack_dashboards,
    rule_tests,
    rules_yaml,
    scrape_targets,
)
from sovereign_ai.render.switches.frr_config import frr
from sovereign_ai.render.switches.ports import port_maps
from sovereign_ai.render.switches.qos import intent
from sovereign_ai.render.switches.sonic import NAMES, sonic
from sovereign_ai.render.switches.subnet import opensm_conf, partitions_conf, system_definitions, topology
from sovereign_ai.render.switches.vendors import cumulus
from sovereign_ai.spec import AIFactory

_SORTED = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS


@frozen_dataclass
class DeliveredFacts:
    """What is known once servers are delivered, and the addresses of boot and DHCP servers.

    Attributes:
        macs: node to the MAC address that it boots from.
        guids: (node, port) to its InfiniBand port GUID.
        boot: IPv4 address of the boot server; empty where nodes boot by virtual media alone.
        dhcp: IPv4 address of the DHCP server that leaves relay to; empty where none does.
        netbox: what NetBox holds already, by `read_netbox_exports`; empty for a NetBox without objects.
    """

    macs: Mapping[str, str] = field(default_factory=dict)
    guids: Mapping[tuple[str, str], str] = field(default_factory=dict)
    boot: str = ""
    dhcp: str = ""
    netbox: Mapping[str, Mapping[tuple[str, ...], str]] = field(default_factory=dict)


def files(
    factory: AIFactory, plan: Plan, known: DeliveredFacts | None = None, *, snapshots: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every file, plane by plane, and then those of the whole plan.

    Args:
        factory: the description.
        plan: what follows from it.
        known: what is known of delivered servers; nothing if left out.
        snapshots: whether to write Batfish's snapshots, which hold the files of SONiC once more.
    """
    known = known or DeliveredFacts()
    for plane in plan.fabrics:
        yield from _plane_files(factory, plan, plane, known)
    if snapshots:
        yield from _snapshot_files(factory, plan)
    for cluster in plan.clusters:
        yield from _cluster_files(factory, plan, cluster.name, known)
    for site in factory.sites:
        yield from _monitoring_files(factory, plan, site.name)
    for name, text in netbox(factory, plan).items():
        # NetBox's forms take no file without rows.
        if rest := without_known(name, text, known.netbox):
            yield f"netbox/{name}", rest
    yield "infragraph/infrastructure.json", infrastructure(plan)
    yield "infragraph/annotations.json", node_annotations(plan)
    kinds = models(factory, plan)
    for rack in plan.racks:
        yield f"racks/{rack.site}/{rack.name}.svg", rack_front_svg(rack, kinds)
    if known.boot:
        for name, text in pxe(plan, known.boot):
            yield f"pxe/{name}", text


def file_sets(form: str, factory: AIFactory, plan: Plan) -> Iterator[dict[str, str]]:
    """Yield the files of one format, name to text, in the sets in which they are read together.

    Args:
        form: `netbox` (one set), `slurm` (one a cluster), `topograph` or `containerlab` (one a plane).
        factory: the description.
        plan: what follows from it.
    """
    if form == "netbox":
        yield netbox(factory, plan)
    elif form == "slurm":
        for cluster in plan.clusters:
            yield dict(_slurm_files(factory, plan, cluster.name))
    for plane in plan.fabrics:
        if form == "topograph" and plane.role == "compute":
            yield {"topograph.yaml": topograph(plan, plane)}
        elif form == "containerlab" and plane.kind != "infiniband":
            yield {f"{plane.name}.clab.yml": containerlab(plan, plane)}


def _snapshot_files(factory: AIFactory, plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield the snapshots of Batfish."""
    for plane in plan.fabrics:
        if plane.kind != "infiniband":
            for name, text in batfish(factory, plan, plane):
                yield f"{plane.name}/snapshot/{name}", text


def _cluster_files(
    factory: AIFactory, plan: Plan, cluster: str, known: DeliveredFacts
) -> Iterator[tuple[str, str]]:
    """Yield the files of one cluster's machines."""
    yield f"bare-metal/{cluster}.yaml", bare_metal_hosts(plan, cluster, known.macs)
    yield f"cluster-api/{cluster}.yaml", cluster_api(plan, cluster)
    for name, text in aicr(plan, cluster):
        yield f"aicr/{cluster}/{name}", text
    for name, text in _slurm_files(factory, plan, cluster):
        yield f"slurm/{cluster}/{name}", text


def _monitoring_files(factory: AIFactory, plan: Plan, site: str) -> Iterator[tuple[str, str]]:
    """Yield what watches a site."""
    folder = f"monitoring/{site}"
    yield f"{folder}/prometheus.yaml", prometheus_yaml(plan, site)
    yield f"{folder}/rules.yaml", rules_yaml(factory, plan, site)
    yield f"{folder}/rules_test.json", rule_tests(factory, plan, site)
    for job, rows in scrape_targets(plan, site).items():
        yield f"{folder}/targets/{job}.json", _json(rows)
    for name, text in rack_dashboards(factory, plan, site).items():
        yield f"{folder}/dashboards/{name}", text


def _slurm_files(factory: AIFactory, plan: Plan, cluster: str) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of the files of a cluster's Slurm."""
    forest = cluster_tree(plan, cluster)
    yield "nodes.conf", nodes_conf(factory, plan, cluster, forest)
    yield "gres.conf", gres_conf(plan, cluster)
    # Without a compute fabric Slurm has nothing to place by, and an empty file would stop it.
    if forest.leaves:
        yield "topology.conf", topology_conf(cluster, forest)
        yield "topology.yaml", topology_yaml(plan, cluster, forest)
    yield "slinky-values.yaml", slinky_values(factory, plan, cluster, forest)


def _plane_files(
    factory: AIFactory, plan: Plan, plane: FabricPlan, known: DeliveredFacts
) -> Iterator[tuple[str, str]]:
    """Yield the files of one plane."""
    folder = plane.name
    yield f"{folder}/cables.csv", cables_csv(plan, plane)
    yield f"{folder}/parts.csv", parts_csv(plan, plane)
    if plane.kind == "infiniband":
        yield from _infiniband_files(factory, plan, plane, known)
    else:
        yield from _ethernet_files(factory, plan, plane, known)
    if plane.role == "compute":
        yield f"{folder}/rails.json", _json(rail_map(plan, plane))
        yield f"{folder}/topograph.yaml", topograph(plan, plane)
    elif plane.role == "in-band":
        yield f"{folder}/kea-dhcp4.json", kea(factory, plan, plane, known.macs, known.boot)
    elif plane.role == "out-of-band":
        # The MAC addresses are those that nodes boot from, and their controllers have others.
        yield f"{folder}/kea-dhcp4.json", kea(factory, plan, plane, {}, "")


def _infiniband_files(
    factory: AIFactory, plan: Plan, plane: FabricPlan, known: DeliveredFacts
) -> Iterator[tuple[str, str]]:
    """Yield the subnet manager's files of an InfiniBand plane."""
    folder = plane.name
    fabric = next(fabric for fabric in factory.fabrics if fabric.name == plane.fabric)
    model = (fabric.switch or "switch").upper()
    yield f"{folder}/partitions.conf", partitions_conf(factory, plan, plane, known.guids)
    yield f"{folder}/opensm.conf", opensm_conf(plane)
    yield f"{folder}/topology.topo", topology(plane, model)
    for name, text in system_definitions(plane, model).items():
        yield f"{folder}/ibnl/{name}", text


def _ethernet_files(
    factory: AIFactory, plan: Plan, plane: FabricPlan, known: DeliveredFacts
) -> Iterator[tuple[str, str]]:
    """Yield the files of an Ethernet plane's switches."""
    yield f"{plane.name}/{plane.name}.clab.yml", containerlab(plan, plane)
    if plane.kind == "roce":
        yield f"{plane.name}/qos.json", _json(intent(plane.link).to_data())
    for device in port_maps(factory, plan, plane):
        folder = f"{plane.name}/switches/{device.switch.name}"
        yield f"{folder}/frr.conf", frr(device)
        yield f"{folder}/ports.json", _json(device.to_data())
        yield f"{folder}/config_db.json", sonic(device, known.dhcp)
        yield f"{folder}/sonic-frr.conf", frr(device, NAMES)
        yield f"{folder}/nvue.yaml", cumulus(device)


def _json(data: object) -> str:
    """Return data as JSON, keys sorted."""
    return orjson.dumps(data, option=_SORTED).decode() + "\n"
