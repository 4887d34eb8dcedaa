"""What is dead of a kind cluster, told by an engine of our own making."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from sovereign_ai.cluster.kind.dead_containers import COMPONENTS, dead_containers
from sovereign_ai.cluster.kind.machine_status import folder_of
from sovereign_ai.cluster.operator import AUTHORIZERS
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import EnvironmentLacksError

ROLES = {"lab-control-plane": "control-plane", "lab-worker": "worker", "lab-worker2": "worker"}


class Engine:
    """A `docker` that knows three containers, and what runs in the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "docker").write_text(
            f"""#!/bin/sh
case "$1" in
  version) test -e {folder}/answers && echo 28.1.0;;
  ps) cat {folder}/containers;;
  exec) cat {folder}/inside;;
esac
"""
        )
        (folder / "docker").chmod(0o755)
        (folder / "answers").touch()
        self.have(dict.fromkeys(ROLES, "running"))
        self.runs(*COMPONENTS, "kwok")

    def have(self, states: dict[str, str]) -> None:
        rows = [f"{name}\t{'0' * 64}\t{state}\tabc\t{ROLES[name]}\n" for name, state in states.items()]
        (self.folder / "containers").write_text("".join(rows))

    def runs(self, *names: str) -> None:
        (self.folder / "inside").write_bytes(
            orjson.dumps({"containers": [{"metadata": {"name": name}} for name in names]})
        )


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return Engine(folder)


@pytest.fixture
def where(tmp_path: Path) -> ClusterDir:
    place = folder_of("lab", tmp_path / "kind")
    place.folder.mkdir(parents=True)
    machines = {"train-001": "lab-worker", "serve-001": "lab-worker2"}
    place.record.write_bytes(orjson.dumps({"layout": 1, "name": "lab", "machines": machines, "made": True}))
    return place


def seen(where: ClusterDir) -> dict[str, tuple[str, str]]:
    return {one.name: (one.state, one.remedy) for one in dead_containers(where)}


def test_nothing_is_dead_where_all_run(engine: Engine, where: ClusterDir) -> None:
    assert engine.folder.is_dir()
    assert seen(where) == {}


def test_a_stopped_container_is_named_with_the_command_that_starts_it(
    engine: Engine, where: ClusterDir
) -> None:
    engine.have({"lab-control-plane": "exited", "lab-worker": "running", "lab-worker2": "exited"})
    assert seen(where) == {
        "lab-control-plane": ("exited", "`docker start lab-control-plane`"),
        "lab-worker2": ("exited", "`docker start lab-worker2`"),
    }


def test_a_removed_container_is_named_with_the_way_to_make_the_cluster_again(
    engine: Engine, where: ClusterDir
) -> None:
    engine.have({"lab-worker": "running", "lab-worker2": "running"})
    assert list(seen(where)) == ["lab-control-plane"]
    state, remedy = seen(where)["lab-control-plane"]
    assert state == "removed"
    assert "cluster down lab --cluster kind" in remedy


def test_a_component_that_does_not_run_in_a_control_plane_that_does_is_named(
    engine: Engine, where: ClusterDir
) -> None:
    engine.runs("etcd", "kube-controller-manager", "kube-scheduler")
    assert list(seen(where)) == ["lab-control-plane/kube-apiserver"]
    (engine.folder / "inside").unlink()
    assert list(seen(where)) == ["lab-control-plane/containerd"]


def test_of_a_cluster_that_is_not_ours_nothing_is_known(engine: Engine, tmp_path: Path) -> None:
    engine.have({})
    assert dead_containers(folder_of("other", tmp_path / "kind")) == ()


def test_an_engine_that_does_not_answer_knows_nothing(engine: Engine, where: ClusterDir) -> None:
    (engine.folder / "answers").unlink()
    with pytest.raises(EnvironmentLacksError, match="none answers"):
        dead_containers(where)


def test_an_operator_that_is_asked_and_does_not_run_is_dead_and_one_that_nobody_asks_is_not(
    engine: Engine, where: ClusterDir
) -> None:
    assert engine.folder.is_dir()
    where.config.mkdir()
    (where.config / AUTHORIZERS).write_text("{}")
    assert seen(where) == {"operator": ("not running", "`sovereign-ai cluster up --cluster kind STACK`")}
    engine.have({"lab-control-plane": "exited", "lab-worker": "running", "lab-worker2": "running"})
    assert list(seen(where)) == ["lab-control-plane"], "it waits for its container"
