"""Slurm's files: the nodes with their GPUs, and the network topology that Slurm places jobs by.

* `topology.conf` for `topology/tree`: the tree that Topograph's file has, leaves of rail 0 for their number,
  spines and cores above.
* `topology.yaml` for Slurm 25.05 and later: the same tree, and blocks of the nodes of one NVLink domain,
  which a job may fill alone.
* `nodes.conf` and `gres.conf`: each pool's nodes and a partition a security zone, to be included by
  `slurm.conf`. GPUs are named by their device files where the vendor's driver has fixed ones, and else
  counted. MIG instances are not written: Slurm detects them itself with NVML.

Slurm accepts a node in one tree alone. Nodes of several compute fabrics are in several trees, so every
compute plane has files of its own. Nodes without a compute fabric are in none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sovereign_ai.catalog.accelerator import accelerator
from sovereign_ai.catalog.system import system
from sovereign_ai.catalog.vendors import Vendor
from sovereign_ai.plan import Node, Plan
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.render.interop.topograph import tree
from sovereign_ai.render.switches.block import yaml_block
from sovereign_ai.spec import AIFactory

_NUMBERED = re.compile(r"(.*?)(\d+)")


def hostlist(names: Iterable[str]) -> str:
    """Return names as Slurm's host list expression: runs of numbers of one width in brackets.

    >>> hostlist(["train-001", "train-002", "train-003", "train-007", "serve-001"])
    'train-[001-003,007],serve-001'
    """
    groups: dict[tuple[str, int], list[int]] = {}
    plain: list[str] = []
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match is None:
            plain.append(name)
            continue
        prefix, digits = match.groups()
        # Slurm keeps the width of the numbers in brackets, so `1` and `01` are different groups.
        groups.setdefault((prefix, len(digits)), []).append(int(digits))
    parts: list[str] = []
    for (prefix, width), numbers in groups.items():
        parts.append(_bracketed(prefix, width, numbers))
    return ",".join([*parts, *plain])


def _bracketed(prefix: str, width: int, numbers: Iterable[int]) -> str:
    """Return the names of one prefix, `train-[001-003,007]`, or `train-007` alone."""
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    parts: list[str] = []
    for first, last in runs:
        text = f"{first:0{width}d}"
        if last != first:
            text += f"-{last:0{width}d}"
        parts.append(text)
    if len(parts) == 1 and "-" not in parts[0]:
        return f"{prefix}{parts[0]}"
    return f"{prefix}[{','.join(parts)}]"


def topology_conf(plan: Plan, plane: FabricPlan) -> str:
    """Return `topology.conf` of one compute plane, for `TopologyPlugin=topology/tree`."""
    switches, leaves = tree(plan, plane)
    lines = [f"# {plane.name}: TopologyPlugin=topology/tree"]
    for leaf, nodes in leaves.items():
        lines.append(f"SwitchName={leaf} Nodes={hostlist(nodes)}")
    for name, children in switches.items():
        lines.append(f"SwitchName={name} Switches={hostlist(children)}")
    return "\n".join(lines) + "\n"


def topology_yaml(plan: Plan, plane: FabricPlan) -> str:
    """Return `topology.yaml` of one compute plane: its tree, and its NVLink domains as blocks."""
    switches, leaves = tree(plan, plane)
    rows: list[dict[str, str]] = []
    for leaf, names in leaves.items():
        rows.append({"switch": leaf, "nodes": hostlist(names)})
    for switch, children in switches.items():
        rows.append({"switch": switch, "children": hostlist(children)})
    text = f"- topology: {plane.name}\n  cluster_default: true\n  tree:\n    switches:\n{_yaml_rows(rows)}"
    domains = _nvlink_domains(plan, leaves.values())
    if not domains:
        return text
    blocks: list[dict[str, str]] = []
    for domain, members in domains.items():
        blocks.append({"block": domain, "nodes": hostlist(members)})
    # Slurm wants the size of the largest block; smaller ones may have fewer nodes.
    size = max(len(members) for members in domains.values())
    return (
        f"{text}- topology: {plane.name}-nvlink\n  cluster_default: false\n"
        f"  block:\n    block_sizes:\n    - {size}\n    blocks:\n{_yaml_rows(blocks)}"
    )


def _nvlink_domains(plan: Plan, groups: Iterable[Iterable[str]]) -> dict[str, list[str]]:
    """Return each NVLink domain with its nodes, of groups of nodes."""
    nodes = {}
    for node in plan.nodes:
        nodes[node.name] = node
    domains: dict[str, list[str]] = {}
    for names in groups:
        for name in names:
            domain = nodes[name].nvlink_domain
            if domain:
                domains.setdefault(domain, []).append(name)
    return domains


def _yaml_rows(rows: Iterable[dict[str, str]]) -> str:
    """Return a list of mappings in YAML, its dashes four blanks in."""
    text = ""
    for row in rows:
        # `block` indents every line by six blanks; those of the first line become the dash.
        text += "    - " + yaml_block(row, indent=6).removeprefix("      ")
    return text


def nodes_conf(factory: AIFactory, plan: Plan, cluster: str) -> str:
    """Return a cluster's node lines and a partition a zone, to be included by `slurm.conf`."""
    lines = [f"# {cluster}: Include nodes.conf", "GresTypes=gpu"]
    zones: dict[str, list[str]] = {}
    for pool, nodes in _pools(plan, cluster).items():
        lines.append(_node_line(pool, nodes))
        members = zones.setdefault(nodes[0].zone, [])
        members.extend(node.name for node in nodes)
    for zone, names in zones.items():
        is_default = zone == _default_zone(factory, zones)
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


def _default_zone(factory: AIFactory, zones: Iterable[str]) -> str:
    """Return the zone of the default partition: the description's first with nodes in the cluster."""
    used = list(zones)
    for zone in factory.zones:
        if zone.name in used:
            return zone.name
    return used[0]


def _partition_line(zone: str, names: Iterable[str], *, is_default: bool) -> str:
    """Return the line of a zone's partition; `all` where the description has no zones."""
    name = zone or "all"
    # Slurm keeps the name DEFAULT for a line of defaults.
    if zone.lower() == "default":
        name = f"zone-{zone}"
    chosen = "YES" if is_default else "NO"
    return f"PartitionName={name} Nodes={hostlist(names)} Default={chosen} State=UP MaxTime=INFINITE"


def gres_conf(plan: Plan, cluster: str) -> str:
    """Return `gres.conf`: the GPUs of each node."""
    lines = [f"# {cluster}"]
    for nodes in _pools(plan, cluster).values():
        count = nodes[0].gpus
        if not count:
            continue
        vendor = accelerator(system(nodes[0].system).accelerator).gpu_vendor
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


def _pools(plan: Plan, cluster: str) -> dict[str, list[Node]]:
    """Return each pool of a cluster with its nodes there."""
    pools: dict[str, list[Node]] = {}
    for node in plan.nodes_of(cluster):
        pools.setdefault(node.pool, []).append(node)
    return pools
