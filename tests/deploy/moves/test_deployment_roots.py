"""A deployment that a program declares at another place than its state has it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.resource import DependencyResource

from sovereign_ai.deploy.components.children import declared_urns, parent_type
from sovereign_ai.deploy.moves.deployment_roots import (
    parent_type_of,
    require_known_place,
    require_only_deployment,
    roots_in,
)
from sovereign_ai.deploy.state.stack_context import StackContext
from sovereign_ai.deploy.state.stack_record import StackRecord
from sovereign_ai.errors import Problem, UsageError
from tests.deploy.projects import ONE_NAMESPACE, Project, lone_project
from tests.support.memory_cluster import MemoryCluster

__all__ = ["lone_project"]

STACK = "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s"
NAMESPACE: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "research"}}


def state(above: str = "", uid: str = "u1") -> list[dict[str, Any]]:
    """A state with a deployment of one namespace, below a parent of some type or below the stack."""
    chain = f"{above}$" if above else ""
    root = f"urn:pulumi:s::p::{chain}sovereign:index:FactoryDeployment::lab"
    part = f"urn:pulumi:s::p::{chain}sovereign:index:FactoryDeployment$sovereign:index:Tenant::lab/tenant"
    parent = f"urn:pulumi:s::p::{above}::above" if above else STACK
    kind = "kubernetes:core/v1:Namespace"
    metadata = {"name": "research", "uid": uid}
    return [
        {"type": "sovereign:index:FactoryDeployment", "urn": root, "parent": parent},
        {"type": "sovereign:index:Tenant", "urn": part, "parent": root},
        {"type": kind, "urn": f"{part}-x", "parent": part, "outputs": {"metadata": metadata}},
        {"type": "other:index:Thing", "urn": "urn:pulumi:s::p::other:index:Thing::x", "parent": STACK},
    ]


def require(resources: list[dict[str, Any]], parent: str) -> None:
    live = {**NAMESPACE, "metadata": {"name": "research", "uid": "u1"}}
    stack = StackContext(StackRecord(Path("none.json")), resources, "lab")
    require_known_place(MemoryCluster(live), [NAMESPACE], stack, lambda root: parent_type_of(root) == parent)


def test_all_that_is_below_a_deployment_is_its_own_and_nothing_else() -> None:
    [(root, members)] = roots_in(state())
    assert root["type"] == "sovereign:index:FactoryDeployment"
    assert [item["type"] for item in members] == ["sovereign:index:Tenant", "kubernetes:core/v1:Namespace"]


@pytest.mark.parametrize("above", ["", "my:index:Site", "my:index:Region$my:index:Site"])
def test_a_deployment_that_stays_where_it_is_is_fine(above: str) -> None:
    require(state(above), above.rpartition("$")[2] or "pulumi:pulumi:Stack")


@pytest.mark.parametrize(
    ("above", "to"), [("", "my:index:Site"), ("my:index:Site", "pulumi:pulumi:Stack"), ("a:b:C", "a:b:D")]
)
def test_a_deployment_below_another_component_would_delete_what_it_deploys(above: str, to: str) -> None:
    with pytest.raises(UsageError, match="the engine would delete Namespace/research") as raised:
        require(state(above), to)
    [problem] = raised.value.problems
    assert problem.code == "deployment-moved"
    assert f'aliases=["{state(above)[0]["urn"]}"]' in problem.hint
    assert f"below {above}" in problem.message if above else "at the top" in problem.message


def test_what_somebody_made_anew_or_is_on_another_cluster_is_not_deleted_by_its_old_urn() -> None:
    require(state(uid="u2"), "my:index:Site")


@pytest.mark.parametrize(("name", "others"), [("lab", []), ("mini", ["'lab' too, whose 1 object would go"])])
def test_a_removal_of_one_deployment_never_takes_another_one_along(name: str, others: list[str]) -> None:
    stack = StackContext(StackRecord(Path("none.json")), state(), name)
    found: tuple[Problem, ...] = ()
    try:
        require_only_deployment(stack)
    except UsageError as refused:
        found = refused.problems
    assert [problem.code for problem in found] == ["several-deployments"] * len(others)
    assert all(text in problem.message for text, problem in zip(others, found, strict=True))


class Site(pulumi.ComponentResource):
    """A component of a user, not registered with any engine."""

    def __init__(self, *aliases: str) -> None:
        self._type, self._name = "my:index:Site", "fra"
        self._aliases = list(aliases)

    @property
    def urn(self) -> pulumi.Output[str]:
        return pulumi.Output.from_input("urn:pulumi:s::p::my:index:Site::fra")


class Deployed(pulumi.ComponentResource):
    """A component of this package, not registered with any engine."""

    def __init__(self, urn: str, *aliases: str) -> None:
        self._type, self._name = "sovereign:index:FactoryDeployment", "lab"
        self._aliases = list(aliases)
        self.__dict__["urn"] = pulumi.Output.from_input(urn)


def test_the_parent_that_the_options_give_is_known_unless_an_alias_may_give_another() -> None:
    assert parent_type(None) == parent_type(pulumi.ResourceOptions()) == "pulumi:pulumi:Stack"
    assert parent_type(pulumi.ResourceOptions(parent=Site())) == "my:index:Site"
    assert parent_type(pulumi.ResourceOptions(parent=Site("urn"))) is None
    assert parent_type(pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")])) is None


def test_the_type_of_a_parent_in_a_program_of_another_language_is_unknown() -> None:
    async def known() -> str | None:
        return parent_type(pulumi.ResourceOptions(parent=DependencyResource(STACK)))

    assert asyncio.run(known()) is None


HERE = "urn:pulumi:s::p::my:index:Site$sovereign:index:FactoryDeployment::lab"
FORMER = "urn:pulumi:s::p::my:index:Old$sovereign:index:FactoryDeployment::lab"
OLD = "urn:pulumi:s::p::my:index:Old::fra"


@pytest.mark.parametrize(
    ("own", "parent", "former"),
    [
        ((), None, set()),
        ((FORMER,), None, {FORMER}),
        # Of a program in another language only the URN of a parent is known.
        ((FORMER,), lambda: DependencyResource(STACK), {FORMER}),
        ((), lambda: Site(OLD), {FORMER}),
    ],
)
def test_a_deployment_is_where_its_aliases_and_those_of_its_parent_have_had_it(
    own: tuple[str, ...], parent: Any, former: set[str]
) -> None:
    async def urns() -> set[str]:
        opts = pulumi.ResourceOptions(parent=parent() if parent else None, aliases=list(own) or None)
        return await declared_urns(Deployed(HERE, *own), opts, held)

    held: set[str] = set()
    assert asyncio.run(urns()) == {HERE}, "a state that has nothing has nothing under another URN"
    held = {FORMER, OLD, STACK}
    assert asyncio.run(urns()) == {HERE, *former}
    held.add(HERE)
    assert asyncio.run(urns()) == {HERE}, "the engine looks for its own URN first, and deletes the other"


MOVED = f"""
import os
{ONE_NAMESPACE}
class Part(pulumi.ComponentResource):
    def __init__(self, kind, opts=None):
        super().__init__("my:index:" + kind, kind, None, opts)

place, alias = os.environ["PLACE"], os.environ.get("ALIAS")
was = os.environ.get("WAS")
known = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_="my:index:" + was, name=was)] if was else None)
region = Part(os.environ.get("TOP", "Region"), known) if "Region" in place else None
site = Part("Site", pulumi.ResourceOptions(parent=region)) if "Site" in place else None
opts = pulumi.ResourceOptions(parent=site, aliases=[alias] if alias else None)
FactoryDeployment("lab", sai.load("lab.yaml"), opts, kubeconfig="one.kubeconfig")
"""


@pytest.mark.cluster
def test_a_deployment_that_moves_is_refused_until_an_alias_says_so(lone_project: Project) -> None:
    project = lone_project
    project.program(MOVED)
    project.env["PLACE"] = "Site"
    project.pulumi("up", "--yes", "--skip-preview")
    try:
        project.env["PLACE"] = ""
        assert "[deployment-moved]" in project.refused()
        # The parent has the type that it had, and is itself below another one, which only the engine knows.
        project.env["PLACE"] = "Region Site"
        assert "[deployment-moved]" in project.refused()
        project.env["ALIAS"] = (
            "urn:pulumi:dev::factories::my:index:Site$sovereign:index:FactoryDeployment::lab"
        )
        assert not [urn for urn in project.preview() if "kubernetes:core" in urn]
        project.pulumi("up", "--yes", "--skip-preview")
        # What is below the deployment's grandparent keeps its place where that is called otherwise.
        project.env |= {"ALIAS": "", "TOP": "Land"}
        assert "[deployment-moved]" in project.refused()
        project.env["WAS"] = "Region"
        assert not [urn for urn in project.preview() if "kubernetes:core" in urn]
        assert " deleted" not in project.pulumi("up", "--yes", "--skip-preview").stdout
    finally:
        project.pulumi("destroy", "--yes", "--skip-preview")
