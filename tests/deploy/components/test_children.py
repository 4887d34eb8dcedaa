"""How children are named, which names they had, and which options reach them."""

from __future__ import annotations

import inspect

import pulumi
import pytest

from sovereign_ai.deploy.components.children import (
    INHERITED,
    OWN,
    PASSED,
    REFUSED,
    Children,
    every_option,
    former_name,
    require_options,
)
from sovereign_ai.errors import UsageError

EXAMPLES: dict[str, object] = {
    "additional_secret_outputs": ["data"],
    "custom_timeouts": pulumi.CustomTimeouts(create="9m"),
    "delete_before_replace": True,
    "hide_diffs": ["data"],
    "ignore_changes": ["metadata.labels.mine"],
    "replace_on_changes": ["data"],
    "replacement_trigger": "again",
}
"""A value for each option that a test can make without a running program; the two of resources are tried with
the engine."""


def names(aliases: object) -> list[object]:
    assert isinstance(aliases, list)
    return [alias.name for alias in aliases]


def test_a_child_is_named_after_its_deployment_and_keeps_the_name_it_had_before() -> None:
    children = Children("lab", None)
    assert children.named("Namespace/research") == "lab/Namespace/research"
    assert names(children.aliases("Namespace/research")) == ["Namespace/research"]


def test_a_renamed_deployment_takes_its_children_along() -> None:
    urn = "urn:pulumi:dev::p::sovereign:index:FactoryDeployment::oldest"
    renamed = pulumi.ResourceOptions(
        aliases=[pulumi.Alias(name="old"), urn, pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]
    )
    expected = ["Namespace/research", "old/Namespace/research", "oldest/Namespace/research"]
    assert names(Children("lab", renamed).aliases("Namespace/research")) == expected


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        (pulumi.Alias(name="old"), "old"),
        (pulumi.Alias(type_="a:b:C"), None),
        (pulumi.Alias(name=None), None),
        ("urn:pulumi:dev::p::a:b:C::old", "old"),
        ("", None),
    ],
)
def test_the_name_in_an_alias(alias: str | pulumi.Alias, name: str | None) -> None:
    assert former_name(alias) == name


def test_every_option_that_pulumi_has_is_decided_here_and_only_once() -> None:
    known = set(inspect.signature(pulumi.ResourceOptions).parameters)
    assert set(every_option()) == known
    assert sum(map(len, (INHERITED, PASSED, OWN, REFUSED))) == len(known)


@pytest.mark.parametrize("name", sorted(PASSED - {"depends_on", "replace_with"}))
def test_an_option_reaches_every_object(name: str) -> None:
    given = pulumi.ResourceOptions(**{name: EXAMPLES[name]})  # type: ignore[arg-type]
    reached = Children("lab", given).object("ConfigMap/a/b", pulumi.ResourceOptions(version="1.0.0"))
    assert getattr(reached, name) == EXAMPLES[name]
    assert reached.version == "1.0.0"


def test_options_that_would_have_no_effect_are_refused_all_at_once() -> None:
    given = pulumi.ResourceOptions(**dict.fromkeys(REFUSED, "x"))  # type: ignore[arg-type]
    with pytest.raises(UsageError) as raised:
        require_options(given)
    assert [problem.message for problem in raised.value.problems] == [
        f"FactoryDeployment has no option {name!r}" for name in REFUSED
    ]
    require_options(pulumi.ResourceOptions(protect=True))
    require_options(None)
