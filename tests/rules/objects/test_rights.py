from __future__ import annotations

from typing import Any

import pytest

from tests.rules.deciding import obj, refused_by

RBAC = "rbac.authorization.k8s.io/v1"


def _role(group: str, resource: str, *verbs: str, **more: Any) -> dict[str, Any]:
    rule = {"apiGroups": [group], "resources": [resource], "verbs": list(verbs), **more}
    return obj("Role", RBAC, rules=[rule])


@pytest.mark.parametrize(
    ("role", "rules"),
    [
        (_role("", "pods", "get", "create"), set()),
        (_role("", "pods", "*"), {"RBC-001"}),
        (_role("", "secrets", "get"), {"RBC-002"}),
        (_role("", "secrets", "get", resourceNames=["own"]), set()),
        (_role("", "secrets", "list", resourceNames=["own"]), {"RBC-002"}),
        (_role("", "serviceaccounts", "impersonate"), {"RBC-003"}),
        (_role("", "pods/exec", "create"), {"RBC-004"}),
        (_role("", "serviceaccounts/token", "create"), {"RBC-005"}),
        (_role("networking.k8s.io", "networkpolicies", "get"), set()),
        (_role("networking.k8s.io", "networkpolicies", "patch"), {"RBC-006"}),
    ],
)
def test_a_role_of_a_zone_grants_no_way_around_the_rules(role: dict[str, Any], rules: set[str]) -> None:
    assert refused_by(role) == rules


@pytest.mark.parametrize(
    ("subject", "rules"),
    [
        ({"kind": "Group", "name": "tenant:research"}, set()),
        ({"kind": "Group", "name": "tenant:startups"}, {"RBC-008"}),
        ({"kind": "Group", "name": "system:authenticated"}, {"RBC-007"}),
        ({"kind": "ServiceAccount", "name": "ci"}, set()),
        ({"kind": "ServiceAccount", "name": "ci", "namespace": "startups"}, {"RBC-008"}),
        ({"kind": "User", "name": "system:serviceaccount:startups:ci"}, {"RBC-008"}),
    ],
)
def test_a_binding_is_for_the_tenant_of_its_namespace(subject: dict[str, str], rules: set[str]) -> None:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    assert refused_by(obj("RoleBinding", RBAC, roleRef=reference, subjects=[subject])) == rules
