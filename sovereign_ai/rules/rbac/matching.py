"""RBAC rules and label selectors, evaluated as the API server evaluates them.

The source is kubernetes 1.37, pkg/apis/rbac/v1/evaluation_helpers.go. A right to a single named object counts
as the right: server-side apply creates an object by its name, and another object may get the name later.

    >>> may({"apiGroups": [""], "resources": ["*/exec"], "verbs": ["*"]}, "", "pods/exec", "create")
    True
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = Mapping[str, Any]
GROUP = "rbac.authorization.k8s.io"
"""The API group of roles and bindings."""
_IMPERSONATED = ("", "authentication.k8s.io")
"""API groups in which identities are impersonated.

The second one holds the verbs of constrained impersonation, since Kubernetes 1.35.
"""


def covers(rule: Object, group: str, resource: str) -> bool:
    """Return whether a rule is about a resource, subresource included."""
    matching = {"*", resource}
    # `*/exec` covers the subresource of every resource.
    if "/" in resource:
        subresource = resource.partition("/")[2]
        matching.add(f"*/{subresource}")
    resources = set(rule.get("resources") or ())
    return in_group(rule, group) and bool(matching & resources)


def may(rule: Object, group: str, resource: str, *verbs: str) -> bool:
    """Return whether a rule grants any of the verbs on a resource."""
    return covers(rule, group, resource) and does(rule, *verbs)


def does(rule: Object, *verbs: str) -> bool:
    """Return whether a rule grants any of the verbs on whatever it is about."""
    granted = set(rule.get("verbs") or ())
    return "*" in granted or not granted.isdisjoint(verbs)


def in_group(rule: Object, group: str) -> bool:
    """Return whether a rule is about resources of an API group."""
    return bool({"*", group} & set(rule.get("apiGroups") or ()))


def on_whole_resources(rule: Object) -> bool:
    """Return whether a rule is about a resource itself, and not about subresources alone."""
    return any("/" not in resource for resource in rule.get("resources") or ())


def impersonates(rule: Object, resource: str) -> bool:
    """Return whether a rule lets its holder impersonate a kind of identity.

    Constrained impersonation needs two rules together, such as `impersonate:serviceaccount` and
    `impersonate-on:serviceaccount:get`. Each of them counts alone, so that no combination is missed.
    """
    verbs = rule.get("verbs") or ()
    is_granted = any(verb == "*" or verb.startswith("impersonate") for verb in verbs)
    return is_granted and any(covers(rule, group, resource) for group in _IMPERSONATED)


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Return whether a label selector selects labels; an empty one selects everything."""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(meets(expression, labels) for expression in selector.get("matchExpressions") or ())


def meets(expression: Object, labels: Mapping[str, str]) -> bool:
    """Return whether labels meet one expression of a label selector."""
    key = expression["key"]
    values = expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    # An operator of a later release may select.
    return True
