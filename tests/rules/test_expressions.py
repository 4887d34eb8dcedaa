from __future__ import annotations

import re

import cel
import pytest

from sovereign_ai.rules.expressions import (
    is_about_pods,
    list_of,
    on_each_template,
    variables_of,
    variables_of_group,
    with_constants,
    without_variables,
)
from sovereign_ai.rules.kinds import GROUPS, KINDS, kind_named
from sovereign_ai.rules.registry import REGISTRY


def test_an_unknown_constant_is_an_error() -> None:
    with pytest.raises(KeyError):
        with_constants("$nothing == 1", {})


def test_a_list_computes_each_named_part_once_and_keeps_the_order_of_answers() -> None:
    parts = {"a": "object.x", "b": "variables.a + 1"}
    text = list_of(["variables.b == 3", "variables.a == 3"], parts)
    assert text.count("object.x") == 1
    assert cel.compile(text).execute(cel.Context({"object": {"x": 2}})) == [True, False]


def test_spelled_out_parts_contain_no_names() -> None:
    assert (
        without_variables("variables.b > 0", {"a": "object.x", "b": "variables.a + 1"})
        == "((object.x) + 1) > 0"
    )


def test_a_policy_of_several_kinds_chooses_the_pod_by_the_kind() -> None:
    pod = variables_of_group("templates")["pod"]
    assert pod.startswith('object.kind == "')
    assert pod.endswith("(object.spec.template.spec))")
    assert KINDS["CronJob"].pod in pod
    assert variables_of_group("pods")["pod"] == "object.spec"


def test_no_check_on_pods_calls_an_item_of_its_own_as_the_template_is_called() -> None:
    named = re.compile(r"[(]pt\b")
    hidden = [
        rule.id
        for rule in REGISTRY
        for check in rule.checks_on(KINDS["Pod"])
        if named.search(check.expression)
    ]
    assert hidden == []


@pytest.mark.parametrize("group", [group for group in GROUPS if group != "others"])
def test_a_policy_has_the_named_parts_of_each_of_its_kinds(group: str) -> None:
    parts = variables_of_group(group)  # type: ignore[arg-type]
    for kind in KINDS.values():
        if kind.group == group:
            assert set(variables_of(kind)) <= set(parts)


def test_each_named_part_of_a_pod_is_one_of_a_template_too() -> None:
    usual = variables_of(kind_named("Deployment"))
    of_pods = set(usual) - set(variables_of(kind_named("Service")))
    for part in of_pods:
        check = f"variables.{part} == x"
        assert is_about_pods(check), part
        assert "pt" in on_each_template(check), part
