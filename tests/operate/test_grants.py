"""What break-glass access may be, and how it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai.attest.signing import base64_text, pae
from sovereign_ai.cluster.operator import ACCESS_ROLES
from sovereign_ai.errors import UsageError
from sovereign_ai.operate.grants import MOST, AccessGrant, grant_of, make_grant
from sovereign_ai.rules.approval import ACCESS_TYPE, access_payload
from sovereign_ai.rules.objects.break_glass import describe_access
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.waiver import Approver
from tests.operate.given import GRANT, NOW, grant
from tests.render.lab import stack
from tests.support.approvals import approved_grant, key_of, public_key_of

FACTORY, _PLAN = stack("lab")
LISTED = FACTORY.model_copy(
    update={
        "approvers": tuple(Approver(name=name, key=public_key_of(name)) for name in ("lead", "other lead"))
    }
)
ZONES = {"research": "restricted", "startups": "open"}


def made(**changes: Any) -> AccessGrant:
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
    assert AccessGrant.from_data(one.to_data()) == one


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
        made(
            approver="on-call",
            reason="",
            seat="US",
            namespace="reserch",
            kind="shel",
            lasting=timedelta(days=1),
        )
    assert len(caught.value.problems) == 6
    assert any("did you mean 'research'?" in problem.hint for problem in caught.value.problems)


def test_the_longest_access_is_taken() -> None:
    assert approved_grant(made(lasting=MOST)).counts(NOW)


@given(some.integers(-7200, 30_000), some.integers(-100, 30_000))
def test_it_counts_from_its_begin_up_to_the_moment_before_its_end_and_never_if_it_is_too_long(
    at: int, length: int
) -> None:
    one = grant(ends=NOW + timedelta(seconds=length))
    assert one.counts(NOW + timedelta(seconds=at)) == (0 <= at < length <= MOST.total_seconds())


def test_its_binding_is_for_its_user_alone_and_tells_what_it_is() -> None:
    binding = GRANT.binding()
    assert binding["subjects"] == [
        {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "break-glass:on-call:1f2e3d4c"}
    ]
    assert binding["roleRef"]["name"] == "sovereign-ai:break-glass:shell"
    assert describe_access(binding) == (
        "break-glass:on-call:1f2e3d4c has sovereign-ai:break-glass:shell until 2026-11-24T13:00:00+00:00, agreed by lead: a job hangs"  # noqa: E501 - one literal text
    )
    assert GRANT.question == (
        "research/break-glass-1f2e3d4c/ClusterRole/sovereign-ai:break-glass:shell/User/break-glass:on-call:1f2e3d4c"
    )


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
        AccessGrant.from_data({**GRANT.to_data(), **changes})
    with pytest.raises(ValueError, match="no grant"):
        AccessGrant.from_data({"id": "1f2e3d4c"})


def test_no_kind_of_access_reads_secrets_writes_rights_or_grants_by_wildcard() -> None:
    for kind, rights in ACCESS_ROLES.items():
        for group, resources, verbs in rights:
            assert "secrets" not in resources, kind
            assert "*" not in {group, *resources, *verbs}, kind
            assert group not in {
                "rbac.authorization.k8s.io",
                "admissionregistration.k8s.io",
                "certificates.k8s.io",
            }, kind
            assert not {"serviceaccounts/token", "pods/binding", "nodes"} & {*resources}, kind


def approval() -> dict[str, Any]:
    """What `access approve` writes for the lab."""
    agreed = approved_grant(replace(made(), cluster="lab"))
    return {"access": agreed.agreed, "signature": agreed.signature}


def _changed(fact: str, value: str) -> Callable[[dict[str, Any]], None]:
    return lambda approval: approval["access"].update({fact: value})


def _signed_by(name: str) -> Callable[[dict[str, Any]], None]:
    def sign(approval: dict[str, Any]) -> None:
        made = key_of(name).sign(pae(ACCESS_TYPE, access_payload(approval["access"])))
        approval["signature"] = f"{public_key_of(name)}:{base64_text(made)}"

    return sign


def _of_another_factory(approval: dict[str, Any]) -> None:
    approval["access"]["factory"] = "other"
    _signed_by("lead")(approval)


def _of_another_cluster(approval: dict[str, Any]) -> None:
    approval["access"]["cluster"] = "other"
    _signed_by("lead")(approval)


def _of_another_week(approval: dict[str, Any]) -> None:
    approval["access"]["use_before"] = "2026-01-01T00:00:00+00:00"
    _signed_by("lead")(approval)


def _for_ever(approval: dict[str, Any]) -> None:
    approval["access"]["use_before"] = "2999-01-01T00:00:00+00:00"
    _signed_by("lead")(approval)


def _by_the_person(approval: dict[str, Any]) -> None:
    approval["access"]["approver"] = "on-call"
    _signed_by("lead")(approval)


@pytest.mark.parametrize(
    "change",
    [
        _changed("person", "somebody"),
        _changed("approver", "other-lead"),
        _changed("kind", "repair"),
        _changed("namespace", "startups"),
        _changed("seconds", "14400"),
        _changed("seconds", "9" * 30),
        _changed("reason", "another"),
        _changed("id", "aaaaaaaa"),
        _changed("id", "../../x"),
        _changed("use_before", "soon"),
        _signed_by("other lead"),
        _signed_by("a stranger"),
        _of_another_factory,
        _of_another_cluster,
        _of_another_week,
        _for_ever,
        _by_the_person,
        lambda approval: approval.pop("signature"),
        lambda approval: approval.update({"signature": ""}),
        lambda approval: approval.update({"access": []}),
        lambda approval: approval["access"].pop("seconds"),
        lambda approval: approval["access"].update({"more": "x"}),
    ],
)
def test_nothing_is_given_but_what_a_listed_approver_signed(
    change: Callable[[dict[str, Any]], object],
) -> None:
    document = approval()
    assert grant_of(LISTED, ZONES, "lab", document, NOW).counts(NOW)
    change(document)
    with pytest.raises(UsageError):
        grant_of(LISTED, ZONES, "lab", document, NOW)


def listed_until(last: date) -> AIFactory:
    """Return the description with approvers that may agree up to a day."""
    ended = tuple(each.model_copy(update={"until": last}) for each in LISTED.approvers)
    return LISTED.model_copy(update={"approvers": ended})


@pytest.mark.parametrize(
    "use_before",
    [
        GRANT.use_before,
        NOW.isoformat(),
        *((NOW + timedelta(hours=hours)).isoformat() for hours in (-720, -48, -24, -1, 1, 23, 24)),
        # The same moment, and moments near it, written as a day of before.
        NOW.astimezone(timezone(-timedelta(hours=23, minutes=59))).isoformat(),
        (NOW - timedelta(days=1)).replace(tzinfo=timezone(-timedelta(hours=23))).isoformat(),
        (NOW - timedelta(days=1)).replace(tzinfo=None).isoformat(),
    ],
)
def test_an_approver_whose_last_day_has_passed_agrees_to_nothing_however_it_is_dated(use_before: str) -> None:
    document = signed_again(use_before)
    with pytest.raises(UsageError):
        grant_of(listed_until(NOW.date() - timedelta(days=1)), ZONES, "lab", document, NOW)


def signed_again(use_before: str) -> dict[str, Any]:
    """Return the approval as its approver signs it with another time of use."""
    dated = approved_grant(replace(GRANT, use_before=use_before))
    return {"access": dated.agreed, "signature": dated.signature}


def test_an_approver_agrees_on_the_last_day() -> None:
    assert grant_of(listed_until(NOW.date()), ZONES, "lab", approval(), NOW).counts(NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"signature": ""},
        {"signature": GRANT.signature[:-6] + "AAAA=="},
        {"person": "somebody"},
        {"namespace": "startups"},
        {"kind": "repair"},
        {"cluster": "other"},
        {"ends": NOW + MOST + timedelta(seconds=1)},
        {"begins": NOW - timedelta(days=3), "ends": NOW - timedelta(days=3) + MOST * 2},
        {"begins": NOW + timedelta(days=2), "ends": NOW + timedelta(days=2, hours=1)},
        {"seconds": ""},
        {"use_before": ""},
    ],
)
def test_the_operator_honours_no_record_that_its_approver_did_not_sign(changes: dict[str, Any]) -> None:
    changed = replace(GRANT, **changes)
    assert not changed.counts(changed.begins)


@pytest.mark.parametrize("approver", ["on-call", "On  Call", "ON_CALL", "\uff4fn-call"])
def test_nobody_approves_what_is_for_themselves_however_the_name_is_written(approver: str) -> None:
    assert not grant(approver=approver).counts(NOW)
