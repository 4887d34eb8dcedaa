"""What was made from a workload is covered with it, and by nothing that only looks like an owner."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from sovereign_ai.rules.judgement import RuleFinding, judge
from sovereign_ai.rules.owners import made_from, makers, workloads
from tests.rules.waivers import waiver

DAY = date(2026, 11, 24)
WORK, SET, POD = "Deployment/research/job", "ReplicaSet/research/job-x", "Pod/research/job-x-y"


def obj(path: str, own_uid: str, /, **owner: Any) -> dict[str, Any]:
    kind, namespace, own = path.split("/")
    reference = [{"controller": True, **owner}] if owner else []
    return {
        "kind": kind,
        "metadata": {"namespace": namespace, "name": own, "uid": own_uid, "ownerReferences": reference},
    }


LIVE = [
    obj(WORK, "1"),
    obj(SET, "2", kind="Deployment", name="job", uid="1"),
    obj(POD, "3", kind="ReplicaSet", name="job-x", uid="2"),
]


def finding(resource: str, rule: str = "PRV-001") -> RuleFinding:
    return RuleFinding(rule, "high", resource, "spec", "-", "-")


def test_the_chain_leads_to_the_workload() -> None:
    assert made_from(LIVE) == {SET: (WORK,), POD: (SET, WORK)}


@pytest.mark.parametrize("change", [{"uid": "9"}, {"kind": "Job"}, {"name": "other"}, {"controller": False}])
def test_a_reference_that_fits_no_live_owner_leads_nowhere(change: dict[str, Any]) -> None:
    right = {"kind": "ReplicaSet", "name": "job-x", "uid": "2", "controller": True}
    assert POD not in made_from([*LIVE[:2], obj(POD, "3", **(right | change))])


def test_an_owner_of_another_namespace_is_none() -> None:
    assert (
        made_from([LIVE[0], obj("ReplicaSet/open/job-x", "2", kind="Deployment", name="job", uid="1")]) == {}
    )


def test_owners_in_a_circle_end() -> None:
    circle = [
        obj("ReplicaSet/a/x", "1", kind="Deployment", name="y", uid="2"),
        obj("Deployment/a/y", "2", kind="ReplicaSet", name="x", uid="1"),
    ]
    assert made_from(circle) == {"ReplicaSet/a/x": ("Deployment/a/y",)}


def test_a_waiver_of_the_workload_covers_what_was_made_from_it_under_its_own_rule_alone() -> None:
    waived = [waiver(rule="PRV-001", resource=WORK)]
    found = [finding(WORK), finding(SET), finding(POD), finding(POD, "PRV-003")]
    status = {
        (one.resource, one.rule): one.status for one in judge(found, waived, DAY, made_from(LIVE)).findings
    }
    assert status == {
        (WORK, "PRV-001"): "waived",
        (SET, "PRV-001"): "waived",
        (POD, "PRV-001"): "waived",
        (POD, "PRV-003"): "violation",
    }


def test_a_pod_whose_workload_obeys_the_rule_is_not_covered() -> None:
    waived = [waiver(rule="PRV-001", resource=WORK)]
    assert judge([finding(POD)], waived, DAY, made_from(LIVE)).violations
    assert judge([finding(WORK), finding(POD)], waived, DAY).violations


def test_each_kind_is_asked_about_its_own_makers_only() -> None:
    assert workloads(["Service"]) == ()
    assert "Deployment" in workloads(["Pod"])
    assert "replicaset-controller" in makers(["Pod"])
    assert "replicaset-controller" not in makers(["Job", "ReplicaSet"])
