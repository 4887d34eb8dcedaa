"""The configuration files of an embedded control plane: encryption at rest, audit, KWOK, first roles.

The encryption key is generated once and kept: without it the data cannot be read. `identity` is the last of
the providers, so that values which were stored unencrypted before can still be read, and no value is stored
unencrypted.
"""

from __future__ import annotations

import base64
import secrets
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.embedded.node_stage import node_stage
from sovereign_ai.cluster.embedded.plane_controllers import plane_controllers
from sovereign_ai.cluster.embedded.pod_stages import pod_stages
from sovereign_ai.cluster.embedded.webhook_controllers import webhook_plugins
from sovereign_ai.cluster.guard import write_admission_settings
from sovereign_ai.cluster.identities import KWOK_USER
from sovereign_ai.cluster.keys.custody import PLANE, has_custody, socket_of
from sovereign_ai.cluster.operator import operator_roles
from sovereign_ai.cluster.state import ClusterDir, read_json, write_json
from sovereign_ai.files.writing import write_private
from sovereign_ai.names import ADMIN_GROUP, KEYS, OPERATOR_USER

ENCRYPTED = ("secrets", "configmaps")
"""The resources that are encrypted at rest."""


def make_settings(cluster_dir: ClusterDir) -> None:
    """Write the configuration files; the encryption key only where there is none yet."""
    if not (cluster_dir.config / "encryption.json").exists():
        write_json(cluster_dir.config / "encryption.json", _encryption())
    if has_custody(cluster_dir):
        _put_plane_key_first(cluster_dir)
    plugins = webhook_plugins(cluster_dir) if plane_controllers(cluster_dir) else []
    write_admission_settings(cluster_dir, others=plugins)
    write_json(cluster_dir.config / "audit.json", _audit())
    write_json(cluster_dir.config / "kwok.json", _kwok())
    write_json(scheduler_file(cluster_dir), _scheduler(cluster_dir))
    stages = f"{node_stage()}{pod_stages()}"
    write_private(cluster_dir.config / "kwok-stages.yaml", stages.encode())


def first_roles() -> tuple[dict[str, Any], ...]:
    """Return the roles that must exist before the components work: of administrators, operator and KWOK.

    KWOK's rights follow its published role (v0.7.0, kustomize/rbac/role.yaml) without what is not used here:
    its own custom resources, leases, and reading or deleting events.
    """
    rules = [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["nodes/status", "pods/status"], "verbs": ["patch", "update"]},
        {
            "apiGroups": [""],
            "resources": ["pods"],
            "verbs": ["delete", "get", "list", "patch", "update", "watch"],
        },
        {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch", "update"]},
    ]
    role = _rbac("ClusterRole", "sovereign-ai:kwok") | {"rules": rules}
    return (
        role,
        *operator_rights(),
        _binding("sovereign-ai:kwok", "sovereign-ai:kwok", "User", KWOK_USER),
        _binding("sovereign-ai:admins", "cluster-admin", "Group", ADMIN_GROUP),
        _health_for_known_callers(),
    )


def operator_rights() -> tuple[dict[str, Any], ...]:
    """Return the operator's roles, and the binding that gives it its own."""
    return (
        *operator_roles(),
        _binding("sovereign-ai:operator", "sovereign-ai:operator", "User", OPERATOR_USER),
    )


def scheduler_file(cluster_dir: ClusterDir) -> Path:
    """Return the file with the scheduler's settings."""
    return cluster_dir.config / "scheduler.json"


def _scheduler(cluster_dir: ClusterDir) -> dict[str, Any]:
    """Return the scheduler's settings: its defaults, with the plugin first that refuses most machines.

    Kueue names the machine of each pod by a label, and the scheduler looks at all of them: with thousands it
    takes most of its time to find out by taints and resources what the label says at once.
    """
    return {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "clientConnection": {
            "kubeconfig": str(cluster_dir.identity("kube-scheduler")),
            "qps": 1000,
            "burst": 2000,
        },
        # One process, which its supervisor restarts: with an election it would wait for its own old lease.
        "leaderElection": {"leaderElect": False},
        "enableProfiling": False,
        "profiles": [
            {
                "schedulerName": "default-scheduler",
                "plugins": {"filter": {"enabled": [{"name": "NodeAffinity"}]}},
            }
        ],
    }


def _encryption() -> dict[str, Any]:
    """Return encryption by secretbox (XSalsa20 and Poly1305) with a random key of 32 bytes."""
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    secretbox = {"keys": [{"name": "first", "secret": secret}]}
    # The first provider writes; each of them reads.
    entry = {"resources": list(ENCRYPTED), "providers": [{"secretbox": secretbox}, {"identity": {}}]}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [entry],
    }


def _put_plane_key_first(cluster_dir: ClusterDir) -> None:
    """Make the API server write under the control plane's key in the module; earlier values stay readable."""
    config = read_json(cluster_dir.config / "encryption.json") or _encryption()
    endpoint = f"unix://{socket_of(cluster_dir, PLANE)}"
    provider = {"kms": {"apiVersion": "v2", "name": PLANE, "endpoint": endpoint, "timeout": "3s"}}
    for entry in config["resources"]:
        others = [other for other in entry["providers"] if "kms" not in other]
        entry["providers"] = [provider, *others]
    write_json(cluster_dir.config / "encryption.json", config)


def _audit() -> dict[str, Any]:
    """Return the audit policy: every request but health checks, never with bodies, which may hold secrets."""
    health = {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*"]}
    everything = {"level": "Metadata"}
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [health, everything],
    }


def _kwok() -> dict[str, Any]:
    """Return KWOK's options: no debugging endpoints, and more parallel work than its default of four."""
    options = {
        "enableDebuggingHandlers": False,
        "enableProfilingHandler": False,
        "nodePlayStageParallelism": 16,
        "podPlayStageParallelism": 16,
    }
    return {"apiVersion": "config.kwok.x-k8s.io/v1alpha1", "kind": "KwokConfiguration", "options": options}


def _binding(name: str, role: str, kind: str, subject: str) -> dict[str, Any]:
    """Return a ClusterRoleBinding of one role to one subject."""
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": subject}]
    return _rbac("ClusterRoleBinding", name) | {"roleRef": reference, "subjects": subjects}


def _health_for_known_callers() -> dict[str, Any]:
    """Return Kubernetes' own binding for health and version, without callers that present no certificate.

    Scheduler and controller manager have no flag against anonymous callers: they request from the API server
    which paths those may read.
    """
    binding = _binding(
        "system:public-info-viewer", "system:public-info-viewer", "Group", "system:authenticated"
    )
    # The API server restores its own bindings at each start, apart from those with this annotation.
    binding["metadata"] = {
        "name": binding["metadata"]["name"],
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "false"},
    }
    return binding


def _rbac(kind: str, name: str) -> dict[str, Any]:
    """Return the common fields of an RBAC object."""
    metadata = {"name": name, "labels": {KEYS.component: "control-plane"}}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata}
