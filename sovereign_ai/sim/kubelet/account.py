"""Who the agent is in the cluster: a service account of its own, with the least rights that it needs.

It reads pods, claims and nodes; it writes ResourceSlices, volumes, and what a claim for a volume is told. It reads no
secret, makes no pod, and changes no node. Its token ends after a year: long before that a cluster of containers is gone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.cluster.access import Api
from sovereign_ai.cluster.state import write_json
from sovereign_ai.names import KEYS

NAME, NAMESPACE, ROLE = "gpu-agent", "kube-system", "sovereign-ai:gpu-agent"
_YEAR_SECONDS = 365 * 24 * 3600
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
    """Give the account, its role, and what binds them."""
    rules = [{"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)} for group, resources, verbs in RULES]
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}
    role = {"apiGroup": _GROUP, "kind": "ClusterRole", "name": ROLE}
    account = _head("v1", "ServiceAccount", NAME)
    account["metadata"]["namespace"] = NAMESPACE
    return (
        account | {"automountServiceAccountToken": False},
        _head(f"{_GROUP}/v1", "ClusterRole", ROLE) | {"rules": rules},
        _head(f"{_GROUP}/v1", "ClusterRoleBinding", ROLE) | {"roleRef": role, "subjects": [subject]},
    )


def make(api: Api, administrator: Path, target: Path) -> None:
    """Make the account, and write its kubeconfig, of mode 0600.

    Args:
        api: the cluster, as its administrator.
        administrator: the administrator's kubeconfig, which says where the cluster is and who vouches for it.
        target: where the account's kubeconfig goes.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    for obj in objects():
        api.apply(obj, force=True)
    wish = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": _YEAR_SECONDS}}
    answer = api.request("POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{NAME}/token", wish)
    write_json(target, kubeconfig(yaml.safe_load(administrator.read_text(encoding="utf-8")), str(answer["status"]["token"])))


def kubeconfig(administrator: dict[str, Any], token: str) -> dict[str, Any]:
    """Give a kubeconfig for a token, with the cluster of another's current context."""
    name = administrator["current-context"]
    context = next(one["context"] for one in administrator["contexts"] if one["name"] == name)
    cluster = next(one for one in administrator["clusters"] if one["name"] == context["cluster"])
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [cluster],
        "contexts": [{"name": NAME, "context": {"cluster": cluster["name"], "user": NAME}}],
        "current-context": NAME,
        "users": [{"name": NAME, "user": {"token": token}}],
    }


def _head(api_version: str, kind: str, name: str) -> dict[str, Any]:
    """Give the head of an object."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "labels": {KEYS.component: "control-plane"}}}
