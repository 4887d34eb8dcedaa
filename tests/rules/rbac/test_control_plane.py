from __future__ import annotations

import pytest

from sovereign_ai.rules.rbac.control_plane import CONTROL_PLANE, CONTROLLER_ACCOUNTS, is_control_plane

CONTROLLER = "ServiceAccount kube-system/job-controller"


@pytest.mark.parametrize(
    ("subject", "binding", "is_known"),
    [
        ("Group system:masters", "ClusterRoleBinding/anything", True),
        (CONTROLLER, "ClusterRoleBinding/system:controller:job-controller", True),
        (CONTROLLER, "ClusterRoleBinding/system:controller:cronjob-controller", False),
        (CONTROLLER, "RoleBinding/kube-system/system:controller:job-controller", True),
        ("User system:kube-scheduler", "ClusterRoleBinding/system:volume-scheduler", True),
        ("User system:kube-scheduler", "ClusterRoleBinding/more", False),
        ("Group kubeadm:cluster-admins", "ClusterRoleBinding/kubeadm:cluster-admins", True),
        ("Group kubeadm:cluster-admins", "ClusterRoleBinding/more", False),
        ("User eve", "ClusterRoleBinding/system:basic-user", False),
    ],
)
def test_an_identity_of_the_control_plane_is_known_with_its_binding(
    subject: str, binding: str, is_known: bool
) -> None:
    assert is_control_plane(subject, binding) is is_known


def test_every_account_with_all_rights_is_one_of_kubernetes_own_controllers() -> None:
    accounts = {name for name in CONTROL_PLANE if name.startswith("ServiceAccount ")}
    assert accounts <= {f"ServiceAccount kube-system/{name}" for name in CONTROLLER_ACCOUNTS}
