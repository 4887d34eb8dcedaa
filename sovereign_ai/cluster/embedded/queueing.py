"""Kueue as a process of an embedded control plane: its settings, identity, rights and webhooks.

Kueue has one listener, the one of its webhooks, on loopback: it wants a client certificate of the cluster's
authority, and has one of its own from there. The API server reads which webhooks to call from files, as it
does with the guard (KEP-5793): nobody can change or delete them through the API, and Kueue needs no right to
write webhook configurations. Where Kueue does not answer, the requests that it judges are refused.

Kueue is part of a control plane whose folder has `config/queueing.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sovereign_ai.catalog.vendors import vendors
from sovereign_ai.cluster import identities as who
from sovereign_ai.cluster.pki import LOOPBACK, Leaf, authority, issue
from sovereign_ai.cluster.state import ClusterDir, read_json, write_json
from sovereign_ai.files.writing import write_private
from sovereign_ai.names import KEYS

QUEUE_CONTROLLER = "kueue"
"""The process, its listener and its identity."""
QUEUE_PROGRAM = "kueue-controller"
"""The program, as the toolchain names it."""
QUEUE_DEFINITIONS = "queue-definitions"
"""The step that installs the definitions of Kueue's objects, without which it does not start."""
KUEUE_USER = "sovereign-ai:kueue"
_DESCRIPTION = "description"
"""Who asked for Kueue, in its file; whoever did not write it was an option."""
_WEBHOOK_CLIENT = Leaf("kueue-webhook-client", "sovereign-ai:kube-apiserver", client=True)
_WEBHOOK_SERVER = Leaf("kueue-webhook", QUEUE_CONTROLLER, server=True)
_CONTROLLER = Leaf(QUEUE_CONTROLLER, KUEUE_USER, client=True)
_GROUP, _VERSION = "kueue.x-k8s.io", "v1beta2"
GROUP_VERSION = f"{_GROUP}/{_VERSION}"
"""The version of Kueue's kinds that is used here."""
_ADMISSION = "admissionregistration.k8s.io/v1"
_READ = ("get", "list", "watch")
_CHANGE = ("patch", "update")
_RIGHTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", ("events",), ("create", *_CHANGE)),
    ("", ("limitranges", "namespaces", "nodes"), _READ),
    # It removes the gate of a pod and selects the node that it chose in the topology.
    ("", ("pods",), (*_READ, *_CHANGE)),
    ("batch", ("jobs",), (*_READ, *_CHANGE)),
    ("batch", ("jobs/status",), ("get", *_CHANGE)),
    ("batch", ("jobs/finalizers",), ("update",)),
    (_GROUP, ("workloads",), ("create", "delete", *_READ, *_CHANGE)),
    # Its finalizers keep a queue, a flavor or a topology that something still uses.
    (
        _GROUP,
        ("admissionchecks", "clusterqueues", "cohorts", "localqueues", "resourceflavors", "topologies"),
        (*_READ, *_CHANGE),
    ),
    (_GROUP, ("workloadpriorityclasses",), _READ),
    # It counts the devices that claims ask for against a queue's quota.
    ("resource.k8s.io", ("deviceclasses", "resourceclaims", "resourceclaimtemplates"), _READ),
    (
        _GROUP,
        tuple(f"{kind}/status" for kind in ("admissionchecks", "clusterqueues", "cohorts", "localqueues")),
        ("get", *_CHANGE),
    ),
    (_GROUP, ("workloads/status",), ("get", *_CHANGE)),
    (_GROUP, ("workloads/finalizers",), ("update",)),
    ("node.k8s.io", ("runtimeclasses",), _READ),
    ("scheduling.k8s.io", ("priorityclasses",), _READ),
)
"""What Kueue may do: API group, resources, verbs.

Its published role (v0.17.0, config/components/rbac/role.yaml) without what is not run here: other kinds of
jobs, other clusters, pod templates of provisioning, and writing webhooks and definitions; and without
deleting pods, jobs or queues.
"""


def has_queueing(cluster_dir: ClusterDir) -> bool:
    """Return whether Kueue is part of a control plane."""
    return queueing_file(cluster_dir).exists()


def is_by_description(cluster_dir: ClusterDir) -> bool:
    """Return whether Kueue is part of a control plane because a description named it, and no option did."""
    return (read_json(queueing_file(cluster_dir)) or {}).get("by") == _DESCRIPTION


def set_queueing(cluster_dir: ClusterDir, definitions: Path | None, *, by_description: bool = False) -> None:
    """Make Kueue part of a control plane, from its next start on, or no part of it any more.

    Args:
        cluster_dir: the control plane's folder, which exists.
        definitions: the folder with the definitions of Kueue's objects; None if Kueue is not wanted.
        by_description: whether a description asks for it, and no option.
    """
    if definitions is None:
        queueing_file(cluster_dir).unlink(missing_ok=True)
        return
    settings = {"controller": QUEUE_CONTROLLER, "definitions": str(definitions)}
    if by_description:
        settings["by"] = _DESCRIPTION
    write_json(queueing_file(cluster_dir), settings)


def keep_queueing(cluster_dir: ClusterDir) -> None:
    """Record that an option asks for Kueue, where it runs already: no description takes it back then."""
    settings = read_json(queueing_file(cluster_dir)) or {}
    if settings.pop("by", None):
        write_json(queueing_file(cluster_dir), settings)


def make_queueing(cluster_dir: ClusterDir, ports: Mapping[str, int]) -> None:
    """Write everything that Kueue and the API server need for each other; nothing where Kueue is not wanted.

    Args:
        cluster_dir: the control plane's folder; its identities exist.
        ports: the listeners' ports on 127.0.0.1.
    """
    if not has_queueing(cluster_dir):
        return
    ca = authority(cluster_dir.pki, who.CLUSTER_CA)
    for leaf in (_CONTROLLER, _WEBHOOK_SERVER, _WEBHOOK_CLIENT):
        issue(ca, cluster_dir.pki, leaf)
    server = who.server_url(ports["kube-apiserver"])
    identity = who.kubeconfig(cluster_dir, QUEUE_CONTROLLER, server)
    write_private(cluster_dir.identity(QUEUE_CONTROLLER), identity)
    _write_serving_files(cluster_dir)
    port = ports[QUEUE_CONTROLLER]
    write_json(queue_settings_file(cluster_dir), _configuration(cluster_dir, port))
    _write_webhooks(cluster_dir, port)


def webhook_plugins(cluster_dir: ClusterDir) -> list[dict[str, Any]]:
    """Return the settings by which the API server calls Kueue's webhooks; none where Kueue is not wanted."""
    if not has_queueing(cluster_dir):
        return []
    plugins = []
    for plugin, folder in _PLUGINS.items():
        configuration = {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "WebhookAdmissionConfiguration",
            "kubeConfigFile": str(_client_file(cluster_dir)),
            "staticManifestsDir": str(cluster_dir.config / folder),
        }
        plugins.append({"name": plugin, "configuration": configuration})
    return plugins


def queue_roles() -> tuple[dict[str, Any], ...]:
    """Return Kueue's role and its binding."""
    rules = []
    for group, resources, verbs in _RIGHTS:
        rules.append({"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)})
    rbac = "rbac.authorization.k8s.io"
    metadata = {"name": KUEUE_USER, "labels": {KEYS.component: "control-plane"}}
    role = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}
    reference = {"apiGroup": rbac, "kind": "ClusterRole", "name": KUEUE_USER}
    subject = {"apiGroup": rbac, "kind": "User", "name": KUEUE_USER}
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": reference,
        "subjects": [subject],
    }
    return (role, binding)


def queue_flags(cluster_dir: ClusterDir) -> tuple[str, ...]:
    """Return Kueue's arguments."""
    return (
        f"--config={queue_settings_file(cluster_dir)}",
        f"--identity={cluster_dir.identity(QUEUE_CONTROLLER)}",
    )


def queueing_file(cluster_dir: ClusterDir) -> Path:
    """Return the file that makes Kueue part of a control plane."""
    return cluster_dir.config / "queueing.json"


def queue_settings_file(cluster_dir: ClusterDir) -> Path:
    """Return the file with Kueue's settings; it stays until what Kueue holds is released."""
    return cluster_dir.config / "kueue.json"


def _client_file(cluster_dir: ClusterDir) -> Path:
    """Return the file with the API server's identity towards the webhooks."""
    return cluster_dir.config / "kueue-webhook.kubeconfig"


def _serving_folder(cluster_dir: ClusterDir) -> Path:
    """Return the folder with certificate, key and client authority of Kueue's listener."""
    return cluster_dir.pki / QUEUE_CONTROLLER


def _write_serving_files(cluster_dir: ClusterDir) -> None:
    """Write the files of Kueue's listener under the names that it reads."""
    folder = _serving_folder(cluster_dir)
    folder.mkdir(mode=0o700, exist_ok=True)
    files = {
        "tls.crt": f"{_WEBHOOK_SERVER.file}.crt",
        "tls.key": f"{_WEBHOOK_SERVER.file}.key",
        "ca.crt": f"{who.CLUSTER_CA}.crt",
    }
    for name, source in files.items():
        write_private(folder / name, (cluster_dir.pki / source).read_bytes())


def _configuration(cluster_dir: ClusterDir, port: int) -> dict[str, Any]:
    """Return Kueue's settings: no port but the webhooks', no other cluster, no election of a leader."""
    folder = _serving_folder(cluster_dir)
    webhook = {"host": LOOPBACK, "port": port, "certDir": str(folder)}
    return {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "namespace": "kueue-system",
        "webhook": webhook,
        "metrics": {"bindAddress": "0"},
        "health": {"healthProbeBindAddress": "0"},
        "internalCertManagement": {"enable": False},
        # One process, which its supervisor restarts: with an election it would wait for its own old lease.
        "leaderElection": {"leaderElect": False},
        "clientConnection": {"qps": 1000, "burst": 2000},
        "integrations": {"frameworks": ["batch/job"]},
        "featureGates": _FEATURES,
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
    "MultiKueue": False,
    # It compares a node's taints with the tolerations of a job's own pods, without those that its flavor adds
    # (0.17.0, pkg/controller/tas/node_controller.go, classifyTaints): every machine of a dedicated zone would
    # count as broken, and each job placed there lose its place after 30 s.
    "TASReplaceNodeOnNodeTaints": False,
    "VisibilityOnDemand": False,
}
_PLUGINS = {
    "MutatingAdmissionWebhook": "webhooks-mutating",
    "ValidatingAdmissionWebhook": "webhooks-validating",
}
"""Admission plugin to the folder from which it reads its webhooks."""
_JUDGED: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("batch", "v1", ("jobs",), "job"),
    (_GROUP, _VERSION, ("workloads", "workloads/status"), "workload"),
    (_GROUP, _VERSION, ("clusterqueues",), "clusterqueue"),
    (_GROUP, _VERSION, ("resourceflavors",), "resourceflavor"),
    (_GROUP, _VERSION, ("cohorts",), "cohort"),
)
"""What Kueue judges: API group, version, resources, kind in lower case.

Source: config/components/webhook/manifests.yaml of v0.17.0, without the kinds that are not run here.
"""
_NOT_CHANGED = frozenset({"cohort"})
"""Kinds that Kueue judges and never changes."""


def _write_webhooks(cluster_dir: ClusterDir, port: int) -> None:
    """Write the webhooks for the API server, and its identity towards them."""
    for folder in _PLUGINS.values():
        (cluster_dir.config / folder).mkdir(mode=0o700, exist_ok=True)
    mutating, validating = _webhooks(cluster_dir, port)
    write_json(cluster_dir.config / "webhooks-mutating" / "kueue.json", mutating)
    write_json(cluster_dir.config / "webhooks-validating" / "kueue.json", validating)
    user = {
        "client-certificate": str(cluster_dir.pki / f"{_WEBHOOK_CLIENT.file}.crt"),
        "client-key": str(cluster_dir.pki / f"{_WEBHOOK_CLIENT.file}.key"),
    }
    # The API server takes the user of the name of host and port: no other webhook is shown the certificate.
    users = [{"name": f"{LOOPBACK}:{port}", "user": user}]
    write_json(_client_file(cluster_dir), {"apiVersion": "v1", "kind": "Config", "users": users})


def _webhooks(cluster_dir: ClusterDir, port: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the webhooks that change objects, and those that judge them."""
    ca = who.encoded((cluster_dir.pki / f"{who.CLUSTER_CA}.crt").read_bytes())
    changing, judging = [], []
    for group, version, resources, kind in _JUDGED:
        path = f"{group.replace('.', '-')}-{version}-{kind}"
        rule = {"apiGroups": [group], "apiVersions": [version], "scope": "*"}
        common: dict[str, Any] = {
            "admissionReviewVersions": ["v1"],
            "failurePolicy": "Fail",
            "matchPolicy": "Equivalent",
            "objectSelector": {},
            "namespaceSelector": {},
            "sideEffects": "None",
            "timeoutSeconds": 10,
        }
        if group == "batch":
            # Queues serve namespaces of zones; jobs elsewhere are not Kueue's.
            in_zone = {"key": KEYS.namespace_zone, "operator": "Exists"}
            common["namespaceSelector"] = {"matchExpressions": [in_zone]}
        url = f"https://{LOOPBACK}:{port}"
        judged = rule | {"resources": list(resources), "operations": ["CREATE", "UPDATE"]}
        client = {"url": f"{url}/validate-{path}", "caBundle": ca}
        own = {"name": f"validate-{kind}.kueue.x-k8s.io", "clientConfig": client, "rules": [judged]}
        judging.append(common | own)
        if kind in _NOT_CHANGED:
            continue
        changed = rule | {"resources": [resources[0]], "operations": ["CREATE"]}
        client = {"url": f"{url}/mutate-{path}", "caBundle": ca}
        own = {"name": f"mutate-{kind}.kueue.x-k8s.io", "clientConfig": client, "rules": [changed]}
        changing.append(common | own | {"reinvocationPolicy": "Never"})
    return (
        _configuration_of("MutatingWebhookConfiguration", changing),
        _configuration_of("ValidatingWebhookConfiguration", judging),
    )


def _configuration_of(kind: str, webhooks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a configuration of webhooks from a file, for which the API server reserves the suffix."""
    metadata = {"name": "sovereign-kueue.static.k8s.io"}
    return {"apiVersion": _ADMISSION, "kind": kind, "metadata": metadata, "webhooks": webhooks}
