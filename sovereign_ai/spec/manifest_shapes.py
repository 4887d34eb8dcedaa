"""The shapes of rights, webhooks and their like in manifests: a wrong one is a problem with its place.

Rules follow these objects field by field, and a person mistypes a list as a text. Only the fields that
something here reads are described; the API server judges all others.

    >>> [path for path, _ in wrong_shapes({"kind": "ClusterRole", "rules": [{"verbs": "get"}]}, RBAC)]
    ['rules[0].verbs']
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass

RBAC = "rbac.authorization.k8s.io"
ADMISSION = "admissionregistration.k8s.io"


@frozen_dataclass
class _Fields:
    """A mapping with known fields; those in `required` may not be left out."""

    fields: Mapping[str, Any]
    required: Sequence[str] = field(default=())


_TEXTS = [str]
_EXPRESSION = _Fields({"key": str, "operator": str, "values": _TEXTS}, required=("key", "operator"))
_SELECTOR = _Fields({"matchLabels": Mapping, "matchExpressions": [_EXPRESSION]})
_RIGHT = _Fields(
    dict.fromkeys(("apiGroups", "nonResourceURLs", "resourceNames", "resources", "verbs"), _TEXTS)
)
_ROLE = _Fields(
    {"rules": [_RIGHT], "aggregationRule": _Fields({"clusterRoleSelectors": [_SELECTOR]})},
)
_REFERENCE = _Fields({"apiGroup": str, "kind": str, "name": str}, required=("kind", "name"))
_SUBJECT = _Fields({"apiGroup": str, "kind": str, "name": str, "namespace": str}, required=("kind", "name"))
_BINDING = _Fields({"roleRef": _REFERENCE, "subjects": [_SUBJECT]}, required=("roleRef",))
_SERVICE = _Fields({"name": str, "namespace": str, "path": str})
_CLIENT = _Fields({"service": _SERVICE, "url": str})
_JUDGED = _Fields(
    dict.fromkeys(("apiGroups", "apiVersions", "operations", "resources"), _TEXTS) | {"scope": str}
)
_WEBHOOK = _Fields(
    {
        "name": str,
        "clientConfig": _CLIENT,
        "rules": [_JUDGED],
        "namespaceSelector": _SELECTOR,
        "objectSelector": _SELECTOR,
        "failurePolicy": str,
    },
    required=("name", "clientConfig"),
)
_WEBHOOKS = _Fields({"webhooks": [_WEBHOOK]})
_CONVERSION = _Fields({"strategy": str, "webhook": _Fields({"clientConfig": _CLIENT})})
_SHAPES: Mapping[tuple[str, str], _Fields] = {
    (RBAC, "ClusterRole"): _ROLE,
    (RBAC, "Role"): _ROLE,
    (RBAC, "ClusterRoleBinding"): _BINDING,
    (RBAC, "RoleBinding"): _BINDING,
    (ADMISSION, "MutatingWebhookConfiguration"): _WEBHOOKS,
    (ADMISSION, "ValidatingWebhookConfiguration"): _WEBHOOKS,
    ("apiregistration.k8s.io", "APIService"): _Fields(
        {"spec": _Fields({"group": str, "version": str, "service": _SERVICE})}
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _Fields(
        {"spec": _Fields({"group": str, "conversion": _CONVERSION})}
    ),
}
_NAMES: Mapping[Any, str] = {str: "a text", Mapping: "a mapping of texts"}


def wrong_shapes(obj: Mapping[str, Any], group: str) -> Iterator[tuple[str, str]]:
    """Yield the path of each value that has another shape than its field, and the expected one in words.

    Args:
        obj: an object with a kind.
        group: its API group.
    """
    shape = _SHAPES.get((group, str(obj.get("kind"))))
    if shape is not None:
        yield from _wrong(obj, shape, "")


def _wrong(value: Any, shape: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the paths of wrong values at and below a path."""
    if isinstance(shape, _Fields):
        yield from _wrong_fields(value, shape, path)
    elif isinstance(shape, list):
        if not isinstance(value, list | tuple):
            yield path, "a list"
            return
        for index, item in enumerate(value):
            yield from _wrong(item, shape[0], f"{path}[{index}]")
    elif not isinstance(value, shape) or (shape is Mapping and not _holds_texts(value)):
        yield path, _NAMES[shape]


def _wrong_fields(value: Any, shape: _Fields, path: str) -> Iterator[tuple[str, str]]:
    """Yield the paths of wrong values in a mapping with known fields, and of what it lacks."""
    if not isinstance(value, Mapping):
        yield path, "a mapping"
        return
    for name, inner in shape.fields.items():
        below = f"{path}.{name}" if path else name
        if value.get(name) is not None:
            yield from _wrong(value[name], inner, below)
        elif name in shape.required:
            yield below, "a text" if inner is str else "a mapping"


def _holds_texts(value: Mapping[str, Any]) -> bool:
    """Return whether every value of a mapping is a text."""
    return all(isinstance(text, str) for text in value.values())
