"""The network of a cluster as Slurm places jobs by it.

* `topology.conf` for `topology/tree`: the tree that Topograph's file has, leaves of rail 0 for their number,
  spines and cores above.
* `topology.yaml` for Slurm 25.05 and later, which reads it instead: the same tree, and blocks of the nodes
  of one NVLink domain, which a job may fill alone. A partition selects them by `Topology=<cluster>-nvlink`.

Both name the nodes of their cluster alone, since Slurm knows no others. A cluster with several compute
fabrics has several trees in one file, and no job spans two of them. Slurm accepts a node in one tree alone: a
node of several compute fabrics is in that of the first. Every node must be below a switch once one is, so
those without a compute fabric are below one that is named after the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import label
from sovereign_ai.plan import Plan
from sovereign_ai.render.interop.slurm_hosts import hostlist
from sovereign_ai.render.interop.topograph import tree
from sovereign_ai.render.switches.block import yaml_block


@frozen_dataclass
class ClusterTree:
    """The switches above a cluster's nodes.

    Attributes:
        switches: spine or core to the switches below it.
        leaves: leaf to its nodes.
    """

    switches: Mapping[str, Sequence[str]]
    leaves: Mapping[str, Sequence[str]]


def cluster_tree(plan: Plan, cluster: str) -> ClusterTree:
    """Return the switches above a cluster's nodes; none where no node has a compute fabric."""
    waiting = {node.name for node in plan.work_nodes_of(cluster)}
    switches: dict[str, list[str]] = {}
    leaves: dict[str, list[str]] = {}
    for plane in plan.fabrics:
        # All planes of a fabric have the same tree; the first one represents it.
        if plane.role != "compute" or plane.plane:
            continue
        above, below = tree(plan, plane)
        kept = _leaves_with(below, waiting)
        leaves.update(kept)
        switches.update(_switches_above(kept, above))
        for names in kept.values():
            waiting.difference_update(names)
    if leaves and waiting:
        leaves[label(cluster, "without-fabric")] = sorted(waiting)
    return ClusterTree(switches, leaves)


def _leaves_with(leaves: Mapping[str, Sequence[str]], nodes: set[str]) -> dict[str, list[str]]:
    """Return the leaves that have any of some nodes, with these nodes alone."""
    kept: dict[str, list[str]] = {}
    for leaf, names in leaves.items():
        members = [name for name in names if name in nodes]
        if members:
            kept[leaf] = members
    return kept


def _switches_above(leaves: Iterable[str], switches: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the switches above some leaves, with what they have of them below."""
    kept: dict[str, list[str]] = {}
    level = set(leaves)
    while level:
        above: set[str] = set()
        for switch, children in switches.items():
            members = [child for child in children if child in level]
            if members:
                kept[switch] = members
                above.add(switch)
        level = above
    return kept


def topology_conf(cluster: str, forest: ClusterTree) -> str:
    """Return `topology.conf` of a cluster, for `TopologyPlugin=topology/tree`."""
    lines = [f"# {cluster}: TopologyPlugin=topology/tree"]
    for leaf, nodes in forest.leaves.items():
        lines.append(f"SwitchName={leaf} Nodes={hostlist(nodes)}")
    for name, children in forest.switches.items():
        lines.append(f"SwitchName={name} Switches={hostlist(children)}")
    return "\n".join(lines) + "\n"


def topology_yaml(plan: Plan, cluster: str, forest: ClusterTree) -> str:
    """Return `topology.yaml` of a cluster: its trees, and its NVLink domains as blocks."""
    rows: list[dict[str, str]] = []
    for leaf, names in forest.leaves.items():
        rows.append({"switch": leaf, "nodes": hostlist(names)})
    for switch, children in forest.switches.items():
        rows.append({"switch": switch, "children": hostlist(children)})
    text = f"- topology: {cluster}\n  cluster_default: true\n  tree:\n    switches:\n{_yaml_rows(rows)}"
    domains = _nvlink_domains(plan, cluster)
    if not domains:
        return text
    blocks: list[dict[str, str]] = []
    for domain, members in domains.items():
        blocks.append({"block": domain, "nodes": hostlist(members)})
    # Slurm wants the size of the largest block; smaller ones may have fewer nodes.
    size = max(len(members) for members in domains.values())
    return (
        f"{text}- topology: {cluster}-nvlink\n  cluster_default: false\n"
        f"  block:\n    block_sizes:\n    - {size}\n    blocks:\n{_yaml_rows(blocks)}"
    )


def _nvlink_domains(plan: Plan, cluster: str) -> dict[str, list[str]]:
    """Return each NVLink domain of a cluster with its nodes there."""
    domains: dict[str, list[str]] = {}
    for node in plan.nodes_of(cluster):
        if node.nvlink_domain:
            domains.setdefault(node.nvlink_domain, []).append(node.name)
    return domains


def _yaml_rows(rows: Iterable[dict[str, str]]) -> str:
    """Return a list of mappings in YAML, its dashes four blanks in."""
    text = ""
    for row in rows:
        # `block` indents every line by six blanks; those of the first line become the dash.
        text += "    - " + yaml_block(row, indent=6).removeprefix("      ")
    return text
