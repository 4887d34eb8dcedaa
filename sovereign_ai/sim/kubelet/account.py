"""The agent's identity in the cluster: a service account of its own, with the least rights that it needs.

It reads pods, claims and nodes; it writes ResourceSlices, volumes, and events of claims for volumes. It reads
no secret, makes no pod, and changes no node.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sovereign_ai.cluster import write_json
from sovereign_ai.cluster.api import Api, read_kubeconfig
from sovereign_ai.names import KEYS

NAME, NAMESPACE, ROLE = "gpu-agent", "kube-system", "sovereign-ai:gpu-agent"
# Each start of the agents asks for a new token. A cluster of containers is seldom a month old.
_TOKEN_SECONDS = 30 * 24 * 3600
_GROUP = "rbac.authorization.k8s.io"
RULES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", ("nodes", "pods"), ("get", "list")),
    ("", ("events",), ("create", "patch")),
    ("", ("persistentvolumeclaims",), ("list", "patch")),
    ("", ("persistentvolumes",), ("create", "delete", "list")),
    ("resource.k8s.io", ("deviceclasses", "devicetaintrules", "resourceclaims"), ("get", "list")),
    ("resource.k8s.io", ("resourceslices",), ("create", "delete", "get", "patch")),
    ("storage.k8s.io", ("storageclasses",), ("get",)),
)
"""API group, resources, verbs."""


def objects() -> tuple[dict[str, Any], ...]:
    """Return the account, its role, and the binding of both."""
    rules = []
    for group, resources, verbs in RULES:
        rule = {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
        rules.append(rule)
    account = _head("v1", "ServiceAccount", NAME)
    account["metadata"]["namespace"] = NAMESPACE
    # No pod runs as this account: its token is requested below.
    account["automountServiceAccountToken"] = False
    role = _head(f"{_GROUP}/v1", "ClusterRole", ROLE)
    role["rules"] = rules
    binding = _head(f"{_GROUP}/v1", "ClusterRoleBinding", ROLE)
    binding["roleRef"] = {"apiGroup": _GROUP, "kind": "ClusterRole", "name": ROLE}
    binding["subjects"] = [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}]
    return account, role, binding


def make(api: Api, administrator: Path, target: Path) -> None:
    """Make the account, and write its kubeconfig, of mode 0600.

    Args:
        api: the cluster, as its administrator.
        administrator: the administrator's kubeconfig, with the cluster's address and certificate authority.
        target: the file of the account's kubeconfig.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    for obj in objects():
        api.apply(obj, force=True)
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": _TOKEN_SECONDS},
    }
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{NAME}/token"
    answer = api.request("POST", path, request)
    token = str(answer["status"]["token"])
    write_json(target, kubeconfig(read_kubeconfig(administrator), token))


def kubeconfig(administrator: dict[str, Any], token: str) -> dict[str, Any]:
    """Return a kubeconfig for a token, with the cluster of another kubeconfig's current context."""
    current = _named(administrator["contexts"], administrator["current-context"])
    cluster = _named(administrator["clusters"], current["context"]["cluster"])
    context = {"cluster": cluster["name"], "user": NAME}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [cluster],
        "contexts": [{"name": NAME, "context": context}],
        "current-context": NAME,
        "users": [{"name": NAME, "user": {"token": token}}],
    }


def _named(entries: Iterable[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the entry of a name."""
    return next(entry for entry in entries if entry["name"] == name)


def _head(api_version: str, kind: str, name: str) -> dict[str, Any]:
    """Return an object without more than its head."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "labels": {KEYS.component: "control-plane"}},
    }
