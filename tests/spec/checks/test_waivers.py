"""Waivers and their approvers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spec.refusals import refusals
from tests.support.weak_keys import FORGED, NEUTRAL, key_of_point, points_of_small_order, text_of

WAIVER = {
    "id": "w1",
    "rule": "RES-001",
    "resource": "Pod/team/job",
    "reason": "migration",
    "owner": "operations",
    "requester": "team lead",
    "approver": "security officer",
    "compensating_control": "daily review",
    "created": "2026-01-01",
    "expires": "2026-03-01",
}
KEY = "MCowBQYDK2VwAyEA3SbQmFXTU9VQ8sO7YJAOCQfqYAkS4JQ1T2oS9m5eYLk="


def test_a_short_waiver_approved_by_another_role_is_fine() -> None:
    assert refusals(waivers=[WAIVER]) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"expires": "2026-01-01"}, "expires"),
        ({"expires": "2026-04-02"}, "expires"),
        ({"approver": "Team  Lead"}, "approver"),
    ],
)
def test_a_waiver_that_cannot_be_honoured_is_refused(changes: dict[str, Any], field: str) -> None:
    assert refusals(waivers=[{**WAIVER, **changes}]) == [("bad-waiver", f"waivers[0].{field}")]


def test_two_waivers_of_one_resource_do_not_overlap() -> None:
    later = {**WAIVER, "id": "w2", "created": "2026-02-01"}
    assert refusals(waivers=[later, WAIVER]) == [("bad-waiver", "waivers[0]")]
    following = {**WAIVER, "id": "w2", "created": "2026-03-01", "expires": "2026-04-01"}
    assert refusals(waivers=[WAIVER, following]) == []


def test_approvers_do_not_share_a_key() -> None:
    approvers = [{"name": "first", "key": KEY}, {"name": "second", "key": KEY}]
    assert refusals(approvers=approvers) == [("bad-approver", "approvers[1].key")]


def test_a_key_has_one_spelling_so_that_two_approvers_cannot_share_it() -> None:
    """The last letter of base64 holds two bits that no byte has."""
    for letter in "lmn":
        spelled = f"{KEY.removesuffix('k=')}{letter}="
        approvers = [{"name": "first", "key": KEY}, {"name": "second", "key": spelled}]
        assert refusals(approvers=approvers) == [("bad-approver", "approvers[1].key")]


def test_a_key_for_which_everybody_can_sign_is_refused() -> None:
    points = points_of_small_order()
    assert len(points) == 14
    for point in points:
        approvers = [{"name": "first", "key": text_of(point)}]
        assert refusals(approvers=approvers) == [("bad-approver", "approvers[0].key")], point.hex()
    # The neutral point, and no number: the signature fits any text.
    key_of_point(NEUTRAL).verify(FORGED, b"whatever")
    assert refusals(approvers=[{"name": "first", "key": text_of(bytes([3]) + bytes(31))}]) == []
