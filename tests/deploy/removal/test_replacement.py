"""Objects that must be made again, by what the API server says in dry runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.deploy.live_objects import key_of
from sovereign_ai.deploy.objects import stated
from sovereign_ai.deploy.removal.replacement import must_be_replaced, replace
from sovereign_ai.deploy.state.objects import HeldObject
from sovereign_ai.names import KEYS, OWNER
from tests.support.memory_cluster import MemoryCluster, obj, refusal

CLASS = obj("PriorityClass", "training", version="scheduling.k8s.io/v1") | {"value": 5}


class Strict(MemoryCluster):
    """Refuses changes of `value`, and answers new objects as it is told."""

    new: ApiError | None = None
    change: int = 422

    def apply(
        self, obj: Mapping[str, Any], *, field_manager: str = "", force: bool = False, dry_run: bool = False
    ) -> dict[str, Any]:
        self._ask(f"{'TRY' if dry_run else 'APPLY'} {obj['metadata']['name']}")
        assert (field_manager, force) == ("sovereign-ai", True)
        live = self.get(obj["apiVersion"], obj["kind"], obj["metadata"]["name"])
        if live is not None and live["value"] != obj["value"]:
            raise refusal(self.change, "Invalid")
        if not dry_run:
            self.put(obj)
        return dict(obj)

    def create(
        self, obj: Mapping[str, Any], dry_run: bool = False, *, upsert: bool = False
    ) -> dict[str, Any]:
        self._ask(f"TRY {obj['metadata']['name']}")
        assert dry_run
        assert not upsert
        if self.new is not None:
            raise self.new
        return dict(obj)


def live(api: MemoryCluster) -> dict[Any, Any]:
    return {key_of(one): one["metadata"] for one in api.objects.values()}


def held(uid: str, **more: Any) -> dict[Any, HeldObject]:
    return {key_of(CLASS): HeldObject("urn", uid, "", "", {**stated(CLASS), **more})}


def replaced(api: Strict, state: dict[Any, HeldObject] | None) -> list[str]:
    return [str(key) for key in must_be_replaced(api, [CLASS], live(api), state)]


def drifted() -> Strict:
    return Strict({**CLASS, "value": 7})


def test_what_somebody_made_again_with_another_value_must_be_made_again() -> None:
    api = drifted()
    assert replaced(api, held("another-uid")) == ["PriorityClass/training"]
    assert replaced(api, None) == ["PriorityClass/training"]
    assert replaced(api, {}) == ["PriorityClass/training"]
    assert api.written == []


def test_what_the_description_changed_must_be_made_again_and_what_nobody_touched_is_not_tried() -> None:
    api = drifted()
    uid = api.objects["scheduling.k8s.io/v1", "PriorityClass", "", "training"]["metadata"]["uid"]
    assert replaced(api, held(uid, value=7)) == ["PriorityClass/training"]
    api.asked.clear()
    assert replaced(api, held(uid)) == []
    assert api.asked == []


def test_what_is_not_there_or_can_be_changed_is_not_made_again() -> None:
    assert replaced(Strict(), None) == []
    assert replaced(Strict(CLASS), None) == []


def test_what_already_has_its_new_form_is_not_tried() -> None:
    ours = {**CLASS, "metadata": {**CLASS["metadata"], "labels": {KEYS.owner: OWNER}}}
    api = Strict(stated(ours))
    assert must_be_replaced(api, [ours], live(api), None) == []
    assert not [line for line in api.asked if line.startswith(("APPLY", "TRY"))]


class Keeping(Strict):
    """Refuses to give up a label of a selector that it has, as the API server does with a Deployment's."""

    def apply(
        self, obj: Mapping[str, Any], *, field_manager: str = "", force: bool = False, dry_run: bool = False
    ) -> dict[str, Any]:
        self._ask(f"{'TRY' if dry_run else 'APPLY'} {obj['metadata']['name']}")
        assert (field_manager, force) == ("sovereign-ai", True)
        live = self.get(obj["apiVersion"], obj["kind"], obj["metadata"]["name"])
        assert live is not None
        if live["spec"]["selector"] != obj["spec"]["selector"]:
            raise refusal(422, "Invalid")
        return dict(obj)


def test_what_leaves_out_an_immutable_part_must_be_made_again() -> None:
    meta = obj("Deployment", "served", version="apps/v1")
    meta["metadata"]["labels"] = {KEYS.owner: OWNER}
    old = {**meta, "spec": {"selector": {"app": "a", "tier": "b"}, "paths": [{"to": "a", "by": "b"}]}}
    narrowed = {**meta, "spec": {"selector": {"app": "a"}, "paths": [{"to": "a", "by": "b"}]}}
    fields = {"f:spec": {"f:selector": {"f:app": {}, "f:tier": {}}, "f:paths": {}}}
    api = Keeping(owned(stated(old), fields))
    uid = next(iter(live(api).values()))["uid"]
    state = {key_of(old): HeldObject("urn", uid, "", "", stated(old))}
    assert [str(key) for key in must_be_replaced(api, [narrowed], live(api), state)] == ["Deployment/served"]
    # Without a state too, as after one was lost.
    assert must_be_replaced(api, [narrowed], live(api), None) == [key_of(old)]


def test_what_others_own_and_the_new_form_leaves_out_is_not_tried() -> None:
    meta = obj("Deployment", "served", version="apps/v1")
    meta["metadata"]["labels"] = {KEYS.owner: OWNER}
    ours = {**meta, "spec": {"selector": {"app": "a"}}}
    theirs = {**meta, "spec": {"selector": {"app": "a"}, "replicas": 3}}
    api = Keeping(owned(stated(theirs), {"f:spec": {"f:selector": {"f:app": {}}}}))
    assert must_be_replaced(api, [ours], live(api), None) == []
    assert not [line for line in api.asked if line.startswith("TRY")]


def owned(obj: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """Return an object as the API server shows it after this tool has applied some fields."""
    entry = {"manager": "sovereign-ai", "operation": "Apply", "fieldsV1": fields}
    return {**obj, "metadata": {**obj["metadata"], "managedFields": [entry]}}


@pytest.mark.parametrize(("status", "is_replaced"), [(403, True), (409, True), (422, False), (400, False)])
def test_a_value_that_is_refused_in_a_new_object_as_well_is_wrong_and_not_immutable(
    status: int, is_replaced: bool
) -> None:
    api = drifted()
    api.new = refusal(status)
    assert bool(replaced(api, None)) is is_replaced


@pytest.mark.parametrize("status", [403, 409, 500])
def test_another_refusal_of_the_change_says_nothing_about_fields(status: int) -> None:
    api = drifted()
    api.change = status
    assert replaced(api, None) == []


def test_it_is_deleted_and_applied_at_once() -> None:
    api = drifted()
    lines: list[str] = []
    assert replace(api, [CLASS], lines.append) == ["PriorityClass/training"]
    assert lines == ["replace PriorityClass/training: a field of it cannot be changed"]
    assert [line for line in api.asked if line.split()[0] in {"DELETE", "APPLY"}] == [
        "DELETE PriorityClass/training",
        "APPLY training",
    ]
    assert api.objects["scheduling.k8s.io/v1", "PriorityClass", "", "training"]["value"] == 5
