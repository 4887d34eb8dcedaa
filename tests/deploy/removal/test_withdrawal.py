from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from sovereign_ai.deploy.removal.withdrawal import _ORDER, is_applied_by_tool, withdraw, withdrawn
from sovereign_ai.errors import DeploymentError
from sovereign_ai.rules.kinds import KINDS
from tests.render.lab import bundle

OURS = [{"manager": "sovereign-ai", "operation": "Apply"}]


def obj(
    kind: str, name: str, namespace: str = "", managers: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": name, "managedFields": OURS if managers is None else managers}
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": meta | ({"namespace": namespace} if namespace else {}),
    }


class Cluster:
    """An API server in memory that records deletions; a namespace is Terminating for some reads."""

    def __init__(self, objects: Iterable[dict[str, Any]], reads: int = 1) -> None:
        self.objects = list(objects)
        self.deleted: list[str] = []
        self.reads = reads

    def list(self, _version: str, kind: str, label_selector: str) -> list[dict[str, Any]]:
        assert label_selector.endswith("=lab")
        return [live for live in self.objects if live["kind"] == kind]

    def delete(self, _version: str, kind: str, name: str, namespace: str | None = None, **_: Any) -> bool:
        self.deleted.append("/".join(part for part in (kind, namespace, name) if part))
        return True

    def get(self, _version: str, _kind: str, name: str) -> dict[str, Any] | None:
        self.reads -= 1
        if self.reads < 0:
            return None
        condition = {
            "status": "True",
            "message": "Some content in the namespace has finalizers remaining: example.com/hold",
        }
        return {"metadata": {"name": name}, "status": {"conditions": [condition]}}

    def many(self, calls: Iterable[Callable[[], Any]]) -> list[Any]:
        return [call() for call in calls]


def silent(_line: str) -> None:
    """Take a line of progress."""


def test_every_kind_that_the_renderer_writes_and_a_policy_judges_is_withdrawn() -> None:
    stacks = ("lab", "superpod", "plural")
    rendered = {item["kind"] for name in stacks for item in bundle(name).objects}
    of_manifests = {"ClusterRoleBinding", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
    judged = {kind for kind in rendered if kind in KINDS and KINDS[kind].group}
    assert judged | of_manifests == set(_ORDER)


def test_webhooks_of_controllers_go_before_the_namespaces_of_their_servers() -> None:
    live = [obj("Namespace", "hooks"), obj("ValidatingWebhookConfiguration", "hook")]
    cluster: Any = Cluster(live)
    withdraw(cluster, withdrawn(cluster, [], "lab"), silent)
    assert cluster.deleted == ["ValidatingWebhookConfiguration/hook", "Namespace/hooks"]


def test_rights_go_first_then_openings_and_namespaces_last_with_what_lies_in_them() -> None:
    live = [
        obj("Namespace", "old"),
        obj("StorageClass", "tier"),
        obj("NetworkPolicy", "to-open", "kept"),
        obj("NetworkPolicy", "default-deny", "old"),
        obj("Role", "tenant-admin", "old"),
        obj("RoleBinding", "tenant-admin", "old"),
        obj("RoleBinding", "gone", "kept"),
    ]
    cluster: Any = Cluster(live)
    withdraw(cluster, withdrawn(cluster, [], "lab"), silent)
    assert cluster.deleted == [
        "RoleBinding/old/tenant-admin",
        "RoleBinding/kept/gone",
        "NetworkPolicy/kept/to-open",
        "StorageClass/tier",
        "Namespace/old",
    ]


def test_what_the_bundle_contains_and_what_somebody_else_applied_is_left_alone() -> None:
    foreign = obj("RoleBinding", "foreign", "kept", managers=[{"manager": "kubectl", "operation": "Update"}])
    cluster: Any = Cluster([obj("Namespace", "kept"), foreign])
    assert withdrawn(cluster, [obj("Namespace", "kept")], "lab") == []


def test_an_update_in_our_name_is_no_apply() -> None:
    assert not is_applied_by_tool(
        obj("Role", "r", managers=[{"manager": "sovereign-ai", "operation": "Update"}])
    )


def test_a_namespace_that_does_not_go_is_an_error_with_what_holds_it() -> None:
    cluster: Any = Cluster([obj("Namespace", "old")], reads=1000)
    with pytest.raises(DeploymentError, match=r"old is still Terminating.*example.com/hold"):
        withdraw(cluster, withdrawn(cluster, [], "lab"), silent, wait_seconds=0)
