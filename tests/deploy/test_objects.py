"""Objects in the form in which they are deployed, and their names as resources."""

from __future__ import annotations

import pytest

from sovereign_ai.deploy.objects import FIELD_MANAGER, object_name, resource_name, stated

ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "Role",
    "metadata": {"name": "admin", "namespace": "research", "annotations": {"a": "b"}},
}


def test_a_deployed_object_names_the_field_manager_and_the_original_is_unchanged() -> None:
    annotations = stated(ROLE)["metadata"]["annotations"]
    assert annotations["a"] == "b"
    assert annotations["pulumi.com/patchFieldManager"] == FIELD_MANAGER
    assert ROLE["metadata"]["annotations"] == {"a": "b"}  # type: ignore[index]


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("Namespace/research", "Namespace/research"),
        ("lab/Namespace/research", "Namespace/research"),
        ("Role/research/admin", "Role/research/admin"),
        ("a/b/Role/research/admin", "Role/research/admin"),
    ],
)
def test_a_resources_name_ends_with_that_of_its_object(resource: str, name: str) -> None:
    assert object_name(resource) == name
    assert object_name(f"lab/{resource_name(ROLE)}") == "Role/research/admin"
