"""Slinky's values: a NodeSet a pool, a partition a zone, and no field that its chart does not have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.render.interop.slurm_text import expand, fields
from tests.render.interop.test_output_files import SMALL, written
from tests.render.lab import stack

CHART = json.loads((Path(__file__).parent / "slinky-1.2.1.json").read_text())


def values(name: str, cluster: str) -> dict[str, dict[str, dict[str, Any]]]:
    document: dict[str, dict[str, dict[str, Any]]]
    document = yaml.safe_load(written(name)[f"slurm/{cluster}/slinky-values.yaml"])
    return document


def paths(value: object, above: str = "") -> set[str]:
    """Return the paths of a document's fields; below an open field there are none."""
    if not isinstance(value, dict) or above in CHART["open"]:
        return set()
    fields_seen = set()
    for key, below in value.items():
        name = "*" if above in CHART["named"] else key
        path = f"{above}.{name}".lstrip(".")
        fields_seen |= {path} | paths(below, path)
    return fields_seen


@pytest.mark.parametrize("name", SMALL)
def test_every_field_is_one_of_the_charts_values(name: str) -> None:
    for cluster in stack(name)[1].clusters:
        assert paths(values(name, cluster.name)) <= set(CHART["fields"])
    assert "nodesets.*.gpus" not in CHART["fields"]


@pytest.mark.parametrize("name", SMALL)
def test_a_nodeset_selects_its_pools_nodes_and_requests_all_their_gpus(name: str) -> None:
    plan = stack(name)[1]
    for cluster in plan.clusters:
        nodesets = values(name, cluster.name)["nodesets"]
        pools = {node.pool: node for node in plan.nodes_of(cluster.name)}
        assert nodesets.keys() == pools.keys()
        for pool, nodeset in nodesets.items():
            assert nodeset["scalingMode"] == "DaemonSet"
            assert nodeset["podSpec"]["nodeSelector"]["sovereign-ai.internal/pool"] == pool
            assert list(nodeset["slurmd"]["resources"]["limits"].values()) == [pools[pool].gpus]
            assert nodeset["extraConfMap"]["Gres"] == [f"gpu:{pools[pool].gpus}"]


@pytest.mark.parametrize("name", SMALL)
def test_partitions_are_the_zones_and_the_topology_is_that_of_the_cluster(name: str) -> None:
    plan = stack(name)[1]
    for cluster in plan.clusters:
        document = values(name, cluster.name)
        zones = {
            pool: partition for partition, row in document["partitions"].items() for pool in row["nodesets"]
        }
        assert zones == {node.pool: node.zone for node in plan.nodes_of(cluster.name)}
        files = document["configFiles"]
        assert files["topology.yaml"] == written(name)[f"slurm/{cluster.name}/topology.yaml"]
        lines = [fields(line) for line in str(files["gres.conf"]).splitlines()]
        counts = {node: int(line["Count"]) for line in lines for node in expand(line["NodeName"])}
        assert counts == {node.name: node.gpus for node in plan.nodes_of(cluster.name)}
