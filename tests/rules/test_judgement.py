from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.errors import Where
from sovereign_ai.rules.judgement import RuleFinding, judge
from tests.rules.waivers import TODAY, waiver

FOUND = RuleFinding(
    "PRV-001",
    "critical",
    "Pod/research/job",
    "spec.hostNetwork",
    "it shares the host's network",
    "leave it out",
)


def test_a_waived_finding_stays_visible_and_names_its_waiver():
    verdict = judge([FOUND], [waiver()], TODAY)
    assert verdict.ok
    assert [(finding.status, finding.waiver) for finding in verdict.findings] == [("waived", "w1")]
    assert "waived w1" in verdict.lines()[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"expires": TODAY},
        {"created": TODAY + timedelta(days=1)},
        {"rule": "PRV-002"},
        {"resource": "Pod/research/job2"},
        {"resource": "Pod/research/*"},
        {"approver": "Research Lead "},
        {"expires": TODAY + timedelta(days=200)},
    ],
    ids=["expired today", "not yet", "other rule", "other resource", "wildcard", "self-approved", "too long"],
)
def test_a_waiver_that_is_wrong_or_not_for_this_covers_nothing(changes: dict[str, Any]):
    assert not judge([FOUND], [waiver(**changes)], TODAY).ok


def test_two_waivers_that_overlap_cover_nothing():
    assert not judge([FOUND], [waiver(), waiver(id="w2")], TODAY).ok


def test_a_waiver_counts_up_to_the_day_before_it_expires():
    last = waiver(created=TODAY - timedelta(days=60), expires=TODAY + timedelta(days=1))
    assert judge([FOUND], [last], TODAY).ok
    assert not judge([FOUND], [last], TODAY + timedelta(days=1)).ok


def test_what_is_undecidable_is_neither_waived_nor_a_violation():
    undecided = RuleFinding(
        "PRV-001", "critical", "Pod/research/job", "", "undecidable here", "", status="undecidable"
    )
    verdict = judge([undecided], [waiver()], TODAY)
    assert verdict.undecidable == (undecided,)
    assert verdict.ok


def test_violations_come_first_and_the_count_last():
    other = RuleFinding("IMG-001", "high", "Pod/research/job", "spec.containers", "not listed", "mirror it")
    lines = judge([FOUND, other], [waiver()], TODAY).lines()
    assert lines[0].startswith("IMG-001 [violation]")
    assert lines[-1] == "1 violation, 1 waived, 0 undecidable here"


# Few words, so that findings that differ in one member alone are frequent.
WORDS = st.sampled_from(["", "a", "b"])
PLACES = st.builds(
    Where,
    st.sampled_from([None, "f.yaml", "g.yaml"]),
    st.sampled_from([None, 1, 2]),
    st.sampled_from([None, 1, 2]),
    WORDS,
)
FINDINGS = st.builds(
    RuleFinding,
    WORDS,
    st.sampled_from(["info", "high"]),
    WORDS,
    WORDS,
    WORDS,
    WORDS,
    PLACES,
    st.sampled_from(["violation", "undecidable", "waived", "notice"]),
    WORDS,
)


@given(
    st.lists(FINDINGS, max_size=12).flatmap(
        lambda findings: st.tuples(st.just(findings), st.permutations(findings))
    )
)
def test_findings_come_in_one_order_whatever_order_rules_decided_in(
    both: tuple[list[RuleFinding], list[RuleFinding]],
):
    made, shuffled = both
    assert sorted(made, key=lambda finding: finding.order) == sorted(
        shuffled, key=lambda finding: finding.order
    )


@given(FINDINGS, FINDINGS)
def test_only_equal_findings_have_the_same_place_in_the_order(first: RuleFinding, second: RuleFinding):
    assert (first.order == second.order) == (first == second)
