"""Work of tenants that stands while the description changes: what an older one admitted can be ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.cluster.api.errors import ApiError
from tests.daytwo.edits import edited
from tests.daytwo.probes import _pod
from tests.daytwo.standing import Standing
from tests.daytwo.table import described
from tests.life import Lab, within

pytestmark = pytest.mark.daytwo
DEPLOYMENTS, JOBS = ("apps/v1", "Deployment"), ("batch/v1", "Job")
OLD, NEW = "registry.example.com/ai", "registry.example.org/ai"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    made = Standing(Lab(tmp_path_factory.mktemp("workloads")))
    try:
        made.goes_to(described("lab"))
        yield made
    finally:
        made.lab.end()


def template(registry: str) -> dict[str, Any]:
    """Return a pod template with an image of a registry."""
    spec = _pod("research", f"{registry}/a@sha256:{64 * 'a'}", {}, "")["spec"]
    return {"metadata": {"labels": {"app": "a"}}, "spec": spec}


def work(api: Api) -> None:
    """Start a deployment and a job in a tenant's namespace."""
    meta = {"name": "a", "namespace": "research"}
    deployment = {"replicas": 2, "selector": {"matchLabels": {"app": "a"}}, "template": template(OLD)}
    api.create({"apiVersion": DEPLOYMENTS[0], "kind": DEPLOYMENTS[1], "metadata": meta, "spec": deployment})
    job = template(OLD)
    job["spec"]["restartPolicy"] = "Never"
    spec = {"parallelism": 1, "completions": 50, "template": job}
    api.create({"apiVersion": JOBS[0], "kind": JOBS[1], "metadata": meta, "spec": spec})


def replicas(api: Api) -> dict[str, int]:
    """Return how many pods there are of each registry, by the replica sets of the deployment."""
    found = {}
    for obj in api.list("apps/v1", "ReplicaSet"):
        if obj["metadata"]["namespace"] == "research":
            image = obj["spec"]["template"]["spec"]["containers"][0]["image"]
            found[image.rpartition("/")[0]] = obj["status"].get("replicas", 0)
    return found


def test_a_deployment_is_rolled_to_a_registry_that_took_the_place_of_its_own_and_a_job_suspended(
    standing: Standing,
) -> None:
    api = standing.lab.api
    work(api)
    assert within(60, lambda: replicas(api) == {OLD: 2})
    standing.goes_to(edited(described("lab"), [{"set": "images.registries", "to": [NEW]}]))
    with pytest.raises(ApiError, match="IMG-001"):
        api.patch(*JOBS, "a", {"spec": {"parallelism": 2}}, "research")
    api.patch(*JOBS, "a", {"spec": {"suspend": True}}, "research")
    with pytest.raises(ApiError, match="IMG-001"):
        api.patch(*JOBS, "a", {"spec": {"suspend": False}}, "research")
    containers = template(NEW)["spec"]["containers"]
    api.patch(*DEPLOYMENTS, "a", {"spec": {"template": {"spec": {"containers": containers}}}}, "research")
    assert within(120, lambda: replicas(api) == {OLD: 0, NEW: 2})


def test_a_namespace_with_a_tenant_s_work_does_not_become_another_tenant_s(standing: Standing) -> None:
    api = standing.lab.api
    shared = edited(
        described("lab"),
        [
            {"set": "zones[open].tenants", "to": ["startups", "research"]},
            {"set": "tenants[startups].gpus", "to": 16},
            {"set": "tenants[research].gpus", "to": 16},
            {"set": "tenants[research].home", "to": "restricted"},
        ],
    )
    standing.goes_to(shared)
    meta = {"name": "notes", "namespace": "research-open"}
    api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"of": "research"}})
    guest = {"name": "research-open", "seat": "DE", "gpus": 8}
    handed = edited(
        shared,
        [
            {"add": "tenants", "entry": guest},
            {"set": "zones[open].tenants", "to": ["startups", "research-open"]},
        ],
    )
    standing.refuses(handed, "namespace-handed-on")
    api.delete("v1", "ConfigMap", "notes", "research-open")
    standing.goes_to(handed)
