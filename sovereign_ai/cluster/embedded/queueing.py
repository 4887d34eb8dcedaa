"""Kueue as a process of an embedded control plane: its settings, rights and webhooks.

It admits Jobs of Kubernetes, and the kinds of work whose controllers run beside it. How the API server calls
it, and what it listens on, is as with every controller of webhooks (webhook_controllers.py).

Kueue is part of a control plane whose folder has `config/queueing.json`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sovereign_ai.catalog.vendors import vendors
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
from sovereign_ai.cluster.embedded.workload_controllers import (
    WORKLOAD_CONTROLLERS,
    running_workload_controllers,
)
from sovereign_ai.cluster.pki import LOOPBACK
from sovereign_ai.cluster.state import ClusterDir, read_json, write_json
from sovereign_ai.names import KEYS

QUEUE_CONTROLLER = "kueue"
"""The process, its listener and its identity."""
QUEUE_PROGRAM = "kueue-controller"
"""The program, as the toolchain names it."""
QUEUE_NAMESPACE = "kueue-system"
"""Kueue's namespace, as it is published."""
_RBAC = "rbac.authorization.k8s.io"
_DESCRIPTION = "description"
"""Who asked for Kueue, in its file; whoever did not write it was an option."""
_GROUP, _VERSION = "kueue.x-k8s.io", "v1beta2"
GROUP_VERSION = f"{_GROUP}/{_VERSION}"
"""The version of Kueue's kinds that is used here."""
_RIGHTS = (
    Permission("", "events", RECORD),
    Permission("", "limitranges namespaces nodes", READ),
    # It removes the gate of a pod and selects the node that it chose in the topology.
    Permission("", "pods", EDIT),
    Permission("batch", "jobs", EDIT),
    Permission("batch", "jobs/status", STATUS),
    Permission("batch", "jobs/finalizers", "update"),
    Permission(_GROUP, "workloads", OWN),
    # Its finalizers keep a queue, a flavor or a topology that something still uses.
    Permission(_GROUP, "admissionchecks clusterqueues cohorts localqueues resourceflavors topologies", EDIT),
    Permission(_GROUP, "workloadpriorityclasses", READ),
    # It counts the devices that claims ask for against a queue's quota.
    Permission("resource.k8s.io", "deviceclasses resourceclaims resourceclaimtemplates", READ),
    Permission(
        _GROUP, "admissionchecks/status clusterqueues/status cohorts/status localqueues/status", STATUS
    ),
    Permission(_GROUP, "workloads/status", STATUS),
    Permission(_GROUP, "workloads/finalizers", "update"),
    Permission("node.k8s.io", "runtimeclasses", READ),
    Permission("scheduling.k8s.io", "priorityclasses", READ),
)
"""What Kueue may do on every control plane.

Its published role (v0.17.0, config/components/rbac/role.yaml) without what is not run here: other kinds of
jobs, pod templates of provisioning, and writing webhooks and definitions; and without
deleting pods, jobs or queues. Kinds of work whose controllers run add theirs (workload_controllers.py).
"""
_SENDING_RIGHTS = (
    Permission(_GROUP, "multikueueclusters multikueueconfigs", READ),
    Permission(_GROUP, "multikueueclusters/status", STATUS),
)
"""What Kueue may do beside that where it sends work to other clusters.

It reads the workers' kubeconfigs in its own namespace too (`sending_objects`), and no other secret.
"""
_JUDGED = (
    # Queues serve namespaces of zones; jobs elsewhere are not Kueue's.
    Judged(group="batch", version="v1", resources="jobs", kind="job", in_zones=True),
    Judged(group=_GROUP, version=_VERSION, resources="workloads workloads/status", kind="workload"),
    Judged(group=_GROUP, version=_VERSION, resources="clusterqueues", kind="clusterqueue"),
    Judged(group=_GROUP, version=_VERSION, resources="resourceflavors", kind="resourceflavor"),
    # It is the only kind that Kueue judges and never changes.
    Judged(group=_GROUP, version=_VERSION, resources="cohorts", kind="cohort", changed_at=""),
)
"""What Kueue judges on every control plane.

Source: config/components/webhook/manifests.yaml of v0.17.0, without the kinds that are not run here.
"""


def has_queueing(cluster_dir: ClusterDir) -> bool:
    """Return whether Kueue is part of a control plane."""
    return queueing_file(cluster_dir).exists()


def is_by_description(cluster_dir: ClusterDir) -> bool:
    """Return whether Kueue is part of a control plane because a description named it, and no option did."""
    return (read_json(queueing_file(cluster_dir)) or {}).get("by") == _DESCRIPTION


def sends_work(cluster_dir: ClusterDir) -> bool:
    """Return whether Kueue, where it is part of a control plane, sends work to other clusters."""
    return bool((read_json(queueing_file(cluster_dir)) or {}).get("multikueue"))


def fair_sharing_of(cluster_dir: ClusterDir) -> tuple[str, ...]:
    """Return the strategies by which Kueue shares idle quota on a control plane; none where it does not."""
    return tuple((read_json(queueing_file(cluster_dir)) or {}).get("fair_sharing", ()))


def set_queueing(
    cluster_dir: ClusterDir,
    definitions: Path | None,
    *,
    by_description: bool = False,
    multikueue: bool = False,
    fair_sharing: Sequence[str] = (),
) -> None:
    """Make Kueue part of a control plane, from its next start on, or no part of it any more.

    Args:
        cluster_dir: the control plane's folder, which exists.
        definitions: the folder with the definitions of Kueue's objects; None if Kueue is not wanted.
        by_description: whether a description asks for it, and no option.
        multikueue: whether it sends work to other clusters.
        fair_sharing: the strategies by which it shares idle quota; none for not.
    """
    if definitions is None:
        queueing_file(cluster_dir).unlink(missing_ok=True)
        return
    settings: dict[str, Any] = {"controller": QUEUE_CONTROLLER, "definitions": str(definitions)}
    if multikueue:
        settings["multikueue"] = True
    if by_description:
        settings["by"] = _DESCRIPTION
    if fair_sharing:
        settings["fair_sharing"] = list(fair_sharing)
    write_json(queueing_file(cluster_dir), settings)


def keep_queueing(cluster_dir: ClusterDir) -> None:
    """Record that an option asks for Kueue, where it runs already: no description takes it back then."""
    settings = read_json(queueing_file(cluster_dir)) or {}
    if settings.pop("by", None):
        write_json(queueing_file(cluster_dir), settings)


def queue_controller(cluster_dir: ClusterDir) -> WebhookController:
    """Return Kueue as a control plane runs it: for Jobs, and for each kind of work whose controller runs."""
    rights, judged = list(_RIGHTS), list(_JUDGED)
    if sends_work(cluster_dir):
        rights += _SENDING_RIGHTS
    running = running_workload_controllers(cluster_dir)
    for controller in WORKLOAD_CONTROLLERS.values():
        if controller in running:
            rights += controller.admission
            judged += controller.admitted
        else:
            # Its program knows the kind. Of a Job whose owner is of it, it reads that owner, and stands still
            # for all work if it may not.
            rights.append(Permission(controller.group, controller.admitted[0].resources, READ))
    return WebhookController(name=QUEUE_CONTROLLER, domain=_GROUP, rights=tuple(rights), judged=tuple(judged))


def sending_objects(cluster_dir: ClusterDir) -> Iterator[dict[str, Any]]:
    """Yield Kueue's namespace, and its right to the workers' kubeconfigs there; nothing where it sends none.

    Kueue follows all secrets of the namespace, which holds no others.
    """
    if not sends_work(cluster_dir):
        return
    labels = {KEYS.component: "control-plane", "pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": QUEUE_NAMESPACE, "labels": labels}
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    user = queue_controller(cluster_dir).user
    own = {"name": user, "namespace": QUEUE_NAMESPACE, "labels": {KEYS.component: "control-plane"}}
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": READ.split()}
    yield {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": own, "rules": [rule]}
    yield {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": own,
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": user},
        "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": user}],
    }


def make_queue_settings(cluster_dir: ClusterDir, ports: Mapping[str, int]) -> None:
    """Write Kueue's settings; nothing where Kueue is not wanted.

    Args:
        cluster_dir: the control plane's folder.
        ports: the listeners' ports on 127.0.0.1.
    """
    if has_queueing(cluster_dir):
        write_json(queue_settings_file(cluster_dir), _configuration(cluster_dir, ports[QUEUE_CONTROLLER]))


def queue_flags(cluster_dir: ClusterDir) -> tuple[str, ...]:
    """Return Kueue's arguments."""
    return (
        f"--config={queue_settings_file(cluster_dir)}",
        f"--identity={cluster_dir.identity(QUEUE_CONTROLLER)}",
    )


def queue_definitions(cluster_dir: ClusterDir) -> Path:
    """Return the folder with the definitions of Kueue's objects, where Kueue is part of a control plane."""
    return Path((read_json(queueing_file(cluster_dir)) or {})["definitions"])


def queueing_file(cluster_dir: ClusterDir) -> Path:
    """Return the file that makes Kueue part of a control plane."""
    return cluster_dir.config / "queueing.json"


def queue_settings_file(cluster_dir: ClusterDir) -> Path:
    """Return the file with Kueue's settings; it stays until what Kueue holds is released."""
    return cluster_dir.config / "kueue.json"


def _configuration(cluster_dir: ClusterDir, port: int) -> dict[str, Any]:
    """Return Kueue's settings: no port but the webhooks', no election of a leader."""
    folder = serving_folder(cluster_dir, QUEUE_CONTROLLER)
    frameworks = ["batch/job"]
    frameworks += [controller.framework for controller in running_workload_controllers(cluster_dir)]
    webhook = {"host": LOOPBACK, "port": port, "certDir": str(folder)}
    strategies = fair_sharing_of(cluster_dir)
    fair_sharing = {"fairSharing": {"preemptionStrategies": list(strategies)}} if strategies else {}
    return {
        **fair_sharing,
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "namespace": QUEUE_NAMESPACE,
        "webhook": webhook,
        "metrics": {"bindAddress": "0"},
        "health": {"healthProbeBindAddress": "0"},
        "internalCertManagement": {"enable": False},
        # One process, which its supervisor restarts: with an election it would wait for its own old lease.
        "leaderElection": {"leaderElect": False},
        "clientConnection": {"qps": 1000, "burst": 2000},
        # Of a job's labels Kueue keeps these alone: whose usage it is stays known of every kind of work.
        "integrations": {"frameworks": frameworks, "labelKeysToCopy": [KEYS.team]},
        "featureGates": {**_FEATURES, "MultiKueue": sends_work(cluster_dir)},
        # The label by which it finds its own work in a worker again.
        "multiKueue": {"origin": cluster_dir.name},
        "resources": {"deviceClassMappings": _counted_classes()},
    }


def _counted_classes() -> list[dict[str, Any]]:
    """Return which device classes count against which resource: GPUs, however they are asked for."""
    mappings = []
    for vendor in vendors():
        if vendor.dra and vendor.dra.whole_class.resource:
            whole = vendor.dra.whole_class
            mappings.append({"name": whole.resource, "deviceClassNames": [whole.name]})
    return mappings


_FEATURES = {
    # Claims that ask for a number of devices of a class count against quotas (alpha in 0.17, on from 0.20).
    "DynamicResourceAllocation": True,
    # It compares a node's taints with the tolerations of a job's own pods, without those that its flavor adds
    # (0.17.0, pkg/controller/tas/node_controller.go, classifyTaints): every machine of a dedicated zone would
    # count as broken, and each job placed there lose its place after 30 s.
    "TASReplaceNodeOnNodeTaints": False,
    "VisibilityOnDemand": False,
}
