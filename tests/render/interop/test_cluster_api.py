"""Cluster API and Metal3: the fields of their definitions, and templates that take their pool's hosts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from sovereign_ai.render.interop.cluster_api import cluster_api
from sovereign_ai.render.interop.hosts import bare_metal_hosts
from tests.render.interop.test_output_files import SMALL
from tests.render.lab import stack

FIELDS = yaml.load((Path(__file__).parent / "cluster-api-1.14.yaml").read_text(), yaml.CSafeLoader)


def objects(name: str) -> list[dict[str, Any]]:
    """Give the objects of every cluster of a stack, its BareMetalHosts too."""
    plan = stack(name)[1]
    documents = []
    for cluster in plan.clusters:
        documents += yaml.load_all(cluster_api(plan, cluster.name), yaml.CSafeLoader)
        documents += yaml.load_all(bare_metal_hosts(plan, cluster.name), yaml.CSafeLoader)
    return [document for document in documents if document]


def of_kind(name: str, kind: str) -> list[dict[str, Any]]:
    return [document for document in objects(name) if document["kind"] == kind]


@pytest.mark.parametrize("name", SMALL)
def test_every_field_is_one_of_its_definition(name: str):
    kinds = set()
    for document in objects(name):
        kind = f"{document['apiVersion']}/{document['kind']}"
        kinds.add(kind)
        problems = list(Draft202012Validator(FIELDS[kind]).iter_errors(document["spec"]))
        assert problems == [], document["metadata"]["name"]
    assert kinds == FIELDS.keys()


def test_a_field_that_a_definition_does_not_have_is_noticed():
    (template, *_) = of_kind("lab", "Metal3MachineTemplate")
    template["spec"]["template"]["spec"]["hostname"] = "train-001"
    schema = FIELDS["infrastructure.cluster.x-k8s.io/v1beta2/Metal3MachineTemplate"]
    assert list(Draft202012Validator(schema).iter_errors(template["spec"]))


@pytest.mark.parametrize("name", SMALL)
def test_each_template_takes_all_hosts_of_one_pool_and_no_others(name: str):
    plan = stack(name)[1]
    pools = {node.name: (node.cluster, node.pool) for node in plan.nodes}
    taken: dict[str, set[tuple[str, str]]] = {}
    hosts = of_kind(name, "BareMetalHost")
    templates = of_kind(name, "Metal3MachineTemplate")
    for template in templates:
        wanted = template["spec"]["template"]["spec"]["hostSelector"]["matchLabels"].items()
        for host in hosts:
            metadata = host["metadata"]
            if (
                wanted <= metadata["labels"].items()
                and metadata["namespace"] == template["metadata"]["namespace"]
            ):
                taken.setdefault(template["metadata"]["name"], set()).add(pools[metadata["name"]])
    assert all(len(members) == 1 for members in taken.values()), taken
    members = {pool for pools_of_template in taken.values() for pool in pools_of_template}
    assert members == {pools[node.name] for node in plan.nodes if node.bmc}
    assert len({template["metadata"]["name"] for template in templates}) == len(templates)


@pytest.mark.parametrize("name", SMALL)
def test_a_cluster_refers_to_its_own_metal3_cluster(name: str):
    metal3 = {
        (item["metadata"]["namespace"], item["metadata"]["name"]) for item in of_kind(name, "Metal3Cluster")
    }
    clusters = of_kind(name, "Cluster")
    assert [item["metadata"]["name"] for item in clusters] == [item.name for item in stack(name)[1].clusters]
    for cluster in clusters:
        reference = cluster["spec"]["infrastructureRef"]
        assert (cluster["metadata"]["namespace"], reference["name"]) in metal3


def test_machines_of_both_architectures_have_their_own_image():
    plan = stack("plural")[1]
    images = set()
    for template in of_kind("plural", "Metal3MachineTemplate"):
        images.add(template["spec"]["template"]["spec"]["image"]["url"])
    assert images == {"${IMAGE_URL_AMD64}", "${IMAGE_URL_ARM64}"}
    text = cluster_api(plan, plan.clusters[0].name)
    variables = set(re.findall(r"\$\{(\w+)\}", text))
    assert {"CLUSTER_APIENDPOINT_HOST", "IMAGE_URL_ARM64", "IMAGE_CHECKSUM_ARM64"} <= variables
