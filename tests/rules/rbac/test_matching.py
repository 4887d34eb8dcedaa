from __future__ import annotations

import pytest

from sovereign_ai.rules.rbac.matching import covers, does, impersonates, may, on_whole_resources, selects


def test_a_wildcard_of_resources_covers_subresources_and_a_name_does_not() -> None:
    assert covers({"apiGroups": [""], "resources": ["*"]}, "", "pods/exec")
    assert covers({"apiGroups": ["*"], "resources": ["*/exec"]}, "", "pods/exec")
    assert not covers({"apiGroups": [""], "resources": ["pods"]}, "", "pods/exec")
    assert not covers({"apiGroups": ["apps"], "resources": ["*"]}, "", "pods")


def test_lists_that_the_server_gives_as_null_grant_nothing() -> None:
    assert not may({"apiGroups": None, "resources": None, "verbs": None}, "", "pods", "get")
    assert not does({"verbs": None}, "get")
    assert not on_whole_resources({"resources": None})


def test_each_verb_of_constrained_impersonation_counts_alone() -> None:
    rule = {
        "apiGroups": ["authentication.k8s.io"],
        "resources": ["users"],
        "verbs": ["impersonate:user-info"],
    }
    assert impersonates(rule, "users")
    assert not impersonates({**rule, "verbs": ["get"]}, "users")


@pytest.mark.parametrize(
    ("operator", "values", "is_selected"),
    [
        ("In", ["x"], True),
        ("In", ["y"], False),
        ("NotIn", ["x"], False),
        ("Exists", None, True),
        ("DoesNotExist", None, False),
        ("OfALaterRelease", None, True),
    ],
)
def test_an_expression_selects_labels(operator: str, values: list[str] | None, is_selected: bool) -> None:
    expression = {"key": "a", "operator": operator, "values": values}
    assert selects({"matchExpressions": [expression]}, {"a": "x"}) is is_selected
    assert not selects({"matchLabels": {"a": "y"}, "matchExpressions": [expression]}, {"a": "x"})
    assert selects({}, {})
