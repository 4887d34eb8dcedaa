from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.cluster.backends import local_control_planes
from sovereign_ai.cluster.identities import make_identities
from sovereign_ai.cluster.removed_clusters import authority_of, note_removed, was_removed
from sovereign_ai.cluster.state import ClusterDir, clusters_root


@pytest.fixture
def cluster_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterDir:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    place = ClusterDir("lab", clusters_root() / "lab")
    place.make()
    make_identities(place, 20001)
    return place


def test_a_removed_control_plane_is_known_by_its_authority(cluster_dir: ClusterDir) -> None:
    authority = authority_of(cluster_dir.kubeconfig)
    assert not was_removed(authority)
    note_removed(cluster_dir)
    note_removed(cluster_dir)
    assert was_removed(authority)
    assert (cluster_dir.folder.parent / ".removed").read_text() == f"{authority}\n", "recorded once"


def test_no_authority_was_never_removed(cluster_dir: ClusterDir) -> None:
    note_removed(cluster_dir)
    assert not was_removed("")


def test_a_cluster_without_a_kubeconfig_leaves_no_record(tmp_path: Path) -> None:
    note_removed(ClusterDir("lab", tmp_path / "lab"))
    assert not (tmp_path / ".removed").exists()


def test_every_kind_of_control_plane_has_its_own_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for plane in local_control_planes("lab"):
        plane.cluster_dir.make()
        make_identities(plane.cluster_dir, 20001)
        note_removed(plane.cluster_dir)
    for plane in local_control_planes("lab"):
        assert was_removed(authority_of(plane.kubeconfig)), plane.backend
