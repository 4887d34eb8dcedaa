"""What a deployment leaves out where machines are simulated: controllers whose webhooks nothing answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.backends import control_plane
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.deploy.simulated_planes import left_out_lines, on_cluster
from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes import Bundle


def bundle(controller: str, kind: str) -> Bundle:
    labels = {KEYS.component: f"platform.{controller}"}
    return Bundle("lab", ({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "labels": labels}},))


def of(controller: str, kind: str, name: str, namespace: str = "", **more: Any) -> dict[str, Any]:
    labels = {KEYS.component: f"platform.{controller}"}
    place = {"namespace": namespace} if namespace else {}
    metadata = {"name": name, "labels": labels, **place}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}


@pytest.fixture
def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return control_plane(Backend.EMBEDDED, "lab").kubeconfig


def test_a_controller_with_webhooks_and_one_that_runs_as_a_process_are_left_out(embedded: Path) -> None:
    hooked = on_cluster(bundle("cert-manager", "MutatingWebhookConfiguration"), embedded)
    process = on_cluster(bundle("kueue", "ConfigMap"), embedded)
    assert (hooked.objects, process.objects) == ((), ())
    assert "nothing answers its webhooks" in left_out_lines(hooked)[0]
    assert "runs it as a process" in left_out_lines(process)[0]


def test_other_controllers_and_other_clusters_have_all_of_theirs(embedded: Path, tmp_path: Path) -> None:
    other = bundle("node-feature-discovery", "Deployment")
    assert on_cluster(other, embedded) is other
    hooked = bundle("cert-manager", "MutatingWebhookConfiguration")
    assert on_cluster(hooked, tmp_path / "kubeconfig") is hooked
    assert left_out_lines(hooked) == []


def test_who_has_objects_of_a_kind_whose_controller_is_left_out_is_left_out_too(embedded: Path) -> None:
    spec = {"group": "a.b", "names": {"kind": "Monitor"}, "scope": "Namespaced"}
    defined = of("operator", "CustomResourceDefinition", "m.a.b", spec=spec)
    monitor = of("exporter", "Monitor", "m", "monitoring") | {"apiVersion": "a.b/v1"}
    objects = (
        defined | {"apiVersion": "apiextensions.k8s.io/v1"},
        of("operator", "ValidatingWebhookConfiguration", "hook"),
        monitor,
        of("exporter", "ConfigMap", "settings", "monitoring"),
        of("labeller", "ConfigMap", "settings", "kube-system"),
    )
    kept = on_cluster(Bundle("lab", objects), embedded)
    assert [obj["metadata"]["namespace"] for obj in kept.objects] == ["kube-system"]
    assert left_out_lines(kept) == [
        "left out the manifests of exporter: it has objects of kinds of operator, which is left out",
        "left out the manifests of operator: nothing answers its webhooks on simulated machines",
    ]


def test_a_namespace_stays_where_a_controller_that_stays_has_objects(embedded: Path) -> None:
    objects = (
        of("hooked", "Namespace", "shared"),
        of("hooked", "Namespace", "alone"),
        of("hooked", "ValidatingWebhookConfiguration", "hook"),
        of("labeller", "ConfigMap", "settings", "shared"),
    )
    kept = on_cluster(Bundle("lab", objects), embedded)
    assert [obj["metadata"]["name"] for obj in kept.objects] == ["shared", "settings"]
    assert len(kept.of_stack("0").objects) == 2
