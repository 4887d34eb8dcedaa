"""Objects that must be refused: one for each admission policy, apart from the policy on pods.

Policies take effect one by one, a moment after they are created, and each can be lost alone. So each is
proved by an object that one of its rules forbids whatever the description states. The API server itself
accepts all of them.

    >>> from sovereign_ai.rules import GROUPS
    >>> {"pods", *refused_objects("research", "lab", "registry.invalid/x")} == set(GROUPS)
    True
"""

from __future__ import annotations

from typing import Any

from sovereign_ai.catalog.vendors import vendors
from sovereign_ai.names import KEYS, OWNER, SYSTEM_NAMESPACE
from sovereign_ai.rules import Group

_NAME = "sovereign-probe"
_RBAC = "rbac.authorization.k8s.io"
_UNKNOWN_ZONE = "no-zone-of-the-description"


def refused_objects(namespace: str, factory: str, image: str) -> dict[Group, dict[str, Any]]:
    """Return for each group of kinds an object that its policy refuses.

    Args:
        namespace: a tenant's namespace.
        factory: the factory's name.
        image: an image from a registry that is not listed.
    """
    labels = {"app": _NAME}
    container = {"name": "main", "image": image}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    deployment = {"selector": {"matchLabels": labels}, "template": template}
    # An empty ingress rule allows every source.
    open_ingress = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}
    # 192.0.2.0/24 is reserved for documentation (RFC 5737) and routed nowhere.
    service = {"selector": labels, "ports": [{"port": 80}], "externalIPs": ["192.0.2.1"]}
    admin_role = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "cluster-admin"}
    subject = {"apiGroup": _RBAC, "kind": "User", "name": _NAME}
    claim = {"devices": {"requests": _network_requests()}}
    # The owner labels make it one of the stack's namespaces, which must name a zone of the description.
    zoneless = {KEYS.owner: OWNER, KEYS.factory: factory, KEYS.namespace_zone: _UNKNOWN_ZONE}
    return {
        "templates": _object("apps/v1", "Deployment", namespace, spec=deployment),
        "network-policies": _object("networking.k8s.io/v1", "NetworkPolicy", namespace, spec=open_ingress),
        "network": _object("v1", "Service", namespace, spec=service),
        "storage": _object(
            "storage.k8s.io/v1", "StorageClass", provisioner="unlisted.invalid", volumeBindingMode="Immediate"
        ),
        "rights": _object(f"{_RBAC}/v1", "RoleBinding", namespace, roleRef=admin_role, subjects=[subject]),
        "claims": _object("resource.k8s.io/v1", "ResourceClaim", SYSTEM_NAMESPACE, spec=claim),
        "cluster": _object("v1", "Namespace", labels=zoneless),
        "nodes": _object("v1", "Node", labels={KEYS.zone: _UNKNOWN_ZONE}),
        "others": _object("node.k8s.io/v1", "RuntimeClass", handler="kata-remote"),
    }


def _network_requests() -> list[dict[str, Any]]:
    """Return a claim's requests for a device of each vendor's network between GPUs, such as NVLink."""
    requests = []
    for row in vendors():
        if row.scale_up:
            exactly = {"deviceClassName": row.scale_up.device_class}
            requests.append({"name": f"channel-{row.name}", "exactly": exactly})
    return requests


def _object(
    api_version: str, kind: str, namespace: str = "", labels: dict[str, str] | None = None, **fields: Any
) -> dict[str, Any]:
    """Return an object."""
    metadata: dict[str, Any] = {"name": _NAME}
    if namespace:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}
