"""A deployment under another name than its state has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.deploy.moves.deployment_names import require_known_names
from sovereign_ai.deploy.objects import resource_name
from sovereign_ai.deploy.state.stack_context import StackContext
from sovereign_ai.deploy.state.stack_record import StackRecord
from sovereign_ai.errors import UsageError
from tests.support.memory_cluster import MemoryCluster

NAMESPACE: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "research"}}
ROOT = {"type": "sovereign:index:FactoryDeployment", "urn": "urn:pulumi:s::p::t::lab", "inputs": {}}


def held(name: str, uid: str = "u1") -> dict[str, Any]:
    """A resource of a state for the namespace."""
    kind = "kubernetes:core/v1:Namespace"
    metadata = {"name": "research", "uid": uid}
    return {"type": kind, "urn": f"urn:pulumi:s::p::{kind}::{name}", "outputs": {"metadata": metadata}}


def require(name: str, *resources: dict[str, Any], former: tuple[str, ...] = ()) -> None:
    live = {**NAMESPACE, "metadata": {"name": "research", "uid": "u1"}}
    stack = StackContext(StackRecord(Path("none.json")), [ROOT, *resources], name)
    assert resource_name(NAMESPACE) == "Namespace/research"
    require_known_names(MemoryCluster(live), [NAMESPACE], stack, former)


def test_a_name_that_the_program_gives_or_gave_is_fine() -> None:
    require("lab", held("lab/Namespace/research"))
    require("lab", held("Namespace/research"))
    require("other", held("lab/Namespace/research"), former=("lab",))
    require("other")


def test_a_deployment_with_another_name_would_delete_what_it_deploys() -> None:
    with pytest.raises(UsageError, match="the engine would delete Namespace/research") as raised:
        require("other", held("lab/Namespace/research"))
    [problem] = raised.value.problems
    assert 'aliases=[pulumi.Alias(name="lab")]' in problem.hint


def test_an_object_that_the_state_has_twice_would_be_deleted() -> None:
    with pytest.raises(UsageError, match=r"'Namespace/research' too") as raised:
        require("lab", held("Namespace/research"), held("lab/Namespace/research"))
    assert "drops the former names" in raised.value.problems[0].hint


def test_the_same_object_on_another_cluster_is_another_deployments() -> None:
    require("other", held("lab/Namespace/research", uid="u2"))
