"""What a control plane needs for its operator: the authorization webhook and the break-glass roles.

The operator itself is `sovereign_ai.operate`. The API server calls it as an authorization webhook, before all
other authorizers, but only about the exceptions of `rules/waiver_review.py`: no other request reaches it. No
answer, or none in time, denies the request, for administrators too. No decision is cached, so that the end of
an exception counts at once.

Break-glass access is granted by the roles below, each bound to one person in one namespace for hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sovereign_ai.cluster.identities import AUTHORIZATION, kubeconfig, server_url
from sovereign_ai.cluster.state import ClusterDir, write_json
from sovereign_ai.files.writing import write_private
from sovereign_ai.names import KEYS

OPERATOR = "operator"
LIVENESS_SOCKET = "operator.sock"
"""The socket, in a kind cluster's folder, on which the operator answers health probes."""
AUTHORIZERS = "authorization.json"
"""The file, among a control plane's settings, that lists the API server's authorizers."""
_ANSWER_SECONDS = 3
_READ = ("get", "list", "watch")
_CORE = (
    "configmaps",
    "events",
    "persistentvolumeclaims",
    "pods",
    "pods/log",
    "resourcequotas",
    "serviceaccounts",
    "services",
)
_LOOK: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", _CORE, _READ),
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
"""Kind of break-glass access to its rights: API group, resources, verbs.

None of them reads secrets, or writes roles or bindings.
"""


def access_role(kind: str) -> str:
    """Return the name of the cluster role for a kind of break-glass access."""
    return f"sovereign-ai:break-glass:{kind}"


def make_operator(cluster_dir: ClusterDir, port: int, seen: str = "") -> None:
    """Write the settings by which the API server calls the operator.

    Args:
        cluster_dir: the cluster's folder; its identities exist.
        port: the operator's port on 127.0.0.1.
        seen: the path of the settings for the API server, where it has another file system than this process.
    """
    # Here, since the step that applies the first roles should start without loading the rules.
    from sovereign_ai.rules.waiver_review import GROUP  # noqa: PLC0415

    path = cluster_dir.config / "operator.kubeconfig"
    write_private(path, kubeconfig(cluster_dir, AUTHORIZATION, server_url(port) + "/answer"))
    is_exception = f"has(request.resourceAttributes) && request.resourceAttributes.group == '{GROUP}'"
    webhook = {
        # Both caches are off; the API server still requires times.
        "cacheAuthorizedRequests": False,
        "cacheUnauthorizedRequests": False,
        "authorizedTTL": "1s",
        "unauthorizedTTL": "1s",
        "timeout": f"{_ANSWER_SECONDS}s",
        "subjectAccessReviewVersion": "v1",
        "matchConditionSubjectAccessReviewVersion": "v1",
        "failurePolicy": "Deny",
        "connectionInfo": {
            "type": "KubeConfigFile",
            "kubeConfigFile": f"{seen or cluster_dir.config}/{path.name}",
        },
        "matchConditions": [{"expression": is_exception}],
    }
    authorizers = [
        {"type": "Webhook", "name": OPERATOR, "webhook": webhook},
        {"type": "Node", "name": "node"},
        {"type": "RBAC", "name": "rbac"},
    ]
    configuration = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthorizationConfiguration",
        "authorizers": authorizers,
    }
    write_json(cluster_dir.config / AUTHORIZERS, configuration)


def operator_roles() -> tuple[dict[str, Any], ...]:
    """Return the operator's own role, which lets it bind the roles of break-glass access, and these roles."""
    roles = [access_role(kind) for kind in ACCESS_ROLES]
    own = (
        ("rbac.authorization.k8s.io", ("rolebindings",), ("create", "delete", "get", "list")),
        ("", ("events",), ("create",)),
    )
    # `bind` on named roles: the operator can grant these without having their rights itself.
    bind = {
        "apiGroups": ["rbac.authorization.k8s.io"],
        "resources": ["clusterroles"],
        "resourceNames": roles,
        "verbs": ["bind"],
    }
    operator_role = _role("sovereign-ai:operator", [*_rules(own), bind])
    access_roles = [_role(access_role(kind), _rules(rights)) for kind, rights in ACCESS_ROLES.items()]
    return (operator_role, *access_roles)


def _rules(rights: Iterable[tuple[str, Sequence[str], Sequence[str]]]) -> list[dict[str, Any]]:
    """Return rights as RBAC rules."""
    rules = []
    for group, resources, verbs in rights:
        rule = {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
        rules.append(rule)
    return rules


def _role(name: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a cluster role of the control plane."""
    metadata = {"name": name, "labels": {KEYS.component: "control-plane"}}
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": metadata,
        "rules": rules,
    }
