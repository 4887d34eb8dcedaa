"""The cluster's DNS at admission: the cases of NET-011, decided by a real API server.

The lab declares no resolver. So the part of the policies about its DNS, as it is rendered with one, stands
beside the lab's own under another name.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sovereign_ai.render.kubernetes.admission import API, objects, policy_name
from sovereign_ai.rules.context import factory_context
from tests.rules.cases import cases, resolving
from tests.rules.test_cases import _agrees, _ask

if TYPE_CHECKING:
    from tests.conftest import Deployed

pytestmark = pytest.mark.cluster
CASES = [case for case in cases() if case.name.startswith("NET-011/")]
_POLICY, _BINDING, _NAME = "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "test-resolving"
_SECONDS = 60


@pytest.fixture(scope="module")
def declared(deployed_lab: Deployed) -> Iterator[Deployed]:
    """The lab's API server with what is rendered about the cluster's DNS."""
    context = resolving(factory_context(deployed_lab.factory, deployed_lab.plan, "lab"))
    rendered = {(obj["kind"], obj["metadata"]["name"]): obj for obj in objects(deployed_lab.factory, context)}
    spec = dict(rendered[_POLICY, policy_name("others")]["spec"])
    spec["validations"] = [each for each in spec["validations"] if each["message"].startswith("NET-011: ")]
    assert spec["validations"]
    api = deployed_lab.api
    try:
        api.create(_object(_POLICY, spec))
        api.create(_object(_BINDING, {"policyName": _NAME, "validationActions": ["Deny"]}))
        _wait(deployed_lab)
        yield deployed_lab
    finally:
        api.delete(API, _BINDING, _NAME)
        api.delete(API, _POLICY, _NAME)


def _object(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API, "kind": kind, "metadata": {"name": _NAME}, "spec": spec}


def _wait(lab: Deployed) -> None:
    """Wait until the policy refuses: it is active some time after it is there."""
    deadline = time.monotonic() + _SECONDS
    refused = next(case for case in CASES if case.name == "NET-011/as-kubeadm-writes-it")
    while _ask(lab, refused)[0] == "allow":
        assert time.monotonic() < deadline


def test_admission_decides_every_case_about_the_clusters_dns_as_it_states(declared: Deployed) -> None:
    answers = declared.api.many(partial(_ask, declared, case) for case in CASES)
    wrong: list[str] = []
    for case, (answer, message) in zip(CASES, answers, strict=True):
        if not _agrees(case, answer, message):
            wrong.append(f"{case}: {answer}: {message}")
    assert not wrong, "\n".join(wrong)


def test_a_good_configuration_cannot_be_changed_into_another_one(declared: Deployed) -> None:
    from sovereign_ai.cluster.api.errors import ApiError

    api = declared.api
    good = next(case.obj for case in CASES if case.name == "NET-011/as-rendered")
    bad = next(case.obj for case in CASES if case.name == "NET-011/as-kubeadm-writes-it")
    api.create(good)
    path, merge = "/api/v1/namespaces/kube-system/configmaps/coredns", "application/merge-patch+json"
    try:
        with pytest.raises(ApiError, match="NET-011"):
            api.request("PATCH", path, {"data": bad["data"]}, content_type=merge)
        api.request("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, content_type=merge)
    finally:
        api.delete("v1", "ConfigMap", "coredns", "kube-system")


def test_many_names_cost_no_more_than_the_api_server_grants(declared: Deployed) -> None:
    good = next(case for case in CASES if case.name == "NET-011/as-rendered")
    block = "x{0}.mirror.example.com:53 {{\n    errors\n    forward x{0}.mirror.example.com 10.64.0.53\n}}\n"
    text = "".join(block.format(number) for number in range(100))
    wide = {**good.obj, "data": {"Corefile": text}}
    assert declared.api.create(wide, dry_run=True)["data"]
