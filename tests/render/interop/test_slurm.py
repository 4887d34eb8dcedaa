"""Slurm's files: every machine once in the tree and once in the node list, and expressions that mean what
they were made from.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sovereign_ai.render.interop.slurm import hostlist
from tests.render.interop.test_output_files import SMALL, written
from tests.render.lab import stack


def expand(text: str) -> list[str]:
    """Expand a host list as Slurm does."""
    found = []
    for part in re.findall(r"[^,\[]+(?:\[[^\]]*\])?", text):
        match = re.fullmatch(r"([^\[]+)\[([^\]]*)\]", part)
        if match is None:
            found.append(part)
            continue
        for run in match[2].split(","):
            first, _, last = run.partition("-")
            found += [
                f"{match[1]}{number:0{len(first)}d}" for number in range(int(first), int(last or first) + 1)
            ]
    return found


def fields(line: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in line.split() if "=" in word)


@given(
    st.lists(
        st.tuples(st.sampled_from(["dgx-", "a-r0-", "x"]), st.integers(0, 1200), st.sampled_from([3, 4])),
        unique=True,
    )
)
@settings(deadline=None, derandomize=True, max_examples=100)
def test_a_host_list_expands_to_what_it_was_made_from(names: list[tuple[str, int, int]]) -> None:
    plain = {f"{prefix}{number:0{width}d}" for prefix, number, width in names}
    assert sorted(expand(hostlist(sorted(plain)))) == sorted(plain)


@pytest.mark.parametrize("name", SMALL)
def test_the_tree_has_every_machine_and_switch_once_below_one_root(name: str) -> None:
    plan = stack(name)[1]
    for plane in (one for one in plan.fabrics if one.role == "compute"):
        lines = [
            fields(line)
            for line in written(name)[f"{plane.name}/slurm/topology.conf"].splitlines()
            if not line.startswith("#")
        ]
        machines = set(plane.host_links.lowers()) & {node.name for node in plan.nodes}
        assert Counter(
            node for line in lines if "Nodes" in line for node in expand(line["Nodes"])
        ) == dict.fromkeys(machines, 1)
        below = Counter(child for line in lines if "Switches" in line for child in expand(line["Switches"]))
        assert max(below.values(), default=1) == 1
        assert len({line["SwitchName"] for line in lines} - below.keys()) == 1
        trees = yaml.safe_load(written(name)[f"{plane.name}/slurm/topology.yaml"])
        leaves = [row for row in trees[0]["tree"]["switches"] if "nodes" in row]
        assert {node for row in leaves for node in expand(row["nodes"])} == machines


def test_machines_of_an_nvlink_domain_are_a_block_of_their_own() -> None:
    plan = stack("plural")[1]
    domains = {node.name: node.nvlink_domain for node in plan.nodes if node.nvlink_domain}
    planes = [plane.name for plane in plan.fabrics if plane.role == "compute"]
    trees = [
        tree
        for plane in planes
        for tree in yaml.safe_load(written("plural")[f"{plane}/slurm/topology.yaml"])
        if "block" in tree
    ]
    told = {
        node: row["block"]
        for tree in trees
        for row in tree["block"]["blocks"]
        for node in expand(row["nodes"])
    }
    assert told == domains


@pytest.mark.parametrize("name", SMALL)
def test_every_machine_is_a_node_with_its_address_its_gpus_and_its_zones_partition(name: str) -> None:
    plan = stack(name)[1]
    for cluster in plan.clusters:
        lines = [fields(line) for line in written(name)[f"slurm/{cluster.name}/nodes.conf"].splitlines()]
        nodes = {node.name: node for node in plan.nodes_of(cluster.name)}
        seen = [line for line in lines if "NodeName" in line]
        pairs = [
            pair
            for line in seen
            for pair in zip(expand(line["NodeName"]), expand(line["NodeAddr"]), strict=True)
        ]
        assert dict(pairs) == {node.name: node.address for node in nodes.values()}
        gpus = {
            node: int(line["Gres"].removeprefix("gpu:")) for line in seen for node in expand(line["NodeName"])
        }
        assert gpus == {node.name: node.gpus for node in nodes.values()}
        zones = {
            node: line["PartitionName"]
            for line in lines
            if "PartitionName" in line
            for node in expand(line["Nodes"])
        }
        assert zones == {node.name: node.zone for node in nodes.values()}
        assert [line["Default"] for line in lines if "PartitionName" in line].count("YES") == 1
        gres = [
            fields(line)
            for line in written(name)[f"slurm/{cluster.name}/gres.conf"].splitlines()
            if "NodeName" in line
        ]
        assert {node: int(line["Count"]) for line in gres for node in expand(line["NodeName"])} == gpus
        for line in gres:
            assert "File" not in line or len(expand(line["File"])) == int(line["Count"])
