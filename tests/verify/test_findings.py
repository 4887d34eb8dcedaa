from __future__ import annotations

import random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.verify.drift import Drift
from sovereign_ai.verify.findings import (
    ClusterFinding,
    Difference,
    brief,
    changed,
    foreign,
    missing,
    resource,
)

# Few words, so that findings that differ in one member alone are frequent.
WORDS = st.sampled_from(["", "a", "b"])
VALUES = st.sampled_from([None, 0, 1, True, "1", ["a"], {"a": 1, "b": 2}, {"b": 2, "a": 1}])
KINDS = st.sampled_from(["missing", "changed", "foreign"])
FINDINGS = st.builds(
    ClusterFinding, KINDS, WORDS, WORDS, VALUES, VALUES, WORDS, WORDS, st.lists(WORDS, max_size=2).map(tuple)
)
DRIFTS = st.builds(Drift, KINDS, WORDS, WORDS, VALUES, VALUES, WORDS, WORDS)


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


def test_what_is_being_deleted_is_not_restored_but_made_again() -> None:
    going = changed("Namespace/a", [Difference("metadata.deletionTimestamp", None, "2026-11-30T10:23:25Z")])
    assert "makes it again" in going.hint
    assert "restore" in changed("Namespace/a", [Difference("spec.x", 1, 2)]).hint


def test_findings_are_sorted_by_resource_then_kind() -> None:
    findings = [missing("b"), foreign("a", "why"), missing("a")]
    assert [(one.resource, one.kind) for one in sorted(findings, key=lambda one: one.order)] == [
        ("a", "foreign"),
        ("a", "missing"),
        ("b", "missing"),
    ]


@given(st.lists(FINDINGS | DRIFTS, max_size=12), st.randoms(use_true_random=False))
def test_findings_come_in_one_order_whatever_order_they_were_made_in(
    findings: list[ClusterFinding | Drift], shuffle: random.Random
) -> None:
    kinds: list[type] = [ClusterFinding, Drift]
    for kind in kinds:
        alike = [finding for finding in findings if isinstance(finding, kind)]
        shuffled = list(alike)
        shuffle.shuffle(shuffled)
        assert printed(alike) == printed(shuffled)


def printed(findings: list[ClusterFinding | Drift]) -> list[bytes]:
    ordered = sorted(findings, key=lambda finding: finding.order)
    return [orjson.dumps(finding.to_data(), option=orjson.OPT_SORT_KEYS) for finding in ordered]


@given(FINDINGS, FINDINGS)
def test_only_findings_that_are_printed_alike_have_the_same_place_in_the_order(
    first: ClusterFinding, second: ClusterFinding
) -> None:
    assert (first.order == second.order) == (printed([first]) == printed([second]))


def test_the_plain_data_of_a_difference_has_the_live_value_as_the_old_one() -> None:
    assert Difference("x", wanted=1, found=2).to_data() == {"field": "x", "old": 2, "new": 1}


def test_a_long_value_is_cut_and_an_object_is_named_with_its_namespace() -> None:
    assert brief("x" * 500).endswith("…")
    assert len(brief("x" * 500)) == 161
    assert resource({"kind": "Node", "metadata": {"name": "a"}}) == "Node/a"
    assert resource({"kind": "Pod", "metadata": {"name": "a", "namespace": "b"}}) == "Pod/b/a"
