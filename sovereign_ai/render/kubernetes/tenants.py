"""A tenant's place in a zone: namespace, rights, quotas and limits.

Tenants' people come as groups of the identity provider: `tenant:<name>` may work in the namespace,
`tenant:<name>:viewers` may look. No rights to exec, attach, port-forward or debug, none to network
policies, roles, quotas or tokens, no wildcard, and no secrets for viewers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sovereign_ai.names import KEYS
from sovereign_ai.plan.clusters import ClusterPlan, Namespace, devices
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.kubernetes.base import pod_security
from sovereign_ai.render.kubernetes.devices import device_class
from sovereign_ai.render.kubernetes.maker import Maker, Object
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.units import Bytes

ADMIN, VIEWER = "tenant-admin", "tenant-viewer"
_READ = ("get", "list", "watch")
_WRITE = (*_READ, "create", "update", "patch", "delete")
_RBAC = "rbac.authorization.k8s.io"

_READABLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "",
        (
            "configmaps",
            "events",
            "limitranges",
            "persistentvolumeclaims",
            "pods",
            "pods/log",
            "resourcequotas",
            "serviceaccounts",
            "services",
        ),
    ),
    ("apps", ("daemonsets", "deployments", "replicasets", "statefulsets")),
    ("batch", ("cronjobs", "jobs")),
    ("kueue.x-k8s.io", ("localqueues", "workloads")),
    ("networking.k8s.io", ("networkpolicies",)),
    ("resource.k8s.io", ("resourceclaims", "resourceclaimtemplates")),
)
_WRITABLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("configmaps", "persistentvolumeclaims", "pods", "secrets", "services")),
    ("apps", ("deployments", "statefulsets")),
    ("batch", ("cronjobs", "jobs")),
    ("resource.k8s.io", ("resourceclaims", "resourceclaimtemplates")),
)


def group(tenant: str) -> str:
    """Give the group of a tenant's people who may work."""
    return f"tenant:{tenant}"


def viewers(tenant: str) -> str:
    """Give the group of a tenant's people who may look."""
    return f"tenant:{tenant}:viewers"


def objects(factory: AIFactory, plan: Plan, cluster: ClusterPlan) -> Iterator[Object]:
    """Give the objects of every tenant's namespace in the cluster."""
    maker, held = Maker(factory.name), devices(cluster)
    for one in cluster.namespaces:
        component = f"tenant.{one.tenant}"
        labels = {KEYS.tenant: one.tenant, KEYS.namespace_zone: one.zone, **pod_security()}
        yield maker.make("v1", "Namespace", one.name, component, labels=labels)
        for account in ("default", "workload"):
            yield maker.make("v1", "ServiceAccount", account, component, namespace=one.name, automountServiceAccountToken=False)
        yield from _rights(maker, one, component)
        hard = _quota(plan, cluster, one, held[one.name])
        yield maker.make("v1", "ResourceQuota", "tenant", component, namespace=one.name, spec={"hard": hard})
        yield maker.make("v1", "LimitRange", "defaults", component, namespace=one.name, spec={"limits": [_DEFAULTS]})


_DEFAULTS = {"type": "Container", "defaultRequest": {"cpu": "100m", "memory": "256Mi"}}
"""What a container that asks for nothing is counted with; it sets no limit."""


def _rights(maker: Maker, one: Namespace, component: str) -> Iterator[Object]:
    """Give both roles and who has them."""
    looks = [_allow(api_group, resources, _READ) for api_group, resources in _READABLE]
    works = [*looks, *(_allow(api_group, resources, _WRITE) for api_group, resources in _WRITABLE)]
    for role, rules, subject in ((ADMIN, works, group(one.tenant)), (VIEWER, looks, viewers(one.tenant))):
        yield maker.make(f"{_RBAC}/v1", "Role", role, component, namespace=one.name, rules=rules)
        yield maker.make(
            f"{_RBAC}/v1",
            "RoleBinding",
            role,
            component,
            namespace=one.name,
            roleRef={"apiGroup": _RBAC, "kind": "Role", "name": role},
            subjects=[{"apiGroup": _RBAC, "kind": "Group", "name": subject}],
        )


def _allow(api_group: str, resources: Sequence[str], verbs: Sequence[str]) -> dict[str, Any]:
    """Write one RBAC rule."""
    return {"apiGroups": [api_group], "resources": list(resources), "verbs": list(verbs)}


def _quota(plan: Plan, cluster: ClusterPlan, one: Namespace, mine: Mapping[tuple[str, str], int]) -> dict[str, str]:
    """Give the namespace's limits: devices by resource and by claim, pods, storage by class, no way in from outside."""
    pods = str(max(1, cluster.pods // max(1, len(cluster.namespaces))))
    hard = {
        "pods": pods,
        "count/resourceclaims.resource.k8s.io": pods,
        "services.loadbalancers": "0",
        "services.nodeports": "0",
    }
    for pool in cluster.pools:
        hard[f"requests.{pool.resource}"] = str(sum(count for (resource, _), count in mine.items() if resource == pool.resource))
    hard |= {f"{name}.deviceclass.resource.k8s.io/devices": str(count) for name, count in _claimed(cluster, mine).items()}
    for tier in plan.storage:
        if tier.site == cluster.site and tier.protocol != "object":
            capacity = Bytes(tier.capacity).to_kubernetes() if tier.zone == one.zone else "0"
            hard[f"{tier.tier}.storageclass.storage.k8s.io/requests.storage"] = capacity
    return dict(sorted(hard.items()))


def _claimed(cluster: ClusterPlan, mine: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Count the devices that the namespace may claim, for each device class of the cluster; none of other zones' pools."""
    classes = {(pool.resource, pool.mig): name for pool in cluster.pools if (name := device_class(pool))}
    found = dict.fromkeys(classes.values(), 0)
    for way, name in classes.items():
        found[name] += mine.get(way, 0)
    return found
