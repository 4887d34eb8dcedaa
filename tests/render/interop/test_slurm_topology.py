"""Slurm's network: every node of a cluster once, below switches that are joined as the plan's are."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml

from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.render.interop.slurm_topology import cluster_tree, topology_conf, topology_yaml
from sovereign_ai.spec.reader import load
from tests.render.interop.slurm_text import expand, fields
from tests.render.interop.test_output_files import SMALL, written
from tests.render.lab import STACKS, stack


@cache
def changed(folder: Path, old: str, new: str) -> Plan:
    """Return the plan of the lab with one text changed."""
    text = (STACKS / "lab" / "factory.yaml").read_text()
    assert text.count(old) == 1
    (folder / "factory.yaml").write_text(text.replace(old, new))
    return plan(load(folder))


@pytest.mark.parametrize("name", SMALL)
def test_the_tree_has_every_node_and_switch_of_a_cluster_once(name: str) -> None:
    derived = stack(name)[1]
    for cluster in derived.clusters:
        text = written(name)[f"slurm/{cluster.name}/topology.conf"]
        lines = [fields(line) for line in text.splitlines() if not line.startswith("#")]
        nodes = {node.name for node in derived.nodes_of(cluster.name)}
        placed = Counter(node for line in lines for node in expand(line.get("Nodes", "")))
        assert placed == dict.fromkeys(nodes, 1)
        below = Counter(child for line in lines for child in expand(line.get("Switches", "")))
        assert max(below.values(), default=1) == 1
        assert below.keys() <= {line["SwitchName"] for line in lines}
        fabrics = {plane.fabric for plane in derived.fabrics if plane.role == "compute"}
        assert len({line["SwitchName"] for line in lines} - below.keys()) == len(fabrics)


@pytest.mark.parametrize("name", SMALL)
def test_both_forms_of_the_topology_have_the_same_tree(name: str) -> None:
    for cluster in stack(name)[1].clusters:
        lines = written(name)[f"slurm/{cluster.name}/topology.conf"].splitlines()
        first = {}
        for row in (fields(line) for line in lines if not line.startswith("#")):
            first[row["SwitchName"]] = row.get("Nodes") or row["Switches"]
        document = yaml.safe_load(written(name)[f"slurm/{cluster.name}/topology.yaml"])
        second = {}
        for row in document[0]["tree"]["switches"]:
            second[row["switch"]] = row.get("nodes") or row["children"]
        assert first == second
        assert [entry["cluster_default"] for entry in document].count(True) == 1


def test_nodes_of_an_nvlink_domain_are_a_block_of_their_own() -> None:
    derived = stack("plural")[1]
    domains = {node.name: node.nvlink_domain for node in derived.nodes if node.nvlink_domain}
    document = yaml.safe_load(written("plural")["slurm/plural/topology.yaml"])
    (blocks,) = [entry["block"] for entry in document if "block" in entry]
    written_domains = {}
    for row in blocks["blocks"]:
        written_domains.update(dict.fromkeys(expand(row["nodes"]), row["block"]))
    assert written_domains == domains
    assert blocks["block_sizes"] == [max(Counter(domains.values()).values())]


def test_a_cluster_of_a_shared_fabric_has_its_own_nodes_and_their_switches_alone() -> None:
    derived = stack("gigafactory")[1]
    trees = [cluster_tree(derived, cluster.name) for cluster in derived.clusters]
    assert len(trees) > 2
    for cluster, tree in zip(derived.clusters, trees, strict=True):
        names = [name for members in tree.leaves.values() for name in members]
        assert sorted(names) == sorted(node.name for node in derived.nodes_of(cluster.name))
        below = {child for children in tree.switches.values() for child in children}
        assert below <= tree.switches.keys() | tree.leaves.keys()
        assert tree.leaves.keys() <= below


def test_nodes_without_a_compute_fabric_are_below_a_switch_of_their_cluster(tmp_path: Path) -> None:
    derived = changed(tmp_path, "role: compute", "role: compute, pools: [train]")
    tree = cluster_tree(derived, "lab")
    assert tree.leaves["lab-without-fabric"] == [f"serve-00{number}" for number in range(1, 5)]
    assert "lab-without-fabric" not in {name for below in tree.switches.values() for name in below}
    assert "SwitchName=lab-without-fabric Nodes=serve-[001-004]" in topology_conf("lab", tree)
    assert "block" not in topology_yaml(derived, "lab", tree)
