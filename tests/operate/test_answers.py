"""A yes only to a question of admission about an exception that counts.

A no that ends the asking to all else.
"""

from __future__ import annotations

import doctest
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai.operate import answers
from sovereign_ai.operate.answers import decide
from sovereign_ai.operate.records import GrantRecord
from sovereign_ai.rules.waiver_review import GROUP, REVIEW_USER, question
from tests.operate.given import GRANT, NOW, grant
from tests.rules.test_waiver_review import waiver

STANDS = [GrantRecord(GRANT, is_listed=True)]
WAIVED = question([waiver()], "lab")


def review(about: str, asked: Any, **changes: Any) -> dict[str, Any]:
    attributes = {"group": GROUP, "resource": about, "name": asked, "verb": "honour"}
    values = {"user": REVIEW_USER, **attributes, **changes}
    return {"spec": {"user": values.pop("user"), "resourceAttributes": values}}


def test_a_waiver_that_counts_is_honoured_until_midnight_of_its_end() -> None:
    assert decide(review("waivers", WAIVED), [], NOW).honoured == "w1"
    end = NOW.replace(hour=0) + timedelta(days=30)
    assert decide(review("waivers", WAIVED), [], end - timedelta(seconds=1)).honoured == "w1"
    assert decide(review("waivers", WAIVED), [], end).honoured == ""


def test_a_binding_is_honoured_while_its_grant_stands() -> None:
    asked = review("bindings", GRANT.question)
    assert decide(asked, STANDS, NOW).honoured == GRANT.id
    assert decide(asked, STANDS, GRANT.ends).honoured == ""
    assert decide(asked, [], NOW).honoured == ""
    too_long = grant(ends=NOW + timedelta(days=2))
    for refused in (
        GrantRecord(GRANT),
        GrantRecord(GRANT, is_listed=True, revoked="no need"),
        GrantRecord(GRANT, is_listed=True, closed="then"),
        GrantRecord(too_long, is_listed=True),
    ):
        assert decide(asked, [refused], NOW).honoured == ""


@pytest.mark.parametrize("part", range(6))
def test_a_binding_that_differs_in_any_part_is_not(part: int) -> None:
    words = GRANT.question.split("/")
    words[part] = "other"
    assert decide(review("bindings", "/".join(words)), STANDS, NOW).honoured == ""


@pytest.mark.parametrize(
    "changes",
    [
        {"user": "sovereign-ai:admin"},
        {"user": "system:serviceaccount:research:exceptions"},
        {"group": ""},
        {"group": "exceptions.example"},
        {"verb": "get"},
        {"resource": "secrets"},
        {"subresource": "x"},
        {"name": None},
        {"name": ["w1"]},
        {"name": ""},
    ],
)
def test_any_other_question_is_a_no(changes: dict[str, Any]) -> None:
    refused = decide(review("waivers", WAIVED, **changes), STANDS, NOW)
    assert not refused.honoured
    assert refused.why


JSON = some.recursive(
    some.none() | some.booleans() | some.text(max_size=8),
    lambda inner: (
        some.lists(inner, max_size=3)
        | some.dictionaries(some.sampled_from(["spec", "user", "resourceAttributes", "name"]), inner)
    ),
    max_leaves=8,
)


@given(some.dictionaries(some.sampled_from(["spec", "status", "kind"]), JSON))
def test_whatever_is_sent_is_answered_and_never_with_yes(body: dict[str, Any]) -> None:
    status = decide(body, STANDS, NOW).to_review()["status"]
    assert (status["allowed"], status["denied"]) == (False, True)


def test_a_yes_is_allowed_and_a_no_is_denied_for_good() -> None:
    yes = decide(review("waivers", WAIVED), [], NOW).to_review()
    assert yes["status"] == {"allowed": True, "denied": False, "reason": "w1"}
    assert (yes["apiVersion"], yes["kind"]) == ("authorization.k8s.io/v1", "SubjectAccessReview")


def test_its_examples_hold() -> None:
    assert doctest.testmod(answers).failed == 0
