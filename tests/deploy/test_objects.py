"""Objects in the form in which they are deployed, and their names as resources."""

from __future__ import annotations

from typing import Any
from unittest.mock import MagicMock

import pytest

from sovereign_ai.deploy.objects import FIELD_MANAGER, object_name, resource_name, restore, stated

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


@pytest.mark.parametrize(
    ("kept", "added"),
    [
        ([], {"finalizers": ["example.com/mine"]}),
        (
            ["kueue.x-k8s.io/resource-in-use"],
            {"finalizers": ["kueue.x-k8s.io/resource-in-use", "example.com/mine"]},
        ),
        ([], {"ownerReferences": [{"kind": "ConfigMap", "name": "mine", "uid": "1"}]}),
    ],
)
def test_owners_and_finalizers_of_others_are_taken_off(kept: list[str], added: dict[str, Any]) -> None:
    """Server-side apply leaves both to whom they belong, so the object is replaced."""
    live = {**ROLE, "metadata": {**stated(ROLE)["metadata"], "uid": "7", "resourceVersion": "9", **added}}
    api = MagicMock()
    api.many = lambda calls: [call() for call in calls]
    api.get.return_value = api.apply.return_value = live
    api.replace.side_effect = lambda obj, **_options: obj
    assert restore(api, [ROLE], lambda _line: None) == ["Role/research/admin"]
    written = api.replace.call_args.args[0]["metadata"]
    assert (written["finalizers"], written["uid"], written["resourceVersion"]) == (kept, "7", "9")
    assert "ownerReferences" not in written


def test_an_object_with_the_finalizers_of_its_controllers_is_left_alone() -> None:
    live = {
        **ROLE,
        "metadata": {**stated(ROLE)["metadata"], "finalizers": ["kueue.x-k8s.io/resource-in-use"]},
    }
    api = MagicMock()
    api.many = lambda calls: [call() for call in calls]
    api.get.return_value = api.apply.return_value = live
    assert restore(api, [ROLE], lambda _line: None) == []
    api.replace.assert_not_called()
