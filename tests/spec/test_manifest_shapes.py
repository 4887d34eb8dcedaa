"""Shapes of rights, webhooks and their like: every wrong one is named, and no reader meets one."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.render.kubernetes.object_order import levels, prerequisites
from sovereign_ai.render.kubernetes.platform import objects as rendered
from sovereign_ai.rules.description.platform_rights import RULES
from sovereign_ai.spec.manifest_shapes import ADMISSION, RBAC, wrong_shapes
from tests.rules.subject import factory_of, plan_of

SELECTOR = {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}]}
CLIENT = {"service": {"name": "a", "namespace": "kueue-system"}}
ROLE = {
    "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["create"], "resourceNames": ["a"]}],
    "aggregationRule": {"clusterRoleSelectors": [SELECTOR]},
}
BINDING = {
    "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "a"},
    "subjects": [{"kind": "ServiceAccount", "name": "a", "namespace": "kueue-system"}],
}
RULE = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["secrets"]}
HOOK = {
    "webhooks": [
        {"name": "a.b.c", "clientConfig": CLIENT, "rules": [RULE], "namespaceSelector": SELECTOR},
    ]
}
SERVER = {"spec": {"group": "a.b", "version": "v1", **CLIENT}}
WRONG: list[Any] = [None, 1, "x", [], {}, [1], {"a": 1}, [[1]], True, [None], ["x"], {"a": {"b": [1]}}]


def whole(group: str, kind: str, body: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": "a"}, **body}


OBJECTS = [
    whole(RBAC, "ClusterRole", ROLE),
    whole(RBAC, "ClusterRoleBinding", BINDING),
    whole(ADMISSION, "ValidatingWebhookConfiguration", HOOK),
    whole("apiregistration.k8s.io", "APIService", SERVER),
]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every value below one."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, below in inner:
        yield (*path, name)
        yield from paths(below, (*path, name))


def changed(obj: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    fresh = copy.deepcopy(obj)
    inner: Any = fresh
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return fresh


def test_what_publishers_write_has_the_right_shape() -> None:
    for obj in OBJECTS:
        assert list(wrong_shapes(obj, obj["apiVersion"].partition("/")[0])) == []


@pytest.mark.parametrize(
    ("obj", "path"),
    [
        (whole(RBAC, "Role", {"rules": {}}), "rules"),
        (whole(RBAC, "Role", {"rules": [None]}), "rules[0]"),
        (whole(RBAC, "RoleBinding", {}), "roleRef"),
        (whole(RBAC, "RoleBinding", {"roleRef": {"kind": "Role"}}), "roleRef.name"),
        (changed(OBJECTS[0], ("rules", 0, "verbs", 0), 1), "rules[0].verbs[0]"),
        (
            changed(OBJECTS[2], ("webhooks", 0, "clientConfig", "service"), "a"),
            "webhooks[0].clientConfig.service",
        ),
        (changed(OBJECTS[3], ("spec",), []), "spec"),
    ],
)
def test_a_wrong_shape_is_named_by_its_path(obj: dict[str, Any], path: str) -> None:
    assert [found for found, _ in wrong_shapes(obj, obj["apiVersion"].partition("/")[0])] == [path]


@pytest.mark.parametrize("obj", OBJECTS, ids=lambda obj: str(obj["kind"]))
def test_what_is_accepted_is_read_by_every_rule_on_controllers(obj: dict[str, Any]) -> None:
    described = plan_of(factory_of())
    others = [other for other in OBJECTS if other is not obj]
    accepted = 0
    for path in paths({name: obj[name] for name in obj if name not in {"apiVersion", "kind", "metadata"}}):
        for value in WRONG:
            manifests = [changed(obj, path, value), *others]
            controllers = [{"name": "kueue", "manifests": manifests}]
            try:
                factory = factory_of(platform={"queueing": "kueue", "controllers": controllers})
            except SpecError:
                continue
            accepted += 1
            for rule in RULES:
                assert rule.decide is not None
                list(rule.decide(rule, factory, described))
            levels(prerequisites(list(rendered(factory))))
    assert accepted >= 10
