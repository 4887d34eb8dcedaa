"""What the API server adds to an object that leaves fields out.

Built-in kinds: the defaulting functions of Kubernetes 1.37 (pkg/apis/*/v1/defaults.go and the API
types' own words), for the kinds that we write; a test applies each to a real server and compares.
Custom resources: the defaults in their own schema, as the server holds it.

    >>> completed({"kind": "PriorityClass", "apiVersion": "scheduling.k8s.io/v1", "value": 1})["preemptionPolicy"]
    'PreemptLowerPriority'
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

_ANY_SELECTOR: dict[str, Any] = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
_POLICY: dict[str, Any] = {
    "spec.failurePolicy": "Fail",
    **{f"spec.matchConstraints.{key}": value for key, value in _ANY_SELECTOR.items()},
    "spec.matchConstraints.resourceRules[].scope": "*",
    "spec.matchConstraints.excludeResourceRules[].scope": "*",
}
_POLICY_BINDING: dict[str, Any] = {
    **{f"spec.matchResources.{key}": value for key, value in _ANY_SELECTOR.items()},
    "spec.matchResources.resourceRules[].scope": "*",
}
_TABLE: dict[str, dict[str, Any]] = {
    "ClusterRoleBinding": {"roleRef.apiGroup": "rbac.authorization.k8s.io"},
    "Namespace": {"spec": {"finalizers": ["kubernetes"]}},
    "NetworkPolicy": {
        "spec.podSelector": {},
        "spec.ingress[].ports[].protocol": "TCP",
        "spec.egress[].ports[].protocol": "TCP",
    },
    "PriorityClass": {"preemptionPolicy": "PreemptLowerPriority"},
    "RoleBinding": {"roleRef.apiGroup": "rbac.authorization.k8s.io"},
    "StorageClass": {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"},
    **dict.fromkeys(("MutatingAdmissionPolicy", "ValidatingAdmissionPolicy"), _POLICY),
    **dict.fromkeys(("MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicyBinding"), _POLICY_BINDING),
}
_LEFT_OUT_IF_FALSE = {"PriorityClass": ("globalDefault",)}
"""Fields that the server does not keep where they are false."""


def completed(obj: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give a copy of an object with the fields that the server would add.

    Args:
        obj: the object as we wrote it.
        schema: a custom resource's schema; None for built-in kinds.
    """
    full = copy.deepcopy(dict(obj))
    if schema is not None:
        _fill(full, schema)
        return full
    for path, value in _TABLE.get(full["kind"], {}).items():
        *parents, last = path.split(".")
        for holder in _holders(full, parents):
            if holder.get(last) is None:
                holder[last] = copy.deepcopy(value)
    for key in _LEFT_OUT_IF_FALSE.get(full["kind"], ()):
        if full.get(key) is False:
            del full[key]
    if full["kind"] == "NetworkPolicy":
        _policy_types(full.get("spec", {}))
    if full["kind"] in {"RoleBinding", "ClusterRoleBinding"}:
        _subjects(full)
    if full["kind"] == "LimitRange":
        _limits(full)
    return full


def _holders(obj: dict[str, Any], parents: list[str]) -> Iterator[dict[str, Any]]:
    """Find every mapping at a path; `[]` stands for each item of a list. Mappings that are not there are not made."""
    if not parents:
        yield obj
        return
    key, rest = parents[0], parents[1:]
    below = obj.get(key.removesuffix("[]"))
    for item in (below or []) if key.endswith("[]") else [below]:
        if isinstance(item, dict):
            yield from _holders(item, rest)


def _policy_types(spec: dict[str, Any]) -> None:
    """A policy without types is for ingress, and for egress too if it has egress rules."""
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _subjects(obj: dict[str, Any]) -> None:
    """Users and groups belong to RBAC's group, service accounts to the core group."""
    for subject in obj.get("subjects") or []:
        if subject["kind"] != "ServiceAccount":
            subject.setdefault("apiGroup", "rbac.authorization.k8s.io")


def _limits(obj: dict[str, Any]) -> None:
    """Of containers, a maximum is the default, and a default or a minimum the default request."""
    for item in obj.get("spec", {}).get("limits") or []:
        if item["type"] != "Container":
            continue
        limit = {**item.get("max", {}), **item.get("default", {})}
        request = {**item.get("min", {}), **limit, **item.get("defaultRequest", {})}
        item.update({key: value for key, value in (("default", limit), ("defaultRequest", request)) if value})


def _fill(value: Any, schema: Mapping[str, Any]) -> None:
    """Add a schema's defaults, as the API server does for custom resources."""
    if isinstance(value, dict):
        for key, below in (schema.get("properties") or {}).items():
            if key not in value and "default" in below:
                value[key] = copy.deepcopy(below["default"])
            if key in value:
                _fill(value[key], below)
        others = schema.get("additionalProperties")
        if isinstance(others, Mapping):
            for key in value:
                _fill(value[key], others)
    elif isinstance(value, list):
        for item in value:
            _fill(item, schema.get("items") or {})
