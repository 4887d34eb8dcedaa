"""What a controller of workloads leaves once it is no part of a control plane any more.

Nothing that it, or Kueue on its behalf, keeps may wait for it for ever: finalizers on its objects, on the
workloads that Kueue made of them and on their pods are taken off, and pods that Kueue has not placed are
scheduled. Its rights go. The definitions of its kinds go too where nobody has objects of them, and are marked
where somebody has: `jobs run` uses plain Jobs again. Work that is left stays as it is, with the pods that it
has: it is its owner's to cancel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from sovereign_ai.cluster.api.client import Api, open_cluster
from sovereign_ai.cluster.api.conflicts import delete_as_read, patch_as_read, unless_gone
from sovereign_ai.cluster.api.optional_kinds import list_if_served
from sovereign_ai.cluster.crds import WITHOUT_CONTROLLER
from sovereign_ai.cluster.embedded.queue_release import take_finalizers
from sovereign_ai.cluster.embedded.queued_jobs import PREFIX, has_ended, is_owned, listed, open_gates
from sovereign_ai.cluster.embedded.queueing import GROUP_VERSION
from sovereign_ai.cluster.embedded.training_runtime import RUNTIME, RUNTIME_KIND
from sovereign_ai.cluster.embedded.workload_controllers import (
    LWS_PODS,
    WORKLOAD_CONTROLLERS,
    WorkloadController,
    running_workload_controllers,
)
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.names import KEYS

_DEFINITION = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
_RBAC = "rbac.authorization.k8s.io/v1"


def release_stopped_controllers(cluster_dir: ClusterDir) -> list[str]:
    """Release what controllers hold that were part of a control plane, and are no more.

    A controller's identity is removed after that, so that a command which was killed before is made up for by
    the next. One whose work is left keeps it: its definitions go with the next command after the work.

    Args:
        cluster_dir: the folder of the control plane, which runs.

    Returns:
        A line for a person for each thing that was done, or that is left.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    running = running_workload_controllers(cluster_dir)
    stopped = [
        controller
        for controller in WORKLOAD_CONTROLLERS.values()
        if controller not in running and cluster_dir.identity(controller.name).exists()
    ]
    if not stopped:
        return []
    lines: list[str] = []
    api = open_cluster(cluster_dir.kubeconfig)
    try:
        # Those that need others come first: their objects own the others' objects.
        for controller in reversed(stopped):
            left = _release(api, controller)
            if left:
                lines.append(
                    f"{controller.title} runs no more, and nobody looks after what is left: {listed(left)};"
                    " cancel it, or name the controller in the platform again"
                )
            else:
                cluster_dir.identity(controller.name).unlink()
    finally:
        api.close()
    return lines


def work_of(api: Api, controller: WorkloadController) -> list[str]:
    """Return the work of a controller that has not ended: `namespace/name`; none where it is not served."""
    names = []
    for definition in _definitions(api, controller):
        if definition["spec"]["names"]["kind"] == controller.kind:
            for obj in _objects(api, definition):
                if not is_owned(obj) and not has_ended(obj):
                    names.append(f"{obj['metadata']['namespace']}/{obj['metadata']['name']}")
    return sorted(names)


def _release(api: Api, controller: WorkloadController) -> list[str]:
    """Release what one controller holds; return the objects that are left, by name."""
    if controller.kind == "TrainJob":
        _delete_own_runtime(api)
    definitions = _definitions(api, controller)
    left: list[str] = []
    kept = list(_workloads(api, controller.kind))
    prefixes = (PREFIX, f"{controller.group}/")
    for definition in definitions:
        for obj in _objects(api, definition):
            kept.append(obj)
            metadata = obj["metadata"]
            left.append("/".join(filter(None, (metadata.get("namespace"), metadata["name"]))))
    if controller.kind == "LeaderWorkerSet":
        # Before the pods are read: a change of what was read earlier is refused.
        open_gates(api, LWS_PODS)
        kept += api.list("v1", "Pod", None, LWS_PODS)
    take_finalizers(api, kept, prefixes)
    for definition in definitions:
        if left:
            mark = {"metadata": {"labels": {WITHOUT_CONTROLLER: controller.name}}}
            patch_as_read(api, *_DEFINITION, definition["metadata"], mark)
        else:
            delete_as_read(api, *_DEFINITION, definition["metadata"])
    for kind in ("ClusterRoleBinding", "ClusterRole"):
        api.delete(_RBAC, kind, controller.process.user)
    return left


def claim_definitions(api: Api, controllers: Iterable[WorkloadController]) -> None:
    """Take the mark off definitions of controllers that run again.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    groups = {controller.group for controller in controllers}
    for definition in api.list(*_DEFINITION, None, WITHOUT_CONTROLLER):
        if definition["spec"]["group"] in groups:
            unmark = {"metadata": {"labels": {WITHOUT_CONTROLLER: None}}}
            patch_as_read(api, *_DEFINITION, definition["metadata"], unmark)


def _delete_own_runtime(api: Api) -> None:
    """Delete the runtime that came with Trainer, if nobody has made it their own."""
    runtime = unless_gone(partial(api.get, *RUNTIME_KIND, RUNTIME, None))
    if runtime is not None and (runtime["metadata"].get("labels") or {}).get(KEYS.component):
        take_finalizers(api, [runtime], (f"{WORKLOAD_CONTROLLERS['trainer'].group}/",))
        delete_as_read(api, *RUNTIME_KIND, runtime["metadata"])


def _definitions(api: Api, controller: WorkloadController) -> list[dict[str, Any]]:
    """Return the definitions of a controller's kinds."""
    definitions = api.list(*_DEFINITION)
    return [each for each in definitions if each["spec"]["group"] == controller.group]


def _objects(api: Api, definition: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List the objects of a defined kind."""
    spec = definition["spec"]
    served = [version["name"] for version in spec["versions"] if version["served"]]
    if not served:
        return []
    return list_if_served(api, f"{spec['group']}/{served[0]}", spec["names"]["kind"])


def _workloads(api: Api, kind: str) -> Iterator[dict[str, Any]]:
    """Yield the workloads that Kueue made of objects of a kind; none where the server does not serve them."""
    for workload in list_if_served(api, GROUP_VERSION, "Workload"):
        if any(owner["kind"] == kind for owner in workload["metadata"].get("ownerReferences") or ()):
            yield workload
