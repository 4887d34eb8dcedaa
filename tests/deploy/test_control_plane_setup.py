"""The preparation of a local control plane, and what is left alone on any other cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path

import pytest

from sovereign_ai.cluster.kind.machine_status import folder_of
from sovereign_ai.cluster.state import cluster_dir_of
from sovereign_ai.deploy.control_plane_setup import is_local, prepare_control_plane, remove_policies
from sovereign_ai.deploy.live_objects import ObjectKey
from tests.render.lab import bundle, stack

POLICY = ObjectKey("admissionregistration.k8s.io", "ValidatingAdmissionPolicy", "", "pods")


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_the_kubeconfigs_of_both_local_control_planes_are_recognised(tmp_path: Path) -> None:
    assert is_local("lab", cluster_dir_of("lab").kubeconfig)
    assert is_local("lab", folder_of("lab").kubeconfig)
    assert not is_local("lab", cluster_dir_of("other").kubeconfig)
    assert not is_local("lab", tmp_path / "kubeconfig")


def test_on_any_other_cluster_nothing_is_prepared_or_removed(tmp_path: Path) -> None:
    lines: list[str] = []
    assert prepare_control_plane(*stack("lab"), bundle(), tmp_path / "kubeconfig") == []
    assert remove_policies("lab", tmp_path / "kubeconfig", [POLICY], lines.append) == []
    assert lines == []


def test_without_policies_the_guard_of_a_local_control_plane_stays_closed() -> None:
    assert remove_policies("lab", cluster_dir_of("lab").kubeconfig, [], print) == []


def test_bindings_are_removed_before_the_policies_that_they_put_into_force(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds = [
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        POLICY.kind,
        f"{POLICY.kind}Binding",
    ]
    keys = [ObjectKey(POLICY.group, kind, "", "pods") for kind in kinds]
    deleted: list[str] = []

    class Recording:
        def delete(self, _version: str, kind: str, *_where: object, **_how: object) -> None:
            deleted.append(kind)

        def many(self, calls: Iterable[Callable[[], None]]) -> None:
            for call in calls:
                call()

    module = "sovereign_ai.deploy.control_plane_setup"
    monkeypatch.setattr(f"{module}.open_cluster", lambda _kubeconfig: Recording())
    monkeypatch.setattr(f"{module}.released", lambda *_: nullcontext())
    remove_policies("lab", cluster_dir_of("lab").kubeconfig, keys, lambda _line: None)
    assert [kind.endswith("Binding") for kind in deleted] == [True, True, False, False]
