"""JobSet, LeaderWorkerSet and Kubeflow Trainer as processes of an embedded control plane.

Each makes pods of one kind of work. A description's `platform` says which of them run; no option does. Each
is a program of its own and a process of its own, so that one may end without the others. What is part of a
control plane is in the file `config/controllers.json` of its folder.

Rights are those of the published roles without what is not run here: secrets and webhook configurations for
certificates, leases, pod groups of other schedulers, and changing nodes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from sovereign_ai.cluster.embedded.webhook_controllers import (
    EDIT,
    OWN,
    READ,
    RECORD,
    STATUS,
    Judged,
    Permission,
    WebhookController,
    serving_folder,
)
from sovereign_ai.cluster.pki import LOOPBACK
from sovereign_ai.cluster.state import ClusterDir, read_json, write_json
from sovereign_ai.frozen_dataclass import frozen_dataclass

TRAINER = "trainer"
_UNREAD = "sovereign-ai-unread"
"""The name of the only secret and config map that Trainer may read (its program's trainer.go)."""
_JOBSET_GROUP, _LWS_GROUP = "jobset.x-k8s.io", "leaderworkerset.x-k8s.io"
_TRAINER_GROUP, _TRAINER_VERSION = "trainer.kubeflow.org", "v1alpha1"
LWS_PODS = "leaderworkerset.sigs.k8s.io/name"
"""The label of the pods of a LeaderWorkerSet."""


@frozen_dataclass(kw_only=True)
class WorkloadController:
    """A controller that makes pods of one kind of work.

    Attributes:
        title: its name as people write it.
        process: its process.
        definitions: the folder of its kinds' definitions inside its module.
        group: the API group of its kinds.
        kind: the kind of work.
        framework: the name by which Kueue knows that kind.
        needs: other controllers, by name, without which it makes no pods.
        admitted: what Kueue judges where it runs, beside its own kinds.
        admission: what Kueue may do where it runs, beside what it always may.
    """

    title: str
    process: WebhookController
    definitions: str
    group: str
    kind: str
    framework: str
    needs: tuple[str, ...] = ()
    admitted: tuple[Judged, ...]
    admission: tuple[Permission, ...]

    @property
    def name(self) -> str:
        """Its name in the catalogue, and that of its process, its listener and its module."""
        return self.process.name

    @property
    def program(self) -> str:
        """Its program, as the toolchain names it."""
        return f"{self.name}-controller"


_JOBSETS = Judged(group=_JOBSET_GROUP, version="v1alpha2", resources="jobsets", kind="jobset")
_SETS = Judged(
    group=_LWS_GROUP,
    version="v1",
    resources="leaderworkersets",
    kind="leaderworkerset",
    changed_at="CREATE UPDATE",
)
_TRAINJOBS = Judged(group=_TRAINER_GROUP, version=_TRAINER_VERSION, resources="trainjobs", kind="trainjob")
_PODS = Judged(group="", version="v1", resources="pods", kind="pod")
_JOBSET_PERMISSIONS = (
    Permission("", "events", RECORD),
    Permission("", "nodes", READ),
    Permission("", "persistentvolumeclaims services", "create get list watch"),
    Permission("", "pods", "delete get list watch patch update"),
    Permission("batch", "jobs", OWN),
    Permission("batch", "jobs/status", STATUS),
    # It deletes one that is complete for as long as its own field says.
    Permission(_JOBSET_GROUP, "jobsets", "delete get list watch patch update"),
    Permission(_JOBSET_GROUP, "jobsets/status", STATUS),
    Permission(_JOBSET_GROUP, "jobsets/finalizers", "update"),
)
_JOBSET_ADMISSION = (
    Permission(_JOBSET_GROUP, "jobsets", EDIT),
    Permission(_JOBSET_GROUP, "jobsets/status", STATUS),
    Permission(_JOBSET_GROUP, "jobsets/finalizers", "update"),
)
_JOBSET = WorkloadController(
    title="JobSet",
    # Published: jobset v0.11.1, config/components/rbac/role.yaml and webhook/manifests.yaml.
    process=WebhookController(
        name="jobset",
        domain="jobset.x-k8s.io",
        rights=_JOBSET_PERMISSIONS,
        judged=(
            _JOBSETS,
            replace(_PODS, judged_at="CREATE", label="jobset.sigs.k8s.io/jobset-name"),
        ),
    ),
    definitions="config/components/crd/bases",
    group=_JOBSET_GROUP,
    kind="JobSet",
    framework="jobset.x-k8s.io/jobset",
    admitted=(replace(_JOBSETS, in_zones=True),),
    admission=_JOBSET_ADMISSION,
)
_LWS_PERMISSIONS = (
    Permission("", "events", "get list watch create patch update"),
    Permission("", "nodes", READ),
    Permission("", "services", "create get list watch"),
    # It deletes the pods of a group that is to start anew.
    Permission("", "pods", "delete get list watch patch update"),
    Permission("", "pods/finalizers", "update"),
    Permission("apps", "controllerrevisions statefulsets", OWN),
    Permission("apps", "controllerrevisions/finalizers statefulsets/finalizers", "update"),
    Permission(_LWS_GROUP, "leaderworkersets", EDIT),
    Permission(_LWS_GROUP, "leaderworkersets/status", STATUS),
    Permission(_LWS_GROUP, "leaderworkersets/finalizers", "update"),
)
_LWS_ADMISSION = (
    Permission(_LWS_GROUP, "leaderworkersets", READ),
    Permission(_LWS_GROUP, "leaderworkersets/status", STATUS),
    Permission("apps", "statefulsets", READ),
    # To take a group's place back it deletes its pods, as there is nothing to suspend.
    Permission("", "pods", "delete"),
    Permission("", "pods/status", "get patch"),
    Permission("", "pods/finalizers", "get update"),
)
_LWS = WorkloadController(
    title="LeaderWorkerSet",
    # Published: lws v0.8.0, config/rbac/role.yaml, config/webhook/manifests.yaml and its patches.
    process=WebhookController(
        name="lws",
        domain="leaderworkerset.x-k8s.io",
        rights=_LWS_PERMISSIONS,
        judged=(_SETS, replace(_PODS, label=LWS_PODS)),
    ),
    definitions="config/crd/bases",
    group=_LWS_GROUP,
    kind="LeaderWorkerSet",
    framework="leaderworkerset.x-k8s.io/leaderworkerset",
    # Kueue knows of no suspended LeaderWorkerSet: it holds its pods back by gates.
    admitted=(replace(_SETS, in_zones=True), replace(_PODS, in_zones=True, label=LWS_PODS)),
    admission=_LWS_ADMISSION,
)
_TRAINER_PERMISSIONS = (
    Permission("", "events", RECORD),
    Permission("events.k8s.io", "events", RECORD),
    Permission("", "limitranges", READ),
    Permission("", "configmaps secrets", READ, only=_UNREAD),
    Permission("node.k8s.io", "runtimeclasses", READ),
    Permission(_JOBSET_GROUP, "jobsets", OWN),
    Permission(_TRAINER_GROUP, "clustertrainingruntimes trainingruntimes trainjobs", EDIT),
    Permission(_TRAINER_GROUP, "trainjobs/status", STATUS),
    Permission(_TRAINER_GROUP, "clustertrainingruntimes/finalizers", "update"),
    Permission(_TRAINER_GROUP, "trainingruntimes/finalizers trainjobs/finalizers", "update"),
)
_TRAINER_ADMISSION = (
    Permission(_TRAINER_GROUP, "trainjobs", EDIT),
    Permission(_TRAINER_GROUP, "trainjobs/status", STATUS),
    Permission(_TRAINER_GROUP, "trainjobs/finalizers", "update"),
    Permission(_TRAINER_GROUP, "clustertrainingruntimes trainingruntimes", READ),
)
_TRAINER = WorkloadController(
    title="Kubeflow Trainer",
    # Published: trainer v2.2.0, manifests/base/rbac/role.yaml and webhook/manifests.yaml.
    process=WebhookController(
        name=TRAINER,
        domain="trainer.kubeflow.org",
        rights=_TRAINER_PERMISSIONS,
        judged=(
            replace(_TRAINJOBS, changed_at="CREATE UPDATE"),
            replace(_TRAINJOBS, resources="trainingruntimes", kind="trainingruntime", changed_at=""),
            replace(
                _TRAINJOBS,
                resources="clustertrainingruntimes",
                kind="clustertrainingruntime",
                changed_at="",
            ),
        ),
    ),
    definitions="manifests/base/crds",
    group=_TRAINER_GROUP,
    kind="TrainJob",
    framework="trainer.kubeflow.org/trainjob",
    needs=("jobset",),
    admitted=(replace(_TRAINJOBS, in_zones=True),),
    admission=_TRAINER_ADMISSION,
)
_WORKLOAD_CONTROLLERS = (_JOBSET, _LWS, _TRAINER)
WORKLOAD_CONTROLLERS: Mapping[str, WorkloadController] = MappingProxyType(
    {controller.name: controller for controller in _WORKLOAD_CONTROLLERS}
)
"""By name in the catalogue, those first that others need."""


def workload_controllers_of(names: Collection[str]) -> tuple[str, ...]:
    """Return the controllers that a platform asks for, with those that they need, in their order."""
    wanted = set(names)
    for controller in reversed(_WORKLOAD_CONTROLLERS):
        if controller.name in wanted:
            wanted |= set(controller.needs)
    return tuple(name for name in WORKLOAD_CONTROLLERS if name in wanted)


def running_workload_controllers(cluster_dir: ClusterDir) -> tuple[WorkloadController, ...]:
    """Return the controllers that are part of a control plane, in the order of their start."""
    named = read_json(controllers_file(cluster_dir)) or {}
    return tuple(controller for controller in _WORKLOAD_CONTROLLERS if controller.name in named)


def set_workload_controllers(cluster_dir: ClusterDir, definitions: Mapping[str, Path]) -> None:
    """Make controllers part of a control plane, from its next start on, and all others no part any more.

    Args:
        cluster_dir: the control plane's folder, which exists.
        definitions: controller to the folder with the definitions of its kinds.
    """
    if definitions:
        named = {name: str(folder) for name, folder in definitions.items()}
        write_json(controllers_file(cluster_dir), named)
    else:
        controllers_file(cluster_dir).unlink(missing_ok=True)


def controllers_file(cluster_dir: ClusterDir) -> Path:
    """Return the file that makes controllers part of a control plane."""
    return cluster_dir.config / "controllers.json"


def workload_definitions(cluster_dir: ClusterDir) -> list[Path]:
    """Return the folders with the definitions of the kinds whose controllers are part of a control plane."""
    named = read_json(controllers_file(cluster_dir)) or {}
    return [Path(named[controller.name]) for controller in running_workload_controllers(cluster_dir)]


def workload_flags(cluster_dir: ClusterDir, name: str, port: int) -> tuple[str, ...]:
    """Return a controller's arguments.

    Args:
        cluster_dir: the control plane's folder.
        name: the controller.
        port: the port of its listener on 127.0.0.1.
    """
    return (
        f"--identity={cluster_dir.identity(name)}",
        f"--host={LOOPBACK}",
        f"--port={port}",
        f"--certificates={serving_folder(cluster_dir, name)}",
    )
