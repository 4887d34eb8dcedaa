from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.embedded.process_status import (
    list_clusters,
    recorded_processes,
    status_of,
    supervisor_pid,
)
from sovereign_ai.cluster.embedded.supervisor import LOCK
from sovereign_ai.cluster.process import started_at
from sovereign_ai.cluster.state import ClusterDir, record, write_json

PID = os.getpid()


@pytest.fixture
def cluster_dir(tmp_path: Path) -> ClusterDir:
    place = ClusterDir("lab", tmp_path / "root" / "lab")
    place.make()
    record(place, {"kube-apiserver": 20001}, {})
    return place


def entry(**changes: Any) -> dict[str, Any]:
    own = {
        "name": "etcd",
        "pid": PID,
        "started": started_at(PID),
        "well": True,
        "restarts": 0,
        "log": "etcd.log",
    }
    return own | changes


def supervise(place: ClusterDir) -> None:
    (place.folder / LOCK).write_text(f"{PID} {started_at(PID)}")


def test_a_folder_without_a_record_is_an_absent_cluster(tmp_path: Path) -> None:
    assert status_of(ClusterDir("lab", tmp_path / "lab")).phase == "absent"


def test_a_supervised_cluster_whose_components_are_well_is_healthy(cluster_dir: ClusterDir) -> None:
    supervise(cluster_dir)
    write_json(cluster_dir.status, {"phase": "ready", "processes": [entry(), entry(name="roles", once=True)]})
    status = status_of(cluster_dir)
    assert (status.healthy, status.supervisor, status.server) == (True, PID, "https://127.0.0.1:20001")
    assert [component.name for component in status.components] == ["etcd"], "a step is no component"


def test_without_its_supervisor_nothing_is_healthy(cluster_dir: ClusterDir) -> None:
    write_json(cluster_dir.status, {"phase": "ready", "processes": [entry()]})
    status = status_of(cluster_dir)
    assert (status.phase, status.healthy, status.components[0].healthy) == ("stopped", False, False)


def test_a_status_that_was_not_written_for_long_is_of_a_supervisor_that_hangs(
    cluster_dir: ClusterDir,
) -> None:
    supervise(cluster_dir)
    write_json(cluster_dir.status, {"phase": "ready", "processes": [entry()]})
    os.utime(cluster_dir.status, (0, 0))
    assert not status_of(cluster_dir).healthy


@pytest.mark.parametrize(
    "text", ["", "7", "a b", f"{PID} 1"], ids=["empty", "one-number", "no-numbers", "another-start"]
)
def test_a_lock_that_names_no_running_process_names_no_supervisor(cluster_dir: ClusterDir, text: str) -> None:
    (cluster_dir.folder / LOCK).write_text(text)
    assert supervisor_pid(cluster_dir) is None


def test_damaged_entries_and_ended_processes_are_left_out(cluster_dir: ClusterDir) -> None:
    entries = [entry(), entry(started=1), entry(name=7), "no entry", entry(pid=None)]
    write_json(cluster_dir.status, {"processes": entries})
    assert recorded_processes(cluster_dir) == [(PID, started_at(PID))]


def test_recorded_clusters_are_listed_by_name(cluster_dir: ClusterDir) -> None:
    (cluster_dir.folder.parent / "empty").mkdir()
    root = cluster_dir.folder.parent
    assert [status.name for status in list_clusters(root=root)] == ["lab"]
