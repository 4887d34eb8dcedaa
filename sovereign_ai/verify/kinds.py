"""The kinds of objects that a verdict reads, and how each is judged.

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
SCHEDULING = "scheduling.k8s.io/v1"

GOVERNED: tuple[Kind, ...] = (
    (RBAC, "Role"),
    (RBAC, "RoleBinding"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("v1", "LimitRange"),
    ("v1", "ResourceQuota"),
    ("v1", "ServiceAccount"),
    (KUEUE, "LocalQueue"),
)
"""Namespaced kinds that decide who may do what; in the stack's namespaces each must be declared."""

OBSERVED: tuple[Kind, ...] = (
    *GOVERNED,
    ("v1", "ConfigMap"),
    ("v1", "Namespace"),
    ("v1", "Node"),
    ("v1", "Pod"),
    (RBAC, "ClusterRole"),
    (RBAC, "ClusterRoleBinding"),
    (ADMISSION, "MutatingAdmissionPolicy"),
    (ADMISSION, "MutatingAdmissionPolicyBinding"),
    (ADMISSION, "ValidatingAdmissionPolicy"),
    (ADMISSION, "ValidatingAdmissionPolicyBinding"),
    (SCHEDULING, "PriorityClass"),
    ("node.k8s.io/v1", "RuntimeClass"),
    ("storage.k8s.io/v1", "StorageClass"),
    (RESOURCES, "DeviceClass"),
    (RESOURCES, "ResourceSlice"),
    (KUEUE, "Topology"),
    (KUEUE, "ResourceFlavor"),
    (KUEUE, "ClusterQueue"),
)
"""Kinds that are always read."""

# Users create ConfigMaps in large numbers: a full list would read mostly theirs.
BY_LABEL: frozenset[Kind] = frozenset({("v1", "ConfigMap")})
"""Kinds of which only objects with the stack's labels are read."""

UNREAD: frozenset[Kind] = frozenset({("v1", "Secret")})
"""Kinds of which nothing but the metadata is read: what an empty secret holds is its controller's."""

MACHINES: frozenset[Kind] = frozenset({("v1", "Node"), (RESOURCES, "ResourceSlice")})
"""Kinds that are compared with the plan and not with rendered objects."""

WORKLOADS: frozenset[Kind] = frozenset({("v1", "Pod")})
"""Kinds that tenants create: they are judged by where they run, and need no declaration."""

OWNERS: tuple[Kind, ...] = (
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
    ("v1", "ReplicationController"),
)
"""Kubernetes' own kinds that make pods, or objects that do: they lead from a pod to what is rendered."""
