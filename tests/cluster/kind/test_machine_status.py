from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.cluster.kind.machine_status import folder_of, list_kind, machines_of, ready_nodes, status_of
from sovereign_ai.cluster.state import ClusterDir, clusters_root, write_json
from sovereign_ai.errors import UsageError
from tests.verify.in_memory import InMemoryApi


@pytest.fixture
def cluster_dir(tmp_path: Path) -> ClusterDir:
    place = folder_of("lab", tmp_path / "kind")
    place.make()
    return place


def test_kind_clusters_are_beside_the_embedded_ones(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert folder_of("lab").folder == clusters_root().parent / "kind" / "lab"
    with pytest.raises(UsageError):
        folder_of("../lab")


def test_a_folder_without_a_record_is_no_cluster(cluster_dir: ClusterDir, tmp_path: Path) -> None:
    status = status_of(cluster_dir)
    assert (status.phase, status.healthy, status.to_data()["backend"]) == ("absent", False, "kind")
    assert list_kind(tmp_path / "kind") == ()
    assert list_kind(tmp_path / "none") == ()


def test_the_recorded_machines_are_read_and_damage_is_none(cluster_dir: ClusterDir) -> None:
    write_json(cluster_dir.record, {"machines": {"train-0001": "lab-worker"}})
    assert machines_of(cluster_dir) == {"train-0001": "lab-worker"}
    write_json(cluster_dir.record, {"machines": ["lab-worker"]})
    assert machines_of(cluster_dir) == {}


def test_only_nodes_that_report_to_be_ready_are_ready() -> None:
    api = InMemoryApi()
    api.plays_nodes = False
    for name, status in (("up", "True"), ("down", "False")):
        conditions = [{"type": "Ready", "status": status}]
        api.create(
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": name},
                "spec": {},
                "status": {"conditions": conditions},
            }
        )
    api.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "new"}, "spec": {}})
    assert ready_nodes(api) == {"up"}
