"""Objects that a whole cluster shares: its namespace, the digests, priority classes."""

from __future__ import annotations

from sovereign_ai.names import SYSTEM_NAMESPACE
from sovereign_ai.render.kubernetes.base import POD_SECURITY_VERSION, pod_security
from tests.render.lab import every, one, stack


def test_the_digests_in_the_cluster_are_those_of_description_and_plan() -> None:
    factory, plan = stack("lab")
    data = one("ConfigMap", "factory", SYSTEM_NAMESPACE)["data"]
    assert (data["spec"], data["plan"], data["waivers"]) == (
        factory.digest,
        plan.digest,
        factory.waivers_digest,
    )


def test_the_system_namespace_permits_no_traffic_and_no_token() -> None:
    spec = one("NetworkPolicy", "default-deny", SYSTEM_NAMESPACE)["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert one("ServiceAccount", "default", SYSTEM_NAMESPACE)["automountServiceAccountToken"] is False


def test_opportunistic_work_preempts_nothing_and_serving_comes_first() -> None:
    classes = {obj["metadata"]["name"]: obj for obj in every("PriorityClass")}
    assert classes["sovereign-opportunistic"]["preemptionPolicy"] == "Never"
    order = sorted(classes, key=lambda name: classes[name]["value"])
    assert order == ["sovereign-opportunistic", "sovereign-training", "sovereign-inference"]


def test_every_mode_of_pod_security_is_restricted_at_a_pinned_version() -> None:
    labels = pod_security()
    assert len(labels) == 6
    assert set(labels.values()) == {"restricted", POD_SECURITY_VERSION}
