"""Waivers and their approvers."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

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
KEY = "MCowBQYDK2VwAyEA" + "C" * 42 + "A="


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


def test_approvers_do_not_share_a_key_that_is_spelled_in_two_ways() -> None:
    """The last letter of base64 holds two bits that no byte has."""
    for letter in "BCD":
        spelled = f"{KEY.removesuffix('A=')}{letter}="
        approvers = [{"name": "first", "key": KEY}, {"name": "second", "key": spelled}]
        assert refusals(approvers=approvers) == [("bad-approver", "approvers[1].key")]


def spelled_key(point: bytes) -> str:
    """Return a key as the list of approvers has it."""
    return base64.b64encode(base64.b64decode("MCowBQYDK2VwAyEA") + point).decode()


def points_of_small_order() -> list[bytes]:
    """Return every encoding of a point of small order, with and without the bit of its sign.

    They are eight times any point of the curve's other part, of which y has these values.
    """
    prime = 2**255 - 19
    # x and y of a point of order eight satisfy y^2 = -x^2, so that d*y^4 + 2*y^2 - 1 = 0 on the curve.
    d = -121665 * pow(121666, -1, prime) % prime
    root_of_minus_one = pow(2, (prime - 1) // 4, prime)
    values = {0, 1, prime - 1, prime, prime + 1}
    under_root = (1 + d) % prime
    root = pow(under_root, (prime + 3) // 8, prime)
    if root * root % prime != under_root:
        root = root * root_of_minus_one % prime
    for signed in (root, -root):
        square = (signed - 1) * pow(d, -1, prime) % prime
        y = pow(square, (prime + 3) // 8, prime)
        if y * y % prime != square:
            y = y * root_of_minus_one % prime
        if y * y % prime == square:
            values |= {y, prime - y}
    points = []
    for value in sorted(values):
        point = value.to_bytes(32, "little")
        points += [point, point[:31] + bytes([point[31] | 0x80])]
    return points


def test_a_key_for_which_everybody_can_sign_is_refused() -> None:
    points = points_of_small_order()
    assert len(points) == 14
    for point in points:
        approvers = [{"name": "first", "key": spelled_key(point)}]
        assert refusals(approvers=approvers) == [("bad-approver", "approvers[0].key")], point.hex()
    # The neutral point, and no number: the signature fits any text.
    forged = points[2] + bytes(32)
    Ed25519PublicKey.from_public_bytes(points[2]).verify(forged, b"whatever")
    assert refusals(approvers=[{"name": "first", "key": spelled_key(bytes([2]) + bytes(31))}]) == []
