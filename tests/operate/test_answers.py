"""A yes only to a question of admission about an exception that counts.

A no that ends the asking to all else.
"""

from __future__ import annotations

import doctest
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai.cli.waiver import sign_waiver
from sovereign_ai.names import normal_name
from sovereign_ai.operate import answers
from sovereign_ai.operate.answers import decide
from sovereign_ai.operate.records import GrantRecord
from sovereign_ai.rules.approval import ListedApprovers
from sovereign_ai.rules.waiver_review import GROUP, REVIEW_USER, question
from sovereign_ai.spec.waiver import Approver
from tests.operate.given import GRANT, NOW, grant
from tests.rules.test_waiver_review import waiver
from tests.support.approvals import key_of, listed, public_key_of

STANDS = [GrantRecord(GRANT, is_listed=True)]
WAIVED = question([waiver()], "lab")
LISTED = listed("security officer")
OFFICER = Approver(name="security officer", key=public_key_of("security officer"))


def known_as(**approvers: Approver) -> ListedApprovers:
    """Return approvers under names, written with an underscore between words."""
    return ListedApprovers("lab", {normal_name(name): approver for name, approver in approvers.items()})


def until(last: date) -> ListedApprovers:
    return known_as(security_officer=OFFICER.model_copy(update={"until": last}))


def review(about: str, asked: Any, **changes: Any) -> dict[str, Any]:
    attributes = {"group": GROUP, "resource": about, "name": asked, "verb": "honour"}
    values = {"user": REVIEW_USER, **attributes, **changes}
    return {"spec": {"user": values.pop("user"), "resourceAttributes": values}}


def test_a_waiver_that_counts_is_honoured_until_midnight_of_its_end() -> None:
    assert decide(review("waivers", WAIVED), [], LISTED, NOW).honoured == "w1"
    end = NOW.replace(hour=0) + timedelta(days=30)
    assert decide(review("waivers", WAIVED), [], LISTED, end - timedelta(seconds=1)).honoured == "w1"
    assert decide(review("waivers", WAIVED), [], LISTED, end).honoured == ""


@pytest.mark.parametrize(
    "known",
    [
        listed(),
        listed("network lead"),
        listed("security officer", factory="other"),
        listed("security officer", factory=""),
        known_as(security_officer=Approver(name="x", key=public_key_of("another"))),
        known_as(research_lead=OFFICER),
        known_as(research_lead=OFFICER, security_officer=OFFICER),
        until(NOW.date() - timedelta(days=1)),
    ],
    ids=["none", "another", "other factory", "no factory", "new key", "other name", "two names", "ended"],
)
def test_a_waiver_is_honoured_only_by_the_key_that_the_description_lists_under_its_approver(
    known: ListedApprovers,
) -> None:
    """Whoever may change a policy, or keeps an old one, chooses the key, factory and last day in it."""
    assert decide(review("waivers", WAIVED), [], LISTED, NOW).honoured == "w1"
    assert decide(review("waivers", WAIVED), [], until(NOW.date()), NOW).honoured == "w1"
    assert decide(review("waivers", WAIVED), [], known, NOW).honoured == ""


def test_a_waiver_that_a_stranger_signed_for_a_policy_is_not_honoured() -> None:
    by_stranger = waiver(signature=sign_waiver(waiver(), "lab", key_of("stranger")))
    assert decide(review("waivers", question([by_stranger], "lab")), [], LISTED, NOW).honoured == ""


def test_a_binding_is_honoured_while_its_grant_stands() -> None:
    asked = review("bindings", GRANT.question)
    assert decide(asked, STANDS, LISTED, NOW).honoured == GRANT.id
    assert decide(asked, STANDS, LISTED, GRANT.ends).honoured == ""
    assert decide(asked, [], LISTED, NOW).honoured == ""
    too_long = grant(ends=NOW + timedelta(days=2))
    for refused in (
        GrantRecord(GRANT),
        GrantRecord(GRANT, is_listed=True, revoked="no need"),
        GrantRecord(GRANT, is_listed=True, closed="then"),
        GrantRecord(too_long, is_listed=True),
    ):
        assert decide(asked, [refused], LISTED, NOW).honoured == ""


@pytest.mark.parametrize("part", range(6))
def test_a_binding_that_differs_in_any_part_is_not(part: int) -> None:
    words = GRANT.question.split("/")
    words[part] = "other"
    assert decide(review("bindings", "/".join(words)), STANDS, LISTED, NOW).honoured == ""


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
    refused = decide(review("waivers", WAIVED, **changes), STANDS, LISTED, NOW)
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
    status = decide(body, STANDS, LISTED, NOW).to_review()["status"]
    assert (status["allowed"], status["denied"]) == (False, True)


def test_a_yes_is_allowed_and_a_no_is_denied_for_good() -> None:
    yes = decide(review("waivers", WAIVED), [], LISTED, NOW).to_review()
    assert yes["status"] == {"allowed": True, "denied": False, "reason": "w1"}
    assert (yes["apiVersion"], yes["kind"]) == ("authorization.k8s.io/v1", "SubjectAccessReview")


def test_its_examples_hold() -> None:
    assert doctest.testmod(answers).failed == 0
