"""What the deployments of one program must know of each other."""

from __future__ import annotations

import pytest

from sovereign_ai.deploy.program import CURRENT, Deployment, Program, current
from sovereign_ai.errors import UsageError


def declared(name: str, cluster: str, *objects: str) -> Deployment:
    return Deployment(name, cluster, frozenset(objects))


def test_two_deployments_may_declare_the_same_objects_on_two_clusters() -> None:
    program = Program()
    program.add(declared("a", "one", "Namespace/x"))
    program.add(declared("b", "two", "Namespace/x"))
    program.add(declared("c", "one", "Namespace/y"))
    assert [deployment.name for deployment in program.deployments] == ["a", "b", "c"]


def test_the_same_object_twice_on_one_cluster_is_refused_and_named() -> None:
    program = Program()
    program.add(declared("a", "one", *(f"Namespace/n{number}" for number in range(5))))
    with pytest.raises(UsageError) as raised:
        program.add(declared("b", "one", *(f"Namespace/n{number}" for number in range(5))))
    message = (
        "'b' and 'a' both declare Namespace/n0, Namespace/n1, Namespace/n2 and 2 more on the same cluster"
    )
    assert [problem.message for problem in raised.value.problems] == [message]
    assert len(program.deployments) == 1


def test_the_package_sets_the_program_that_its_components_belong_to() -> None:
    program = Program()
    token = CURRENT.set(program)
    try:
        assert current() is program
    finally:
        CURRENT.reset(token)
