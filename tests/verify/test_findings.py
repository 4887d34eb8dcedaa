from __future__ import annotations

import pytest

from sovereign_ai.verify.findings import Difference, brief, changed, foreign, missing, resource


def test_two_lists_are_told_apart_by_what_is_more_and_what_is_less() -> None:
    assert str(Difference("verbs", ["get", "list"], ["get", "delete"])) == (
        'verbs: more than wanted: ["delete"]; less than wanted: ["list"]'
    )
    assert str(Difference("verbs", ["a", "b"], ["b", "a"])) == 'verbs: wanted ["a","b"], found ["b","a"]'


def test_the_first_difference_leads_and_the_others_are_counted() -> None:
    finding = changed("Node/a", [Difference("x", 1, 2), Difference("y", None, 3), Difference("z", 1, None)])
    assert str(finding) == "changed Node/a: x: wanted 1, found 2 (and 2 more fields)"
    assert finding.also == ("y: wanted nothing, found 3", "z: wanted 1, found nothing")
    with pytest.raises(ValueError, match="not enough values"):
        changed("Node/a", [])


def test_findings_are_sorted_by_resource_then_kind() -> None:
    findings = [missing("b"), foreign("a", "why"), missing("a")]
    assert [(one.resource, one.kind) for one in sorted(findings, key=lambda one: one.order)] == [
        ("a", "foreign"),
        ("a", "missing"),
        ("b", "missing"),
    ]


def test_the_plain_data_of_a_difference_has_the_live_value_as_the_old_one() -> None:
    assert Difference("x", wanted=1, found=2).to_data() == {"field": "x", "old": 2, "new": 1}


def test_a_long_value_is_cut_and_an_object_is_named_with_its_namespace() -> None:
    assert brief("x" * 500).endswith("…")
    assert len(brief("x" * 500)) == 161
    assert resource({"kind": "Node", "metadata": {"name": "a"}}) == "Node/a"
    assert resource({"kind": "Pod", "metadata": {"name": "a", "namespace": "b"}}) == "Pod/b/a"
