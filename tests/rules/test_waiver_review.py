"""What admission asks, and how a question about waivers is answered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import cel
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai.rules.judgement import RuleFinding, judge
from sovereign_ai.rules.waiver_review import RESOURCE, answer, authorizer_check, question, questions
from tests.rules.waivers import TODAY, waiver
from tests.support.approvals import listed

OFFICER = listed("security officer", "research lead")


def test_a_waiver_that_counts_is_named_and_counts_up_to_its_end() -> None:
    text = question([waiver()], "lab")
    assert answer(text, OFFICER, TODAY) == "w1"
    assert answer(text, OFFICER, TODAY + timedelta(days=29)) == "w1"
    assert answer(text, OFFICER, TODAY + timedelta(days=30)) == ""
    assert answer(text, OFFICER, TODAY - timedelta(days=2)) == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"approver": "Research Lead "},
        {"expires": TODAY + timedelta(days=200)},
        {"resource": "Pod/research/*"},
        {"resource": "*"},
        {"rule": "WVR-001"},
        {"rule": "BRK-001"},
        {"rule": "everything"},
    ],
    ids=[
        "self-approved",
        "too long",
        "wildcard",
        "everything",
        "about waivers",
        "about break-glass",
        "no rule",
    ],
)
def test_a_waiver_that_is_wrong_in_itself_is_not_honoured(changes: dict[str, Any]) -> None:
    assert answer(question([waiver(**changes)], "lab"), OFFICER, TODAY) == ""


def test_two_that_overlap_cancel_each_other_and_one_after_the_other_counts() -> None:
    later = waiver(id="w2", created=TODAY + timedelta(days=30), expires=TODAY + timedelta(days=60))
    assert answer(question([waiver(), waiver(id="w2")], "lab"), OFFICER, TODAY) == ""
    assert answer(question([later, waiver()], "lab"), OFFICER, TODAY) == "w1"
    assert answer(question([later, waiver()], "lab"), OFFICER, TODAY + timedelta(days=30)) == "w2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "null",
        "w1",
        "[1]",
        '[{"id": "w1"}]',
        '[{"id":"w1","id":"w2"}]',
        question([waiver(), waiver(rule="PRV-002")], "lab"),
    ],
)
def test_what_is_no_question_about_one_rule_and_resource_is_a_no(text: str) -> None:
    assert answer(text, OFFICER, TODAY) == ""


def test_a_question_with_more_than_the_facts_is_a_no() -> None:
    rows = orjson.loads(question([waiver()], "lab"))
    assert answer(orjson.dumps([{**rows[0], "force": True}]).decode(), OFFICER, TODAY) == ""


@given(
    some.integers(-120, 120),
    some.integers(-10, 120),
    some.sampled_from(["security officer", "research lead", " Research LEAD"]),
    some.integers(0, 200),
)
def test_the_answer_is_always_that_of_the_judge(begin: int, length: int, approver: str, later: int) -> None:
    created = TODAY + timedelta(days=begin)
    one = waiver(created=created, expires=created + timedelta(days=length), approver=approver)
    now = TODAY + timedelta(days=later - 100)
    found = RuleFinding("PRV-001", "high", "Pod/research/job", "", "", "")
    assert answer(question([one], "lab"), OFFICER, now) == judge([found], [one], now).findings[0].waiver


def test_questions_are_for_exactly_a_rule_and_kinds() -> None:
    both = [waiver(), waiver(id="w2", resource="Service/research/web"), waiver(id="w3", rule="PRV-002")]
    assert list(questions(both, "PRV-001", ("Pod", "Job"), "lab")) == ["Pod/research/job"]
    assert list(questions(both, "PRV-001", ("Service",), "lab")) == ["Service/research/web"]
    assert list(questions(both, "PRV-003", ("Pod",), "lab")) == []
    assert list(questions(both, "PRV-001", ("*",), "lab")) == ["Pod/research/job", "Service/research/web"]
    assert questions([waiver(rule="WVR-001", resource="Waiver/w1")], "WVR-001", ("Waiver",), "lab") == {}


@pytest.mark.parametrize(
    ("metadata", "named"),
    [
        ({"name": "job", "namespace": "research"}, "Pod/research/job"),
        ({"name": "job"}, "Pod/job"),
        ({"name": "job", "namespace": ""}, "Pod/job"),
        ({"namespace": "research", "generateName": "job"}, "Pod/research/"),
    ],
)
def test_an_object_is_named_as_waivers_name_it_and_a_generated_name_is_none(
    metadata: dict[str, str], named: str
) -> None:
    assert (
        cel.compile(RESOURCE).execute(cel.Context({"object": {"kind": "Pod", "metadata": metadata}})) == named
    )


def test_policies_ask_for_a_fixed_account_and_not_for_who_calls() -> None:
    assert authorizer_check("waivers", '"x"') == (
        'authorizer.serviceAccount("sovereign-system", '
        '"exceptions").group("exceptions.sovereign-ai.internal")'
        '.resource("waivers").name("x").check("honour").allowed()'
    )
