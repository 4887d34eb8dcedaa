"""The control plane's own identities: those with far-reaching rights on every cluster, and their bindings.

An identity that has every right anyway is known by its name. Any other is known together with the binding
that Kubernetes, kubeadm or this program creates for it. Somebody else created any second binding for the same
identity.

    >>> controller = "ServiceAccount kube-system/job-controller"
    >>> is_control_plane(controller, "ClusterRoleBinding/system:controller:job-controller")
    True
    >>> is_control_plane(controller, "ClusterRoleBinding/more")
    False
"""

from __future__ import annotations

_ALL_RIGHTS = (
    "clusterrole-aggregation-controller",
    "expand-controller",
    "generic-garbage-collector",
    "namespace-controller",
    "persistent-volume-binder",
    "resourcequota-controller",
    "storage-version-migrator-controller",
)
_ACCOUNTS_WITH_ALL_RIGHTS = {f"ServiceAccount kube-system/{name}" for name in _ALL_RIGHTS}
CONTROL_PLANE: frozenset[str] = frozenset(
    {
        "Group system:masters",
        "Group sovereign-ai:admins",
        "User system:kube-controller-manager",
        *_ACCOUNTS_WITH_ALL_RIGHTS,
    }
)
"""Identities that an API server of Kubernetes 1.37 itself lets read secrets or more, as read from one.

The administrators of local control planes are among them.
"""

_CONTROLLER_ACCOUNTS = (
    "attachdetach-controller bootstrap-signer certificate-controller cloud-provider "
    "clusterrole-aggregation-controller cronjob-controller daemon-set-controller deployment-controller "
    "device-taint-eviction-controller disruption-controller endpoint-controller "
    "endpointslice-controller endpointslicemirroring-controller ephemeral-volume-controller "
    "expand-controller generic-garbage-collector horizontal-pod-autoscaler job-controller "
    "kube-apiserver-serving-clustertrustbundle-publisher kube-controller-manager kube-proxy "
    "kube-scheduler leader-election-controller legacy-service-account-token-cleaner "
    "namespace-controller node-controller persistent-volume-binder pod-garbage-collector "
    "podcertificaterequestcleaner podgroup-protection-controller pv-protection-controller "
    "pvc-protection-controller replicaset-controller replication-controller resource-claim-controller "
    "resourcepoolstatusrequest-controller resourcequota-controller root-ca-cert-publisher "
    "route-controller selinux-warning-controller service-account-controller service-cidrs-controller "
    "service-controller statefulset-controller storage-version-garbage-collector "
    "storage-version-migrator-controller token-cleaner ttl-after-finished-controller ttl-controller "
    "validatingadmissionpolicy-status-controller volumeattributesclass-protection-controller "
)
CONTROLLER_ACCOUNTS = frozenset(_CONTROLLER_ACCOUNTS.split())
"""Accounts in `kube-system` that the API server gives rights to, whether they exist or not.

Kubernetes 1.37.2, bootstrappolicy/controller_policy.go and namespace_policy.go; kubeadm's of kube-proxy.
"""

_STOCK_PREFIX = "ClusterRoleBinding/system:"
_STOCK_USERS = ("User system:kube-scheduler", "User system:kube-proxy")
_CONTROLLER_BINDINGS = ("ClusterRoleBinding/system:controller:", "RoleBinding/kube-system/system:controller:")
_CONTROLLER = "ServiceAccount kube-system/"
_MADE_FOR: frozenset[tuple[str, str]] = frozenset(
    {
        ("Group kubeadm:cluster-admins", "ClusterRoleBinding/kubeadm:cluster-admins"),
        (
            "Group system:bootstrappers:kubeadm:default-node-token",
            "ClusterRoleBinding/kubeadm:node-autoapprove-bootstrap",
        ),
        ("Group system:nodes", "ClusterRoleBinding/kubeadm:node-autoapprove-certificate-rotation"),
        ("User sovereign-ai:kwok", "ClusterRoleBinding/sovereign-ai:kwok"),
        ("User sovereign-ai:operator", "ClusterRoleBinding/sovereign-ai:operator"),
    }
)
"""Subject and binding of those that kubeadm and a local control plane create beside the API server."""


def is_control_plane(subject: str, binding: str) -> bool:
    """Return whether a subject has the rights of a binding as a part of the control plane.

    Args:
        subject: as `subjects.shown` writes it.
        binding: `ClusterRoleBinding/NAME` or `RoleBinding/NAMESPACE/NAME`.
    """
    if subject in CONTROL_PLANE or (subject, binding) in _MADE_FOR:
        return True
    for prefix in _CONTROLLER_BINDINGS:
        # Bound by the API server at each start under the controller's own name.
        if binding.startswith(prefix):
            return subject == _CONTROLLER + binding.removeprefix(prefix)
    return binding.startswith(_STOCK_PREFIX) and subject in _STOCK_USERS
