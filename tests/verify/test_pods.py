from __future__ import annotations

from sovereign_ai.names import KEYS
from sovereign_ai.verify.pods import ProbeTarget, claim, claim_pod, gpu_pod, with_container, with_selector
from tests.verify.test_verdict import FACTORY, PLAN

CLUSTER = PLAN.clusters[0]
POOL = CLUSTER.pools[0]
PLACE = ProbeTarget(next(space for space in CLUSTER.namespaces if space.zone == POOL.zone), POOL)


def test_a_pod_requests_as_many_devices_as_its_limit() -> None:
    resources = gpu_pod(FACTORY, PLACE, "probe-a", 3)["spec"]["containers"][0]["resources"]
    assert resources["limits"][POOL.resource] == resources["requests"][POOL.resource] == "3"


def test_a_pod_stays_in_the_zone_of_its_namespace_and_in_its_pool() -> None:
    spec = gpu_pod(FACTORY, PLACE, "probe-a")["spec"]
    assert spec["nodeSelector"] == {KEYS.zone: POOL.zone, KEYS.pool: POOL.pool}
    assert not spec["automountServiceAccountToken"]


def test_a_claim_pod_uses_the_claim_of_its_name() -> None:
    pod = claim_pod(FACTORY, PLACE, "probe-a")
    made = claim(FACTORY, PLACE, "probe-a", "gpu.nvidia.com")
    assert pod["spec"]["resourceClaims"][0]["resourceClaimName"] == made["metadata"]["name"]
    assert made["metadata"]["namespace"] == pod["metadata"]["namespace"]


def test_a_changed_copy_leaves_the_pod_as_it_was() -> None:
    pod = gpu_pod(FACTORY, PLACE, "probe-a")
    assert with_selector(pod, {KEYS.zone: "other"})["spec"]["nodeSelector"][KEYS.zone] == "other"
    assert with_container(pod, image="other")["spec"]["containers"][0]["image"] == "other"
    assert pod == gpu_pod(FACTORY, PLACE, "probe-a")


def test_an_image_is_given_only_where_nodes_are_real() -> None:
    real = gpu_pod(FACTORY, ProbeTarget(PLACE.namespace, POOL, "registry/toolbox"), "probe-a")
    assert real["spec"]["containers"][0]["image"] == "registry/toolbox"
    simulated = gpu_pod(FACTORY, PLACE, "probe-a")["spec"]["containers"][0]["image"]
    assert simulated.startswith(FACTORY.images.registries[0].rstrip("/"))
