from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sovereign_ai.rules.judge import RuleFinding, judge
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
    assert lines[-1] == "1 violations, 1 waived, 0 undecidable here"
