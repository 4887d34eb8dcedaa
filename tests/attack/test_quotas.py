"""What a tenant may have is bounded in each kind that costs machines or room in the control plane."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.render.kubernetes import render
from tests.rules.test_residency_by_default import described

MOST = 20_000
"""Objects of a kind that a tenant may have; etcd holds some hundred thousand in all."""
COUNTED = (
    "count/configmaps",
    "count/cronjobs.batch",
    "count/deployments.apps",
    "count/jobs.batch",
    "count/resourceclaims.resource.k8s.io",
    "count/resourceclaimtemplates.resource.k8s.io",
    "count/secrets",
    "count/statefulsets.apps",
    "persistentvolumeclaims",
    "pods",
    "services",
)
SHUT = ("services.loadbalancers", "services.nodeports", "models.storageclass.storage.k8s.io/requests.storage")


def quotas() -> dict[str, dict[str, Any]]:
    """Return the limits of each tenant's quota by its namespace."""
    factory, derived, _ = described()
    objects = render(factory, derived, "lab").objects
    limits: dict[str, dict[str, Any]] = {}
    for obj in objects:
        if obj["kind"] == "ResourceQuota" and obj["metadata"]["name"] == "tenant":
            limits[obj["metadata"]["namespace"]] = obj["spec"]["hard"]
    return limits


@pytest.mark.parametrize("resource", COUNTED)
def test_a_tenant_has_a_number_of_each_kind_and_no_more(resource: str) -> None:
    for limits in quotas().values():
        assert 1 <= int(limits[resource]) <= MOST


@pytest.mark.parametrize("resource", SHUT)
def test_ways_in_and_storage_of_others_are_shut(resource: str) -> None:
    assert quotas()["research"][resource] == "0"


@pytest.mark.parametrize("resource", ["requests.cpu", "requests.memory", "requests.nvidia.com/gpu"])
def test_a_tenant_has_its_part_of_the_machines_and_no_more(resource: str) -> None:
    limits = quotas()
    whole = {"requests.cpu": 16 * 224, "requests.memory": 16 * 2048, "requests.nvidia.com/gpu": 16 * 8}
    amounts = [int(tenant[resource].removesuffix("Gi")) for tenant in limits.values()]
    assert 0 < sum(amounts) <= whole[resource]


def test_every_tenant_can_still_run_something() -> None:
    for limits in quotas().values():
        assert int(limits["pods"]) >= 100
        assert int(limits["requests.cpu"]) >= 1
