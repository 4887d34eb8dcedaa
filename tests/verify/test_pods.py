from __future__ import annotations

from sovereign_ai.names import KEYS
from sovereign_ai.rules import explain_unsigned
from sovereign_ai.verify.pod_probes import attempts
from sovereign_ai.verify.pods import (
    ProbeTarget,
    claim,
    claim_pod,
    gpu_pod,
    probe_image,
    with_container,
    with_selector,
)
from tests.daytwo.edits import edited
from tests.daytwo.probes import Described
from tests.daytwo.table import described
from tests.verify.test_verdict import FACTORY, PLAN, memory

CLUSTER = PLAN.clusters[0]
POOL = CLUSTER.pools[0]
PLACE = ProbeTarget(next(space for space in CLUSTER.namespaces if space.zone == POOL.zone), POOL)
_ALL = {"set": "images.signers[release].registries", "to": None}
"""Every registry wants signatures."""


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


def test_where_some_registry_wants_no_signature_the_image_is_of_that_one() -> None:
    first = {"set": "images.signers[release].registries", "to": ["registry.example.com/ai"]}
    factory = Described.of(edited(described("full"), [first, {"drop": "workloads"}])).factory
    assert probe_image(factory).startswith("registry.example.com/signed/probe@")


def test_where_every_registry_wants_signatures_the_image_is_signed_and_is_in_no_repository() -> None:
    factory = Described.of(edited(described("full"), [_ALL])).factory
    image = probe_image(factory)
    assert explain_unsigned(factory.images, image) == ""
    assert image == f"registry.example.com/ai/probe@sha256:{64 * 'a'}"


def test_where_no_image_may_run_no_pod_is_tried_but_those_that_must_be_refused() -> None:
    nothing_signed = [_ALL, {"set": "images.signatures", "to": None}, {"drop": "workloads"}]
    factory = Described.of(edited(described("full"), nothing_signed)).factory
    assert probe_image(factory) == ""
    assert gpu_pod(factory, PLACE, "probe-a")["spec"]["containers"][0]["image"]
    tried = attempts(memory(), factory, PLAN, [PLACE], frozenset({"gpu.nvidia.com"}), 0)
    assert {attempt.run() for attempt in tried} == {
        ("skipped", "every registry wants signatures, and no image is signed")
    }
