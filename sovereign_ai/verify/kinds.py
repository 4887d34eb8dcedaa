"""Which kinds a verdict looks at.

>>> ("networking.k8s.io/v1", "NetworkPolicy") in GOVERNED
True
"""

from __future__ import annotations

Kind = tuple[str, str]
"""apiVersion and kind."""

RBAC = "rbac.authorization.k8s.io/v1"
ADMISSION = "admissionregistration.k8s.io/v1"
RESOURCES = "resource.k8s.io/v1"
KUEUE = "kueue.x-k8s.io/v1beta2"

GOVERNED: tuple[Kind, ...] = (
    (RBAC, "Role"),
    (RBAC, "RoleBinding"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("v1", "LimitRange"),
    ("v1", "ResourceQuota"),
    ("v1", "ServiceAccount"),
    (KUEUE, "LocalQueue"),
)
"""Namespaced kinds that decide who may do what: in our namespaces, one that we did not declare is foreign."""

OBSERVED: tuple[Kind, ...] = (
    *GOVERNED,
    ("v1", "ConfigMap"),
    ("v1", "Namespace"),
    ("v1", "Node"),
    (RBAC, "ClusterRole"),
    (RBAC, "ClusterRoleBinding"),
    (ADMISSION, "MutatingAdmissionPolicy"),
    (ADMISSION, "MutatingAdmissionPolicyBinding"),
    (ADMISSION, "ValidatingAdmissionPolicy"),
    (ADMISSION, "ValidatingAdmissionPolicyBinding"),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("node.k8s.io/v1", "RuntimeClass"),
    ("storage.k8s.io/v1", "StorageClass"),
    (RESOURCES, "DeviceClass"),
    (RESOURCES, "ResourceSlice"),
    (KUEUE, "Topology"),
    (KUEUE, "ResourceFlavor"),
    (KUEUE, "ClusterQueue"),
)
"""Kinds that are always read."""

BY_LABEL: frozenset[Kind] = frozenset({("v1", "ConfigMap")})
"""Kinds of which only those with our labels are read."""

MACHINES: frozenset[Kind] = frozenset({("v1", "Node"), (RESOURCES, "ResourceSlice")})
"""Kinds that are held against the plan and not against rendered objects."""
