from __future__ import annotations

from typing import Any

from sovereign_ai.rules.rbac.closure import Rights
from sovereign_ai.rules.rbac.grants import POLICIES, SECRETS, direct_grants, effective_grants

EVE = {"kind": "User", "name": "eve"}
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
SPACE: dict[str, Any] = {"kind": "Namespace", "metadata": {"name": "a", "labels": RESTRICTED}}


def _objects(group: str, resource: str, *verbs: str, namespace: str = "") -> list[dict[str, Any]]:
    rules = [{"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}]
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    metadata = {"name": "b", **({"namespace": namespace} if namespace else {})}
    role = {"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": rules}
    reference = {"kind": "ClusterRole", "name": "r"}
    return [role, {"kind": kind, "metadata": metadata, "roleRef": reference, "subjects": [EVE]}]


def test_a_wildcard_of_verbs_grants_exactly_the_verbs_of_the_right() -> None:
    [grant] = direct_grants(_objects("", "secrets", "*"), SECRETS)
    assert grant.verbs == ("delete", "deletecollection", "get", "list", "patch", "watch")


def test_a_binding_in_a_namespace_grants_nothing_on_resources_of_the_cluster() -> None:
    objects = ("admissionregistration.k8s.io", "validatingadmissionpolicies", "delete")
    assert len(direct_grants(_objects(*objects), POLICIES)) == 1
    assert direct_grants(_objects(*objects, namespace="a"), POLICIES) == []


def test_a_right_at_the_end_of_a_path_names_the_path_and_its_binding() -> None:
    rights = Rights([SPACE, *_objects("", "pods", "create", namespace="a")])
    [grant] = effective_grants(rights, SECRETS)
    assert grant.binding == "RoleBinding/a/b"
    assert str(grant).startswith("User eve may get secrets in a: create pods in a by RoleBinding/a/b")
    assert grant.to_data()["what"] == "secrets"


def test_a_path_to_a_right_that_is_held_directly_is_left_out() -> None:
    objects = _objects("", "pods", "create", namespace="a")
    objects[0]["rules"].append({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]})
    assert [
        grant.path for grant in effective_grants(Rights([SPACE, *objects]), SECRETS) if "get" in grant.verbs
    ] == [()]
