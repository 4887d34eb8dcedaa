"""Slurm's node list: every machine once, with its address, its GPUs and its zone's partition."""

from __future__ import annotations

import pytest

from tests.render.interop.slurm_text import expand, fields
from tests.render.interop.test_output_files import SMALL, written
from tests.render.lab import stack


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


@pytest.mark.parametrize("name", SMALL)
def test_the_node_list_has_the_settings_that_gpus_and_the_topology_need(name: str) -> None:
    for cluster in stack(name)[1].clusters:
        lines = written(name)[f"slurm/{cluster.name}/nodes.conf"].splitlines()
        assert {"SelectType=select/cons_tres", "TopologyPlugin=topology/tree"} <= set(lines)
