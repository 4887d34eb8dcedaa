from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sovereign_ai.cluster.embedded.shutdown import stop_processes
from sovereign_ai.cluster.process import started_at
from sovereign_ai.cluster.state import ClusterDir, write_json


def test_a_process_without_its_supervisor_is_ended_and_others_are_not(tmp_path: Path) -> None:
    place = ClusterDir("lab", tmp_path / "root" / "lab")
    place.make()
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with subprocess.Popen(command) as orphan, subprocess.Popen(command) as other:
        known = {"name": "etcd", "well": True, "restarts": 0, "log": "etcd.log", "pid": orphan.pid}
        reused = known | {"name": "kwok", "pid": other.pid, "started": 1}
        write_json(place.status, {"processes": [known | {"started": started_at(orphan.pid)}, reused]})
        assert stop_processes(place)
        assert orphan.wait(10) == -9
        assert other.poll() is None, "a later process of a recorded number"
        other.kill()


def test_a_cluster_without_processes_has_nothing_to_end(tmp_path: Path) -> None:
    assert not stop_processes(ClusterDir("lab", tmp_path / "lab"))
