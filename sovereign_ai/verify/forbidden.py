"""Objects that must not get in, one for each admission policy of ours but the pods' own.

Policies take effect one by one, a moment after they are made, and each can be lost alone; so each is
proved by an object that a rule of its forbids whatever the description says. None of them is one
that the API server would refuse by itself.

    >>> from sovereign_ai.rules.kinds import GROUPS
    >>> {"pods", *forbidden("research", "lab", "registry.invalid/x")} == set(GROUPS)
    True
"""

from __future__ import annotations

from typing import Any

from sovereign_ai.names import KEYS, OWNER, SYSTEM_NAMESPACE
from sovereign_ai.rules.kinds import Group

_NAME = "sovereign-probe"
_NETWORKING, _RBAC = "networking.k8s.io", "rbac.authorization.k8s.io"


def forbidden(namespace: str, factory: str, image: str) -> dict[Group, dict[str, Any]]:
    """Give for each group of kinds an object that its policy refuses.

    Args:
        namespace: a tenant's namespace.
        factory: the factory's name.
        image: an image from a registry that is not listed.
    """
    labels = {"app": _NAME}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": image}]}}
    everybody = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
    service = {"selector": labels, "ports": [{"port": 80}], "externalIPs": ["192.0.2.1"]}
    admin: dict[str, Any] = {
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": _NAME}],
    }
    channel = {"name": "channel", "exactly": {"deviceClassName": "compute-domain-default-channel.nvidia.com"}}
    nameless = {KEYS.owner: OWNER, KEYS.factory: factory, KEYS.namespace_zone: "no-zone-of-the-description"}
    return {
        "templates": _made("apps/v1", "Deployment", namespace, spec={"selector": {"matchLabels": labels}, "template": template}),
        "network-policies": _made(f"{_NETWORKING}/v1", "NetworkPolicy", namespace, spec=everybody),
        "network": _made("v1", "Service", namespace, spec=service),
        "storage": _made("storage.k8s.io/v1", "StorageClass", provisioner="unlisted.invalid", volumeBindingMode="Immediate"),
        "rights": _made(f"{_RBAC}/v1", "RoleBinding", namespace) | admin,
        "claims": _made("resource.k8s.io/v1", "ResourceClaim", SYSTEM_NAMESPACE, spec={"devices": {"requests": [channel]}}),
        "cluster": _made("v1", "Namespace", labels=nameless),
    }


def _made(version: str, kind: str, namespace: str = "", labels: dict[str, str] | None = None, **fields: Any) -> dict[str, Any]:
    """Write an object."""
    metadata: dict[str, Any] = {"name": _NAME, **({"namespace": namespace} if namespace else {}), **({"labels": labels} if labels else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}
