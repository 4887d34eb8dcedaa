"""Break-glass access is found while it is open, whoever gave it and whatever it carries."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from sovereign_ai.rules.judgement import RuleFinding, judge
from sovereign_ai.rules.objects.break_glass import APPROVER, ENDS, REASON
from sovereign_ai.rules.registry import find_rule

NOTES = {ENDS: "2026-11-24T13:00:00+00:00", REASON: "a job hangs", APPROVER: "lead"}


def binding(user: str, kind: str = "RoleBinding", **metadata: Any) -> dict[str, Any]:
    place = {"namespace": "research"} if kind == "RoleBinding" else {}
    subjects = [{"kind": "Group", "name": "tenant:research"}, {"kind": "User", "name": user}]
    return {
        "kind": kind,
        "metadata": {"name": "b", **place, **metadata},
        "roleRef": {"name": "look"},
        "subjects": subjects,
    }


def found(*live: dict[str, Any]) -> list[RuleFinding]:
    one = find_rule("BRK-001")
    assert one.decide_live is not None
    return list(one.decide_live(one, live, []))


@pytest.mark.parametrize("kind", ["RoleBinding", "ClusterRoleBinding"])
def test_a_binding_for_a_break_glass_user_is_a_finding_with_who_until_when_and_why(kind: str) -> None:
    [one] = found(binding("break-glass:on-call:1f", kind, annotations=NOTES))
    assert one.resource == ("RoleBinding/research/b" if kind == "RoleBinding" else "ClusterRoleBinding/b")
    assert (
        one.message
        == "break-glass:on-call:1f has look until 2026-11-24T13:00:00+00:00, agreed by lead: a job hangs"
    )
    assert not judge([one], (), date(2026, 11, 24)).ok


def test_no_label_or_missing_annotation_makes_it_none() -> None:
    labels = {"kubernetes.io/bootstrapping": "rbac-defaults", "sovereign-ai.internal/owner": "sovereign-ai"}
    assert len(found(binding("break-glass:x:1f", labels=labels))) == 1


def test_other_bindings_and_a_binding_without_subjects_are_no_findings() -> None:
    assert (
        found(
            binding("on-call"),
            {"kind": "RoleBinding", "metadata": {"name": "b", "namespace": "n"}, "roleRef": {"name": "x"}},
        )
        == []
    )
    assert found({**binding("break-glass:x:1f"), "kind": "Pod"}) == []
