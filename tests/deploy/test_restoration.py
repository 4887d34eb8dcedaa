"""What others changed in an object is put back: by a write, or by another object where no write can."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from sovereign_ai.cluster.api import ApiError
from sovereign_ai.deploy.restoration import restore
from tests.support.memory_cluster import MemoryCluster, obj, refusal

STORAGE, DEFINITIONS = "storage.k8s.io/v1", "apiextensions.k8s.io/v1"
FOREIGN = {"manager": "somebody", "operation": "Update", "fieldsV1": {"f:parameters": {"f:x": {}}}}
CLASS = obj("StorageClass", "models", version=STORAGE)
NAMESPACE = obj("Namespace", "research")
DEFINITION = obj("CustomResourceDefinition", "queues.example.com", version=DEFINITIONS)


class Immutable(MemoryCluster):
    """A cluster on which somebody has set a field of one object that no write may take back."""

    def __init__(self, ours: Mapping[str, Any], *, accepts: int = 0, **entry: str) -> None:
        meta = {**ours["metadata"], "resourceVersion": "1", "managedFields": [{**FOREIGN, **entry}]}
        super().__init__({**ours, "metadata": meta, "parameters": {"x": "y"}})
        self._accepts = accepts

    def apply(self, obj: Mapping[str, Any], **_how: Any) -> dict[str, Any]:
        key = self._key(obj)
        if key not in self.objects:
            self._ask(f"APPLY {obj['kind']}/{obj['metadata']['name']}")
            self.put({**obj, "metadata": {**obj["metadata"], "resourceVersion": "2"}})
        return copy.deepcopy(self.objects[key])

    def replace(self, obj: Mapping[str, Any], **_how: Any) -> dict[str, Any]:  # noqa: ARG002 - whatever it is
        raise refusal(422, "Invalid")

    def create(self, obj: Mapping[str, Any], dry_run: bool = False, **_how: Any) -> dict[str, Any]:
        assert dry_run, "something would be stored under another name"
        if self._accepts:
            raise refusal(self._accepts)
        return dict(obj)

    def _key(self, obj: Mapping[str, Any]) -> tuple[str, str, str, str]:
        meta = obj["metadata"]
        return obj["apiVersion"], obj["kind"], meta.get("namespace", ""), meta["name"]


@pytest.mark.parametrize("answer", [0, 403], ids=["accepted", "a policy decides by the name"])
def test_what_no_write_takes_back_goes_with_its_object_which_is_made_again_at_once(answer: int) -> None:
    said: list[str] = []
    api = Immutable(CLASS, accepts=answer)
    assert restore(api, [CLASS], said.append) == ["StorageClass/models"]
    assert api.written == ["DELETE StorageClass/models", "APPLY StorageClass/models"]
    (after,) = api.list(STORAGE, "StorageClass")
    assert "parameters" not in after
    assert said[0] == "replace StorageClass/models: a field that somebody set cannot be taken back"


@pytest.mark.parametrize("held", [NAMESPACE, DEFINITION], ids=lambda held: str(held["kind"]))
def test_an_object_that_takes_others_with_it_is_never_made_again(held: dict[str, Any]) -> None:
    api = Immutable(held)
    with pytest.raises(ApiError, match="422"):
        restore(api, [held], lambda _line: None)
    assert api.written == []


def test_an_object_that_the_server_would_not_take_anew_stays_as_it_is() -> None:
    api = Immutable(CLASS, accepts=422)
    with pytest.raises(ApiError, match="422"):
        restore(api, [CLASS], lambda _line: None)
    assert api.written == []


@pytest.mark.parametrize(
    ("manager", "operation", "is_foreign"),
    [
        ("kubectl-edit", "Update", True),
        ("sovereign-ai", "Update", True),
        ("sovereign-ai", "Apply", False),
        ("kube-controller-manager", "Update", False),
    ],
)
def test_a_field_that_was_set_under_this_tools_name_and_not_applied_is_somebody_elses(
    manager: str, operation: str, is_foreign: bool
) -> None:
    api = Immutable(CLASS, manager=manager, operation=operation)
    restore(api, [CLASS], lambda _line: None)
    assert bool(api.written) == is_foreign
