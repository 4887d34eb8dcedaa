"""A controller's manifests on a real API server: deployed, changed, drifted and taken away by `up` alone."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.plan.object_scopes import is_namespaced
from tests.life import Lab

pytestmark = pytest.mark.cluster
MANIFEST = (Path(__file__).parents[1] / "support" / "controller.yaml").read_text(encoding="utf-8")
IMAGE = "registry.example.com/ai/node-problem-detector@sha256:"
NEXT_VERSION = """  - name: v2
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: monitoring.example.com/v2
kind: Widget"""
APPS, FIRST_WIDGETS, WIDGETS = "apps/v1", "monitoring.example.com/v1", "monitoring.example.com/v2"
NAME, SPACE, DEFINITION = "node-problem-detector", "monitoring", "widgets.monitoring.example.com"
EMPTY = "node-problem-detector-webhook"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("manifests"))
    try:
        made.on_plane("up")
        yield made
    finally:
        made.end()


def describe(lab: Lab, manifest: str | None) -> None:
    """Write the description, with a controller that has this manifest, or without any."""
    file = lab.stack / "factory.yaml"
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    data.pop("platform", None)
    if manifest is not None:
        (lab.stack / "controller.yaml").write_text(manifest, encoding="utf-8")
        details = {"name": NAME, "namespace": SPACE, "manifests": ["controller.yaml"]}
        data["platform"] = {"health": [NAME], "controllers": [details]}
    file.write_text(yaml.safe_dump(data), encoding="utf-8")


def later(manifest: str) -> str:
    """Return the next version: another image, selector and service, and a newer version of its kind."""
    text = manifest.replace("a" * 64, "b" * 64).replace("    storage: true\n", "    storage: false\n")
    text = text.replace("---\napiVersion: monitoring.example.com/v1\nkind: Widget", NEXT_VERSION)
    text = text.replace(
        "{app.kubernetes.io/name: node-problem-detector}}\n  template", "{app: ksm}}\n  template"
    )
    text = text.replace(
        "labels: {app.kubernetes.io/name: node-problem-detector}\n    spec", "labels: {app: ksm}\n    spec"
    )
    return text.replace(
        "metadata: {name: node-problem-detector}\nspec:\n  clusterIP",
        "metadata: {name: ksm}\nspec:\n  clusterIP",
    )


def stored(api: Api, api_version: str, kind: str, name: str, namespace: str | None = None) -> dict[str, Any]:
    found = api.get(api_version, kind, name, namespace)
    assert found is not None
    return found


def test_the_table_of_kinds_without_a_namespace_is_that_of_a_real_api_server(lab: Lab) -> None:
    served = {(kind.api_version.rpartition("/")[0], kind.kind): kind.namespaced for kind in lab.api.kinds()}
    known = {key: is_namespaced(*key) for key in served}
    assert {key: value for key, value in known.items() if value is not None and value != served[key]} == {}
    assert {key[0] for key, value in known.items() if value is None} <= {
        "kueue.x-k8s.io",
        "visibility.kueue.x-k8s.io",
    }


def test_a_strangers_object_under_the_same_name_is_a_problem_before_the_first_write(lab: Lab) -> None:
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": NAME}}
    lab.api.create(role)
    describe(lab, MANIFEST)
    refused = lab.on_plane("up", code=3)
    assert [problem["code"] for problem in refused["problems"]] == ["object-not-ours"]
    assert lab.api.get("v1", "Namespace", SPACE) is None
    lab.api.delete(role["apiVersion"], "ClusterRole", NAME)


def test_one_up_deploys_the_manifests_and_the_next_one_changes_nothing(lab: Lab) -> None:
    describe(lab, MANIFEST)
    lab.on_plane("preview")
    lab.on_plane("up")
    workload = stored(lab.api, APPS, "Deployment", NAME, SPACE)
    assert workload["metadata"]["labels"][KEYS.component] == f"platform.{NAME}"
    assert stored(lab.api, "monitoring.example.com/v1", "Widget", "first", SPACE)["spec"]["colour"] == "blue"
    assert lab.verify("--no-probes") == []
    again = lab.on_plane("up")
    assert (again["changes"], again["restored"], again["orphans"]) == ({}, [], [])


def test_what_somebody_changes_or_adds_is_drift_and_put_back(lab: Lab) -> None:
    change = {"spec": {"replicas": 3, "template": {"spec": {"hostPID": True}}}}
    metadata = {"name": NAME, "namespace": SPACE}
    whole = {"apiVersion": APPS, "kind": "Deployment", "metadata": metadata, **change}
    lab.api.apply(whole, field_manager="somebody", force=True)
    # Under this tool's own name it is no less drift.
    lab.api.patch(APPS, "Deployment", NAME, {"spec": {"template": {"spec": {"hostIPC": True}}}}, SPACE)
    drift = lab.on_plane("drift", code=1)["drift"]
    assert {entry["field"] for entry in drift} == {
        "spec.replicas",
        "spec.template.spec.hostIPC",
        "spec.template.spec.hostPID",
    }
    assert lab.on_plane("up")["restored"] == [f"Deployment/{SPACE}/{NAME}"]
    assert lab.on_plane("drift")["drift"] == []


def test_what_a_controller_writes_into_its_empty_secret_stays_and_is_nowhere_to_be_seen(lab: Lab) -> None:
    key = base64.b64encode(b"a key that nobody may see").decode("ascii")
    filled = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": EMPTY, "namespace": SPACE}}
    lab.api.apply({**filled, "data": {"tls.key": key}}, field_manager="controller")
    assert lab.on_plane("drift")["drift"] == []
    lab.api.patch("v1", "Secret", EMPTY, {"metadata": {"labels": {KEYS.component: "taken"}}}, SPACE)
    assert [entry["field"] for entry in lab.on_plane("drift", code=1)["drift"]] == [
        f"metadata.labels[{KEYS.component}]"
    ]
    assert lab.on_plane("up")["restored"] == [f"Secret/{SPACE}/{EMPTY}"]
    assert stored(lab.api, "v1", "Secret", EMPTY, SPACE)["data"] == {"tls.key": key}
    assert lab.verify("--no-probes") == []
    for file in Path(lab.env["XDG_STATE_HOME"]).rglob("*.json*"):
        assert key.encode() not in file.read_bytes(), file


def test_another_version_comes_by_one_up(lab: Lab) -> None:
    describe(lab, later(MANIFEST))
    lab.on_plane("up")
    container = stored(lab.api, APPS, "Deployment", NAME, SPACE)["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == IMAGE + "b" * 64
    assert stored(lab.api, WIDGETS, "Widget", "first", SPACE)["spec"]["size"] == 3
    assert lab.api.get("v1", "Service", NAME, SPACE) is None
    assert lab.verify("--no-probes") == []
    assert lab.on_plane("up")["changes"] == {}


def test_a_definition_that_leaves_with_objects_of_others_must_be_asked_for(lab: Lab) -> None:
    lab.api.create(
        {"apiVersion": WIDGETS, "kind": "Widget", "metadata": {"name": "theirs", "namespace": "default"}}
    )
    describe(lab, None)
    refused = lab.on_plane("up", code=2)
    fields = {problem["field"] for problem in refused["problems"]}
    assert fields == {f"CustomResourceDefinition/{DEFINITION}"}
    assert lab.api.get(WIDGETS, "Widget", "theirs", "default") is not None
    lab.on_plane("up", "--allow-delete", DEFINITION)
    assert leftovers(lab.api) == []
    assert lab.verify("--no-probes") == []


def test_down_asks_for_objects_of_others_and_leaves_nothing_of_the_manifests(lab: Lab) -> None:
    describe(lab, MANIFEST)
    lab.on_plane("up")
    theirs = {"name": "theirs", "namespace": "default", "labels": {KEYS.owner: OWNER, KEYS.stack: "another"}}
    lab.api.create({"apiVersion": FIRST_WIDGETS, "kind": "Widget", "metadata": theirs})
    refused = lab.on_plane("down", "--keep-cluster", code=2)
    (problem,) = refused["problems"]
    assert problem["field"] == f"CustomResourceDefinition/{DEFINITION}"
    assert "1 Widget of others: default/theirs;" in problem["message"]
    assert lab.api.get(FIRST_WIDGETS, "Widget", "theirs", "default") is not None
    assert lab.verify("--no-probes") == []
    lab.on_plane("down", "--keep-cluster", "--allow-delete", DEFINITION)
    assert leftovers(lab.api) == []


def leftovers(api: Api) -> list[str]:
    """Return the names of everything on the cluster that a controller's manifests left."""
    found: list[str] = []
    for kind in api.kinds():
        if "list" not in kind.verbs:
            continue
        for obj in api.list(kind.api_version, kind.kind, label_selector=KEYS.owner):
            if obj["metadata"]["labels"].get(KEYS.component, "").startswith("platform."):
                found.append(f"{kind.kind}/{obj['metadata']['name']}")
    if api.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", DEFINITION) is not None:
        found.append(DEFINITION)
    return found
