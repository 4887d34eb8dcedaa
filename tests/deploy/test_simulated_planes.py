"""What a deployment leaves out where machines are simulated: controllers whose webhooks nothing answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.cluster.control_plane import Backend, control_plane
from sovereign_ai.deploy.simulated_planes import left_out_lines, on_cluster
from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes import Bundle


def bundle(controller: str, kind: str) -> Bundle:
    labels = {KEYS.component: f"platform.{controller}"}
    return Bundle("lab", ({"apiVersion": "v1", "kind": kind, "metadata": {"name": "a", "labels": labels}},))


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


def test_any_other_controller_and_any_other_cluster_have_all_of_theirs(
    embedded: Path, tmp_path: Path
) -> None:
    other = bundle("kube-state-metrics", "Deployment")
    assert on_cluster(other, embedded) is other
    hooked = bundle("cert-manager", "MutatingWebhookConfiguration")
    assert on_cluster(hooked, tmp_path / "kubeconfig") is hooked
    assert left_out_lines(hooked) == []
