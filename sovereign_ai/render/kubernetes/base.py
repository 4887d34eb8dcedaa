"""Objects that a whole cluster shares: the system namespace, the digests and the record, priority classes."""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai import __version__
from sovereign_ai.names import SYSTEM_NAMESPACE
from sovereign_ai.plan import ClusterPlan, Plan
from sovereign_ai.render.kubernetes.objects import Maker, Object
from sovereign_ai.render.kubernetes.record import recorded
from sovereign_ai.rules import registry_digest
from sovereign_ai.spec import AIFactory

POD_SECURITY_VERSION = "v1.37"
"""The Kubernetes release whose Pod Security Standards apply; an upgrade of the cluster does not change it."""
# Serving preempts training, and training preempts opportunistic work, which itself preempts nothing.
_PRIORITIES = {
    "inference": (100_000, "PreemptLowerPriority", "Services that answer people"),
    "training": (50_000, "PreemptLowerPriority", "Jobs that were planned for"),
    "opportunistic": (1_000, "Never", "Work that fills what is left and waits for it"),
}


def pod_security() -> dict[str, str]:
    """Return the labels that hold a namespace to the restricted level in every mode."""
    labels: dict[str, str] = {}
    for mode in ("enforce", "audit", "warn"):
        labels[f"pod-security.kubernetes.io/{mode}"] = "restricted"
        labels[f"pod-security.kubernetes.io/{mode}-version"] = POD_SECURITY_VERSION
    return labels


def objects(factory: AIFactory, plan: Plan, cluster: ClusterPlan) -> Iterator[Object]:
    """Yield the cluster's own objects."""
    maker = Maker(factory.name)
    component = f"factory.{factory.name}"
    yield maker.make("v1", "Namespace", SYSTEM_NAMESPACE, component, labels=pod_security())
    facts = {
        "cluster": cluster.name,
        "factory": factory.name,
        "jurisdiction": cluster.jurisdiction,
        "plan": plan.digest,
        "rules": registry_digest(),
        "spec": factory.digest,
        "version": __version__,
        "waivers": factory.waivers_digest,
        **recorded(factory, plan, cluster.name),
    }
    yield maker.make("v1", "ConfigMap", "factory", component, namespace=SYSTEM_NAMESPACE, data=facts)
    # A pod of this namespace gets no token for the API unless it mounts one.
    yield maker.make(
        "v1",
        "ServiceAccount",
        "default",
        component,
        namespace=SYSTEM_NAMESPACE,
        automountServiceAccountToken=False,
    )
    deny_all = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    yield maker.make(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        "default-deny",
        component,
        namespace=SYSTEM_NAMESPACE,
        spec=deny_all,
    )
    for name, (value, preemption, words) in _PRIORITIES.items():
        yield maker.make(
            "scheduling.k8s.io/v1",
            "PriorityClass",
            f"sovereign-{name}",
            component,
            value=value,
            preemptionPolicy=preemption,
            description=words,
        )
