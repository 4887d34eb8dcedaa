"""Which kinds of Kubernetes 1.37 lie in no namespace.

Publishers leave a namespace out where `helm template --namespace` or `kubectl --namespace` adds it, so that
nothing in an object says whether its kind has one. A test compares the table with a real API server.

    >>> is_namespaced("apps", "Deployment"), is_namespaced("rbac.authorization.k8s.io", "ClusterRole")
    (True, False)
    >>> is_namespaced("example.com", "Widget") is None
    True
"""

from __future__ import annotations

_CLUSTER_WIDE = frozenset(
    f"{group}/{kind}"
    for group, kinds in {
        "": "ComponentStatus Namespace Node PersistentVolume",
        "admissionregistration.k8s.io": (
            "MutatingAdmissionPolicy MutatingAdmissionPolicyBinding MutatingWebhookConfiguration"
            " ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration"
        ),
        "apiextensions.k8s.io": "CustomResourceDefinition",
        "apiregistration.k8s.io": "APIService",
        "authentication.k8s.io": "SelfSubjectReview TokenReview",
        "authorization.k8s.io": "SelfSubjectAccessReview SelfSubjectRulesReview SubjectAccessReview",
        "certificates.k8s.io": "CertificateSigningRequest ClusterTrustBundle",
        "flowcontrol.apiserver.k8s.io": "FlowSchema PriorityLevelConfiguration",
        "internal.apiserver.k8s.io": "StorageVersion",
        "networking.k8s.io": "IPAddress IngressClass ServiceCIDR",
        "node.k8s.io": "RuntimeClass",
        "rbac.authorization.k8s.io": "ClusterRole ClusterRoleBinding",
        "resource.k8s.io": "DeviceClass DeviceTaintRule ResourcePoolStatusRequest ResourceSlice",
        "scheduling.k8s.io": "PriorityClass",
        "storage.k8s.io": "CSIDriver CSINode StorageClass VolumeAttachment VolumeAttributesClass",
        "storagemigration.k8s.io": "StorageVersionMigration",
    }.items()
    for kind in kinds.split()
)
"""Group and kind (discovery of Kubernetes 1.37 with every API switched on, read on 2026-11-28)."""
_WITHOUT_CLUSTER_WIDE = "apps autoscaling batch coordination.k8s.io discovery.k8s.io events.k8s.io policy"
"""API groups of Kubernetes all of whose kinds lie in namespaces."""
_BUILT_IN = frozenset(_WITHOUT_CLUSTER_WIDE.split()) | {name.partition("/")[0] for name in _CLUSTER_WIDE}


def is_namespaced(group: str, kind: str) -> bool | None:
    """Return whether objects of a kind lie in namespaces; None for a kind that Kubernetes does not have."""
    if group not in _BUILT_IN:
        return None
    return f"{group}/{kind}" not in _CLUSTER_WIDE
