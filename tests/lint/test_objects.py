"""The list of findings and how it is held against what linters say.

The linters themselves run by `make lint-objects`.
"""

from __future__ import annotations

import json

import pytest

from tests.lint import objects
from tests.lint.linters import Finding, _of_checkov, _of_kube_score
from tests.lint.objects import LISTED, STACKS, differences, read, written

FOUND = Finding(
    "kube-score", "pod-probes", "lab", "Pod/research/job", "Container is missing a readinessProbe"
)
KEY = ("kube-score", "pod-probes", "lab Pod/research/job")


def test_what_is_listed_with_its_reason_passes() -> None:
    assert differences([FOUND], {KEY: "a job is never asked"}) == []


def test_a_finding_that_is_not_listed_fails_and_says_what_the_linter_says() -> None:
    assert differences([FOUND], {}) == [
        "not listed: kube-score pod-probes: lab Pod/research/job: Container is missing a readinessProbe"
    ]


def test_a_listed_finding_that_no_longer_occurs_fails() -> None:
    assert differences([], {KEY: "r"}) == [
        "listed, and no longer found: kube-score pod-probes lab Pod/research/job"
    ]


def test_the_same_finding_in_another_stack_or_on_another_object_is_another() -> None:
    assert len(differences([FOUND], {("kube-score", "pod-probes", "plural Pod/research/job"): "r"})) == 2


def test_a_reason_stays_where_its_finding_stays_and_what_is_new_is_a_question_that_fails() -> None:
    other = Finding("checkov", "CKV_K8S_8", "lab", "Pod/research/job", "Liveness Probe Should be Configured")
    text = written([FOUND, other], {KEY: "a job is never asked"})
    assert "? Liveness Probe Should be Configured" in text
    with pytest.raises(ValueError, match="CKV_K8S_8 has no reason"):
        read(text)
    assert (
        read(text.replace("? Liveness Probe Should be Configured", "the same"))[KEY] == "a job is never asked"
    )


def test_an_object_is_listed_once_a_check() -> None:
    with pytest.raises(ValueError, match="twice"):
        read("t: {c: [{reason: a, objects: [lab Pod/x]}, {reason: b, objects: [lab Pod/x]}]}")


def test_the_list_in_the_repository_has_a_reason_for_each_and_names_stacks_that_there_are() -> None:
    text = LISTED.read_text(encoding="utf-8")
    reasons = read(text)
    assert reasons
    assert (
        {obj.split()[0] for _, _, obj in reasons}
        <= set(STACKS)
        == {path.name for path in (objects.ROOT / "stacks").iterdir() if path.is_dir()}
    )
    again = [Finding(tool, check, obj.split()[0], obj.split()[1], "") for tool, check, obj in reasons]
    assert written(again, reasons) == text


def test_reports_of_both_linters_are_read() -> None:
    assert _of_checkov("Pod.research.job") == "Pod/research/job"
    assert _of_checkov("ClusterRole.default.view") == "ClusterRole/view"
    check = {
        "check": {"id": "pod-probes"},
        "skipped": False,
        "grade": 1,
        "comments": [{"summary": FOUND.says}],
    }
    fine = {"check": {"id": "label-values"}, "skipped": False, "grade": 10, "comments": None}
    skipped = {**check, "check": {"id": "pod-networkpolicy"}, "skipped": True}
    obj = {
        "type_meta": {"kind": "Pod"},
        "object_meta": {"name": "job", "namespace": "research"},
        "checks": [check, fine, skipped],
    }
    assert list(_of_kube_score(json.loads(json.dumps([obj])), "lab")) == [FOUND]
