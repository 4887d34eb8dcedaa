"""Waivers and their approvers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spec.refusals import refusals

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
KEY = "MCowBQYDK2VwAyEA" + "A" * 43 + "="


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
