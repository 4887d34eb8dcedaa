from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.verify.pod_place import is_selected, untolerated


def requiring(*expressions: dict[str, Any]) -> dict[str, Any]:
    terms = {"nodeSelectorTerms": [{"matchExpressions": list(expressions)}]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}


@pytest.mark.parametrize(
    ("operator", "values", "selected"),
    [
        ("In", ["a", "b"], True),
        ("In", ["b"], False),
        ("NotIn", ["a"], False),
        ("NotIn", ["b"], True),
        ("Exists", None, True),
        ("DoesNotExist", None, False),
        ("Gt", ["1"], False),
    ],
)
def test_an_expression_is_met_as_by_the_scheduler(operator: str, values: Any, selected: bool) -> None:
    spec = requiring({"key": "zone", "operator": operator, "values": values})
    assert is_selected(spec, {"zone": "a"}) is selected


@pytest.mark.parametrize(("operator", "selected"), [("Gt", True), ("Lt", False)])
def test_a_number_is_compared_as_one(operator: str, selected: bool) -> None:
    spec = requiring({"key": "cores", "operator": operator, "values": ["9"]})
    assert is_selected(spec, {"cores": "10"}) is selected


def test_of_a_flavor_only_its_own_labels_are_judged() -> None:
    spec = {"nodeSelector": {"zone": "a", "model": "x"}}
    assert is_selected(spec, {"zone": "a"}, {"zone"})
    assert not is_selected(spec, {"zone": "a"})


def test_a_preference_keeps_no_pod_away() -> None:
    taints = [{"key": "a", "effect": "PreferNoSchedule"}, {"key": "b", "effect": "NoExecute"}]
    assert [taint["key"] for taint in untolerated(taints, [])] == ["b"]
    assert not list(untolerated(taints, [{"operator": "Exists"}]))
