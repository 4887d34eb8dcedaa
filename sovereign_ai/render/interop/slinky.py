"""Values of Slinky's Helm chart `slurm`, which runs a cluster's Slurm on its Kubernetes.

Field names are those of the chart's values at version 1.2.1 (SlinkyProject/slurm-operator, read 2026-11-27).

The NodeSet of a pool scales as a DaemonSet: its pods have the host names of their nodes, so that Slurm's
nodes have the plan's names, and `topology.yaml` means the same here. GPUs are requested from Kubernetes as
the vendor's extended resource; `gres.conf` counts them, since Kubernetes decides which device files a pod
has. What a site decides (images, accounting, login, storage, users) stays at the chart's defaults.
"""

from __future__ import annotations

from typing import Any

from sovereign_ai.catalog.accelerator import needed_accelerator
from sovereign_ai.catalog.system import system
from sovereign_ai.names import KEYS
from sovereign_ai.plan import Node, Plan
from sovereign_ai.render.interop.slurm import default_zone, partition_name, pools
from sovereign_ai.render.interop.slurm_hosts import hostlist
from sovereign_ai.render.interop.slurm_topology import ClusterTree, topology_yaml
from sovereign_ai.render.switches.block import yaml_block
from sovereign_ai.spec import AIFactory


def slinky_values(factory: AIFactory, plan: Plan, cluster: str, forest: ClusterTree) -> str:
    """Return the values file of a cluster's Slurm."""
    nodesets: dict[str, Any] = {}
    members: dict[str, list[str]] = {}
    gres = []
    for pool, nodes in pools(plan, cluster).items():
        nodesets[pool] = _nodeset(pool, nodes[0])
        members.setdefault(nodes[0].zone, []).append(pool)
        if nodes[0].gpus:
            names = hostlist(node.name for node in nodes)
            gres.append(f"NodeName={names} Name=gpu Count={nodes[0].gpus} Flags=CountOnly\n")
    partitions: dict[str, Any] = {}
    for zone, zone_pools in members.items():
        chosen = "YES" if zone == default_zone(factory, members) else "NO"
        partitions[partition_name(zone)] = {
            "enabled": True,
            "nodesets": zone_pools,
            "configMap": {"Default": chosen, "MaxTime": "UNLIMITED", "State": "UP"},
        }
    files = {"gres.conf": "".join(gres)}
    if forest.leaves:
        files["topology.yaml"] = topology_yaml(plan, cluster, forest)
    return yaml_block(
        {
            "clusterName": cluster,
            "configFiles": files,
            "controller": {"extraConfMap": {"GresTypes": ["gpu"]}},
            "nodesets": nodesets,
            "partitions": partitions,
        }
    )


def _nodeset(pool: str, first: Node) -> dict[str, Any]:
    """Return the NodeSet of a pool, whose nodes are all alike."""
    wanted = {"Features": [pool, first.system]}
    nodeset: dict[str, Any] = {
        "scalingMode": "DaemonSet",
        "extraConfMap": wanted,
        "podSpec": {"nodeSelector": {"kubernetes.io/os": "linux", KEYS.pool: pool}},
    }
    if first.gpus:
        wanted["Gres"] = [f"gpu:{first.gpus}"]
        resource = needed_accelerator(system(first.system)).resource
        nodeset["slurmd"] = {"resources": {"limits": {resource: first.gpus}}}
    return nodeset
