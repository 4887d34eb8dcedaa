"""Which objects must exist before which others."""

from __future__ import annotations

import pytest

from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.deploy.order import LIMITS, RIGHTS, needs, with_dependents, with_needed
from tests.render.lab import bundle


@pytest.mark.parametrize("name", ["lab", "superpod", "gigafactory", "plural"])
def test_what_an_object_needs_is_in_its_bundle(name: str) -> None:
    present = {resource_name(obj) for obj in bundle(name).objects}
    for obj in bundle(name).objects:
        kinds = {need.split("/")[0] for need in needs(obj) if need not in present}
        assert kinds <= {"ClusterRole"}, f"{resource_name(obj)} needs what only a cluster has"


def test_some_objects_with_what_they_need_are_closed_and_no_larger_than_that() -> None:
    objects = {resource_name(obj): obj for obj in bundle().objects}
    for name in objects:
        found = with_needed(objects.values(), [name])
        reached, grown = {name}, True
        while grown:  # the slow way: grow until nothing is added
            before = set(reached)
            for one in before:
                obj = objects[one]
                reached |= {need for need in needs(obj) if need in objects}
                if obj["kind"] in RIGHTS:
                    space = obj["metadata"].get("namespace", "")
                    reached |= {
                        other
                        for other, what in objects.items()
                        if what["kind"] in LIMITS and what["metadata"]["namespace"] == space
                    }
            grown = reached != before
        assert found == reached


def test_what_needs_an_object_is_what_has_it_among_its_needs() -> None:
    objects = bundle().objects
    names = [resource_name(obj) for obj in objects]
    needed = {name: with_needed(objects, [name]) for name in names}
    for name in names:
        assert with_dependents(objects, [name]) == {other for other in names if name in needed[other]}


def test_of_what_does_not_exist_nothing_is_needed() -> None:
    assert with_needed(bundle().objects, ["Namespace/gone"]) == set()
    assert with_needed(bundle().objects, []) == set()
