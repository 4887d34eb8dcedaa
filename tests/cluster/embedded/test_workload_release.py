"""What a controller of workloads leaves behind, once it is no part of a control plane any more."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.cluster.crds import WITHOUT_CONTROLLER
from sovereign_ai.cluster.embedded import workload_release
from sovereign_ai.cluster.embedded.training_runtime import training_runtime
from sovereign_ai.cluster.embedded.workload_controllers import WORKLOAD_CONTROLLERS, set_workload_controllers
from sovereign_ai.cluster.embedded.workload_release import (
    claim_definitions,
    release_stopped_controllers,
    work_of,
)
from sovereign_ai.cluster.state import ClusterDir
from tests.support.memory_cluster import MemoryCluster, obj, refusal

CRD, RBAC = "apiextensions.k8s.io/v1", "rbac.authorization.k8s.io/v1"
JOB_SET, TRAIN_JOB = "jobset.x-k8s.io/v1alpha2", "trainer.kubeflow.org/v1alpha1"
KUEUE, MARK = "kueue.x-k8s.io/v1beta2", "kueue.x-k8s.io/resource-in-use"


class Plane(MemoryCluster):
    """A cluster in memory that takes finalizers off, and opens gates."""

    def patch(
        self, api_version: str, kind: str, name: str, change: Mapping[str, Any], namespace: str | None = None
    ) -> dict[str, Any]:
        self._ask(f"PATCH {kind}/{name}")
        stored = self.objects.get((api_version, kind, namespace or "", name))
        if stored is None:
            raise refusal(404, "NotFound")
        if "finalizers" in change["metadata"]:
            stored["metadata"]["finalizers"] = change["metadata"]["finalizers"]
        metadata = change.get("metadata") or {}
        labels = {**(stored["metadata"].get("labels") or {}), **(metadata.get("labels") or {})}
        stored["metadata"]["labels"] = {key: value for key, value in labels.items() if value is not None}
        stored.setdefault("spec", {}).update(change.get("spec") or {})
        return stored

    def close(self) -> None:
        """Nothing is open."""

    def names(self, kind: str) -> list[str]:
        return [key[3] for key in self.objects if key[1] == kind]


def definition(kind: str, group: str, version: str) -> dict[str, Any]:
    made = obj("CustomResourceDefinition", f"{kind.lower()}s.{group}", version=CRD)
    versions = [{"name": "v0", "served": False}, {"name": version, "served": True}]
    return made | {"spec": {"group": group, "names": {"kind": kind}, "versions": versions}}


def roles(name: str) -> list[dict[str, Any]]:
    return [obj(kind, f"sovereign-ai:{name}", version=RBAC) for kind in ("ClusterRole", "ClusterRoleBinding")]


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch) -> Plane:
    """Return a cluster with the definitions and roles of JobSet and Trainer, and with others."""
    api = Plane(
        definition("JobSet", "jobset.x-k8s.io", "v1alpha2"),
        definition("TrainJob", "trainer.kubeflow.org", "v1alpha1"),
        definition("ClusterTrainingRuntime", "trainer.kubeflow.org", "v1alpha1"),
        definition("ClusterQueue", "kueue.x-k8s.io", "v1beta2"),
        *roles("jobset"),
        *roles("trainer"),
        *roles("kueue"),
    )
    monkeypatch.setattr(workload_release, "open_cluster", lambda _kubeconfig: api)
    return api


@pytest.fixture
def cluster_dir(tmp_path: Path) -> ClusterDir:
    """Return the folder of a control plane that JobSet and Trainer were part of."""
    made = ClusterDir("lab", tmp_path / "lab")
    made.make()
    for name in ("jobset", "trainer"):
        made.identity(name).parent.mkdir(parents=True, exist_ok=True)
        made.identity(name).write_text("{}")
    return made


def test_nothing_is_released_of_what_runs_or_never_ran(
    plane: Plane, cluster_dir: ClusterDir, tmp_path: Path
) -> None:
    set_workload_controllers(cluster_dir, {"jobset": tmp_path, "trainer": tmp_path})
    assert release_stopped_controllers(cluster_dir) == []
    assert plane.asked == []


def test_definitions_rights_and_the_own_runtime_go_where_no_work_is_left(
    plane: Plane, cluster_dir: ClusterDir
) -> None:
    runtime = training_runtime()
    mark = "trainer.kubeflow.org/resource-in-use"
    runtime["metadata"] |= {"finalizers": [mark], "resourceVersion": "7"}
    plane.put(runtime)
    assert release_stopped_controllers(cluster_dir) == []
    assert plane.names("CustomResourceDefinition") == ["clusterqueues.kueue.x-k8s.io"]
    assert plane.names("ClusterRole") == plane.names("ClusterRoleBinding") == ["sovereign-ai:kueue"]
    assert plane.names("ClusterTrainingRuntime") == []
    assert "PATCH ClusterTrainingRuntime/torch-distributed" in plane.asked
    asked = list(plane.asked)
    assert release_stopped_controllers(cluster_dir) == []
    assert plane.asked == asked


def test_work_that_is_left_stays_with_its_definition_and_waits_for_nobody(
    plane: Plane, cluster_dir: ClusterDir, tmp_path: Path
) -> None:
    set_workload_controllers(cluster_dir, {"jobset": tmp_path})
    owner = {"kind": "TrainJob", "name": "tune"}
    plane.put(
        obj("TrainJob", "tune", "research", version=TRAIN_JOB, finalizers=["example.com/theirs"]),
        obj("ClusterTrainingRuntime", "theirs", version=TRAIN_JOB),
        obj("Workload", "a", "research", version=KUEUE, finalizers=[MARK], ownerReferences=[owner]),
        obj("Workload", "b", "research", version=KUEUE, finalizers=[MARK]),
    )
    for stored in plane.objects.values():
        stored["metadata"]["resourceVersion"] = "7"
    (line,) = release_stopped_controllers(cluster_dir)
    assert line.startswith("Kubeflow Trainer runs no more, and nobody looks after what is left: ")
    assert "research/tune" in line
    assert "theirs" in line
    assert "trainjobs.trainer.kubeflow.org" in plane.names("CustomResourceDefinition")
    assert "sovereign-ai:jobset" in plane.names("ClusterRole")
    assert "sovereign-ai:trainer" not in plane.names("ClusterRole")
    kept = {key[3]: stored["metadata"].get("finalizers") for key, stored in plane.objects.items()}
    assert (kept["a"], kept["b"], kept["tune"]) == (None, [MARK], ["example.com/theirs"])
    # `jobs run` makes none of a kind whose definition is marked, until its controller runs again.
    key = (CRD, "CustomResourceDefinition", "", "trainjobs.trainer.kubeflow.org")
    assert plane.objects[key]["metadata"]["labels"] == {WITHOUT_CONTROLLER: "trainer"}
    claim_definitions(plane, [WORKLOAD_CONTROLLERS["jobset"]])
    assert plane.objects[key]["metadata"]["labels"]
    claim_definitions(plane, [WORKLOAD_CONTROLLERS["trainer"]])
    assert plane.objects[key]["metadata"]["labels"] == {}
    # It is released with the next command after the work has gone.
    del plane.objects[TRAIN_JOB, "TrainJob", "research", "tune"]
    del plane.objects[TRAIN_JOB, "ClusterTrainingRuntime", "", "theirs"]
    assert release_stopped_controllers(cluster_dir) == []
    assert "trainjobs.trainer.kubeflow.org" not in plane.names("CustomResourceDefinition")


def test_pods_of_leader_worker_sets_that_kueue_held_are_scheduled_and_can_be_deleted(
    plane: Plane, cluster_dir: ClusterDir, tmp_path: Path
) -> None:
    set_workload_controllers(cluster_dir, {"jobset": tmp_path, "trainer": tmp_path})
    cluster_dir.identity("lws").write_text("{}")
    labels = {"leaderworkerset.sigs.k8s.io/name": "chat"}
    pod = obj("Pod", "chat-0", "research", labels=labels, finalizers=["kueue.x-k8s.io/managed"])
    pod["metadata"]["resourceVersion"] = "7"
    plane.put(pod | {"spec": {"schedulingGates": [{"name": "kueue.x-k8s.io/admission"}]}})
    assert release_stopped_controllers(cluster_dir) == []
    stored = plane.objects["v1", "Pod", "research", "chat-0"]
    assert stored["metadata"]["finalizers"] is None
    assert stored["spec"]["schedulingGates"] is None


def test_work_is_what_nothing_else_made(plane: Plane) -> None:
    owner = {"kind": "TrainJob", "name": "tune", "controller": True}
    plane.put(
        obj("JobSet", "rows", "research", version=JOB_SET),
        obj("JobSet", "tune", "research", version=JOB_SET, ownerReferences=[owner]),
        obj("JobSet", "done", "research", version=JOB_SET)
        | {"status": {"conditions": [{"type": "Completed", "status": "True"}]}},
    )
    assert work_of(plane, WORKLOAD_CONTROLLERS["jobset"]) == ["research/rows"]
    assert work_of(plane, WORKLOAD_CONTROLLERS["lws"]) == []
