"""New keys for a control plane: what was signed before is refused, and the data is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.embedded import rotation
from sovereign_ai.cluster.embedded.lifecycle import down, status, up
from sovereign_ai.cluster.embedded.replaced_keys import is_replacing, record_replacement
from sovereign_ai.cluster.embedded.rotation import rotate
from sovereign_ai.cluster.state import ClusterDir, cluster_dir_of
from sovereign_ai.errors import EnvironmentLacksError


def test_a_control_plane_that_does_not_exist_gets_no_keys(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentLacksError) as caught:
        rotate("absent", root=tmp_path)
    assert caught.value.problems[0].code == "no-cluster"
    assert list(tmp_path.iterdir()) == []


def stopped(tmp_path: Path) -> ClusterDir:
    """Return the folder of a control plane that does not run."""
    cluster_dir = cluster_dir_of("rest", tmp_path)
    cluster_dir.make()
    cluster_dir.record.write_text("{}", encoding="utf-8")
    cluster_dir.pki.joinpath("cluster-ca.key").write_text("old", encoding="ascii")
    return cluster_dir


def test_a_rotation_that_was_interrupted_starts_what_it_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped(tmp_path)
    starts = []

    def interrupted(_name: str, **_more: Any) -> None:
        starts.append("interrupted")
        raise KeyboardInterrupt

    monkeypatch.setattr(rotation, "up", interrupted)
    with monkeypatch.context() as running:
        running.setattr(rotation, "supervisor_pid", lambda _cluster_dir: 1)
        running.setattr(rotation, "stop_processes", lambda _cluster_dir: True)
        with pytest.raises(KeyboardInterrupt):
            rotate("rest", root=tmp_path)
    monkeypatch.setattr(rotation, "up", lambda name, **_more: starts.append(name))
    rotate("rest", root=tmp_path)
    assert starts == ["interrupted", "rest"]


def test_a_rotation_goes_on_where_another_was_killed_with_the_keys_half_removed(tmp_path: Path) -> None:
    cluster_dir = stopped(tmp_path)
    cluster_dir.pki.joinpath("cluster-ca.key").unlink()
    cluster_dir.pki.rmdir()
    assert rotate("rest", root=tmp_path) is None
    assert list(cluster_dir.pki.iterdir()) == []
    assert not is_replacing(cluster_dir)


def token_of(api: Any) -> str:
    """Return a token of the default service account."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    return str(api.request("POST", path, body=body)["status"]["token"])


def user_of(api: Any, token: str) -> str | None:
    """Return whose token it is; None if the API server refuses it."""
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token},
    }
    answer = api.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body=review)
    name = answer["status"].get("user", {}).get("username")
    return str(name) if name else None


@pytest.mark.cluster
def test_after_new_keys_nothing_that_was_signed_before_is_accepted_and_data_is_kept(tmp_path: Path) -> None:
    cluster = up("turn", root=tmp_path)
    try:
        pki = cluster_dir_of("turn", tmp_path).pki
        before = {path.name: path.read_bytes() for path in pki.iterdir()}
        old = tmp_path / "old.kubeconfig"
        old.write_bytes(cluster.kubeconfig.read_bytes())
        old.chmod(0o600)
        api = open_cluster(cluster.kubeconfig)
        api.create(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "kept", "namespace": "default"},
                "stringData": {"value": "kept"},
            }
        )
        token = token_of(api)
        assert user_of(api, token) == "system:serviceaccount:default:default"
        identity = api.identity()
        api.close()

        again = rotate("turn", root=tmp_path)
        assert again is not None
        assert status("turn", root=tmp_path).healthy
        after = {path.name: path.read_bytes() for path in pki.iterdir()}
        assert set(after) == set(before)
        assert [name for name in after if after[name] == before[name]] == []
        api = open_cluster(again.kubeconfig)
        assert api.identity() == identity
        assert api.get("v1", "Secret", "kept", "default") is not None
        assert user_of(api, token) is None
        assert user_of(api, token_of(api)) == "system:serviceaccount:default:default"
        api.close()
        # The old file trusts another authority; with the new one its client certificate is refused.
        with pytest.raises((ApiError, UnreachableError)):
            open_cluster(old).identity()
        mixed = tmp_path / "mixed.kubeconfig"
        mixed.write_bytes(old.read_bytes().replace(_authority(old), _authority(again.kubeconfig)))
        mixed.chmod(0o600)
        with pytest.raises((ApiError, UnreachableError)):
            open_cluster(mixed).identity()
    finally:
        down("turn", root=tmp_path)


def _authority(kubeconfig: Path) -> bytes:
    """Return the encoded certificate of the authority that a kubeconfig trusts."""
    text = kubeconfig.read_bytes()
    start = text.index(b'"certificate-authority-data": "') + len(b'"certificate-authority-data": "')
    return text[start : text.index(b'"', start)]


@pytest.mark.cluster
def test_a_stopped_control_plane_gets_its_keys_at_its_next_start(tmp_path: Path) -> None:
    up("rest", root=tmp_path)
    try:
        down("rest", keep_data=True, root=tmp_path)
        pki = cluster_dir_of("rest", tmp_path).pki
        # As Kueue has one.
        pki.joinpath("component").mkdir()
        pki.joinpath("component", "tls.key").write_text("old", encoding="ascii")
        assert rotate("rest", root=tmp_path) is None
        assert list(pki.iterdir()) == []
        # As a rotation leaves it that was killed before it had removed everything.
        cluster_dir = cluster_dir_of("rest", tmp_path)
        record_replacement(cluster_dir, ran=True)
        pki.joinpath("stolen.key").write_text("old", encoding="ascii")
        assert open_cluster(up("rest", root=tmp_path).kubeconfig).identity()
        assert not pki.joinpath("stolen.key").exists()
        assert not is_replacing(cluster_dir)
    finally:
        down("rest", root=tmp_path)
