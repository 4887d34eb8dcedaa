"""The order in which objects must exist, and their Pulumi types, without Pulumi.

>>> meta = {"name": "q", "namespace": "red"}
>>> needs({"kind": "LocalQueue", "metadata": meta, "spec": {"clusterQueue": "train"}})
['Namespace/red', 'ClusterQueue/train']
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.render.kubernetes import is_of_platform, prerequisites

Object = Mapping[str, Any]
T = TypeVar("T")
RIGHTS = frozenset({"RoleBinding", "ClusterRoleBinding"})
LIMITS = frozenset({"LimitRange", "NetworkPolicy", "ResourceQuota"})
"""Kinds that limit what is permitted in a namespace."""
_PARTS = {
    "factory": "sovereign:index:FactoryBase",
    "platform": "sovereign:index:PlatformController",
    "pool": "sovereign:index:GpuNodePool",
    "policy": "sovereign:index:AdmissionPolicy",
    "storage": "sovereign:index:StorageTier",
    "tenant": "sovereign:index:Tenant",
    "zone": "sovereign:index:SecurityZone",
}


def token(obj: Object) -> str:
    """Return pulumi-kubernetes' type token: the core group is called `core`."""
    version = obj["apiVersion"]
    if "/" not in version:
        version = f"core/{version}"
    return f"kubernetes:{version}:{obj['kind']}"


def part_token(part: str) -> str:
    """Return the type token of the component of a part, such as `tenant.research`."""
    return _PARTS.get(part.split(".", 1)[0], "sovereign:index:Part")


def needs(obj: Object) -> list[str]:
    """Return the names of the objects that must exist before this one."""
    namespace = obj["metadata"].get("namespace")
    named = [f"Namespace/{namespace}"] if namespace else []
    spec, kind = obj.get("spec", {}), obj["kind"]
    if is_policy_binding(kind):
        named.append(f"{kind.removesuffix('Binding')}/{spec['policyName']}")
    if kind in RIGHTS:
        role = obj["roleRef"]
        scope = f"Role/{namespace}" if role["kind"] == "Role" else "ClusterRole"
        named.append(f"{scope}/{role['name']}")
    if kind == "FlowSchema":
        named.append(f"PriorityLevelConfiguration/{spec['priorityLevelConfiguration']['name']}")
    named += _queueing_needs(kind, spec)
    return named


def _queueing_needs(kind: str, spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield what an object of Kueue refers to, and is deleted before: a queue in use holds its check."""
    if kind == "LocalQueue":
        yield f"ClusterQueue/{spec['clusterQueue']}"
    if kind == "ClusterQueue":
        for check in (spec.get("admissionChecksStrategy") or {}).get("admissionChecks") or ():
            yield f"AdmissionCheck/{check['name']}"
    if kind == "AdmissionCheck" and spec.get("parameters"):
        yield f"{spec['parameters']['kind']}/{spec['parameters']['name']}"
    if kind == "MultiKueueConfig":
        for cluster in spec["clusters"]:
            yield f"MultiKueueCluster/{cluster}"


def is_policy_binding(kind: str) -> bool:
    """Return whether objects of a kind put an admission policy into force."""
    return kind.endswith("AdmissionPolicyBinding")


def policies_and_bindings(items: Iterable[T], kind_of: Callable[[T], str]) -> tuple[list[T], list[T]]:
    """Return admission policies and their bindings apart.

    Policies are written before their bindings, and deleted after them. The API server accepts a binding whose
    policy does not exist, and ignores it (`policyName` of ValidatingAdmissionPolicyBindingSpec in
    admissionregistration.k8s.io/v1): it enforces nothing, and would put into force whatever policy is
    created later under that name.

    Args:
        items: objects or keys of admission policies and bindings.
        kind_of: returns the kind of one of them.
    """
    policies: list[T] = []
    bindings: list[T] = []
    for item in items:
        if is_policy_binding(kind_of(item)):
            bindings.append(item)
        else:
            policies.append(item)
    return policies, bindings


def with_needed(objects: Iterable[Object], names: Collection[str]) -> set[str]:
    """Return the names of some objects and of all objects that must exist before them.

    Args:
        objects: all objects of a bundle.
        names: some of their names.
    """
    return _reached(_edges(objects), names)


def with_dependents(objects: Iterable[Object], names: Collection[str]) -> set[str]:
    """Return the names of some objects and of all objects that depend on them.

    Args:
        objects: all objects of a bundle.
        names: some of their names.
    """
    edges = _edges(objects)
    backwards: dict[str, list[str]] = {}
    for name, needed in edges.items():
        backwards.setdefault(name, [])
        for need in needed:
            backwards.setdefault(need, []).append(name)
    return _reached(backwards, names)


def _edges(objects: Iterable[Object]) -> dict[str, list[str]]:
    """Return for each object the names of those that it needs.

    Bindings in a namespace need all its limits, but for those of controllers.
    """
    by_name = {resource_name(obj): obj for obj in objects}
    found = prerequisites(by_name.values())
    limits: dict[str, list[str]] = {}
    for name, obj in by_name.items():
        if obj["kind"] in LIMITS:
            limits.setdefault(obj["metadata"].get("namespace", ""), []).append(name)
    edges = {}
    for name, obj in by_name.items():
        needed = [*needs(obj), *found.get(name, ())]
        # Nobody may work in a namespace before its quotas and network policies exist.
        if obj["kind"] in RIGHTS and not is_of_platform(obj):
            needed += limits.get(obj["metadata"].get("namespace", ""), [])
        edges[name] = [need for need in needed if need in by_name]
    return edges


def _reached(edges: Mapping[str, Collection[str]], names: Iterable[str]) -> set[str]:
    """Return some names and all names that are reached from them."""
    reached: set[str] = set()
    waiting = [name for name in names if name in edges]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += edges[name]
    return reached
