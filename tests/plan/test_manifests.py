"""The objects of controllers as they are deployed: namespaces completed, what a server writes left out."""

from __future__ import annotations

from typing import Any

from sovereign_ai.plan.clusters import cluster_problems
from sovereign_ai.plan.manifests import plan_manifests
from sovereign_ai.plan.object_scopes import is_namespaced
from sovereign_ai.plan.platform import plan_platform
from tests.rules.subject import factory_of


def planned(*manifests: dict[str, Any], **details: Any) -> list[tuple[str, dict[str, Any]]]:
    controller = {"name": "kueue", "manifests": list(manifests), **details}
    factory = factory_of(platform={"queueing": "kueue", "controllers": [controller]})
    return [(manifest.title, manifest.obj) for manifest in plan_manifests(factory)]


def obj(api_version: str, kind: str, name: str = "a", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, **metadata}}


def test_a_namespace_that_is_left_out_is_the_controllers_and_comes_with_it() -> None:
    titles = [title for title, _ in planned(obj("v1", "ConfigMap"), obj("example.com/v1", "Widget"))]
    assert titles == ["Namespace/kueue-system", "ConfigMap/kueue-system/a", "Widget/a"]


def test_a_namespace_that_the_manifests_bring_or_kubernetes_has_is_not_added() -> None:
    own = planned(obj("v1", "Namespace", "kueue-system"), obj("v1", "ConfigMap"))
    assert [title for title, _ in own] == ["Namespace/kueue-system", "ConfigMap/kueue-system/a"]
    inside = planned(obj("v1", "ConfigMap"), namespace="kube-system")
    assert [title for title, _ in inside] == ["ConfigMap/kube-system/a"]


def test_a_definition_says_whether_its_objects_lie_in_a_namespace() -> None:
    spec = {"group": "example.com", "names": {"kind": "Widget"}, "scope": "Namespaced"}
    definition = {**obj("apiextensions.k8s.io/v1", "CustomResourceDefinition", "w.example.com"), "spec": spec}
    titles = [title for title, _ in planned(obj("example.com/v1", "Widget"), definition)]
    assert titles[1] == "Widget/kueue-system/a"


def test_what_only_a_server_writes_and_a_namespace_of_a_wide_kind_are_left_out() -> None:
    role = obj(
        "rbac.authorization.k8s.io/v1", "ClusterRole", namespace="kueue-system", creationTimestamp=None
    )
    assert planned({**role, "status": {}})[1][1]["metadata"] == {"name": "a"}
    assert "status" not in planned({**role, "status": {}})[1][1]


def test_a_kind_that_kubernetes_does_not_have_is_not_guessed() -> None:
    assert is_namespaced("apps", "Deployment") is True
    assert is_namespaced("storage.k8s.io", "StorageClass") is False
    assert is_namespaced("example.com", "Widget") is None


def test_the_plan_names_the_objects_and_keeps_their_namespaces_from_tenants() -> None:
    controller = {"name": "kueue", "manifests": [obj("v1", "Namespace", "research")]}
    factory = factory_of(platform={"queueing": "kueue", "controllers": [controller]})
    assert plan_platform(factory)[0].objects == ("Namespace/kueue-system", "Namespace/research")
    assert [problem.code for problem in cluster_problems(factory)] == ["name-taken"]
