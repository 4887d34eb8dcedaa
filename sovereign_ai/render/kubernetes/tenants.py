"""A tenant's objects in a zone: namespace, roles, quotas and limits.

Tenants' people are groups of the identity provider: `tenant:<name>` may work in the namespace,
`tenant:<name>:viewers` may read it. No role permits exec, attach, port-forward or debug, changes of network
policies, roles or quotas, tokens, or a wildcard; viewers cannot read secrets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from sovereign_ai.catalog.system import system
from sovereign_ai.names import KEYS, tenant_groups
from sovereign_ai.plan import ClusterPlan, Namespace, Plan, devices
from sovereign_ai.render.kubernetes.base import pod_security
from sovereign_ai.render.kubernetes.devices import device_class
from sovereign_ai.render.kubernetes.objects import Maker, Object
from sovereign_ai.spec import AIFactory
from sovereign_ai.units import Bytes

ADMIN, VIEWER = "tenant-admin", "tenant-viewer"
_READ = ("get", "list", "watch")
_WRITE = (*_READ, "create", "update", "patch", "delete")
_RBAC = "rbac.authorization.k8s.io"
_GIB = 2**30

_CORE = "configmaps events limitranges persistentvolumeclaims pods pods/log resourcequotas"
_READABLE = (
    ("", f"{_CORE} serviceaccounts services"),
    ("apps", "daemonsets deployments replicasets statefulsets"),
    ("batch", "cronjobs jobs"),
    ("kueue.x-k8s.io", "localqueues workloads"),
    ("networking.k8s.io", "networkpolicies"),
    ("resource.k8s.io", "resourceclaims resourceclaimtemplates"),
)
_WRITABLE = (
    ("", "configmaps persistentvolumeclaims pods secrets services"),
    ("apps", "deployments statefulsets"),
    ("batch", "cronjobs jobs"),
    ("resource.k8s.io", "resourceclaims resourceclaimtemplates"),
)
WORK: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "jobset": ("jobset.x-k8s.io", "jobsets"),
        "lws": ("leaderworkerset.x-k8s.io", "leaderworkersets"),
        "trainer": ("trainer.kubeflow.org", "trainjobs"),
    }
)
"""Controllers of a platform to the kind of work that tenants write for them: API group, resource.

Such work makes pods as a Job does, which tenants may write everywhere.
"""


def objects(factory: AIFactory, plan: Plan, cluster: ClusterPlan) -> Iterator[Object]:
    """Yield the objects of every tenant's namespace in the cluster."""
    maker = Maker(factory.name)
    devices_by_namespace = devices(cluster)
    named = factory.platform.names() if factory.platform is not None else ()
    work = [WORK[name] for name in sorted(named) if name in WORK]
    for namespace in cluster.namespaces:
        name, component = namespace.name, f"tenant.{namespace.tenant}"
        labels = {KEYS.tenant: namespace.tenant, KEYS.namespace_zone: namespace.zone, **pod_security()}
        yield maker.make("v1", "Namespace", name, component, labels=labels)
        for account in ("default", "workload"):
            yield maker.make(
                "v1",
                "ServiceAccount",
                account,
                component,
                namespace=name,
                automountServiceAccountToken=False,
            )
        yield from _roles(maker, namespace, component, work)
        limited, claimable = namespace, devices_by_namespace[name]
        if factory.zone(namespace.zone).idle_quota == "lent":
            # A namespace's quota cannot be lent: Kueue's queues, which can, divide the zone instead.
            limited, claimable = _whole_zone(cluster, namespace)
        hard = _quota(plan, cluster, limited, claimable)
        yield maker.make("v1", "ResourceQuota", "tenant", component, namespace=name, spec={"hard": hard})
        limits = {"limits": [_DEFAULTS]}
        yield maker.make("v1", "LimitRange", "defaults", component, namespace=name, spec=limits)


# A quota on CPU and memory refuses a pod that requests none, so every container gets a request; it sets no
# limit.
_DEFAULTS = {"type": "Container", "defaultRequest": {"cpu": "100m", "memory": "256Mi"}}
"""The request of a container that states none."""


def _roles(
    maker: Maker, namespace: Namespace, component: str, work: Sequence[tuple[str, str]]
) -> Iterator[Object]:
    """Yield both roles and their bindings.

    Args:
        maker: makes the objects.
        namespace: the tenant's namespace.
        component: what they are part of.
        work: API group and resource of each further kind of work.
    """
    read: list[dict[str, Any]] = []
    for api_group, resources in (*_READABLE, *work):
        rule = _policy_rule(api_group, resources, _READ)
        read.append(rule)
    write: list[dict[str, Any]] = []
    for api_group, resources in (*_WRITABLE, *work):
        rule = _policy_rule(api_group, resources, _WRITE)
        write.append(rule)
    workers, viewers = tenant_groups(namespace.tenant)
    yield from _role(maker, namespace, component, ADMIN, [*read, *write], workers)
    yield from _role(maker, namespace, component, VIEWER, read, viewers)


def _role(
    maker: Maker,
    namespace: Namespace,
    component: str,
    role: str,
    rules: Sequence[Mapping[str, Any]],
    subject: str,
) -> Iterator[Object]:
    """Yield a role, and its binding to a group of people."""
    yield maker.make(f"{_RBAC}/v1", "Role", role, component, namespace=namespace.name, rules=list(rules))
    yield maker.make(
        f"{_RBAC}/v1",
        "RoleBinding",
        role,
        component,
        namespace=namespace.name,
        roleRef={"apiGroup": _RBAC, "kind": "Role", "name": role},
        subjects=[{"apiGroup": _RBAC, "kind": "Group", "name": subject}],
    )


def _policy_rule(api_group: str, resources: str, verbs: Sequence[str]) -> dict[str, Any]:
    """Return one RBAC rule."""
    return {"apiGroups": [api_group], "resources": resources.split(), "verbs": list(verbs)}


def _quota(
    plan: Plan, cluster: ClusterPlan, namespace: Namespace, claimable: Mapping[tuple[str, str], int]
) -> dict[str, str]:
    """Return a namespace's hard limits, sorted by name.

    They limit devices by resource and by claim, pods and other objects, CPU, memory, and storage by class. No
    Service may have a port to the outside.

    Args:
        plan: the plan.
        cluster: the cluster.
        namespace: the namespace.
        claimable: (resource, MIG profile) to how many devices the namespace may use.
    """
    # Every namespace has the same share of the pods that the cluster can run.
    pods = max(1, cluster.pods // max(1, len(cluster.namespaces)))
    hard = {
        "pods": str(pods),
        "count/resourceclaims.resource.k8s.io": str(pods),
        "services.loadbalancers": "0",
        "services.nodeports": "0",
        **_computing_limits(cluster, namespace),
    }
    for name, (least, most) in _OBJECTS.items():
        hard[name] = str(min(max(pods, least), most))
    for pool in cluster.pools:
        # Kubernetes refuses a quota of a resource without a name.
        if not pool.resource:
            continue
        counts = [count for (resource, _), count in claimable.items() if resource == pool.resource]
        hard[f"requests.{pool.resource}"] = str(sum(counts))
    for name, count in _claims_by_class(cluster, claimable).items():
        hard[f"{name}.deviceclass.resource.k8s.io/devices"] = str(count)
    for tier in plan.storage:
        if tier.site != cluster.site or not tier.protocol.has_storage_class:
            continue
        # Storage of other zones is limited to nothing, since a class without a limit would be open.
        capacity = Bytes(tier.capacity).to_kubernetes() if tier.zone == namespace.zone else "0"
        hard[f"{tier.tier}.storageclass.storage.k8s.io/requests.storage"] = capacity
    return dict(sorted(hard.items()))


_OBJECTS: dict[str, tuple[int, int]] = {
    "count/configmaps": (100, 5_000),
    "count/cronjobs.batch": (100, 1_000),
    "count/deployments.apps": (100, 5_000),
    "count/jobs.batch": (100, 20_000),
    "count/resourceclaimtemplates.resource.k8s.io": (100, 1_000),
    "count/secrets": (100, 5_000),
    "count/statefulsets.apps": (100, 5_000),
    "persistentvolumeclaims": (100, 20_000),
    "services": (100, 2_000),
}
"""Kinds of objects to (least, most) that a namespace may hold; between these, as many as pods.

The limits are static: 5,000 Secrets and as many ConfigMaps of 1 MiB, the most that one may hold, are larger
than etcd's 8 GiB. So the upper limits bound the load of one tenant on the control plane, and not what etcd
holds. Kubernetes tests 10,000 Services a cluster."""


def _whole_zone(cluster: ClusterPlan, namespace: Namespace) -> tuple[Namespace, dict[tuple[str, str], int]]:
    """Return a namespace as if all of its zone's GPUs were its own, and the devices that it may use then."""
    gpus: dict[str, int] = {}
    claimable: dict[tuple[str, str], int] = {}
    for pool in cluster.work_pools:
        if pool.zone == namespace.zone and pool.resource:
            gpus[pool.resource] = gpus.get(pool.resource, 0) + pool.gpus
            device = (pool.resource, pool.mig)
            claimable[device] = claimable.get(device, 0) + pool.devices
    return replace(namespace, gpus=gpus), claimable


def _computing_limits(cluster: ClusterPlan, namespace: Namespace) -> dict[str, str]:
    """Return the CPUs and the memory that a namespace's pods may request, of its zone's nodes in the cluster.

    The namespace has its share of the zone's GPUs. A tenant without GPUs gets an equal share, since its pods
    run beside the others. Spare nodes are not counted. A zone without nodes in the cluster has no limit, for
    none of its pods can run.
    """
    cpus, memory, whole = 0, 0, 0
    for pool in cluster.work_pools:
        if pool.zone != namespace.zone:
            continue
        machine = system(pool.system)
        cpus += pool.nodes * machine.cpus
        memory += pool.nodes * machine.memory.count
        whole += pool.gpus
    if not cpus:
        return {}
    share = sum(namespace.gpus.values())
    if not share:
        share = 1
        whole = sum(other.zone == namespace.zone for other in cluster.namespaces)
    # Whole GiB read better than bytes, and no pod requests less than that of a node.
    gibibytes = memory * share // whole // _GIB
    return {
        "requests.cpu": str(cpus * share // whole),
        "requests.memory": Bytes(gibibytes * _GIB).to_kubernetes(),
    }


def _claims_by_class(cluster: ClusterPlan, claimable: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Return how many devices a namespace may claim of each device class of the cluster.

    Args:
        cluster: the cluster.
        claimable: (resource, MIG profile) to how many devices the namespace may use.
    """
    classes: dict[tuple[str, str], str] = {}
    for pool in cluster.pools:
        name = device_class(pool)
        if name:
            classes[pool.resource, pool.mig] = name
    counts = dict.fromkeys(classes.values(), 0)
    for device, name in classes.items():
        counts[name] += claimable.get(device, 0)
    return counts
