"""The configuration files of an embedded control plane: encryption at rest, audit, KWOK, first roles.

The encryption key is made once and kept: without it the data cannot be read. `identity` stands
last among the providers, so that what was stored in clear before could still be read, and nothing
is written in clear.
"""

from __future__ import annotations

import base64
import secrets
from typing import Any

from sovereign_ai.cluster.guard import write_admission_settings
from sovereign_ai.cluster.identities import ADMIN_GROUP, KWOK_USER
from sovereign_ai.cluster.keys.custody import PLANE, has_custody, socket_of
from sovereign_ai.cluster.operator import OPERATOR_USER, operator_roles
from sovereign_ai.cluster.state import Place, read_json, write_json
from sovereign_ai.names import KEYS

ENCRYPTED = ("secrets", "configmaps")
"""What is encrypted at rest."""


def make_settings(where: Place) -> None:
    """Write the configuration files; the encryption key only where there is none yet."""
    if not (where.config / "encryption.json").exists():
        write_json(where.config / "encryption.json", _encryption())
    if has_custody(where):
        _put_plane_key_first(where)
    write_admission_settings(where)
    write_json(where.config / "audit.json", _audit())
    write_json(where.config / "kwok.json", _kwok())


def first_roles() -> tuple[dict[str, Any], ...]:
    """The roles that must exist before the components work: the administrators', the operator's, and the least that KWOK needs.

    KWOK's rights follow its published role (v0.7.0, kustomize/rbac/role.yaml) without what we do
    not use: its own custom resources, leases, and reading or deleting events.
    """
    rules = [
        {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": [""], "resources": ["nodes/status", "pods/status"], "verbs": ["patch", "update"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["delete", "get", "list", "patch", "update", "watch"]},
        {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch", "update"]},
    ]
    role = _rbac("ClusterRole", "sovereign-ai:kwok") | {"rules": rules}
    return (
        role,
        *operator_rights(),
        _binding("sovereign-ai:kwok", "sovereign-ai:kwok", "User", KWOK_USER),
        _binding("sovereign-ai:admins", "cluster-admin", "Group", ADMIN_GROUP),
    )


def operator_rights() -> tuple[dict[str, Any], ...]:
    """The operator's roles, and the binding that gives it its own."""
    return (*operator_roles(), _binding("sovereign-ai:operator", "sovereign-ai:operator", "User", OPERATOR_USER))


def _encryption() -> dict[str, Any]:
    """Secretbox (XSalsa20 and Poly1305) with a random key of 32 bytes."""
    key = {"name": "first", "secret": base64.b64encode(secrets.token_bytes(32)).decode()}
    resources = [{"resources": list(ENCRYPTED), "providers": [{"secretbox": {"keys": [key]}}, {"identity": {}}]}]
    return {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": resources}


def _put_plane_key_first(where: Place) -> None:
    """Have the API server write under the plane's key in the module; what it wrote before stays readable."""
    config = read_json(where.config / "encryption.json") or _encryption()
    endpoint = f"unix://{socket_of(where, PLANE)}"
    provider = {"kms": {"apiVersion": "v2", "name": PLANE, "endpoint": endpoint, "timeout": "3s"}}
    for entry in config["resources"]:
        entry["providers"] = [provider, *(one for one in entry["providers"] if "kms" not in one)]
    write_json(where.config / "encryption.json", config)


def _audit() -> dict[str, Any]:
    """Who did what to which object, for every request but health checks; bodies, and so secrets, never."""
    health = {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*"]}
    everything = {"level": "Metadata"}
    return {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [health, everything]}


def _kwok() -> dict[str, Any]:
    """KWOK without the kubelet's debugging endpoints, and with more hands than its default of four."""
    options = {
        "enableDebuggingHandlers": False,
        "enableProfilingHandler": False,
        "nodePlayStageParallelism": 16,
        "podPlayStageParallelism": 16,
    }
    return {"apiVersion": "config.kwok.x-k8s.io/v1alpha1", "kind": "KwokConfiguration", "options": options}


def _binding(name: str, role: str, kind: str, subject: str) -> dict[str, Any]:
    """A ClusterRoleBinding of one role to one subject."""
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    subjects = [{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": subject}]
    return _rbac("ClusterRoleBinding", name) | {"roleRef": reference, "subjects": subjects}


def _rbac(kind: str, name: str) -> dict[str, Any]:
    """The head of an RBAC object of ours."""
    metadata = {"name": name, "labels": {KEYS.component: "control-plane"}}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata}
