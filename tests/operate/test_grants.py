"""What break-glass access may be, and how it is written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai.cluster.operator import ACCESS_ROLES
from sovereign_ai.errors import UsageError
from sovereign_ai.operate.grants import MOST, Grant, make_grant
from sovereign_ai.rules.break_glass import access
from tests.operate.given import GRANT, NOW, grant
from tests.render.lab import stack

FACTORY, _PLAN = stack("lab")
ZONES = {"research": "restricted", "startups": "open"}


def made(**changes: Any) -> Grant:
    wish: dict[str, Any] = {
        "person": "on-call",
        "approver": "lead",
        "reason": "a job hangs",
        "seat": "DE",
        "namespace": "research",
        "kind": "shell",
        "lasting": timedelta(hours=1),
        "now": NOW,
    }
    return make_grant(FACTORY, ZONES, **{**wish, **changes})


def test_a_grant_is_for_one_person_and_ends() -> None:
    one = made()
    assert one.ends - one.begins == timedelta(hours=1)
    assert one.user == f"break-glass:on-call:{one.id}"
    assert made().id != one.id
    assert Grant.from_data(one.to_data()) == one


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"approver": "on-call"}, "approver"),
        ({"person": "On Call"}, "person"),
        ({"person": "system:masters"}, "person"),
        ({"reason": " "}, "reason"),
        ({"reason": "two\nlines"}, "reason"),
        ({"seat": "US"}, "from"),
        ({"seat": "XX"}, "from"),
        ({"namespace": "kube-system"}, "namespace"),
        ({"namespace": "sovereign-system"}, "namespace"),
        ({"kind": "cluster-admin"}, "kind"),
        ({"lasting": timedelta(0)}, "for"),
        ({"lasting": MOST + timedelta(seconds=1)}, "for"),
    ],
)
def test_what_may_not_be_is_refused_at_its_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(UsageError) as caught:
        made(**changes)
    assert [problem.where.field for problem in caught.value.problems] == [field]


def test_every_reason_against_it_is_told_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        made(approver="on-call", reason="", seat="US", namespace="reserch", kind="shel", lasting=timedelta(days=1))
    assert len(caught.value.problems) == 6
    assert any("did you mean 'research'?" in problem.hint for problem in caught.value.problems)


def test_the_longest_access_is_taken() -> None:
    assert made(lasting=MOST).counts(NOW)


@given(some.integers(-7200, 30_000), some.integers(-100, 30_000))
def test_it_counts_from_its_begin_up_to_the_moment_before_its_end_and_never_if_it_is_too_long(at: int, length: int) -> None:
    one = grant(ends=NOW + timedelta(seconds=length))
    assert one.counts(NOW + timedelta(seconds=at)) == (0 <= at < length <= MOST.total_seconds())


def test_its_binding_is_for_its_user_alone_and_tells_what_it_is() -> None:
    binding = GRANT.binding()
    assert binding["subjects"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "break-glass:on-call:1f2e3d4c"}]
    assert binding["roleRef"]["name"] == "sovereign-ai:break-glass:shell"
    assert access(binding) == (
        "break-glass:on-call:1f2e3d4c has sovereign-ai:break-glass:shell until 2026-11-24T13:00:00+00:00, agreed by lead: a job hangs"
    )
    assert GRANT.question == ("research/break-glass-1f2e3d4c/ClusterRole/sovereign-ai:break-glass:shell/User/break-glass:on-call:1f2e3d4c")


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "../../x"},
        {"id": "1F2E3D4C"},
        {"kind": "admin"},
        {"person": "a/b"},
        {"namespace": "a/b"},
        {"ends": "2026-11-24T13:00:00"},
        {"ends": "soon"},
    ],
)
def test_a_file_that_holds_no_grant_is_none(changes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"no grant|Invalid isoformat"):
        Grant.from_data({**GRANT.to_data(), **changes})
    with pytest.raises(ValueError, match="no grant"):
        Grant.from_data({"id": "1f2e3d4c"})


def test_no_kind_of_access_reads_secrets_writes_rights_or_grants_by_wildcard() -> None:
    for kind, rights in ACCESS_ROLES.items():
        for group, resources, verbs in rights:
            assert "secrets" not in resources, kind
            assert "*" not in {group, *resources, *verbs}, kind
            assert group not in {"rbac.authorization.k8s.io", "admissionregistration.k8s.io", "certificates.k8s.io"}, kind
            assert not {"serviceaccounts/token", "pods/binding", "nodes"} & {*resources}, kind
