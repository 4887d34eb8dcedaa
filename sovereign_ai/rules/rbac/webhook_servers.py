"""Servers of webhooks: what code answers when the API server asks outside of itself.

Whoever runs code in the namespace of such a server, or leads its service to other pods, may answer in its
place. A mutating webhook changes whatever is written, a validating one is sent it, and one that converts
custom resources changes those of its group. So each such namespace leads on.

Whoever holds the server's key alone answers nothing: who also leads its service elsewhere is counted by that.

Source: the types of admissionregistration.k8s.io/v1 and apiextensions.k8s.io/v1, Kubernetes 1.37.

    >>> client = {"service": {"namespace": "hooks", "name": "server"}}
    >>> webhook = {"kind": "MutatingWebhookConfiguration", "metadata": {"name": "m"},
    ...     "webhooks": [{"clientConfig": client}]}
    >>> [(server.namespace, server.end) for server in servers_of(webhook)]
    [('hooks', 'Group system:masters')]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from sovereign_ai.rules.rbac.escalation import EVERYTHING, HOOKS, WORKLOAD_GROUPS, pods
from sovereign_ai.rules.rbac.matching import Object, may

_ENDS = {"MutatingWebhookConfiguration": EVERYTHING, "ValidatingWebhookConfiguration": HOOKS}
_SERVICE_HOST = re.compile(
    r"^https://([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\.[a-z0-9.-]+)?(?::[0-9]+)?(?:/|$)", re.IGNORECASE
)
_WRITES = ("create", "update", "patch")
_ROUTES = (
    ("", "services"),
    ("", "endpoints"),
    ("discovery.k8s.io", "endpointslices"),
    # The address of a pod stands in its status.
    ("", "pods/status"),
)
"""Resources that decide which pods a service leads to, and where they are."""
_OF_ANY_NAME = frozenset({"endpointslices", "pods/status"})
"""Those whose names are not the service's: a label says whose they are."""


class WebhookServer(NamedTuple):
    """A service whose pods answer the API server.

    Attributes:
        namespace: where it is.
        service: its name.
        end: the position that its answers amount to.
        configured_by: the configuration object that names it, `Kind/name`.
    """

    namespace: str
    service: str
    end: str
    configured_by: str


def servers_of(obj: Object) -> Iterator[WebhookServer]:
    """Yield the servers that an object has the API server ask; none for an object of another kind."""
    kind, name = obj["kind"], obj["metadata"]["name"]
    if kind in _ENDS:
        for webhook in obj.get("webhooks") or ():
            yield from _server(webhook.get("clientConfig"), _ENDS[kind], f"{kind}/{name}")
    elif kind == "CustomResourceDefinition":
        spec = obj.get("spec") or {}
        # Converted templates become pods. What other groups' objects lead to, their own controllers decide.
        if spec.get("group") in WORKLOAD_GROUPS:
            webhook = (spec.get("conversion") or {}).get("webhook") or {}
            yield from _server(webhook.get("clientConfig"), pods(""), f"{kind}/{name}")


def _server(client: Any, end: str, configured_by: str) -> Iterator[WebhookServer]:
    """Yield the service of a client configuration, also where a URL names it."""
    config = client or {}
    service = config.get("service") or {}
    if service.get("namespace"):
        yield WebhookServer(service["namespace"], service.get("name", ""), end, configured_by)
        return
    match = _SERVICE_HOST.match(config.get("url") or "")
    if match:
        yield WebhookServer(match[2].lower(), match[1].lower(), end, configured_by)


def leads_elsewhere(rule: Object, namespace: str, server: WebhookServer) -> bool:
    """Return whether a rule lets its holder lead a server's service to other pods.

    Args:
        rule: the RBAC rule.
        namespace: where it holds; empty for everywhere.
        server: the server.
    """
    if namespace not in {"", server.namespace}:
        return False
    names = rule.get("resourceNames")
    for group, resource in _ROUTES:
        is_its_own = not names or resource in _OF_ANY_NAME or server.service in names
        if is_its_own and may(rule, group, resource, *_WRITES):
            return True
    return False
