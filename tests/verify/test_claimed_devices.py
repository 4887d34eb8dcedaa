"""Claims as numbers of a resource, and which of them Kueue does not count."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.verify.claimed_devices import count_claims, uncounted_claim
from sovereign_ai.verify.pod_requests import requests_of_workload
from sovereign_ai.verify.queue_reason import reason_of
from tests.verify.test_queue_reason import GPU, queue, running, state

CLASS = "gpu.nvidia.com"


def template(name: str = "gpus", namespace: str = "research", **exactly: Any) -> dict[str, Any]:
    request = {"name": "gpus", "exactly": {"deviceClassName": CLASS, "count": 8, **exactly}}
    devices = {"requests": [request]}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"spec": {"devices": devices}}}


def claiming(count: int = 1, **claim: Any) -> dict[str, Any]:
    """Return a workload of pods that claim their GPUs, and ask for cores."""
    claims = [{"name": "gpus", "resourceClaimTemplateName": "gpus", **claim}]
    containers = [{"resources": {"requests": {"cpu": "4"}}}]
    pods = {"spec": {"containers": containers, "resourceClaims": claims}}
    spec = {"queueName": "train", "podSets": [{"name": "main", "count": count, "template": pods}]}
    return {"metadata": {"name": "job-a", "namespace": "research"}, "spec": spec}


def test_claims_count_as_the_resource_of_their_class_and_once() -> None:
    templates = [template(namespace="weather"), template()]
    counted = count_claims(claiming(3), templates)
    assert requests_of_workload(counted) == {"cpu": 12, GPU: 24}
    assert count_claims(counted, templates) == counted
    assert uncounted_claim(counted, templates) == ""


def test_a_request_without_a_number_is_one_device() -> None:
    single = template()
    del single["spec"]["spec"]["devices"]["requests"][0]["exactly"]["count"]
    assert requests_of_workload(count_claims(claiming(), [single]))[GPU] == 1


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (template("other"), "namespace research has no ResourceClaimTemplate 'gpus'"),
        (template(namespace="weather"), "namespace research has no ResourceClaimTemplate 'gpus'"),
        (template(deviceClassName="fpga.example.com"), "Kueue counts no device class 'fpga.example.com'"),
        (template(selectors=[{"cel": {"expression": "true"}}]), "has selectors"),
        (template(adminAccess=True), "has adminAccess"),
        (template(allocationMode="All"), "asks for all devices"),
    ],
)
def test_what_kueue_does_not_count_is_named_and_stays(made: Any, says: str) -> None:
    assert says in uncounted_claim(claiming(), [made])
    assert requests_of_workload(count_claims(claiming(), [made])) == {"cpu": 4}
    reason = reason_of(claiming(), state(claim_templates=(made,)))
    assert (reason.state, reason.code) == ("waits", "uncounted-claim")


@pytest.mark.parametrize("part", ["constraints", "config"])
def test_constraints_and_settings_of_devices_are_not_counted(part: str) -> None:
    made = template()
    made["spec"]["spec"]["devices"][part] = [{}]
    assert f"has {part}" in uncounted_claim(claiming(), [made])


def test_a_claim_that_exists_already_is_not_counted() -> None:
    work = claiming(resourceClaimTemplateName=None, resourceClaimName="mine")
    assert "is no template's" in uncounted_claim(work, [template()])


def test_claims_beyond_the_quota_wait_as_numbers_do() -> None:
    reason = reason_of(claiming(5), state(claim_templates=(template(),)))
    assert reason.code == "over-quota"
    assert str(reason.change) == "ask for 4 pods in main"


def test_a_quota_that_claims_hold_is_taken() -> None:
    holder = running("job-holder", 16)
    held = state(workloads=(holder,), cluster_queues=(queue(16),), claim_templates=(template(),))
    assert reason_of(claiming(1), held).code == "waits-for-quota"
