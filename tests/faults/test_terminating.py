"""Namespaces and objects that somebody else's finalizer keeps from going. On a real control plane."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api
from tests.life import Lab, within

pytestmark = pytest.mark.faults_long
HOLD = "example.com/hold"
MERGE = "application/merge-patch+json"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("terminating"))
    try:
        made.on_plane("up")
        yield made
    finally:
        made.end()


def hold(api: Api, namespace: str) -> None:
    """Put an object with a finalizer into a namespace, as somebody's controller does."""
    meta = {"name": "work", "namespace": namespace, "finalizers": [HOLD]}
    api.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}, field_manager="somebody")


def let_go(api: Api, namespace: str) -> None:
    """Take the finalizer off again."""
    path = f"/api/v1/namespaces/{namespace}/configmaps/work"
    api.request("PATCH", path, {"metadata": {"finalizers": []}}, content_type=MERGE)


def require_words(document: dict[str, Any]) -> None:
    (problem,) = document["problems"]
    assert (problem["code"], problem["field"]) == ("still-terminating", "ConfigMap/research/work")
    assert f"has the finalizer {HOLD}, set by 'somebody'" in problem["message"]
    assert HOLD in problem["hint"]


def test_down_names_what_holds_a_namespace_and_converges_when_it_is_gone(lab: Lab) -> None:
    hold(lab.api, "research")
    for _ in range(2):
        began = time.monotonic()
        require_words(lab.on_plane("down", "--keep-cluster", "--wait", "5", code=4))
        assert time.monotonic() - began < 120
    let_go(lab.api, "research")
    lab.on_plane("down", "--keep-cluster")
    assert within(30, lambda: lab.api.get("v1", "Namespace", "research") is None)
    lab.on_plane("up")
    assert lab.verify() == []


def test_up_into_a_namespace_that_is_going_waits_and_names_what_holds_it(lab: Lab) -> None:
    hold(lab.api, "research")
    lab.api.delete("v1", "Namespace", "research")
    require_words(lab.on_plane("up", "--wait", "5", code=4))
    let_go(lab.api, "research")
    lab.on_plane("up")
    assert lab.verify() == []


def test_up_that_removes_a_tenant_asks_first_and_names_what_holds_its_namespace(lab: Lab) -> None:
    text = (lab.stack / "factory.yaml").read_text()
    without = text.replace("tenants: [research]", "tenants: []").replace(
        "  - {name: research, seat: DE, gpus: 96, data: [personal]}\n", ""
    )
    assert without != text
    (lab.stack / "factory.yaml").write_text(without)
    hold(lab.api, "research")
    (asked,) = lab.on_plane("up", code=2)["problems"]
    assert (asked["code"], asked["field"]) == ("deletes-data", "Namespace/research")
    assert "1 ConfigMap" in asked["message"]
    assert lab.on_plane("preview")["asks"] == [asked]
    require_words(lab.on_plane("up", "--allow-delete", "research", "--wait", "5", code=4))
    let_go(lab.api, "research")
    lab.on_plane("up", "--allow-delete", "research")
    assert lab.verify() == []
    (lab.stack / "factory.yaml").write_text(text)
    lab.on_plane("up")
    assert lab.verify() == []


def test_an_object_outside_namespaces_is_named_as_well(lab: Lab) -> None:
    path = "/apis/storage.k8s.io/v1/storageclasses/models"
    query = {"fieldManager": "somebody"}
    lab.api.request("PATCH", path, {"metadata": {"finalizers": [HOLD]}}, query, MERGE)
    (problem,) = lab.on_plane("down", "--keep-cluster", "--wait", "5", code=4)["problems"]
    assert problem["field"] == "StorageClass/models"
    assert f"{HOLD}, set by 'somebody'" in problem["message"]
    lab.api.request("PATCH", path, {"metadata": {"finalizers": []}}, content_type=MERGE)
    lab.on_plane("down", "--keep-cluster")
    assert lab.on_plane("down", "--keep-cluster").get("changes", {}) == {}
