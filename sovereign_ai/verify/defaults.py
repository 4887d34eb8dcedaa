"""The fields that the API server adds to an object that leaves them out.

Built-in kinds: the defaulting functions of Kubernetes 1.37 (pkg/apis/*/v1/defaults.go and the comments of the
API types), for the kinds that this package renders. A test applies each to a real server and compares.
Custom resources: the defaults in their own schema, as the server holds it.

    >>> obj = {"kind": "PriorityClass", "apiVersion": "scheduling.k8s.io/v1", "value": 1}
    >>> completed(obj)["preemptionPolicy"]
    'PreemptLowerPriority'
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

_RBAC_GROUP = "rbac.authorization.k8s.io"
_POLICY: dict[str, Any] = {
    "spec.failurePolicy": "Fail",
    "spec.matchConstraints.matchPolicy": "Equivalent",
    "spec.matchConstraints.namespaceSelector": {},
    "spec.matchConstraints.objectSelector": {},
    "spec.matchConstraints.resourceRules[].scope": "*",
    "spec.matchConstraints.excludeResourceRules[].scope": "*",
}
_POLICY_BINDING: dict[str, Any] = {
    "spec.matchResources.matchPolicy": "Equivalent",
    "spec.matchResources.namespaceSelector": {},
    "spec.matchResources.objectSelector": {},
    "spec.matchResources.resourceRules[].scope": "*",
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "ClusterRoleBinding": {"roleRef.apiGroup": _RBAC_GROUP},
    "Namespace": {"spec": {"finalizers": ["kubernetes"]}},
    "NetworkPolicy": {
        "spec.podSelector": {},
        "spec.ingress[].ports[].protocol": "TCP",
        "spec.egress[].ports[].protocol": "TCP",
    },
    "PriorityClass": {"preemptionPolicy": "PreemptLowerPriority"},
    "RoleBinding": {"roleRef.apiGroup": _RBAC_GROUP},
    "StorageClass": {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"},
    "MutatingAdmissionPolicy": _POLICY,
    "ValidatingAdmissionPolicy": _POLICY,
    "MutatingAdmissionPolicyBinding": _POLICY_BINDING,
    "ValidatingAdmissionPolicyBinding": _POLICY_BINDING,
}
"""Kind to the path of a field and its default; `[]` means each item of a list."""
_LEFT_OUT_IF_FALSE = {"PriorityClass": ("globalDefault",)}
"""Kind to the fields that the server does not store where they are false (`omitempty`)."""


def completed(obj: Mapping[str, Any], schema: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a copy of an object with the fields that the API server would add.

    Args:
        obj: the object as it was rendered.
        schema: a custom resource's schema; None for built-in kinds.
    """
    full = copy.deepcopy(dict(obj))
    if schema is not None:
        _fill_from_schema(full, schema)
        return full
    kind = full["kind"]
    for path, default in _DEFAULTS.get(kind, {}).items():
        *parents, last = path.split(".")
        for holder in _mappings_at(full, parents):
            # Null counts as left out, as it does for the server.
            if holder.get(last) is None:
                holder[last] = copy.deepcopy(default)
    for key in _LEFT_OUT_IF_FALSE.get(kind, ()):
        if full.get(key) is False:
            del full[key]
    # Defaults that depend on other fields of the object, and so are in no table.
    if kind == "NetworkPolicy":
        _add_policy_types(full.get("spec", {}))
    if kind in {"RoleBinding", "ClusterRoleBinding"}:
        _add_subject_groups(full)
    if kind == "LimitRange":
        _add_limit_defaults(full)
    return full


def _mappings_at(obj: dict[str, Any], path: list[str]) -> Iterator[dict[str, Any]]:
    """Yield every mapping at a path, where `[]` means each item of a list; create no missing ones."""
    if not path:
        yield obj
        return
    key, rest = path[0], path[1:]
    value = obj.get(key.removesuffix("[]"))
    items = [value]
    if key.endswith("[]"):
        items = value or []
    for item in items:
        if isinstance(item, dict):
            yield from _mappings_at(item, rest)


def _add_policy_types(spec: dict[str, Any]) -> None:
    """Add a network policy's types: ingress, and egress too if it has egress rules."""
    if spec.get("policyTypes"):
        return
    types = ["Ingress"]
    if spec.get("egress"):
        types.append("Egress")
    spec["policyTypes"] = types


def _add_subject_groups(obj: dict[str, Any]) -> None:
    """Add the API group of users and groups; service accounts are in the core group, which is empty."""
    for subject in obj.get("subjects") or []:
        if subject["kind"] != "ServiceAccount":
            subject.setdefault("apiGroup", _RBAC_GROUP)


def _add_limit_defaults(obj: dict[str, Any]) -> None:
    """Add the defaults of container limits.

    A maximum is the default limit; a default limit or a minimum is the default request.
    """
    for item in obj.get("spec", {}).get("limits") or []:
        if item["type"] != "Container":
            continue
        limit = {**item.get("max", {}), **item.get("default", {})}
        # The last one wins: a stated request, then the default limit, then the minimum.
        request = {**item.get("min", {}), **limit, **item.get("defaultRequest", {})}
        if limit:
            item["default"] = limit
        if request:
            item["defaultRequest"] = request


def _fill_from_schema(value: Any, schema: Mapping[str, Any]) -> None:
    """Add a schema's defaults in place, as the API server does for custom resources."""
    if isinstance(value, dict):
        for key, field_schema in (schema.get("properties") or {}).items():
            if key not in value and "default" in field_schema:
                value[key] = copy.deepcopy(field_schema["default"])
            # A default that was just added is filled in turn: its own fields may have defaults as well.
            if key in value:
                _fill_from_schema(value[key], field_schema)
        others = schema.get("additionalProperties")
        if isinstance(others, Mapping):
            for key in value:
                _fill_from_schema(value[key], others)
    elif isinstance(value, list):
        for item in value:
            _fill_from_schema(item, schema.get("items") or {})
