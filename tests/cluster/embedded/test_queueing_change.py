"""Whether Kueue runs from the next start on, by who asked for it, and what preview says of it."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import MagicMock

import pytest

from sovereign_ai.cluster.embedded import lifecycle
from sovereign_ai.cluster.embedded.queued_jobs import QueuedJobs
from sovereign_ai.cluster.embedded.queueing import keep_queueing, set_queueing
from sovereign_ai.cluster.embedded.queueing_change import (
    QueueingChange,
    is_descriptions,
    planned_change,
    wanted_fair_sharing,
    wants_queueing,
)
from sovereign_ai.cluster.embedded.workload_controllers import set_workload_controllers
from sovereign_ai.cluster.state import ClusterDir
from tests.cluster.embedded.test_queued_jobs import cluster
from tests.support.memory_cluster import obj


@pytest.fixture
def cluster_dir(tmp_path: Path) -> ClusterDir:
    made = ClusterDir("queues", tmp_path / "queues")
    made.make()
    return made


@pytest.mark.parametrize(
    ("requested", "by_description", "wanted"),
    [
        (None, False, False),
        (True, True, True),
        (False, True, False),
        (True, False, True),
        (False, False, False),
    ],
)
def test_a_control_plane_without_kueue_gets_it_only_where_it_is_asked_for(
    cluster_dir: ClusterDir, requested: bool | None, by_description: bool, wanted: bool
) -> None:
    assert wants_queueing(cluster_dir, requested, by_description=by_description) is wanted


def test_a_description_takes_back_what_a_description_asked_for(
    cluster_dir: ClusterDir, tmp_path: Path
) -> None:
    set_queueing(cluster_dir, tmp_path, by_description=True)
    assert wants_queueing(cluster_dir, requested=None, by_description=False)
    assert not wants_queueing(cluster_dir, requested=False, by_description=True)


def test_a_description_does_not_take_back_what_an_option_asked_for(
    cluster_dir: ClusterDir, tmp_path: Path
) -> None:
    assert is_descriptions(cluster_dir)
    set_queueing(cluster_dir, tmp_path)
    assert not is_descriptions(cluster_dir)
    assert wants_queueing(cluster_dir, requested=False, by_description=True)
    assert not wants_queueing(cluster_dir, requested=False, by_description=False)
    set_queueing(cluster_dir, tmp_path, by_description=True)
    assert is_descriptions(cluster_dir)
    keep_queueing(cluster_dir)
    assert not is_descriptions(cluster_dir)
    assert wants_queueing(cluster_dir, requested=False, by_description=True)


def test_preview_says_that_kueue_starts_and_which_jobs_it_suspends(cluster_dir: ClusterDir) -> None:
    assert str(planned_change(cluster_dir, cluster(), described=True)) == (
        "Kueue starts: the control plane is started anew;"
        " running jobs that name a queue are suspended until it has room: research/runs;"
        " suspended ones start once it has room, unless their workload is deactivated:"
        " research/paused, research/stranger, research/waits"
    )
    assert planned_change(cluster_dir, cluster(), described=False) is None


def test_preview_says_that_kueue_stops_and_which_jobs_start_and_which_do_not(
    cluster_dir: ClusterDir, tmp_path: Path
) -> None:
    set_queueing(cluster_dir, tmp_path, by_description=True)
    change = planned_change(cluster_dir, cluster(), described=False)
    assert str(change) == (
        "Kueue stops: the control plane is started anew; jobs that wait for it start: research/waits;"
        " suspended jobs that did not wait for it stay so: research/paused, research/stranger"
    )
    assert planned_change(cluster_dir, cluster(), described=True) is None


def test_a_change_without_jobs_costs_no_more_than_the_start() -> None:
    assert QueueingChange(starts=False, jobs=QueuedJobs()).to_data() == {
        "starts": False,
        "controllers": {"start": [], "stop": ["Kueue"]},
        "fair_sharing": None,
        "costs": [],
    }


BOTH = ("LessThanOrEqualToFinalShare", "LessThanInitialShare")


@pytest.mark.parametrize(
    ("before", "described", "said"),
    [
        ((), BOTH, f"Kueue shares idle quota by {BOTH[0]}, {BOTH[1]}"),
        (BOTH, BOTH[1:], f"Kueue shares idle quota by {BOTH[1]}"),
        (BOTH, (), "Kueue shares idle quota by no strategy any more"),
        (BOTH, BOTH, None),
    ],
)
def test_preview_says_how_idle_quota_is_shared_from_then_on(
    cluster_dir: ClusterDir,
    tmp_path: Path,
    before: tuple[str, ...],
    described: tuple[str, ...],
    said: str | None,
) -> None:
    set_queueing(cluster_dir, tmp_path, by_description=True, fair_sharing=before)
    change = planned_change(cluster_dir, cluster(), described=True, fair_sharing=described)
    assert (change and str(change)) == (said and f"{said}: the control plane is started anew")
    assert bool(change and change.is_after_deployment) is (before == ())
    assert change is None or change.to_data()["fair_sharing"] == list(described)


def test_fair_sharing_goes_with_kueue_and_stays_as_it_was_where_nobody_says(
    cluster_dir: ClusterDir, tmp_path: Path
) -> None:
    set_queueing(cluster_dir, tmp_path, by_description=True, fair_sharing=BOTH)
    assert wanted_fair_sharing(cluster_dir, None, with_queueing=True) == BOTH
    assert wanted_fair_sharing(cluster_dir, BOTH, with_queueing=False) == ()
    keep_queueing(cluster_dir)
    assert wanted_fair_sharing(cluster_dir, None, with_queueing=True) == BOTH
    change = planned_change(cluster_dir, cluster(), described=True)
    assert change is not None
    assert not change.is_after_deployment


def test_kueue_that_starts_with_fair_sharing_is_said_to_start(cluster_dir: ClusterDir) -> None:
    change = planned_change(cluster_dir, cluster(), described=True, fair_sharing=BOTH)
    assert change is not None
    assert str(change).startswith("Kueue starts: the control plane is started anew;")
    assert not change.is_after_deployment


def test_preview_says_which_controllers_start_and_that_a_trainer_brings_what_it_needs(
    cluster_dir: ClusterDir,
) -> None:
    change = planned_change(cluster_dir, cluster(), described=False, controllers=["trainer", "prometheus"])
    assert str(change) == "JobSet, Kubeflow Trainer start: the control plane is started anew"
    assert planned_change(cluster_dir, cluster(), described=False, controllers=["prometheus"]) is None


def test_preview_says_which_controllers_stop_and_whose_work_nobody_looks_after(
    cluster_dir: ClusterDir, tmp_path: Path
) -> None:
    set_workload_controllers(cluster_dir, {"jobset": tmp_path, "lws": tmp_path})
    group = {"group": "jobset.x-k8s.io", "names": {"kind": "JobSet"}}
    definition = obj("CustomResourceDefinition", "jobsets", version="apiextensions.k8s.io/v1")
    definition["spec"] = group | {"versions": [{"name": "v1alpha2", "served": True}]}
    api = cluster()
    api.put(definition, obj("JobSet", "train", "research", version="jobset.x-k8s.io/v1alpha2"))
    change = planned_change(cluster_dir, api, described=True, controllers=["lws"])
    assert change is not None
    assert str(change).startswith("Kueue starts and JobSet stops: the control plane is started anew; ")
    assert str(change).endswith("; nobody looks after the work of JobSet from then on: research/train")
    assert change.to_data()["controllers"] == {"start": ["Kueue"], "stop": ["JobSet"]}


def test_preview_says_that_kueue_begins_and_ends_to_send_work_to_other_clusters(
    cluster_dir: ClusterDir, tmp_path: Path
) -> None:
    set_queueing(cluster_dir, tmp_path, by_description=True)
    begins = planned_change(cluster_dir, cluster(), described=True, multikueue=True)
    assert str(begins) == "MultiKueue starts: the control plane is started anew"
    set_queueing(cluster_dir, tmp_path, by_description=True, multikueue=True)
    assert planned_change(cluster_dir, cluster(), described=True, multikueue=True) is None
    ends = planned_change(cluster_dir, cluster(), described=True)
    assert str(ends) == "MultiKueue stops: the control plane is started anew"


class StoppedError(Exception):
    """The end of processes, which the next test does without."""


@pytest.mark.parametrize(
    ("before", "requested", "is_stopped"),
    [
        ((), None, False),
        ((), (), False),
        ((), BOTH, True),
        (BOTH, BOTH, False),
        (BOTH, BOTH[1:], True),
        (BOTH, (), True),
        (BOTH, None, False),
    ],
)
def test_a_running_plane_is_started_anew_exactly_where_its_strategies_change(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    before: tuple[str, ...],
    requested: tuple[str, ...] | None,
    is_stopped: bool,
) -> None:
    made = ClusterDir("queues", tmp_path / "queues")
    made.make()
    set_queueing(made, tmp_path, fair_sharing=before)

    def stop(_cluster: ClusterDir) -> None:
        raise StoppedError

    running = MagicMock(supervisor=1, phase="ready", healthy=True)
    monkeypatch.setattr(lifecycle, "status_of", lambda _: running)
    monkeypatch.setattr(lifecycle, "stop_processes", stop)
    for name in ("_wait", "_finish", "_programs", "_queue_definitions", "_workload_definitions"):
        monkeypatch.setattr(lifecycle, name, MagicMock())
    if is_stopped:
        with pytest.raises(StoppedError):
            lifecycle.up("queues", root=tmp_path, fair_sharing=requested)
    else:
        lifecycle.up("queues", root=tmp_path, fair_sharing=requested)


@pytest.mark.parametrize("by_description", [True, False])
def test_a_stopped_plane_that_is_started_keeps_who_asked_for_its_kueue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_description: bool
) -> None:
    """As after a reboot: `up` starts it before it looks at the description, which may name Kueue no more."""
    made = ClusterDir("queues", tmp_path / "queues")
    made.make()
    set_queueing(made, tmp_path, by_description=by_description)
    monkeypatch.setattr(lifecycle, "status_of", lambda _: MagicMock(supervisor=None, phase="stopped"))
    monkeypatch.setattr(lifecycle, "_queue_definitions", lambda: tmp_path)
    monkeypatch.setattr(lifecycle, "_workload_definitions", lambda _: {})
    for name in ("stop_processes", "_start", "_finish", "_programs"):
        monkeypatch.setattr(lifecycle, name, MagicMock())
    lifecycle.up("queues", root=tmp_path)
    assert is_descriptions(made) is by_description
    # So the description that does not name it takes it back, where one had asked for it.
    assert wants_queueing(made, requested=False, by_description=True) is not by_description
