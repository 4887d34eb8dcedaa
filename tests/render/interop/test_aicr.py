"""AICR: criteria and snapshots in the fields and values of its source."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml

from sovereign_ai.catalog.accelerator import accelerator
from sovereign_ai.catalog.system import system
from sovereign_ai.render.interop.aicr import aicr
from tests.render.interop.test_output_files import SMALL
from tests.render.lab import stack

# pkg/recipe/criteria.go of AICR 0.11.1, read 2026-11-27; a value that is not listed is refused there.
VALUES: dict[str, set[str]] = {
    "service": {"eks", "gke", "aks", "oke", "kind"},
    "accelerator": {"h100", "gb200", "b200", "a100", "l40"},
    "intent": {"training", "inference"},
    "os": {"ubuntu", "rhel", "cos", "amazonlinux"},
    "platform": {"dynamo", "kubeflow"},
}
API = "aicr.nvidia.com/v1alpha1"


def documents(name: str) -> dict[str, Any]:
    """Give pool and kind of file to its document, of every cluster."""
    plan = stack(name)[1]
    read = {}
    for cluster in plan.clusters:
        for file, text in aicr(plan, cluster.name):
            read[file] = json.loads(text) if file.endswith(".json") else yaml.safe_load(text)
    return read


@pytest.mark.parametrize("name", SMALL)
def test_criteria_have_only_values_that_aicr_knows(name: str):
    criteria = [text for file, text in documents(name).items() if file.endswith("-criteria.yaml")]
    assert criteria
    for document in criteria:
        assert document.keys() == {"apiVersion", "kind", "metadata", "spec"}
        assert (document["apiVersion"], document["kind"]) == (API, "RecipeCriteria")
        spec = dict(document["spec"])
        assert spec.pop("nodes") > 0
        for field, value in spec.items():
            assert value in VALUES[field]


@pytest.mark.parametrize("name", SMALL)
def test_each_pool_of_nvidias_gpus_has_its_count_and_no_other_pool_has_files(name: str):
    plan = stack(name)[1]
    read = documents(name)
    planned = {}
    for cluster in plan.clusters:
        for part in cluster.pools:
            if accelerator(system(part.system).accelerator).vendor == "nvidia":
                planned[part.pool] = part.nodes
    counts = {}
    for file, document in read.items():
        if file.endswith("-criteria.yaml"):
            counts[document["metadata"]["name"]] = document["spec"]["nodes"]
    assert counts == planned
    assert len(read) == 2 * len(planned)


def test_a_snapshot_shows_the_machines_gpus_and_does_not_claim_to_be_measured():
    machine = system("dgx-h100")
    document = documents("superpod")["dgx-snapshot.json"]
    assert (document["kind"], document["apiVersion"]) == ("Snapshot", API)
    assert document["metadata"] == {"source": "plan, not measured"}
    ((subtype,),) = [measurement["subtypes"] for measurement in document["measurements"]]
    assert document["measurements"][0]["type"] == "GPU"
    assert subtype["subtype"] == "smi"
    assert subtype["data"]["gpu-count"] == machine.gpus
    assert subtype["data"]["gpu.model"] == accelerator(machine.accelerator).product


@pytest.mark.parametrize(
    ("machine", "value"),
    [
        ("dgx-h100", "h100"),
        ("gb200-nvl72-tray", "gb200"),
        ("dgx-b200", "b200"),
        ("dgx-h200", None),
        ("dgx-b300", None),
    ],
)
def test_an_accelerator_that_aicr_does_not_know_is_left_to_any(machine: str, value: str | None):
    plan = stack("superpod")[1]
    (cluster,) = plan.clusters
    (pool,) = [replace(part, system=machine) for part in cluster.pools if part.pool == "dgx"]
    changed = replace(plan, clusters=(replace(cluster, pools=(pool,)),))
    files = dict(aicr(changed, cluster.name))
    assert yaml.safe_load(files["dgx-criteria.yaml"])["spec"].get("accelerator") == value
