"""Slurm's files of a cluster: its nodes with their GPUs, and a partition a security zone.

* `nodes.conf`, to be included by `slurm.conf`: each pool's nodes, the partitions, and the settings without
  which Slurm reads neither GPUs nor the topology (`slurm_topology` has its files).
* `gres.conf`: GPUs by their device files where the vendor's driver has fixed ones, and else counted. MIG
  instances are not written: Slurm detects them itself with NVML.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sovereign_ai.catalog.accelerator import needed_accelerator
from sovereign_ai.catalog.system import system
from sovereign_ai.catalog.vendors import Vendor
from sovereign_ai.plan import Node, Plan
from sovereign_ai.render.interop.slurm_hosts import hostlist
from sovereign_ai.render.interop.slurm_topology import ClusterTree
from sovereign_ai.spec import AIFactory

# GPUs are consumable resources for cons_tres alone, which is the default since Slurm 23.02 only.
_SETTINGS = ("GresTypes=gpu", "SelectType=select/cons_tres", "SelectTypeParameters=CR_Core")


def nodes_conf(factory: AIFactory, plan: Plan, cluster: str, forest: ClusterTree) -> str:
    """Return a cluster's node lines and a partition a zone, to be included by `slurm.conf`."""
    lines = [f"# {cluster}: Include nodes.conf", *_SETTINGS]
    if forest.leaves:
        lines.append("TopologyPlugin=topology/tree")
    zones: dict[str, list[str]] = {}
    for pool, nodes in pools(plan, cluster).items():
        lines.append(_node_line(pool, nodes))
        members = zones.setdefault(nodes[0].zone, [])
        members.extend(node.name for node in nodes)
    for zone, names in zones.items():
        is_default = zone == default_zone(factory, zones)
        lines.append(_partition_line(zone, names, is_default=is_default))
    return "\n".join(lines) + "\n"


def _node_line(pool: str, nodes: Sequence[Node]) -> str:
    """Return the line of a pool's nodes, which are all alike."""
    first = nodes[0]
    fields = [f"NodeName={hostlist(node.name for node in nodes)}"]
    # Without an address slurmctld resolves the name of every node before it starts, several times where that
    # fails.
    addresses = []
    for node in nodes:
        address = node.address
        addresses.append(address)
    if all(addresses):
        fields.append(f"NodeAddr={hostlist(addresses)}")
    fields.append(f"CPUs={system(first.system).cpus}")
    if first.gpus:
        fields.append(f"Gres=gpu:{first.gpus}")
    fields.append(f"Feature={pool},{first.system}")
    fields.append("State=UNKNOWN")
    return " ".join(fields)


def default_zone(factory: AIFactory, zones: Iterable[str]) -> str:
    """Return the zone of the default partition: the description's first with nodes in the cluster."""
    used = list(zones)
    for zone in factory.zones:
        if zone.name in used:
            return zone.name
    return used[0]


def partition_name(zone: str) -> str:
    """Return the name of a zone's partition; `all` where the description has no zones."""
    # Slurm keeps the name DEFAULT for a line of defaults.
    if zone.lower() == "default":
        return f"zone-{zone}"
    return zone or "all"


def _partition_line(zone: str, names: Iterable[str], *, is_default: bool) -> str:
    """Return the line of a zone's partition."""
    name = partition_name(zone)
    chosen = "YES" if is_default else "NO"
    return f"PartitionName={name} Nodes={hostlist(names)} Default={chosen} State=UP MaxTime=INFINITE"


def gres_conf(plan: Plan, cluster: str) -> str:
    """Return `gres.conf`: the GPUs of each node."""
    lines = [f"# {cluster}"]
    for nodes in pools(plan, cluster).values():
        count = nodes[0].gpus
        if not count:
            continue
        vendor = needed_accelerator(system(nodes[0].system)).gpu_vendor
        names = hostlist(node.name for node in nodes)
        lines.append(f"NodeName={names} Name=gpu Count={count} {_device_files(vendor, count)}")
    return "\n".join(lines) + "\n"


def _device_files(vendor: Vendor, count: int) -> str:
    """Return the option that names a node's GPUs by device files, or counts them where these vary."""
    files = vendor.container
    if files is None or not files.fixed:
        return "Flags=CountOnly"
    if count == 1:
        return f"File={files.device_file(0)}"
    return f"File={files.file}[{files.first}-{files.first + count - 1}]"


def pools(plan: Plan, cluster: str) -> dict[str, list[Node]]:
    """Return each pool of a cluster with its nodes there that run work; management nodes run none."""
    pools: dict[str, list[Node]] = {}
    for node in plan.work_nodes_of(cluster):
        pools.setdefault(node.pool, []).append(node)
    return pools
