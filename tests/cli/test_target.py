"""The cluster that a command works on, by its options."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from unittest.mock import MagicMock

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli import target
from sovereign_ai.cli.main import app
from sovereign_ai.cli.target import (
    Target,
    begin_fair_sharing,
    change_monitoring,
    change_queueing,
    require_definitions,
    target_options,
)
from sovereign_ai.cluster.api import Snapshot
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.cluster.embedded.monitoring import MonitoringChange
from sovereign_ai.cluster.embedded.queued_jobs import QueuedJobs
from sovereign_ai.cluster.embedded.queueing_change import QueueingChange
from sovereign_ai.errors import EnvironmentLacksError
from tests.support.memory_cluster import MemoryCluster, obj

STACKS = Path(__file__).resolve().parents[2] / "stacks"
LAB = str(STACKS / "lab")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_cluster_of_the_users_is_named_and_never_guessed(tmp_path: Path) -> None:
    missing = call("up", str(STACKS / "lab"), "--cluster", "kubeconfig")
    assert missing.exit_code == 2
    assert "--kubeconfig" in missing.stderr
    absent = call(
        "up", str(STACKS / "lab"), "--cluster", "kubeconfig", "--kubeconfig", str(tmp_path / "none")
    )
    assert absent.exit_code == 3


@pytest.mark.parametrize("command", ["up", "preview", "verify", "audit", "down", "env"])
@pytest.mark.parametrize("backend", ["embedded", "kind"])
def test_a_kubeconfig_of_the_user_s_is_never_used_as_a_local_control_plane(
    command: str, backend: str, tmp_path: Path
) -> None:
    (tmp_path / "config").touch()
    words = [command, str(LAB), "--cluster", backend, "--kubeconfig", str(tmp_path / "config"), "--json"]
    said = CliRunner().invoke(app, words, env={"XDG_STATE_HOME": str(tmp_path / "state")})
    (problem,) = orjson.loads(said.stdout)["problems"]
    assert (said.exit_code, problem["code"]) == (2, "which-cluster")
    assert "--cluster kubeconfig" in problem["hint"]
    assert not (tmp_path / "state").exists()


def test_what_is_next_means_the_same_cluster() -> None:
    assert target_options(Backend.EMBEDDED, None, None) == []
    assert target_options(Backend.KIND, None, "west") == ["--cluster", "kind", "--stack", "west"]
    assert target_options(Backend.KUBECONFIG, Path("k"), None) == [
        "--cluster",
        "kubeconfig",
        "--kubeconfig",
        "k",
    ]


@pytest.mark.parametrize("is_planned", [True, False])
def test_a_control_plane_is_started_anew_only_where_kueue_starts_or_stops(is_planned: bool) -> None:
    plane = MagicMock()
    plane.planned_queueing.return_value = (
        QueueingChange(starts=True, jobs=QueuedJobs()) if is_planned else None
    )
    plane.up.return_value.server = "https://127.0.0.1:6443"
    target = Target(MagicMock(server="https://127.0.0.1:6443"), plane, MagicMock())
    assert change_queueing(target, MagicMock(), MagicMock()) is is_planned
    assert plane.up.called is is_planned


def test_fair_sharing_begins_only_after_the_queues_are_deployed() -> None:
    """Under it Kueue 0.17 ends where work waits in a queue that the deployment has not given a cohort yet."""
    plane = MagicMock()
    plane.up.return_value.server = "https://127.0.0.1:6443"
    target = Target(MagicMock(server="https://127.0.0.1:6443"), plane, MagicMock())
    begins = QueueingChange(
        starts=None, jobs=QueuedJobs(), fair_sharing=("LessThanInitialShare",), begins_sharing=True
    )
    plane.planned_queueing.return_value = begins
    assert not change_queueing(target, MagicMock(), MagicMock())
    assert not plane.up.called
    assert begin_fair_sharing(target, MagicMock(), MagicMock())
    assert plane.up.call_args.kwargs == {"begins_sharing": True}
    # With Kueue itself it would begin before the deployment: then only Kueue starts, and sharing follows.
    plane.planned_queueing.return_value = replace(begins, starts=True)
    assert change_queueing(target, MagicMock(), MagicMock())
    assert plane.up.call_args.kwargs == {"begins_sharing": False}
    plane.planned_queueing.return_value = None
    assert not begin_fair_sharing(target, MagicMock(), MagicMock())


@pytest.mark.parametrize("fair_sharing", [(), ("LessThanInitialShare",)])
def test_other_strategies_and_an_end_of_fair_sharing_come_before_the_deployment(
    fair_sharing: tuple[str, ...],
) -> None:
    plane = MagicMock()
    plane.up.return_value.server = "https://127.0.0.1:6443"
    plane.planned_queueing.return_value = QueueingChange(
        starts=None, jobs=QueuedJobs(), fair_sharing=fair_sharing
    )
    target = Target(MagicMock(server="https://127.0.0.1:6443"), plane, MagicMock())
    assert change_queueing(target, MagicMock(), MagicMock())


def test_a_control_plane_that_comes_back_elsewhere_ends_the_command_before_it_writes() -> None:
    plane = MagicMock()
    plane.up.return_value.server = "https://127.0.0.1:6444"
    plane.planned_queueing.return_value = QueueingChange(starts=True, jobs=QueuedJobs())
    target = Target(MagicMock(server="https://127.0.0.1:6443"), plane, MagicMock())
    with pytest.raises(EnvironmentLacksError, match="6444 now") as error:
        change_queueing(target, MagicMock(), MagicMock())
    assert error.value.problems[0].code == "cluster-moved"


def test_what_watches_a_control_plane_follows_the_description_and_is_said_where_it_changes() -> None:
    plane = MagicMock()
    plane.planned_monitoring.return_value = None
    plane.up.return_value.server = "https://127.0.0.1:6443"
    target = Target(MagicMock(server="https://127.0.0.1:6443"), plane, MagicMock())
    assert change_monitoring(target, MagicMock(), MagicMock()) == ""
    assert not plane.up.called
    plane.planned_monitoring.return_value = MonitoringChange(starts=("prometheus",))
    assert change_monitoring(target, MagicMock(), MagicMock()).startswith("monitoring: starts prometheus;")
    assert plane.up.called


ASKS_ITSELF = frozenset({"checked_deployment", "check_removal", "recognise_deployed"})
"""Functions that refuse another cluster than the one that the stack was deployed to."""
OPENS_ALONE = frozenset({"target", "env"})
"""Modules that open a cluster without: the one that has the functions, and the one whose `pulumi up` asks."""


@pytest.mark.parametrize(
    "module", sorted((Path(target.__file__).parent).glob("*.py")), ids=lambda path: path.stem
)
def test_every_command_that_opens_a_cluster_refuses_another_one_than_it_deployed_to(module: Path) -> None:
    names = {node.id for node in ast.walk(ast.parse(module.read_bytes())) if isinstance(node, ast.Name)}
    if names & {"open_target", "start_target"} and module.stem not in OPENS_ALONE:
        assert names & ASKS_ITSELF


@pytest.mark.parametrize("simulated", [True, False])
def test_a_preview_says_of_lost_definitions_of_kueue_that_up_installs_them(simulated: bool) -> None:
    queue = obj("ClusterQueue", "train", version="kueue.x-k8s.io/v1beta2")
    lab = MagicMock(Target, simulated=simulated)
    require_definitions(lab, [queue], Snapshot(MemoryCluster(queue)))
    if not simulated:
        require_definitions(lab, [queue], Snapshot(MemoryCluster()))
        return
    with pytest.raises(EnvironmentLacksError, match="definitions of Kueue") as refused:
        require_definitions(lab, [queue], Snapshot(MemoryCluster()))
    assert "`sovereign-ai up` installs them" in refused.value.problems[0].hint


def test_definitions_that_the_description_brings_are_not_missed_before_it_is_deployed() -> None:
    queue = obj("ClusterQueue", "train", version="kueue.x-k8s.io/v1beta2")
    version = {"name": "v1beta2", "served": True, "storage": True}
    names = {"kind": "ClusterQueue", "plural": "clusterqueues"}
    spec = {"group": "kueue.x-k8s.io", "scope": "Cluster", "names": names, "versions": [version]}
    name = "clusterqueues.kueue.x-k8s.io"
    definition = obj("CustomResourceDefinition", name, version="apiextensions.k8s.io/v1") | {"spec": spec}
    lab = MagicMock(Target, simulated=True)
    require_definitions(lab, [queue, definition], Snapshot(MemoryCluster()))
