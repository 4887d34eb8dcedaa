"""The operator beside a control plane: who it is, what it may do, and how the API server asks it.

The operator itself is `sovereign_ai.operate`. The API server asks it by the protocol of authorization
webhooks, first of all authorizers, but only about the exceptions of `rules/asked.py`: for anything else
the operator does not exist. No answer, or none in time, is a no, for administrators too. Nothing is
remembered between two questions, so that the end of an exception counts at once.

Break-glass access is given by the roles below, each bound to one person in one namespace for hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sovereign_ai.cluster.identities import AUTHORIZATION, kubeconfig, server_url
from sovereign_ai.cluster.state import Place, write_json, write_private
from sovereign_ai.names import KEYS

OPERATOR = "operator"
LIFE = "operator.sock"
"""The socket, in a kind cluster's folder, on which the operator says that it lives."""
AUTHORIZERS = "authorization.json"
"""The file, among a plane's settings, by which the API server knows whom to ask."""
OPERATOR_USER = "sovereign-ai:operator"
_ANSWER_SECONDS = 3
_READ = ("get", "list", "watch")
_LOOK: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", ("configmaps", "events", "persistentvolumeclaims", "pods", "pods/log", "resourcequotas", "serviceaccounts", "services"), _READ),
    ("apps", ("daemonsets", "deployments", "replicasets", "statefulsets"), _READ),
    ("batch", ("cronjobs", "jobs"), _READ),
    ("networking.k8s.io", ("networkpolicies",), _READ),
    ("resource.k8s.io", ("resourceclaims", "resourceclaimtemplates"), _READ),
)
_SHELL = (
    ("", ("pods/attach", "pods/exec", "pods/portforward"), ("create", "get")),
    ("", ("pods/ephemeralcontainers",), ("patch", "update")),
)
_REPAIR = (
    ("", ("pods",), ("delete",)),
    ("apps", ("deployments", "deployments/scale", "statefulsets", "statefulsets/scale"), ("patch", "update")),
    ("batch", ("cronjobs", "jobs"), ("delete", "patch", "update")),
)
ACCESS_ROLES = {"look": _LOOK, "shell": (*_LOOK, *_SHELL), "repair": (*_LOOK, *_REPAIR)}
"""Kind of break-glass access to its rights: API group, resources, verbs. None reads secrets or writes rights."""


def access_role(kind: str) -> str:
    """Name the cluster role of a kind of break-glass access."""
    return f"sovereign-ai:break-glass:{kind}"


def make_operator(where: Place, port: int, seen: str = "") -> None:
    """Write how the API server asks the operator.

    Args:
        where: the cluster; its identities are made.
        port: the operator's port on 127.0.0.1.
        seen: how the API server calls our folder of settings, where it sees another file system than we do.
    """
    from sovereign_ai.rules.asked import GROUP  # noqa: PLC0415 - the step that applies the first roles starts without the rules

    path = where.config / "operator.kubeconfig"
    write_private(path, kubeconfig(where, AUTHORIZATION, server_url(port) + "/answer"))
    webhook = {
        "cacheAuthorizedRequests": False,
        "cacheUnauthorizedRequests": False,
        "authorizedTTL": "1s",
        "unauthorizedTTL": "1s",
        "timeout": f"{_ANSWER_SECONDS}s",
        "subjectAccessReviewVersion": "v1",
        "matchConditionSubjectAccessReviewVersion": "v1",
        "failurePolicy": "Deny",
        "connectionInfo": {"type": "KubeConfigFile", "kubeConfigFile": f"{seen or where.config}/{path.name}"},
        "matchConditions": [{"expression": f"has(request.resourceAttributes) && request.resourceAttributes.group == '{GROUP}'"}],
    }
    authorizers = [
        {"type": "Webhook", "name": OPERATOR, "webhook": webhook},
        {"type": "Node", "name": "node"},
        {"type": "RBAC", "name": "rbac"},
    ]
    version = "apiserver.config.k8s.io/v1"
    write_json(where.config / AUTHORIZERS, {"apiVersion": version, "kind": "AuthorizationConfiguration", "authorizers": authorizers})


def operator_roles() -> tuple[dict[str, Any], ...]:
    """The operator's own role, which lets it bind the roles of break-glass access and tell of it, and these roles."""
    roles = [access_role(kind) for kind in ACCESS_ROLES]
    own = (
        ("rbac.authorization.k8s.io", ("rolebindings",), ("create", "delete", "get", "list")),
        ("", ("events",), ("create",)),
    )
    bind = {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "resourceNames": roles, "verbs": ["bind"]}
    return (
        _role("sovereign-ai:operator", [*_rules(own), bind]),
        *(_role(access_role(kind), _rules(rights)) for kind, rights in ACCESS_ROLES.items()),
    )


def _rules(rights: Iterable[tuple[str, Sequence[str], Sequence[str]]]) -> list[dict[str, Any]]:
    """Write rights as RBAC rules."""
    return [{"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)} for group, resources, verbs in rights]


def _role(name: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    """Write a cluster role of the control plane."""
    metadata = {"name": name, "labels": {KEYS.component: "control-plane"}}
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}
