from __future__ import annotations

from xml.etree import ElementTree as ET

from sovereign_ai.attest.junit_xml import junit
from sovereign_ai.rules.judgement import RuleFinding, RuleVerdict
from sovereign_ai.rules.registry import REGISTRY
from tests.attest.judged import clean, verdict


def suite(found: RuleVerdict) -> ET.Element:
    (only,) = ET.fromstring(junit(found))  # noqa: S314 - our own text
    return only


def case(found: RuleVerdict, rule: str) -> ET.Element:
    return next(one for one in suite(found) if str(one.get("name")).startswith(rule))


def test_every_rule_is_a_case_and_the_counts_are_true() -> None:
    found = suite(verdict())
    cases = list(found)
    assert len(cases) == len(REGISTRY) == int(found.get("tests", 0))
    assert int(found.get("failures", 0)) == sum(one.find("failure") is not None for one in cases) == 1
    assert int(found.get("skipped", 0)) == sum(one.find("skipped") is not None for one in cases) == 1


def test_a_violated_rule_fails_with_its_place_and_remedy() -> None:
    one = case(verdict(), "LAW-001")
    failure = one.find("failure")
    assert failure is not None
    assert failure.get("type") == "high"
    assert "separate the operator from the parent" in str(failure.text)
    assert (one.get("file"), one.get("line")) == ("stacks/small/factory.yaml", "7")


def test_what_was_not_decided_is_skipped_and_never_passed() -> None:
    assert case(verdict(), "IMG-001").find("skipped") is not None


def test_waived_findings_and_advice_are_told_without_failing() -> None:
    for rule, word in (("STF-001", "waived w1"), ("STF-003", "notice")):
        told = case(verdict(), rule).find("system-out")
        assert told is not None
        assert word in str(told.text)
        assert case(verdict(), rule).find("failure") is None


def test_a_clean_verdict_has_neither_failures_nor_output() -> None:
    assert all(len(one) == 0 for one in suite(clean()))


def test_names_that_would_break_xml_do_not() -> None:
    evil = RuleFinding("LAW-001", "high", 'Pod/<a>"&\x00\x1b[31m', "f", "]]> & \ud800 'x'", "mend")
    one = case(RuleVerdict((evil,)), "LAW-001").find("failure")
    assert one is not None
    assert "\x1b" not in str(one.text)
    assert "Pod/<a>" in str(one.text)


def test_a_finding_of_a_rule_that_the_registry_lost_still_fails() -> None:
    lost = RuleFinding("OLD-001", "high", "Pod/a/b", "f", "m", "r")
    assert suite(RuleVerdict((lost,))).get("failures") == "1"
