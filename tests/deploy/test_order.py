"""Which objects must exist before which others."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from sovereign_ai.cluster.guard import GUARDED
from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.deploy.order import (
    LIMITS,
    RIGHTS,
    needs,
    policies_and_bindings,
    with_dependents,
    with_needed,
)
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


@pytest.mark.parametrize("name", ["lab", "plural"])
def test_policies_and_bindings_are_apart_so_that_no_binding_is_ever_without_its_policy(name: str) -> None:
    guarded = [obj for obj in bundle(name).objects if obj["kind"] in GUARDED]
    policies, bindings = policies_and_bindings(guarded, lambda obj: str(obj["kind"]))
    assert len(policies) + len(bindings) == len(guarded)
    written: set[str] = set()
    for obj in (*policies, *bindings):
        assert set(needs(obj)) <= written, resource_name(obj)
        written.add(resource_name(obj))


def test_only_one_function_decides_what_is_a_binding_of_a_policy() -> None:
    """Rights have bindings too, so a test for the ending alone would give another answer."""
    places = []
    package = Path(__file__).parents[2] / "sovereign_ai" / "deploy"
    for path in sorted(package.rglob("*.py")):
        deciding = filter(asks_for_an_ending, ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        places += [f"{path.name}: {ast.unparse(node)}" for node in deciding]
    assert places == ["order.py: kind.endswith('AdmissionPolicyBinding')"]


def asks_for_an_ending(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "endswith"
        and "Binding" in ast.unparse(node.args[0])
    )
